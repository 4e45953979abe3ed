"""A ledger in a database: what is written goes through its writer, what is asked through its queries.

Which database it is shows in three places only: how it is opened, how it is checked, and how it is let go of.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from billing.core.entries import Entry, Facts, ItemRecord, Move, Note
from billing.core.errors import LedgerError
from billing.core.items import Kind, Mode
from billing.core.records import (
    Arrived,
    Held,
    PlannedLine,
    ReportLine,
    RunRecord,
    RunStatus,
    Settling,
    SheetTally,
    Tally,
)
from billing.edge.ledger import Kept, Verification, moving, planning
from billing.edge.ledger import drafts as writes
from billing.edge.ledger.chain import seal
from billing.edge.ledger.committer import Work, Writer
from billing.edge.ledger.custody.attendance import Attendance
from billing.edge.ledger.custody.keyfile import link_key
from billing.edge.ledger.custody.lock import Holder
from billing.edge.ledger.finding import Finding
from billing.edge.ledger.moving import Chains, Moved
from billing.edge.ledger.onlooking import Onlooking
from billing.edge.ledger.queries import Queries
from billing.edge.ledger.rows import NamesOfRuns


@dataclass(frozen=True, slots=True)
class Made:
    """A ledger that opening has made. ``others`` are those of the same key, each with its runs, in words."""

    others: tuple[str, ...]


class DatabaseLedger:
    """A `Ledger` in a database; see there for what each question means.

    A database says in its own class who holds it (`holder`), how it is checked (`_checked`) and let go of (`_close`).

    Attributes:
        warnings: sentences for the operator from opening it.
        made: whether opening made it, and beside which others; None for one that was there.
        moved: where it was copied, and goes on; None for the one that goes on here.
    """

    def __init__(
        self, named: str, key: bytes, queries: Queries, writer: Writer | None, write_runs: NamesOfRuns | None
    ) -> None:
        """Ask ``queries`` and write by ``writer``.

        Args:
            named: what messages call the ledger.
            key: of its chain.
            queries: what it is asked.
            writer: None for a ledger opened to read.
            write_runs: what names its runs, as the writing connection sees them.
        """
        self._named, self._key, self._queries = named, key, queries
        self._writer, self._write_runs = writer, write_runs
        self._closed = False
        self.warnings: tuple[str, ...] = ()
        self.made: Made | None = None
        self.moved: Moved | None = None

    @property
    def reading(self) -> tuple[str, bytes, Queries]:
        """Return what another ledger object needs that asks the same database over the same connection."""
        return self._named, self._key, self._queries

    @property
    def named(self) -> str:
        """What messages call the ledger: its path, or server and database."""
        return self._named

    def holder(self) -> Holder | None:
        """Return who charges from the ledger now, or None: then nobody does, whatever its runs say."""
        raise NotImplementedError

    def attendance(self) -> Attendance:
        """Return who is at which run now; a database of one writer has no workers."""
        return Attendance(self.holder())

    # --- writing

    async def plan_run(self, record: RunRecord, lines: Iterable[PlannedLine], acks: Sequence[Facts] = ()) -> RunRecord:
        """Keep a run, its lines and its new items in one transaction; ``lines`` is consumed on the writer's thread.

        Raises:
            LedgerError: the transaction failed, or ``record.revision`` is not the run's next one.
        """
        planned: RunRecord = await self._do(
            Work(lambda tx: planning.plan_run(tx, record, lines, acks), alone=True, milestone=True)
        )
        return planned

    async def take_over(self, _run_id: str) -> bool:
        """Have a run to oneself: a database of one writer has no workers to hand it out to."""
        return True

    async def note_run(
        self,
        run_id: str,
        note: Note,
        status: RunStatus,
        facts: Facts | None = None,
        *,
        only_if: RunStatus | None = None,
    ) -> bool:
        """Append an entry about the run and set its status, or nothing unless its status is ``only_if``."""
        told = facts or {}
        noted: bool = await self._do(
            Work(lambda tx: writes.note_run(tx, run_id, note, status, told, only_if), milestone=True)
        )
        return noted

    async def note_beside(self, run_id: str, note: Note, facts: Facts) -> None:
        """Append an entry about the run that leaves its status and its times alone."""
        await self._do(Work(lambda tx: writes.note_beside(tx, run_id, note, facts), milestone=True))

    async def record(self, item: ItemRecord, *moves: Move, keep: Kept = MappingProxyType({})) -> ItemRecord:
        """Append ``moves`` for one item, and keep look-ups, in one transaction.

        Raises:
            LostRace: the item moved meanwhile.
            LedgerError: the commit failed.
        """
        (recorded,) = await self._record([(item, moves)], keep)
        return recorded

    async def record_all(self, moved: Sequence[tuple[ItemRecord, Sequence[Move]]]) -> list[ItemRecord]:
        """Append moves of several different items in one transaction.

        Raises:
            LostRace: one of the items moved meanwhile.
            LedgerError: the commit failed.
        """
        return await self._record(moved, {})

    async def _record(self, moved: Sequence[tuple[ItemRecord, Sequence[Move]]], keep: Kept) -> list[ItemRecord]:
        runs, written = self._queries.kept_runs, self._write_runs or self._queries.kept_runs
        hopes = [writes.hope(item, runs, moves) for item, moves in moved]
        recorded: list[ItemRecord] = await self._do(Work(lambda tx: writes.record_all(tx, written, hopes, keep)))
        return recorded

    async def keep_lookups(self, kind: str, found: Mapping[str, Facts]) -> None:
        """Cache read-only look-ups; a ledger opened to read only keeps none."""
        if self._writer is None:
            return
        await self._do(Work(lambda tx: writes.keep_lookups(tx, kind, found)))

    async def note_moved(self, place: str, chains: Chains) -> None:
        """Append that the ledger goes on at ``place``, with all its chains; nothing may be written to it afterwards."""
        told = moving.facts_of(place, chains)
        await self._do(
            Work(lambda tx: tx.append([(Note.LEDGER_MOVED.value, None, None, 0, 0, told)]), alone=True, milestone=True)
        )

    async def _do(self, work: Work) -> Any:  # noqa: ANN401 - whatever the work returns
        if self._writer is None:
            raise LedgerError(f"{self._named}: was opened to read only")
        return await self._writer.do(work)

    # --- reading

    def at_one_moment(self) -> AbstractContextManager[None]:
        """See the same moment in every read until the context ends."""
        return self._queries.at_one_moment()

    def run(self, run_id: str) -> RunRecord | None:
        """Return one run."""
        return self._queries.run(run_id)

    def runs(self) -> list[RunRecord]:
        """Return every run, the newest first."""
        return self._queries.runs()

    def tally(self, run_id: str) -> list[Tally]:
        """Count the items and foreign lines of a run."""
        return self._queries.tally(run_id)

    def sheet(self, run_id: str) -> list[SheetTally]:
        """Count every line of the latest sheet of a run once, with its money."""
        return self._queries.sheet(run_id)

    def report(self, run_id: str, *, by_account: bool = False) -> Iterator[ReportLine]:
        """Stream the lines of the latest revision, then dropped items; or both account by account."""
        return self._queries.report_by_account(run_id) if by_account else self._queries.report(run_id)

    def item(self, row: int) -> ItemRecord:
        """Return one item by row number."""
        return self._queries.item(row)

    def obligations(
        self, platform: str, mode: Mode, period: str, references: Sequence[str], kind: Kind
    ) -> dict[str, ItemRecord]:
        """Return the newest generation of each reference on record."""
        return self._queries.obligations(platform, mode, period, references, kind)

    def on_record(self, objects: Sequence[str]) -> dict[str, StrEnum]:
        """Return those of these provider objects that some item has on record, with its state."""
        return self._queries.on_record(objects)

    def by_object(self, objects: Sequence[str]) -> dict[str, ItemRecord]:
        """Return the items that have these provider objects on record."""
        return self._queries.by_object(objects)

    @property
    def finder(self) -> Finding:
        """Questions about one item."""
        return self._queries.finder

    def ids(self, kind: Kind, after: int = 0) -> Iterator[tuple[int, str]]:
        """Stream row and item id of the items of a kind."""
        return self._queries.ids(kind, after)

    def of_kind(self, platform: str, mode: Mode, kind: Kind, states: Iterable[StrEnum]) -> Iterator[ItemRecord]:
        """Stream the items of a kind in these states, of all its runs, in the order they were planned."""
        return self._queries.of_kind(platform, mode, kind, states)

    def held(self, run_id: str, states: Iterable[StrEnum] | None = None) -> Iterator[Held]:
        """Stream what a run holds, in the order it was planned."""
        return self._queries.held(run_id, states)

    def listed(self, run_id: str) -> Iterator[Held]:
        """Stream what stands for the lines of the latest sheet of a run."""
        return self._queries.listed(run_id)

    def standing(self, run_id: str) -> Iterator[tuple[int, StrEnum, bool]]:
        """Stream row, state and listing of a run's items, replaced ones left out."""
        return self._queries.standing(run_id)

    def workload(self, run_id: str | None, states: Iterable[StrEnum]) -> dict[str, int]:
        """Count items in these states per connected account."""
        return self._queries.workload(run_id, states)

    def work(
        self, run_id: str | None, states: Iterable[StrEnum], account: str, after: int, limit: int
    ) -> list[ItemRecord]:
        """Return items of an account in these states, ascending."""
        return self._queries.work(run_id, states, account, after, limit)

    def arrived(self, run_id: str, event: StrEnum, unless: StrEnum, since: str) -> Iterator[Arrived]:
        """Stream the items of a run that an event has brought where they stand, unless another came right before."""
        return self._queries.arrived(run_id, event, unless, since)

    def settling(
        self, run_id: str, begins: Iterable[StrEnum], ends: Iterable[StrEnum], back: Iterable[StrEnum]
    ) -> Iterator[Settling]:
        """Stream every way of days that the items of a run's latest sheet were sent on."""
        return self._queries.settling(run_id, begins, ends, back)

    def accounts_begun(self, accounts: Sequence[str], states: Iterable[StrEnum]) -> set[str]:
        """Return those of ``accounts`` that have a succeeded item."""
        return self._queries.accounts_begun(accounts, states)

    def lookups(self, kind: str, names: Sequence[str], not_before: str) -> dict[str, Facts]:
        """Return cached look-ups kept at or after ``not_before``."""
        return self._queries.lookups(kind, names, not_before)

    def kept(self, kind: str, prefix: str = "") -> Iterator[tuple[str, Facts]]:
        """Stream the look-ups of a kind whose names begin with ``prefix``, by name."""
        return self._queries.kept(kind, prefix)

    def run_entries(self, run_id: str) -> Iterator[Entry]:
        """Stream the entries about a run as a whole, in order."""
        return self._queries.run_entries(run_id)

    def entry_counts(self, run_id: str) -> dict[str, int]:
        """Count the entries of a run by name."""
        return self._queries.entry_counts(run_id)

    def latest_stop(self, run_id: str) -> Facts:
        """Return what was noted when a run stopped early the last time; empty if it never did."""
        return self._queries.latest_stop(run_id)

    def entries(self, run_id: str | None = None, reference: str | None = None, after: int = 0) -> Iterator[Entry]:
        """Stream entries in order."""
        return self._queries.entries(run_id, reference, after)

    @property
    def onlooker(self) -> Onlooking:
        """Questions of whoever looks while others write."""
        return self._queries.onlooker

    def sizes(self) -> tuple[int, int]:
        """Return how many entries and items there are."""
        return self._queries.sizes()

    # --- trust

    def keyed(self, data: bytes) -> str:
        """Return a digest (64 hex) that only the ledger's key can make, so that what is personal cannot be guessed."""
        return seal(self._key, "personal", data.hex()).hex()

    @property
    def head(self) -> str:
        """The mac (hex) of the last durable entry."""
        return self._queries.head().mac.hex()

    @property
    def last_entry(self) -> int:
        """The number of the last durable entry, or one up to which every entry is there; 0 before the first."""
        return self._queries.onlooker.latest()

    @property
    def link_key(self) -> bytes:
        """What signs links to its items."""
        return link_key(self._key)

    def verify(self) -> Verification:
        """Check everything, as it stands in one moment; what is found is believed when a second look finds it again.

        Safe while another process charges. A ledger that was called damaged is set aside by somebody, so nothing that
        passes (a file that is just being replaced, a read that failed once) may say it.
        """
        found = self._checked()
        return self._checked() if found.faults else found

    def _checked(self) -> Verification:
        raise NotImplementedError

    async def aclose(self) -> None:
        """Finish queued commits, tell the witness, and let go of the database and its lock."""
        if self._writer:
            await self._writer.stop()
        if not self._closed:
            self._closed = True
            self._close()

    def _close(self) -> None:
        raise NotImplementedError
