"""One line of a sheet with what became of it, as all formats of a report tell it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from billing.core.kinds import LIVES
from billing.core.records import ReportLine, RunRecord, SheetTally
from billing.core.skips import SKIPS
from billing.edge.ledger import Ledger
from billing.flow.attention import needs_somebody
from billing.flow.outturn import row_of
from billing.flow.report import EVERY_LINE, Wanted, describe, known_run
from billing.flow.reporting.recovered import declines_of

INVALID = "invalid"
# The reason of a line that was set aside.


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the sheet with what became of it.

    Attributes:
        number: in the input.
        reference: of a line that was set aside what stands in that column of the sheet, if there is one.
        account, customer: empty where the line was set aside.
        amount, currency: minor units; 0 and empty where no money moves.
        row: of the outturn.
        told: our columns of the report, as texts (`billing.flow.report.describe`).
        cells: the input's own texts.
        payment: Stripe's object that fulfils it; empty without one.
        owned: whether it is this run's, or another one's of the period.
        listed: whether the latest sheet has it.
        needs: whether a person has to look at it.
        declines: how often a bank said no to it, or took it back.
    """

    number: int
    reference: str
    account: str
    customer: str
    amount: int
    currency: str
    row: str
    told: Mapping[str, str]
    cells: tuple[str, ...]
    payment: str
    owned: bool
    listed: bool
    needs: bool
    declines: int = 0

    @property
    def says(self) -> str:
        """Why it stands where it stands, without any text of the sheet: what `told` says may quote a cell."""
        code = self.told.get("reason_code", "")
        return SKIPS[code].means if code == INVALID else self.told.get("reason", "")


def lines_of(ledger: Ledger, run_id: str, wanted: Wanted = EVERY_LINE) -> Iterator[Line]:
    """Stream the lines of a run in the order of its sheet, then items whose line it no longer has.

    What was begun anew is told once, by the item that stands for the line now; the life of a line tells of the others.

    Raises:
        UsageError: the ledger has no such run.
    """
    record = known_run(ledger, run_id)
    key = ledger.link_key
    return (line_of(each, record, key) for each in ledger.report(run_id) if not each.replaced and wanted.takes(each))


def line_of(each: ReportLine, record: RunRecord, link_key: bytes = b"") -> Line:
    """Return a line of the ledger's report as all formats tell it."""
    item, told = each.item, describe(each, record, link_key)
    return Line(
        number=each.line,
        reference=each.written("reference") if item is None else item.reference,
        account="" if item is None else item.account,
        customer="" if item is None else item.payer,
        amount=0 if item is None else item.amount,
        currency="" if item is None else item.currency,
        row=_row(*_counted(each, record)),
        told=told,
        cells=each.cells,
        payment="" if item is None else item.object_id or "",
        owned=each.owned,
        listed=each.listed,
        needs=each.listed and needs_somebody(each, record),
        declines=declines_of(item) if item is not None and each.owned else 0,
    )


def _counted(each: ReportLine, record: RunRecord) -> tuple[StrEnum, str, str]:
    """Return by what a line is counted (`Ledger.sheet`): state, grouping and reason."""
    item = each.item
    if item is None or not each.owned:
        return LIVES[record.kind].skipped, "", each.reason
    facts = item.facts
    return item.state, str(facts.get("group") or ""), str(facts.get("reason_code") or "")


@lru_cache(maxsize=4096, typed=True)  # states of two kinds that have one name are of two types
def _row(state: StrEnum, grouping: str, reason: str) -> str:
    """Return the row of the outturn of lines that are counted so: of many lines few differ."""
    return row_of(SheetTally("", state, grouping, reason, "", 1, 0))
