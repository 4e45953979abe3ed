"""Write the workbook of a run: its lines pass by once, and every sheet takes of them what it needs."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from billing.core import wording
from billing.core.items import Mode
from billing.core.reconciling.sums import together
from billing.edge.ledger import Ledger
from billing.edge.outputs import Target
from billing.edge.workbooks.book import Book, opened
from billing.edge.workbooks.sheet import ROWS, Sheet
from billing.flow.report import Wanted, known_run
from billing.flow.reporting.comparison import comparison_of
from billing.flow.reporting.overview import Gathering, Line, Overview, lines_of
from billing.flow.reporting.payouts import payouts_of
from billing.flow.reporting.workbook.accounts import AccountBook, write_accounts
from billing.flow.reporting.workbook.bank import write_discrepancies, write_payouts
from billing.flow.reporting.workbook.items import FROZEN, item_table
from billing.flow.reporting.workbook.needs import keep, write_needs
from billing.flow.reporting.workbook.summary import SHEETS, TEST, Sources, filtered, write_summary


def write_workbook(ledger: Ledger, run_id: str, wanted: Wanted, target: Target, *, rows: int = ROWS) -> Iterator[str]:
    """Write it, and say so; ``rows`` are those of a worksheet. The ledger stands at one moment meanwhile.

    Raises:
        UsageError: the ledger has no such run, or the file must not or cannot go there.
        RunStopped: the disk says no.
    """
    record = known_run(ledger, run_id)
    zone = ZoneInfo(record.header.get("timezone") or "UTC")
    overview = Overview(record, zone, datetime.now(UTC), wanted)

    def make(path: Path) -> None:
        with opened(path, zone, rows=rows) as book:
            _fill(book, ledger, overview)

    target.make(make)
    yield f"{target.path}: written, {wording.counted(overview.sheet.lines, 'line')} and their sums as a workbook"


def _fill(book: Book, ledger: Ledger, overview: Overview) -> None:
    record = overview.record
    summary = book.sheet("Summary")
    items, needs, accounts, discrepancies, payouts = (book.sheet(title) for title in SHEETS)
    known, by_account = Known(overview), AccountBook()
    _pass_by(ledger, overview, items, needs, by_account, known, book)
    found = comparison_of(ledger, record)
    findings = [] if found is None else [one for one in found.findings if known.has(one.account, one.reference)]
    write_discrepancies(discrepancies, found, findings, overview)
    parts = [part for part in payouts_of(ledger, record) if known.has(part.account)]
    write_payouts(payouts, found, parts, overview)
    for part in parts:
        by_account.take_payout(part)
    write_accounts(accounts, by_account)
    results = {} if found is None else found.results
    totals = together(one.sums for name, one in results.items() if known.has(name))
    write_summary(summary, overview, Sources(items, accounts, discrepancies, found, totals), ledger.head)
    facts = {"Run": record.run_id, "Plan digest": record.plan_digest, "Ledger head": ledger.head}
    book.describe(f"{record.run_id}: run report", overview.as_of, facts)
    said = [record.run_id, TEST if record.mode is Mode.TEST else "", filtered(overview.wanted)]
    book.finish(" ".join(each for each in said if each), wording.moment(overview.as_of.isoformat(), overview.zone))


def _pass_by(
    ledger: Ledger, overview: Overview, items: Sheet, needs: Sheet, accounts: AccountBook, known: "Known", book: Book
) -> None:
    """Let the lines pass by, once."""
    table, spool, gathering = item_table(overview.record), book.spool(), Gathering(overview)
    items.table(table.columns, frozen=FROZEN)
    for line in lines_of(ledger, overview.record.run_id, overview.wanted):
        items.line(table.cells(line))
        gathering.take(line)
        accounts.take(line)
        known.take(line)
        if line.needs:
            keep(spool, line)
    gathering.done()
    write_needs(needs, spool, overview)


class Known:
    """Which accounts and references are shown: all, unless lines were asked for by name."""

    def __init__(self, overview: Overview) -> None:
        """Begin with none."""
        self._all = not overview.wanted.said
        self._accounts: set[str] = set()
        self._lines: set[tuple[str, str]] = set()

    def take(self, line: Line) -> None:
        """Take in a line that is shown."""
        if not self._all:
            self._accounts.add(line.account)
            self._lines.add((line.account, line.reference))

    def has(self, account: str, reference: str = "") -> bool:
        """Tell whether a line is shown, or without a reference any of an account."""
        return self._all or ((account, reference) in self._lines if reference else account in self._accounts)
