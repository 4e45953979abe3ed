"""The durable ledger: what every flow may ask of it, whichever database keeps it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from billing.core.entries import Entry, Facts, ItemRecord, Move, Note
from billing.core.items import Kind, Mode
from billing.core.records import (
    Arrived,
    Held,
    Naming,
    PlannedLine,
    ReportLine,
    RunRecord,
    RunStatus,
    Settling,
    SheetTally,
    Tally,
)
from billing.edge.ledger.chain import Head
from billing.edge.ledger.custody.attendance import Attendance
from billing.edge.ledger.custody.lock import Holder

Kept = Mapping[str, Mapping[str, Facts]]
# Look-ups to keep: kind -> name -> facts.


class LostRace(Exception):
    """Somebody else moved the item first; ``item`` is what stands there now."""

    def __init__(self, item: ItemRecord) -> None:
        super().__init__(f"{item.item_id} is {item.state} now")
        self.item = item


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of checking a whole ledger. ``faults`` is empty for a sound one.

    Attributes:
        entries: how many were checked.
        items: how many projections were compared with the fold of their entries.
        head: the chain's last mac (hex), the value to keep elsewhere as a witness; of several chains a digest of all.
        faults: sentences, each naming a place.
        heads: where each chain ends, by its number; of chain 0 alone where there are no entries yet.
    """

    entries: int
    items: int
    head: str
    faults: tuple[str, ...]
    heads: Mapping[int, Head]


class Onlooker(Protocol):
    """Questions of whoever looks at a ledger while others write it: bounded each, however large the ledger is."""

    def version(self) -> int:
        """Return a number that is another one after each commit by anybody else."""
        ...

    def latest(self) -> int:
        """Return the number of the last entry; where several write at once, one up to which every entry is there."""
        ...

    def touched(self, run_id: str, after: int) -> bool:
        """Tell whether an entry behind number ``after`` is of this run."""
        ...

    def recent(self, run_id: str, after: int, most: int) -> list[Entry]:
        """Return the last entries of a run's items behind number ``after``, the newest first."""
        ...

    def page(self, run_id: str, revision: int, after: int, most: int) -> list[tuple[int, ReportLine]]:
        """Return lines of a sheet behind position ``after``, each with its position and without its cells."""
        ...

    def on_account(self, run_id: str, account: str, most: int) -> list[ItemRecord]:
        """Return items of a run on an account, in the order they were planned."""
        ...

    def account_sums(self, run_id: str, account: str) -> list[tuple[StrEnum, str, str, str, int, int]]:
        """Add up the items of a run on an account: state, group, reason code, currency, how many, their money."""
        ...

    def of_payer(self, payer: str, most: int) -> list[ItemRecord]:
        """Return items of a customer over all runs, the newest first."""
        ...

    def beginning(self, text: str, most: int) -> list[ItemRecord]:
        """Return items whose reference, customer, object or instrument begins with a text: at most so many of each."""
        ...

    def accounts(self, text: str, runs: Iterable[tuple[str, Kind]], most: int) -> list[str]:
        """Return accounts of these runs that begin with a text."""
        ...

    def amounts(self, minors: Sequence[int], most: int) -> list[ItemRecord]:
        """Return items of one of these amounts among the newest of the ledger, the newest first."""
        ...


class Finder(Protocol):
    """Questions about one item, asked by whoever wants to know what became of one line, however large the ledger is."""

    def called(self, reference: str) -> list[ItemRecord]:
        """Return every item of this reference, of all periods, kinds and generations, in the order of planning."""
        ...

    def holding(self, object_id: str) -> list[ItemRecord]:
        """Return the items that have this object of the provider on record, or this instrument for their last try."""
        ...

    def line(self, item: ItemRecord) -> tuple[int, bool] | None:
        """Return in which line of its run's sheet an item stood last, and whether the latest sheet has it still."""
        ...

    def naming(self, reference: str, items: Sequence[ItemRecord]) -> list[Naming]:
        """Return the lines of latest sheets that another run's item stands for, or none, and that mean this one."""
        ...

    def undoing(self, platform: str, mode: Mode, kind: Kind, name: str, object_id: str) -> list[ItemRecord]:
        """Return the items of a kind whose content has this object under this name."""
        ...

    def latest_note(self, run_id: str, after: int, before: int, names: Sequence[str]) -> Entry | None:
        """Return the last entry about a run itself between two others, of these names."""
        ...

    def near(self, reference: str) -> Iterator[str]:
        """Yield references that are on record and may have been meant: a bounded number, whatever the ledger holds."""
        ...

    def about(self, kind: str, prefix: str, name: str, value: str) -> list[tuple[str, Facts]]:
        """Return the look-ups of a kind whose names begin with ``prefix`` and whose fact ``name`` is ``value``."""
        ...


