"""The sheet of a next run, from what a run has come to: whoever is saved can be charged, or subscribed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from billing.core.cells import csv_line
from billing.core.items import Kind
from billing.core.kinds.columns import COLUMNS
from billing.core.life import Group
from billing.core.records import ReportLine, RunRecord
from billing.edge.ledger import Ledger
from billing.edge.runfiles.fields import METADATA
from billing.edge.runfiles.schema import Schema
from billing.edge.runfiles.schemas import SCHEMAS
from billing.flow.report import Wanted, describe, known_run, status_of
from billing.flow.report_files import Layout

DONE = frozenset({str(Group.SUCCEEDED)})
# Lines that a next sheet has, unless others are asked for.


@dataclass(frozen=True, slots=True)
class NextSheet:
    """What a sheet of one kind is made of, when it comes from a run of another.

    Attributes:
        columns: of it: what every sheet of its kind has, what the run knows beside that, and where no amount is asked
            for, everything that may be said of what is sold.
        carried: column -> place of the input's cell that says it: what only was carried along, and metadata.
        told: columns that the run's report knows.
        needed: columns that every sheet of its kind has.
    """

    columns: tuple[str, ...]
    carried: Mapping[str, int]
    told: frozenset[str]
    needed: frozenset[str]

    @property
    def to_fill_in(self) -> tuple[str, ...]:
        """The columns that every sheet of its kind has and that nothing is known of."""
        known = {*self.carried, *self.told, "reference"}
        return tuple(name for name in self.columns if name in self.needed - known)

    def row(self, line: ReportLine, record: RunRecord) -> list[str]:
        """Return the cells of a line."""
        told = describe(line, record)
        said = {name: line.cells[at] for name, at in self.carried.items() if at < len(line.cells)}
        said |= {name: told[name] for name in self.told}
        said["reference"] = "" if line.item is None else line.item.reference
        return [said.get(name, "") for name in self.columns]


def next_sheet(record: RunRecord, schema: Schema) -> NextSheet:
    """Return how a sheet of a kind is made of a run's lines.

    What a column of the input meant to its own kind it does not mean to another: a payer's description is no charge's.
    """
    own = _meaning(record.kind)
    carried: dict[str, int] = {}
    for at, title in enumerate(record.header.get("columns", ())):
        name = str(title).strip() if METADATA in str(title) else "_".join(str(title).lower().split())
        if name.startswith(METADATA) or (name not in own and schema.knows(name)):
            carried.setdefault(name, at)
    told = frozenset({*COLUMNS[record.kind].ids, *COLUMNS[record.kind].own} & {*schema.names})
    needed = frozenset({*schema.required, *schema.amounts[:1]})
    wanted = {*needed, *told, *carried, *(() if schema.amounts else schema.together)}
    columns = tuple(name for name in schema.names if name in wanted)
    metadata = tuple(name for name in carried if name.startswith(METADATA))
    return NextSheet((*columns, *metadata), carried, told, needed)


def _meaning(kind: Kind) -> frozenset[str]:
    return frozenset(name for schema in SCHEMAS if schema.kind is kind for name in schema.names)


def as_sheet(ledger: Ledger, run_id: str, schema: Schema, wanted: Wanted, layout: Layout) -> Iterator[str]:
    """Stream the sheet as CSV lines: of the lines that succeeded, unless others are asked for."""
    record = known_run(ledger, run_id)
    sheet = next_sheet(record, schema)
    if layout.mark:
        yield "\ufeff"
    yield csv_line(sheet.columns, layout.delimiter)
    for line in ledger.report(run_id):
        if wanted.takes(line) and status_of(line) in (wanted.statuses or DONE):
            yield csv_line(sheet.row(line, record), layout.delimiter)
