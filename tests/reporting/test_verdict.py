"""The answer of a report: numbers alone, in the words of its kind, and no claim that nobody has checked."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from billing.core import declines, returns
from billing.core.advice import REFUSALS, STATUSES
from billing.core.items import Kind, Mode
from billing.core.kinds.columns import COLUMNS
from billing.core.life import Group
from billing.core.records import RunRecord, RunStatus
from billing.core.skips import SKIPS
from billing.core.tones import NOT_CHARGED
from billing.flow.outturn import ROWS
from billing.flow.report import EVERY_LINE, Wanted
from billing.flow.reporting.comparison import comparison_of
from billing.flow.reporting.deeds import DEEDS, Deed, deed_of, title_of
from billing.flow.reporting.overview import Overview, Sum, overview_of
from billing.flow.reporting.proof import Compared
from billing.flow.reporting.verdict import BESIDE, verdict_of
from tests.reporting.ledgers import made
from tests.reporting.stories import STORIES


def seen(kind: Kind = Kind.CHARGE, status: RunStatus = RunStatus.FINISHED, **rows: int) -> Overview:
    """An overview of so many lines in each row, of 1.00 each."""
    header = {"sheet": {"lines": sum(rows.values()), "totals": {"usd": 100 * sum(rows.values())}}}
    record = RunRecord("a-1", "acct_P", "a", "1", Mode.TEST, kind, header, "", "", status=status)
    overview = Overview(record, ZoneInfo("UTC"), datetime(2026, 12, 1, tzinfo=UTC), EVERY_LINE)
    for row, lines in rows.items():
        overview.money["usd"][row] = Sum(lines)
        overview.money["usd"][row].totals["usd"] = 100 * lines
    return overview


@pytest.mark.parametrize(
    ("rows", "answer"),
    [
        ({"paid": 3116, "declined_for_now": 55}, "3,116 of 3,171 payments have arrived. No line needs a person."),
        ({"paid": 1}, "1 of 1 payment has arrived. No line needs a person."),
        ({"paid": 1, "not_paid": 1}, "1 of 2 payments have arrived. No line needs a person."),
        ({"on_its_way": 2}, "0 of 2 payments have arrived. No line needs a person."),
        ({"left_out": 2}, "0 of 0 payments have arrived. No line needs a person."),
    ],
)
def test_the_answer_counts_what_there_was_to_charge(rows: dict[str, int], answer: str):
    assert verdict_of(seen(**rows)).answer == answer


def test_a_run_under_way_has_come_so_far_and_one_that_has_not_begun_says_so():
    assert " so far. " in verdict_of(seen(status=RunStatus.RUNNING, paid=1, not_yet=4)).answer
    assert " so far. " in verdict_of(seen(status=RunStatus.STOPPED, paid=1, not_yet=4)).answer
    planned = verdict_of(seen(status=RunStatus.PLANNED, not_yet=4))
    assert planned.answer == "Planned and not begun: 4 payments."
    assert [claim.says for claim in planned.claims] == ["Totals tie to the sheet in its currency"]


def test_each_kind_is_told_in_its_own_words():
    answers = {kind: verdict_of(seen(kind, paid=2, not_paid=1)).answer for kind in Kind}
    assert len(set(answers.values())) == len(Kind)
    assert all(answer.startswith("2 of 3 ") for answer in answers.values())
    assert all("payment" not in answers[kind] for kind in Kind if kind is not Kind.CHARGE)


@pytest.mark.parametrize("row", [row for row in ROWS if row != "paid"])
def test_every_other_line_is_told_where_it_stands(row: str):
    (one,) = verdict_of(seen(**{row: 1})).beside
    (many,) = verdict_of(seen(**{row: 1200})).beside
    assert one == f"1 line {BESIDE[row].one}."
    assert many == f"1,200 lines {BESIDE[row].many}."


def test_all_of_them_stand_in_one_sentence_and_lines_that_are_gone_in_another():
    rows = dict.fromkeys(ROWS, 2)
    overview = seen(**rows)
    overview.gone = {"paid": Sum(1), "not_yet": Sum(2)}
    first, second = verdict_of(overview).beside
    assert first.count(", ") == len(ROWS) - 2
    assert second == "3 lines were taken out of the sheet, and in no sum."
    assert overview.to_charge.lines == 2 * (len(ROWS) - len(NOT_CHARGED))


def test_the_sheet_is_only_said_to_tie_when_all_of_its_lines_were_added_up():
    overview = seen(paid=3)
    assert verdict_of(overview).claims[0].says == "Totals tie to the sheet in its currency"
    overview.money["usd"]["paid"].totals["usd"] -= 1
    claim = verdict_of(overview).claims[0]
    assert not claim.holds
    assert "0.01" in claim.says
    overview.wanted = Wanted(accounts=frozenset({"acct_1"}))
    assert not any("sheet" in claim.says for claim in verdict_of(overview).claims)


def test_an_answer_that_is_outstanding_is_counted():
    assert [(claim.holds, claim.says) for claim in verdict_of(seen(paid=1, no_answer_yet=1)).claims[1:]] == [
        (False, "1 answer is outstanding")
    ]
    assert verdict_of(seen(look_in_stripe=1, no_answer_yet=2)).claims[1].says == "3 answers are outstanding"
    assert verdict_of(seen(paid=1)).claims[1].says == "No answer is outstanding"


def test_nobody_paid_twice_is_said_only_when_a_comparison_says_so(tmp_path: Path):
    stories = [name for name in STORIES if name not in ("no_answer", "parked")] * 6
    with made(tmp_path / "made", stories=stories).read() as ledger:
        overview = overview_of(ledger, "coaching-2026-11")
        proof, comparison = overview.proof, comparison_of(ledger, overview.record)
        twice = sum(str(one.kind) == "duplicate" for one in comparison.findings)
        assert twice
        says = [(claim.holds, claim.says) for claim in verdict_of(overview, comparison).claims]
        assert (False, f"{twice} lines were charged twice (reconciled 20 Nov)") in says or twice == 1
        assert not any("paid twice" in text for _, text in says)
        assert not any("twice" in claim.says for claim in verdict_of(overview).claims), "a count names no difference"
        overview.proof = replace(proof, compared=Compared("a", proof.compared.as_of, 0, 9, 9, 0))
        assert "Nobody paid twice (reconciled 20 Nov)" in [claim.says for claim in verdict_of(overview).claims]
        overview.proof = replace(proof, compared=None)
        assert not any("twice" in claim.says for claim in verdict_of(overview).claims)


def sentences() -> Iterator[str]:
    """Every sentence that our tables tell a person to do."""
    tables = (declines.NETWORK_ADVICE, declines.MASTERCARD_ADVICE, declines.ADVICE, declines.REASONS, declines.CODES,
              returns.REASONS, {"": declines.UNLISTED}, {"": returns.UNLISTED}, {"": returns.REFUNDED})  # fmt: skip
    yield from (rule.what_to_do for table in tables for rule in table.values())
    yield returns.SPENT
    yield from (skip.what_to_do for skip in SKIPS.values())
    yield from (text for group, text in STATUSES.items() if group is not Group.SUCCEEDED)
    yield from REFUSALS.values()
    for columns in COLUMNS.values():
        yield from columns.advice.values()
        yield from filter(None, [columns.untold.get("what_to_do")])


def test_every_sentence_of_our_tables_has_a_heading():
    found = {text: deed_of(text, "customer_must_act") for text in sentences()}
    assert [text for text, deed in found.items() if deed is Deed.OTHER] == []
    assert set(found.values()) == set(DEEDS)


@pytest.mark.parametrize(
    ("says", "deed"),
    [
        ("Do not try this card again. Ask the customer for another payment method.", Deed.METHOD),
        ("Ask the customer to pay on session, where authentication is possible.", Deed.CONFIRM),
        ("Ask the customer to call the bank, then try again.", Deed.SPEAK),
        ("Have the account put right in Stripe; then the same command goes on with it.", Deed.ACCOUNT),
        ("Nothing was taken. Correct the amount and run again with --amend.", Deed.SHEET),
        ("Nothing: billing resolve asks Stripe what became of it.", Deed.NOTHING),
        ("Run the same command again: it goes on.", Deed.RUN),
        ("Open the payment in Stripe and see what became of it; billing resolve looks again.", Deed.LOOK),
        ("Try again in a few days.", Deed.WAIT),
    ],
)
def test_what_helps_is_told_by_the_sentence(says: str, deed: Deed):
    assert deed_of(says, "declined_for_now") is deed


def test_what_is_over_does_not_wait_and_a_text_of_no_table_is_its_own_heading():
    assert deed_of("Try again in a few days.", "declined_for_good") is Deed.METHOD
    assert title_of("Dance.", "not_paid") == "Dance."