class Ledger(Protocol):
    """Append-only entries, the projection of what is known, and the questions flows ask.

    Writes are async and return once they are durable. Reads are short, indexed and synchronous; the iterators stream.
    After a failed commit every later write raises `LedgerError` at once: nothing more may be sent.
    """

    # --- writing

    async def plan_run(self, record: RunRecord, lines: Iterable[PlannedLine], acks: Sequence[Facts] = ()) -> RunRecord:
        """Keep a run, its lines and its new items in one transaction; an amendment is the next revision of the run.

        ``acks`` are the facts of what a person has accepted for it: an entry each, in the same transaction.

        Raises:
            LedgerError: the transaction failed; nothing of it is kept.
        """
        ...

    async def take_over(self, run_id: str, /) -> bool:
        """Have a run to oneself, before it is worked alone: what was handed out of it, and was stopped, is over then.

        False for one that goes on at workers: it stays theirs. Whoever shares the ledger with them has nothing to ask.

        Raises:
            LedgerError: the commit failed.
        """
        ...

    async def note_run(
        self,
        run_id: str,
        note: Note,
        status: RunStatus,
        facts: Facts | None = None,
        *,
        only_if: RunStatus | None = None,
    ) -> bool:
        """Append an entry about the run and set its status (and its started or finished time).

        Returns whether that was done: with ``only_if`` nothing is, unless the run has that status when it is written.
        """
        ...

    async def note_beside(self, run_id: str, note: Note, facts: Facts) -> None:
        """Append an entry about the run that leaves its status and its times alone."""
        ...

    async def record(self, item: ItemRecord, *moves: Move, keep: Kept = MappingProxyType({})) -> ItemRecord:
        """Append ``moves`` for one item in one transaction and return what is known then, once it is durable.

        The write happens only if the item still has the state, attempt and ver of ``item``; a sighting (an event whose
        edge says so) is taken in any state that knows it.

        Args:
            item: as the caller knows it.
            moves: what happened to it, in order.
            keep: look-ups that are kept in the same transaction.

        Raises:
            LostRace: the item moved meanwhile; start again from what it holds.
            LedgerError: the commit failed.
        """
        ...

    async def record_all(self, moved: Sequence[tuple[ItemRecord, Sequence[Move]]]) -> list[ItemRecord]:
        """Append moves of several different items in one transaction, all or nothing; return what is known then.

        Raises:
            LostRace: one of the items moved meanwhile.
            LedgerError: the commit failed.
        """
        ...

    async def keep_lookups(self, kind: str, found: Mapping[str, Facts]) -> None:
        """Cache read-only look-ups (an account, a payment method) with the provider's time."""
        ...

    # --- runs

    def at_one_moment(self) -> AbstractContextManager[None]:
        """See the same moment in every read until the context ends, so that sums of several reads agree.

        What streams must have ended by then. Only for whoever alone reads from this ledger object.
        """
        ...

    def run(self, run_id: str) -> RunRecord | None:
        """Return one run."""
        ...

    def runs(self) -> list[RunRecord]:
        """Return every run, the newest first."""
        ...

    def tally(self, run_id: str) -> list[Tally]:
        """Count the items and foreign lines of a run by state, grouping, reason and currency."""
        ...

    def sheet(self, run_id: str) -> list[SheetTally]:
        """Count every line of the latest sheet of a run once, with its money, then items that it no longer lists."""
        ...

    def report(self, run_id: str, *, by_account: bool = False) -> Iterator[ReportLine]:
        """Stream every line of the latest revision in input order, then items whose line it does not have any more.

        ``by_account``: account by account instead, each in that order; lines without one come first.
        """
        ...

    # --- items

    def item(self, row: int) -> ItemRecord:
        """Return one item by row number."""
        ...

    def obligations(
        self, platform: str, mode: Mode, period: str, references: Sequence[str], kind: Kind
    ) -> dict[str, ItemRecord]:
        """Return the newest generation of each reference that is on record (at most 500 references a call)."""
        ...

    def on_record(self, objects: Sequence[str]) -> Mapping[str, StrEnum]:
        """Return those of these provider objects that some item has on record, with its state (at most 500 a call)."""
        ...

    def by_object(self, objects: Sequence[str]) -> dict[str, ItemRecord]:
        """Return the items that have these provider objects on record, by object (at most 500 a call)."""
        ...

    def ids(self, kind: Kind, after: int = 0) -> Iterator[tuple[int, str]]:
        """Stream (row, item id) of the items of a kind in rows above ``after``, ascending.

        An item id is not kept, it is a hash: whoever is given one finds its row by these.
        """
        ...

    def of_kind(self, platform: str, mode: Mode, kind: Kind, states: Iterable[StrEnum]) -> Iterator[ItemRecord]:
        """Stream the items of a kind in these states, of all its runs, in the order they were planned."""
        ...

    def held(self, run_id: str, states: Iterable[StrEnum] | None = None) -> Iterator[Held]:
        """Stream what a run holds, in the order it was planned; only what is in these states, if any are given."""
        ...

    def listed(self, run_id: str) -> Iterator[Held]:
        """Stream what stands for the lines of the latest sheet of a run, in its order; lines set aside have nothing.

        What another run holds is among it; what the sheet does not list any more is not.
        """
        ...

    def standing(self, run_id: str) -> Iterator[tuple[int, StrEnum, bool]]:
        """Stream (row, state, whether the latest revision has a line for it) of a run's items, none that was replaced.

        An item is replaced by its next generation, in this run or another.
        """
        ...

    def workload(self, run_id: str | None, states: Iterable[StrEnum]) -> dict[str, int]:
        """Count items in these states per connected account; all runs if ``run_id`` is None."""
        ...

    def work(
        self, run_id: str | None, states: Iterable[StrEnum], account: str, after: int, limit: int
    ) -> list[ItemRecord]:
        """Return up to ``limit`` items of an account in these states with row numbers above ``after``, ascending."""
        ...

    def arrived(self, run_id: str, event: StrEnum, unless: StrEnum, since: str) -> Iterator[Arrived]:
        """Stream the items of a run that ``event`` has brought where they stand, at ``since`` (ISO 8601, UTC) or later.

        Those are left out of which it was told right after ``unless``.
        """
        ...

    def settling(
        self, run_id: str, begins: Iterable[StrEnum], ends: Iterable[StrEnum], back: Iterable[StrEnum]
    ) -> Iterator[Settling]:
        """Stream every way of days that the items of a run's latest sheet were sent on, in no order.

        Args:
            run_id: whose.
            begins: events that send an item on such a way.
            ends: events by which it ends.
            back: events that take back what had arrived by it.
        """
        ...

    def accounts_begun(self, accounts: Sequence[str], states: Iterable[StrEnum]) -> set[str]:
        """Return those of ``accounts`` that have a succeeded item on record (at most 500 a call)."""
        ...

    @property
    def finder(self) -> Finder:
        """Questions about one item."""
        ...

    # --- look-ups

    def lookups(self, kind: str, names: Sequence[str], not_before: str) -> dict[str, Facts]:
        """Return cached look-ups kept at or after ``not_before`` (ISO 8601, UTC; at most 500 names a call)."""
        ...

    def kept(self, kind: str, prefix: str = "") -> Iterator[tuple[str, Facts]]:
        """Stream the look-ups of a kind whose names begin with ``prefix`` as (name, facts), by name."""
        ...

    # --- looking on

    @property
    def onlooker(self) -> Onlooker:
        """Questions of whoever looks while others write."""
        ...

    def holder(self) -> Holder | None:
        """Return who charges from the ledger now, or None: then nobody does, whatever its runs say.

        Asked before a run is read: one that ends in between has its end on record then.
        """
        ...

    def attendance(self) -> Attendance:
        """Return who is at which run now: the holder, and workers; asked before a run is read."""
        ...

    # --- trust

    def keyed(self, data: bytes) -> str:
        """Return a digest (64 hex) that only the ledger's key can make, so that what is personal cannot be guessed."""
        ...

    @property
    def head(self) -> str:
        """The mac (hex) of the last durable entry."""
        ...

    @property
    def last_entry(self) -> int:
        """The number of the last durable entry, or one up to which every entry is there; 0 before the first."""
        ...

    @property
    def link_key(self) -> bytes:
        """The key that signs links to its items (`billing.core.links`); it does not give away the ledger's own."""
        ...

    def verify(self) -> Verification:
        """Check chain, database integrity, projection against fold, ids and digests against content."""
        ...

    def run_entries(self, run_id: str) -> Iterator[Entry]:
        """Stream the entries about a run as a whole, none about an item, in order."""
        ...

    def entry_counts(self, run_id: str) -> Mapping[str, int]:
        """Count the entries of a run by name, those about its items among them."""
        ...

    def latest_stop(self, run_id: str) -> Facts:
        """Return what was noted when a run stopped early the last time; empty if it never did."""
        ...

    def entries(self, run_id: str | None = None, reference: str | None = None, after: int = 0) -> Iterator[Entry]:
        """Stream entries in order."""
        ...

    async def aclose(self) -> None:
        """Finish queued commits and let go of the file and its lock."""
        ...
