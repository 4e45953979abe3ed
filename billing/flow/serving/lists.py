"""Lines as lists on a page show them: a page of a sheet, of an account, of a customer, of a search."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from billing.core.entries import ItemRecord
from billing.core.records import ReportLine, RunRecord
from billing.edge.ledger import Ledger
from billing.flow.reporting.kindwords import first_up, row_words
from billing.flow.reporting.overview import Line, line_of

SHOWN = 200
# Lines a page.
LOOKED_THROUGH = 20_000
# Lines that are looked through for one page of those that are wanted; then the page says so, and goes on from there.
CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list.

    Attributes:
        line: of the report.
        run: whose line it is.
        word: what a person reads of its row.
    """

    line: Line
    run: RunRecord
    word: str

    @property
    def reason(self) -> str:
        """Why it stands where it stands; nothing where that goes without saying."""
        return self.line.says if self.line.row not in ("paid", "not_yet") else ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page of a sheet.

    Attributes:
        rows: its lines.
        after: the position behind which the next page begins; 0 at the end.
        looked: how many lines were looked through.
    """

    rows: Sequence[Row]
    after: int
    looked: int


def row_for(each: ReportLine, record: RunRecord) -> Row:
    """Return a line of a run as a list shows it."""
    line = line_of(each, record)
    return Row(line, record, first_up(row_words(record.kind, line.row)))


def rows_for(ledger: Ledger, items: Iterable[ItemRecord]) -> list[Row]:
    """Return items of any runs as a list shows them."""
    runs: dict[str, RunRecord] = {}
    found = []
    for item in items:
        if item.run_id not in runs:
            record = ledger.run(item.run_id)
            if record is None:
                continue
            runs[item.run_id] = record
        found.append(row_for(ReportLine(0, (), item, owned=True, reason="", detail=""), runs[item.run_id]))
    return found


def sheet_of(ledger: Ledger, record: RunRecord, after: int, rows: frozenset[str], account: str) -> Sheet:
    """Return a page of the lines of a run that stand in one of these rows, on this account, if any are named."""
    found: list[Row] = []
    looked, most = 0, CHUNK if rows or account else SHOWN
    while looked < LOOKED_THROUGH:
        chunk = ledger.onlooker.page(record.run_id, record.revision, after, most)
        for position, each in chunk:
            after, looked = position, looked + 1
            if account and (each.item is None or each.item.account != account):
                continue
            row = row_for(each, record)
            if rows and row.line.row not in rows:
                continue
            found.append(row)
            if len(found) == SHOWN:
                return Sheet(found, after, looked)
        if not chunk:
            return Sheet(found, 0, looked)
    return Sheet(found, after, looked)
