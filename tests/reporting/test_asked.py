"""Which lines a report has: whatever is asked for, all formats count the same, and nobody mistakes nothing for none."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from billing.core.errors import UsageError
from billing.core.kinds import LIVES
from billing.core.life import Group
from billing.edge.ledger import Ledger
from billing.flow.accounts import account_totals
from billing.flow.outturn import gathered, outturn_of, tally_of
from billing.flow.report import EVERY_LINE, Wanted, known_run, status_of
from billing.flow.reporting.asked import not_found, require_statuses
from tests.reporting.ledgers import RUN, made


@pytest.fixture(scope="module")
def ledger(tmp_path_factory) -> Iterator[Ledger]:
    with made(tmp_path_factory.mktemp("asked"), 240, hostile=True).read() as opened:
        yield opened


def test_lines_counted_one_by_one_come_to_what_the_ledger_counts(ledger):
    record = known_run(ledger, RUN)
    whole = outturn_of(ledger, record)
    counted = gathered((tally_of(line, LIVES[record.kind]) for line in ledger.report(RUN)), whole.life, whole.expected)
    assert counted == whole
    assert len(whole.rows) > 8


def glob(reference: str) -> str:
    """Return what names this reference and no other."""
    return reference.replace("[", "[[]").replace("*", "[*]").replace("?", "[?]")


@pytest.mark.parametrize("name", ["statuses", "accounts", "customers", "references"])
def test_totals_per_account_of_every_part_add_up_to_those_of_all(ledger, name):
    of = {
        "statuses": lambda line: str(status_of(line)),
        "accounts": lambda line: line.item.account if line.item else line.written("account"),
        "customers": lambda line: line.item.payer if line.item else line.written("customer"),
        "references": lambda line: glob(line.item.reference if line.item else line.written("reference")),
    }[name]
    lines = list(ledger.report(RUN))
    whole = {(one.account, one.currency): one for one in account_totals(ledger, RUN)}
    names = sorted({of(line) for line in lines})
    parts = [one for each in names for one in account_totals(ledger, RUN, Wanted(**{name: frozenset({each})}))]
    for key, one in whole.items():
        mine = [part for part in parts if (part.account, part.currency) == key]
        for figure in ("lines", "sheet", "paid", "on_its_way", "open"):
            assert sum(getattr(part, figure) for part in mine) == getattr(one, figure), (key, figure)
    assert sum(part.lines for part in parts) == sum(one.lines for one in whole.values()) == len(lines)


def test_what_no_line_has_is_said_and_what_some_have_is_not(ledger):
    item = next(line.item for line in ledger.report(RUN) if line.item is not None)
    assert list(not_found(ledger, RUN, EVERY_LINE)) == []
    there = Wanted(accounts=frozenset({item.account}), customers=frozenset({item.payer}))
    assert list(not_found(ledger, RUN, there)) == []
    absent = replace(there, accounts=frozenset({item.account, "acct_absent"}), references=frozenset({"ABSENT-*"}))
    assert list(not_found(ledger, RUN, absent)) == [
        f"{RUN} has no line of account acct_absent", f"{RUN} has no line of reference ABSENT-*",
    ]  # fmt: skip
    others = {line.item.account for line in ledger.report(RUN) if line.item and line.item.payer == item.payer}
    stranger = next(line.item.account for line in ledger.report(RUN) if line.item and line.item.account not in others)
    never = Wanted(accounts=frozenset({stranger}), customers=frozenset({item.payer}))
    assert list(not_found(ledger, RUN, never)) == [f"{RUN} has no line that is all of this: {never.said}"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("paid", "succeeded"), ("Paid", "succeeded"), ("suceeded", "succeeded"), ("refunded", "succeeded"),
        ("on its way", "processing"), ("needs-customer", "needs_customer"), ("left out", "skipped"),
        ("decline", "declined"),
    ],
)  # fmt: skip
def test_a_status_that_is_none_is_refused_with_what_was_meant(typed, meant):
    with pytest.raises(UsageError, match=f"did you mean {meant}[?]"):
        require_statuses(Wanted(statuses=frozenset({typed})))


def test_each_status_is_taken_and_nonsense_meets_the_list():
    require_statuses(Wanted(statuses=frozenset(map(str, Group))))
    with pytest.raises(UsageError, match=r"none of succeeded, .*, parked$"):
        require_statuses(Wanted(statuses=frozenset({"zzz"})))
