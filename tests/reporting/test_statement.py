"""Statements per connected account: they add up to the run, tell of nobody else, and whatever they carry is a text."""

import csv
import io
import tempfile
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.core.errors import UsageError
from billing.core.items import Kind
from billing.core.money import CURRENCIES
from billing.core.movements import MOVEMENT, Movement
from billing.core.owner_words import NOUNS, ROWS_SAID
from billing.core.skips import SKIPS
from billing.edge.ledger import Ledger
from billing.edge.ownfolder import OwnFolder
from billing.flow.outturn import ROWS
from billing.flow.report import EVERY_LINE, Wanted, known_run
from billing.flow.report_files import Layout
from billing.flow.reporting.overview import overview_of
from billing.flow.reporting.payouts import fees_of
from billing.flow.reporting.statement import Statement, Where, statements_of
from billing.flow.reporting.statement_files import COLUMNS, require_statements, write_statements
from billing.flow.reporting.statement_words import INDEX_NAMES, opening
from tests.edge.test_markdown import Elements
from tests.reporting.ledgers import RUN, Made, made
from tests.reporting.stories import STORIES
from tests.reporting.test_overview import RUNS

RECONCILE = f"billing reconcile {RUN}"


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "hostile"])
def done(request, tmp_path_factory) -> Made:
    return made(tmp_path_factory.mktemp("statements"), 400, 14, hostile=request.param)


def written(done: Made, folder: Path, wanted: Wanted = EVERY_LINE, layout: Layout = Layout()) -> list[str]:  # noqa: B008
    with done.read() as ledger, ledger.at_one_moment():
        return list(write_statements(ledger, RUN, wanted, layout, OwnFolder(folder), RECONCILE))


