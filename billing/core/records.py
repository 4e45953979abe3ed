"""What a ledger keeps of runs, plans and sheets, and how it counts them; what an item is stands in `core.entries`."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from billing.core.entries import Facts, ItemRecord
from billing.core.items import Kind, Mode


@dataclass(frozen=True, slots=True)
class NewItem:
    """An item as a plan hands it to the ledger: planned, or planned and skipped at once.

    Attributes:
        skip: the reason code when the plan skips the item, else None.
        facts: details of the skip.
        The others are those of ``ItemRecord``.
    """

    item_id: str
    kind: Kind
    reference: str
    generation: int
    account: str
    payer: str
    amount: int
    currency: str
    digest: str
    content: Facts
    skip: str | None = None
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlannedLine:
    """One input line with its decision; each gives exactly one line of the report.

    Attributes:
        line: 1-based line in the input.
        cells: the input's own texts, one per column.
        new: the item to create, if the line brings one.
        item: the row number of the item that already stands for this obligation, if there is one.
        reason: why the line brings no item of this run (``already_paid``, ``in_other_run``, ``invalid``), else empty.
        detail: a sentence about it for the report.
    """

    line: int
    cells: tuple[str, ...]
    new: NewItem | None = None
    item: int | None = None
    reason: str = ""
    detail: str = ""


class RunStatus(StrEnum):
    """Where a run as a whole stands. One that is ``rebuilding`` may not be started: its items may be paid already."""

    PLANNED = "planned"
    REBUILDING = "rebuilding"
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"


REBUILD_BEGUN = "rebuild_begun"
# The kind of look-up that remembers, by run id, that a rebuild of a run not yet on record was begun. From then on only
# a rebuild may plan that run: whoever planned it anew would charge what the lost ledger had charged.


def at_workers(run_id: str) -> str:
    """Say that a run is worked by others, and what helps."""
    return (
        f"run {run_id} is handed out, and goes on at its workers; nothing was sent. See how far it is: billing status "
        f"{run_id}; help them: billing worker; have it alone: billing pause {run_id}, then the same again"
    )


def unfinished_rebuild(run_id: str) -> str:
    """Return what a person reads who starts a run before its rebuild is complete."""
    return (
        f"run {run_id} is being rebuilt from Stripe, and until that is complete what was paid is not known; "
        "nothing was charged. Type billing ledger rebuild with its file again"
    )


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as the ledger keeps it.

    Attributes:
        run_id: chosen by the operator, unique in the ledger.
        platform: the platform account the items belong to.
        name: the first half of the run id.
        period: with the reference it names an obligation.
        mode: test or live.
        kind: of all its items.
        header: JSON-able rest of the run: columns, timezone, file name, policies.
        file_sha256: of the bytes the plan was made from.
        plan_digest: 64 hex over every decision of the plan.
        revision: 1, and one more with each amendment.
        status: where it stands.
        planned_at, started_at, finished_at: UTC, ISO 8601, or empty.
    """

    run_id: str
    platform: str
    name: str
    period: str
    mode: Mode
    kind: Kind
    header: Facts
    file_sha256: str
    plan_digest: str
    revision: int = 1
    status: RunStatus = RunStatus.PLANNED
    planned_at: str = ""
    started_at: str = ""
    finished_at: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many items of a run share a state, a grouping and a currency, and their planned amount in minor units.

    ``grouping`` is the fact ``group`` of the items (how a decline is reported), or empty. ``reason_code`` likewise.
    Lines without an item of this run (``owned`` is false) count under ``skipped`` with their line's reason.
    """

    state: StrEnum
    grouping: str
    reason_code: str
    currency: str
    items: int
    amount: int
    owned: bool = True


class Arrived(NamedTuple):
    """An item as far as it matters when it came where it stands.

    Attributes:
        account, currency, object_id: of the item.
        at: epoch seconds of the event that brought it there.
        first_try: the fact of that name, or empty.
    """

    account: str
    currency: str
    object_id: str
    at: float
    first_try: str


class Settling(NamedTuple):
    """One way of days that an item was sent on: a bank debit, say.

    Attributes:
        item: as it stands now.
        left: when it was accepted: UTC, ISO 8601.
        end, ended: the event by which the way ended, and when; empty while it goes on.
        taken_back: when what had arrived by it was taken back; empty where nothing was.
    """

    item: ItemRecord
    left: str
    end: str
    ended: str
    taken_back: str


class Held(NamedTuple):
    """What a run holds of one obligation, for comparing it with others: the newest generation alone.

    Attributes:
        payer: the platform customer.
        amount: minor units of ``currency``.
        group: the fact ``group`` (how a decline is reported), or empty.
        reason: the fact ``reason_code``, or empty.
    """

    reference: str
    payer: str
    account: str
    amount: int
    currency: str
    state: StrEnum
    group: str
    reason: str


@dataclass(frozen=True, slots=True)
class SheetTally:
    """How many lines of a run's sheet share an account, a state, a grouping, a reason and a currency, and their money.

    Lines that another run deals with count under ``skipped``, with the line's reason and the money of the item that
    stands for them there. Lines set aside as invalid have neither account nor currency. ``listed`` is false for items
    whose line the latest revision of the sheet does not have any more.
    """

    account: str
    state: StrEnum
    grouping: str
    reason_code: str
    currency: str
    lines: int
    amount: int
    listed: bool = True


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One input line with what became of it; ``item`` is None for a line without any item.

    ``owned`` tells whether the item belongs to this run; otherwise ``reason`` says why the line was skipped. ``listed``
    is false for an item whose line the latest revision does not have any more; ``replaced`` is true for one of these
    whose obligation was begun anew: its line is not gone, the next generation stands for it. ``columns`` are those of
    the sheet, beside the cells of a line without an item: it is known by what its cells say.
    """

    line: int
    cells: tuple[str, ...]
    item: ItemRecord | None
    owned: bool
    reason: str
    detail: str
    listed: bool = True
    replaced: bool = False
    columns: tuple[str, ...] = ()

    def written(self, name: str) -> str:
        """Return what stands in a column of the sheet, whatever it is worth; empty where there is none."""
        named = zip(self.columns, self.cells, strict=False)
        return next((cell.strip() for column, cell in named if column.strip().lower() == name), "")


class Naming(NamedTuple):
    """A line of the latest sheet of a run that brings no item of that run.

    Attributes:
        run_id, line: where it stands.
        reason, detail: why (a code of ``SKIPS``), and a sentence about it.
        item: the row number of the item of another run that stands for it, or None where the line was set aside.
    """

    run_id: str
    line: int
    reason: str
    detail: str
    item: int | None
