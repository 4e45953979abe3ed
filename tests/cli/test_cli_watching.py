"""The progress says first what matters most, and fits wherever it is drawn."""

import io
import json
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.cli.progress_bar import Screen, frame, sentence, speaks_unicode
from billing.cli.tables import money_table
from billing.core.life import Group
from billing.core.money import currency_of
from billing.edge.logs import open_log
from billing.flow.engine.progress import Snapshot, telling
from billing.flow.outturn import Row

TITLE = "coaching-2026-11"
CODES = ["usd", "eur", "jpy", "kwd", "gbp", "chf"]


def midway(**changes) -> Snapshot:
    counts = Counter({Group.SUCCEEDED: 1571, Group.PROCESSING: 34, Group.DECLINED: 38, Group.NEEDS_CUSTOMER: 8})
    paid = Counter({"usd": 9120430, "eur": 1086100, "jpy": 598500})
    values = {"total": 3171, "done": 1652, "counts": counts, "paid": paid, "elapsed": 170.0} | changes
    return Snapshot(**values)


def test_at_80_columns_bar_share_time_left_count_and_all_amounts_are_there():
    bar, money, counts = frame(TITLE, midway(), 80, unicode=True)
    assert bar.startswith(f"{TITLE}  ━")
    assert "─" in bar
    assert bar.endswith("52 %  2m36s left")
    assert money == "1,652 of 3,171    paid USD 91,204.30  EUR 10,861.00  JPY 598,500"
    assert counts == "on its way 34   declined 38   customer must act 8"


def test_at_60_columns_the_first_currency_stays_and_at_40_the_bar_goes():
    bar, money, _ = frame(TITLE, midway(), 60, unicode=True)
    assert "━" in bar
    assert money == "1,652 of 3,171    paid USD 91,204.30"
    bar, money, _ = frame(TITLE, midway(), 40, unicode=True)
    assert bar == f"{TITLE}   52 %  2m36s left"
    assert money == "1,652 of 3,171    paid USD 91,204.30"


@given(
    st.text(max_size=60),
    st.integers(0, 10**7),
    st.integers(0, 10**7),
    st.dictionaries(st.sampled_from(CODES), st.integers(0, 10**12)),
    st.dictionaries(st.sampled_from(list(Group)), st.integers(0, 10**6)),
    st.sampled_from(["", "stopping: 22 payments at Stripe are being finished, 25 s at most"]),
    st.integers(30, 200),
    st.booleans(),
)
def test_it_fits_any_width_in_three_lines_at_most_and_is_never_done_too_early(
    title, total, done, paid, counts, note, width, unicode
):
    done = min(done, total)
    shot = Snapshot(total, done, Counter(counts), paid=Counter(paid), elapsed=10.0, note=note)
    lines = frame(title, shot, width, unicode=unicode)
    assert 2 <= len(lines) <= 3
    assert all(len(line) < width for line in lines)
    assert all(line.isprintable() for line in lines)
    if done < total:
        assert "100 %" not in lines[0].removeprefix(title)
    if not unicode and title.isascii():
        assert all(line.isascii() for line in lines)


def test_without_utf_8_the_bar_is_ascii():
    bar = frame(TITLE, midway(), 80, unicode=False)[0]
    assert "####" in bar
    assert "...." in bar
    assert bar.isascii()


@pytest.mark.parametrize(
    ("environ", "unicode"),
    [
        ({"LANG": "en_US.UTF-8"}, True), ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, False), ({}, False),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, False), ({"LANG": "C", "LC_CTYPE": "en_US.utf8"}, True),
        ({"LANG": "C.UTF-8", "LC_CTYPE": "C.UTF-8"}, True), ({"LANG": "de_DE.ISO-8859-1"}, False),
    ],
)  # fmt: skip
def test_the_locale_tells_whether_the_terminal_knows_utf_8(environ, unicode):
    assert speaks_unicode(environ) is unicode


def test_what_must_be_known_now_takes_the_third_line():
    stopping = midway(note="stopping: 22 payments at Stripe are being finished, 25 s at most")
    assert frame(TITLE, stopping, 80, unicode=True)[2] == stopping.note
    slowed = midway(rate=21.0, most=30.0, rate_limited=3)
    assert frame(TITLE, slowed, 80, unicode=True)[2] == (
        "Stripe asks us to slow down: 21 of 30 requests a second for now"
    )
    assert "slow down" not in frame(TITLE, midway(rate=21.0, most=30.0), 80, unicode=True)[2]


def test_a_line_for_a_log_says_the_same():
    assert sentence(TITLE, midway()) == (
        f"{TITLE}: 1,652 of 3,171, paid 1,571, on its way 34, declined 38, customer must act 8, 2m36s left"
    )
    assert sentence(TITLE, Snapshot(7, 3, doing="looked up")) == f"{TITLE}: 3 of 7 looked up"


def test_an_event_for_a_program_comes_every_ten_seconds_with_its_figures():
    out, now = io.StringIO(), iter([0.0, 1.0, 9.0, 11.0, 12.0, 22.0])
    watch = telling(open_log("info", "json", out), TITLE, lambda: next(now))
    for done in range(5):
        watch(midway(done=done))
    events = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(event["event"], event["done"], event["total"]) for event in events] == [
        ("progress", 2, 3171), ("progress", 4, 3171),
    ]  # fmt: skip
    assert events[0]["paid"] == {"eur": 1086100, "jpy": 598500, "usd": 9120430}
    assert events[0]["counts"]["declined"] == 38


def test_a_drawing_replaces_itself_and_leaves_nothing(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    out = io.StringIO()
    screen = Screen(out)
    screen.draw(["one", "two"])
    screen.draw(["three"])
    screen.clear()
    screen.clear()
    up2, up1, rest = "\r\x1b[2A", "\r\x1b[1A", "\x1b[J"
    assert out.getvalue() == (f"\r\x1b[2Kone\n\x1b[2Ktwo\n{rest}{up2}\x1b[2Kthree\n{rest}{up1}{rest}")


@given(
    st.lists(
        st.tuples(st.text("abc ", max_size=22), st.dictionaries(st.sampled_from(CODES), st.integers(-(10**9), 10**9))),
        min_size=1,
    )
)
def test_a_table_of_money_fits_80_columns_and_shows_every_amount(rows):
    labelled = []
    for label, money in rows:
        row = Row("x", 1)
        row.totals.update(money)
        labelled.append((label, row))
    shown = money_table(labelled)
    assert max(map(len, shown)) <= 78
    heads = [code.lower() for line in shown if line.strip().startswith("lines") for code in line.split()[1:]]
    assert sorted(heads) == sorted({code for _, row in labelled for code in row.totals})
    assert all(currency_of(code) for code in heads)


def test_a_stall_is_said_with_the_time_it_began_on_a_terminal_and_in_a_log():
    stalled = Snapshot(total=30, done=10, elapsed=60.0, away=75.0)
    *_, said = frame(TITLE, stalled, 80, unicode=True)
    assert re.fullmatch(r"Stripe cannot be reached since \d\d:\d\d:\d\d, trying every 4 s for 10 min at most", said)
    assert "no answer from Stripe for 1m15s" in sentence(TITLE, stalled)