def rows_of(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def minor(text: str, currency: str) -> int:
    return int(Decimal(text) * 10 ** CURRENCIES[currency.lower()].exponent) if text else 0


def hold(ledger: Ledger, run_id: str) -> list[Statement]:
    """Hold that the statements of a run have each of its lines once, and all that was booked of it."""
    overview = overview_of(ledger, run_id)
    statements = list(statements_of(ledger, run_id, frozenset(), "x"))
    rows = [Movement.from_facts(*each) for each in ledger.kept(MOVEMENT)]
    fees = fees_of(ledger, known_run(ledger, run_id))
    told: dict[tuple[str, str], list[int]] = {}
    for statement in statements:
        for entry in statement.lines:
            found = told.setdefault((entry.row, entry.currency), [0, 0])
            found[0] += 1
            found[1] += entry.amount
    wanted: dict[tuple[str, str], list[int]] = {}
    for currency, by_row in [*overview.money.items(), ("gone", overview.gone)]:
        for row, sum_ in by_row.items() if currency else ():
            for code, minor_ in sum_.totals.items():
                found = wanted.setdefault((row, code), [0, 0])
                found[0] += sum_.lines
                found[1] += minor_
    if not any(len(sum_.totals) > 1 for sum_ in overview.gone.values()):
        assert told == wanted
    assert {name: each[1] for name, each in told.items()} == {name: each[1] for name, each in wanted.items()}
    nets: Counter[str] = Counter()
    for statement in statements:
        for currency, sums in statement.settled.items():
            nets[currency] += sums.net
    assert nets == Counter({code: sum(row.net for row in rows if row.currency == code) for code in nets})
    assert nets == Counter({code: sum(one.net for one in fees if one.currency == code) for code in nets})
    assert {row.currency for row in rows} == set(nets)
    return statements


def test_statements_together_have_every_line_and_all_money_of_the_run(done):
    with done.read() as ledger:
        found = hold(ledger, RUN)
    assert len(found) > 10
    assert len({currency for statement in found for currency in statement.settled}) > 2


@settings(max_examples=15)
@given(
    stories=st.lists(st.sampled_from(sorted(STORIES)), min_size=1, max_size=14),
    accounts=st.integers(1, 4),
    attacks=st.booleans(),
    data=st.data(),
)
def test_they_do_whatever_became_of_its_lines_and_whichever_are_gone(stories, accounts, attacks, data):
    dropped = data.draw(st.sets(st.integers(0, len(stories) - 1)))
    with tempfile.TemporaryDirectory() as folder:
        done = made(Path(folder) / "made", len(stories), accounts, hostile=attacks, stories=stories, dropped=dropped)
        with done.read() as ledger:
            hold(ledger, done.run_id)


@pytest.mark.parametrize("kind", Kind)
async def test_of_every_kind_of_run_there_are_statements_or_it_is_said_that_there_are_none(tmp_path, kind):
    world = await RUNS[kind](tmp_path)
    async with world.read() as ledger:
        run_id = ledger.runs()[0].run_id
        if kind in NOUNS:
            told = [" ".join(opening(statement)) for statement in hold(ledger, run_id)]
            assert all(NOUNS[kind].done in each for each in told)
        folder = OwnFolder(tmp_path / "out")
        writing = write_statements(ledger, run_id, EVERY_LINE, Layout(), folder, RECONCILE)
        if kind in NOUNS:
            assert "written" in next(iter(writing))
        else:
            with pytest.raises(UsageError, match="moves no money"):
                list(writing)
            assert not folder.path.exists()


def test_each_statement_adds_up_from_its_rows_to_its_payouts(done):
    with done.read() as ledger:
        for statement in statements_of(ledger, RUN, frozenset(), "x"):
            entries = [*statement.lines, *statement.further]
            booked = [entry.booked for entry in entries if entry.booked is not None]
            assert len({row.id for row in booked}) == len(booked)
            for currency, sums in statement.settled.items():
                mine = [row for row in booked if row.currency == currency]
                assert sum(row.net for row in mine) == sums.net
                carried = sum(one.net for one in statement.payouts if one.currency == currency)
                loose = sum(row.net for row in mine if row.payout is None)
                assert carried + loose == sums.net
                assert sums.stripe == sum(row.stripe_fee + row.other_fees for row in mine)
                assert sums.platform == sum(row.application_fee for row in mine)


def test_the_files_add_up_to_the_list_of_them_in_any_layout(done, tmp_path):
    for layout in (Layout(), Layout(";", comma=True, mark=True)):
        written(done, tmp_path / "out", layout=layout)
        index = rows_of(tmp_path / "out" / "index.csv", layout.delimiter)
        assert set(INDEX_NAMES) < set(index[0])
        for row in index:
            assert (tmp_path / "out" / row["page"]).is_file()
            lines = rows_of(tmp_path / "out" / row["csv"], layout.delimiter)
            assert tuple(lines[0]) == COLUMNS
            code, point = row["currency"], (lambda text: text.replace(",", "."))
            of = [each for each in lines if each["state"] and each["currency"] == code]
            assert len(of) == int(row["lines"])
            for name, some in (("asked", of), ("paid", [each for each in of if each["state"] == "paid"])):
                assert sum(minor(point(each["amount"]), code) for each in some) == minor(point(row[name]), code)
            settled = [each for each in lines if each["balance_currency"] == code]
            net = minor(point(row["net"]), code)
            assert sum(minor(point(each["net"]), code) for each in settled) == net
            assert sum(minor(point(row[str(where)]), code) for where in Where) == net
            parts = ("charged", "refunded", "disputed", "stripe_fees", "platform_fees", "other")
            assert sum(minor(point(row[name]), code) for name in parts) == net


def test_a_statement_tells_of_no_other_account_and_of_nothing_that_is_the_platforms(done, tmp_path):
    written(done, tmp_path)
    with done.read() as ledger:
        names = {statement.account for statement in statements_of(ledger, RUN, frozenset(), "")}
        secret = [ledger.head, known_run(ledger, RUN).plan_digest, known_run(ledger, RUN).platform]
        customers = {line.item.payer for line in ledger.report(RUN) if line.item is not None}
    index = {row["account"].removeprefix("'"): row for row in rows_of(tmp_path / "index.csv")}
    plain = {account for account in names if account.isascii() and account.replace("_", "").isalnum()}
    assert len(plain) > 5
    ours = [reason.what_to_do for reason in SKIPS.values() if len(reason.what_to_do) > 20]
    for account in plain:
        for name in (index[account]["page"], index[account]["csv"]):
            text = (tmp_path / name).read_text()
            if name.endswith("html"):
                assert account in text
            for other in (*plain - {account}, *secret, *customers, *ours, "billing ", "reconcile"):
                assert other not in text.replace("connect-billing ", ""), (name, other)


def test_texts_of_others_make_no_element_and_no_formula(tmp_path):
    done, elements = {}, {}
    for attacks in (False, True):
        folder = tmp_path / str(attacks)
        written(made(tmp_path / f"made-{attacks}", 300, 14, hostile=attacks), folder)
        done[attacks] = sorted(folder.glob("*.html"))
        pages = [Elements.of(path.read_text()) for path in done[attacks]]
        elements[attacks] = {name for page in pages for name in page.names}
    assert elements[True] == elements[False]
    told = "".join(path.read_text() for path in done[True])
    assert "<script" not in told
    assert " style=" not in told
    for path in (tmp_path / "True").glob("*.csv"):
        for row in csv.reader(io.StringIO(path.read_text())):
            assert all(not cell.lstrip().startswith(("=", "+", "@")) for cell in row)


def test_a_run_never_compared_says_that_fees_and_payouts_are_not_known_and_what_to_type(tmp_path):
    done = made(tmp_path / "made", 60, 4, reconciled=False)
    said = written(done, tmp_path / "out")
    assert said[-1].endswith(f"Next: {RECONCILE}")
    with done.read() as ledger:
        for statement in statements_of(ledger, RUN, frozenset(), ""):
            told = " ".join(opening(statement))
            assert ("not known yet" in told) is any(entry.paid for entry in statement.lines)
            assert not statement.payouts


def test_the_opening_says_each_sum_of_the_statement_and_nothing_that_is_not_so(done):
    with done.read() as ledger:
        statements = list(statements_of(ledger, RUN, frozenset(), "x"))
    for statement in statements:
        told = " ".join(opening(statement))
        assert ("has arrived" in told) is any(sums.where[Where.ARRIVED] for sums in statement.settled.values())
        assert ("came back from your bank" in told) is any(
            sums.where[Where.CAME_BACK] for sums in statement.settled.values()
        )
        waiting = [sums.where[Where.WAITING] for sums in statement.settled.values()]
        assert ("is in no payout yet" in told) is any(minor > 0 for minor in waiting)
        assert ("is still to be taken" in told) is any(minor < 0 for minor in waiting)
    assert any("banks took back" in " ".join(opening(statement)) for statement in statements)


def test_of_some_accounts_only_their_statements_are_written_and_others_of_before_are_removed(done, tmp_path):
    whole = written(done, tmp_path)
    assert "statements as a page" in whole[0]
    row = rows_of(tmp_path / "index.csv")[0]
    with done.read() as ledger:
        account = next(statement.account for statement in statements_of(ledger, RUN, frozenset(), ""))
    said = written(done, tmp_path, Wanted(accounts=frozenset({account})))
    assert "removed" in said[1]
    assert {path.name for path in tmp_path.glob("[!.]*")} == {row["page"], row["csv"], "index.html", "index.csv"}
    with pytest.raises(UsageError, match="no statements to write"):
        written(done, tmp_path, Wanted(accounts=frozenset({"acct_absent"})))
    assert (tmp_path / row["page"]).is_file()


def test_what_there_are_no_statements_of_is_refused(done):
    with done.read() as ledger:
        record = known_run(ledger, RUN)
    require_statements(record, Wanted(accounts=frozenset({"acct_1"})))
    for kind in (Kind.PAYER, Kind.SYNC, Kind.CANCELLATION):
        with pytest.raises(UsageError, match="moves no money"):
            require_statements(replace(record, kind=kind), EVERY_LINE)
    for wanted in (Wanted(statuses=frozenset({"failed"})), Wanted(customers=frozenset({"x"}))):
        with pytest.raises(UsageError, match="every line of its account"):
            require_statements(record, wanted)


def test_every_row_of_an_outturn_has_words_for_the_owner():
    assert ROWS_SAID.keys() == ROWS.keys()
