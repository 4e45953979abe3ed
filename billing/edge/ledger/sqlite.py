"""The embedded ledger: one SQLite file, one writing connection, read-only connections beside it."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

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
from billing.edge.ledger import Kept, Verification, planning
from billing.edge.ledger import drafts as writes
from billing.edge.ledger.chain import seal
from billing.edge.ledger.committer import Committer, Work, Writer
from billing.edge.ledger.custody.checksum import FileChecksum
from billing.edge.ledger.custody.keyfile import link_key
from billing.edge.ledger.custody.lock import Lock
from billing.edge.ledger.custody.witness import Witness
from billing.edge.ledger.finding import SqliteFinder
from billing.edge.ledger.onlooking import SqliteOnlooker
from billing.edge.ledger.queries import Queries
from billing.edge.ledger.runs import Runs
from billing.edge.ledger.sqlite_store import SqliteStore
from billing.edge.ledger.tables import add_missing_kinds
from billing.edge.ledger.transaction import Transaction
from billing.edge.ledger.verify import verify

BUSY_SECONDS = 60.0
# How long a write waits for another process's transaction; a plan of a million lines is the longest there is.
CHECKPOINT_BYTES = 4 * 1024 * 1024
# The log's size at which it is carried over into the database: SQLite's own default of 1,000 pages.
WITNESS_ENTRIES = 1_000
# How far the witness's disk may lag behind the ledger's while a run goes on: some seconds at the usual pace. It is told
# of every commit, and that survives a killed process; a power cut takes back what was not synced. A sync costs as much
# as a commit; run notes, plans and closing do it at once.


def connect(path: Path, *, write: bool) -> sqlite3.Connection:
    """Open a connection; transactions are ours, and any thread may use it (SQLite serialises calls).

    Raises:
        sqlite3.Error: as SQLite finds the file.
    """
    uri = f"file:{quote(str(path))}?mode={'rw' if write else 'ro'}"
    conn = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _check_schema_text(conn)
        for pragma in ("foreign_keys = ON", "trusted_schema = OFF", "cell_size_check = ON", "recursive_triggers = ON"):
            conn.execute(f"PRAGMA {pragma}")
        if write:
            _write_ahead(conn)
            for pragma in (
                "synchronous = FULL",  # a commit is on the disk before anybody acts on it
                "fullfsync = ON",  # macOS: through the drive's cache too
                "checkpoint_fullfsync = ON",
                "wal_autocheckpoint = 0",  # the writer does it, between commits
                "journal_size_limit = 0",  # the log's size is what it holds, not what it once held
                "cache_size = -32768",
            ):
                conn.execute(f"PRAGMA {pragma}")
        else:
            conn.execute("PRAGMA query_only = ON")
    except BaseException:
        conn.close()
        raise
    return conn


def _check_schema_text(conn: sqlite3.Connection) -> None:
    """Let damage inside the name of a column be SQLite's kind of error, which every caller expects, not Python's.

    Raises:
        sqlite3.DatabaseError: the schema is no text, or cannot be read.
    """
    try:
        for (sql,) in conn.execute("SELECT CAST(sql AS BLOB) FROM sqlite_schema WHERE sql IS NOT NULL"):
            sql.decode()
    except UnicodeDecodeError as error:
        raise sqlite3.DatabaseError("the schema is malformed: not UTF-8") from error


def _write_ahead(conn: sqlite3.Connection) -> None:
    """Let the log be written ahead of the database. SQLite does not raise when it cannot: it answers with the old mode.

    Raises:
        sqlite3.OperationalError: it could not, such as after an fsync that failed.
    """
    (mode,) = conn.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise sqlite3.OperationalError(f"its journal_mode stays {mode}, not wal")


@dataclass(frozen=True, slots=True)
class Made:
    """A ledger that opening has made. ``others`` are those of the same key, each with its runs, in words."""

    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Opened:
    """What opening a ledger has established: everything `SqliteLedger` needs.

    Attributes:
        path: of the ledger, links resolved.
        key: of its chain.
        writer: the writing connection, None for a ledger opened to read.
        lock: the held lock, None when not asked for.
        witness: of this ledger.
        whole: the sum of its file, from when it was last closed.
        untouched: whether that sum was still right.
        warnings: what the operator should know.
        made: whether there was none before.
    """

    path: Path
    key: bytes
    writer: sqlite3.Connection | None
    lock: Lock | None
    witness: Witness
    whole: FileChecksum
    untouched: bool
    warnings: tuple[str, ...]
    made: Made | None = None


class SqliteLedger:
    """A `Ledger` in one SQLite file; see there for what each question means.

    Attributes:
        warnings: sentences for the operator from opening it.
        made: whether opening made it, and beside which others; None for one that was there.
        path: of its file, links resolved.
    """

    def __init__(self, opened: Opened, now: Callable[[], int], *, inline: bool) -> None:
        self._opened = opened
        self.warnings, self.made, self.path = opened.warnings, opened.made, opened.path
        self._reader = connect(opened.path, write=False)
        self._queries = Queries(self._reader, self._snapshot, opened.key)
        self._committer: Committer | None = None
        self._writer: Writer | None = None
        self._witnessed = self._carried = 0
        self._closed = False
        if opened.writer:
            self._write_runs = Runs(opened.writer)
            self._store = SqliteStore(opened.writer)
            self._committer = Committer(self._store, opened.key, now, str(opened.path))
            self._witnessed = self._committer.head.seq
            self._writer = Writer(self._committer, self._between, inline=inline)

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

    async def note_run(self, run_id: str, note: Note, status: RunStatus, facts: Facts | None = None) -> None:
        """Append an entry about the run and set its status."""
        await self._do(Work(lambda tx: writes.note_run(tx, run_id, note, status, facts or {}), milestone=True))

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
        runs = self._queries.kept_runs
        hopes = [writes.hope(item, runs, moves) for item, moves in moved]
        recorded: list[ItemRecord] = await self._do(
            Work(lambda tx: writes.record_all(tx, self._write_runs, hopes, keep))
        )
        return recorded

    async def keep_lookups(self, kind: str, found: Mapping[str, Facts]) -> None:
        """Cache read-only look-ups; a ledger opened to read only keeps none."""
        if self._writer is None:
            return
        await self._do(Work(lambda tx: writes.keep_lookups(tx, kind, found)))

    async def add_missing_kinds(self) -> tuple[str, ...]:
        """Write the rows of the kinds that the ledger does not know yet, each noted in an entry; return their names."""

        def add(tx: Transaction) -> tuple[str, ...]:
            kinds = add_missing_kinds(self._store.conn)
            writes.note_kinds(tx, kinds)
            return kinds

        added: tuple[str, ...] = await self._do(Work(add, alone=True, milestone=True))
        return added

    async def _do(self, work: Work) -> Any:  # noqa: ANN401 - whatever the work returns
        if self._writer is None:
            raise LedgerError(f"{self._opened.path}: was opened to read only")
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
    def finder(self) -> SqliteFinder:
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
    def onlooker(self) -> SqliteOnlooker:
        """Questions of whoever looks while others write."""
        return self._queries.onlooker

    def sizes(self) -> tuple[int, int]:
        """Return how many entries and items there are."""
        return self._queries.sizes()

    # --- trust

    def keyed(self, data: bytes) -> str:
        """Return a digest (64 hex) that only the ledger's key can make, so that what is personal cannot be guessed."""
        return seal(self._opened.key, "personal", data.hex()).hex()

    @property
    def head(self) -> str:
        """The mac (hex) of the last durable entry."""
        return self._queries.head().mac.hex()

    @property
    def last_entry(self) -> int:
        """The number of the last durable entry; 0 before the first."""
        return self._queries.head().seq

    @property
    def link_key(self) -> bytes:
        """What signs links to its items."""
        return link_key(self._opened.key)

    def verify(self) -> Verification:
        """Check everything, as it stands in one moment; what is found is believed when a second look finds it again.

        Safe while another process charges. A ledger that was called damaged is set aside by somebody, so nothing that
        passes (a file that is just being replaced, a read that failed once) may say it.
        """
        found = self._checked()
        return self._checked() if found.faults else found

    def _checked(self) -> Verification:
        conn = connect(self._opened.path, write=False)
        try:
            return verify(conn, self._opened.key, self._opened.witness)
        finally:
            conn.close()

    async def aclose(self) -> None:
        """Finish queued commits, tell the witness, and let go of the file and its lock."""
        if self._writer:
            await self._writer.stop()
        if not self._closed:
            self._closed = True
            self._close()

    def _close(self) -> None:
        opened, committer = self._opened, self._committer
        if opened.writer and committer:
            if committer.broken:
                # With a reader still open SQLite does not carry the log over: a disk that failed is left alone.
                opened.writer.close()
                self._reader.close()
            else:
                self._reader.close()
                opened.writer.close()
                opened.witness.keep(committer.head)
                if committer.wrote or not opened.untouched:
                    opened.whole.keep()
        self._reader.close()
        if opened.lock:
            opened.lock.release()

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        """Open a connection that sees one moment of the ledger until it is closed."""
        conn = connect(self._opened.path, write=False)
        try:
            conn.execute("BEGIN")
            yield conn
        finally:
            conn.close()

    def _between(self, milestone: bool) -> None:
        """Carry the log over and tell the witness, when it is time; nobody waits for it."""
        committer = self._committer
        if committer is None or committer.broken:
            return
        durable = milestone or committer.head.seq - self._witnessed >= WITNESS_ENTRIES
        self._opened.witness.keep(committer.head, durable=durable)
        self._witnessed = committer.head.seq if durable else self._witnessed
        # Before SQLite 3.51.3 two connections that carry the log over at one instant can damage the file, so only the
        # holder of the lock does. (sqlite.org/wal.html, "The WAL-Reset Bug")
        size = _log_bytes(self._opened.path)
        self._carried = 0 if size < self._carried else self._carried
        if self._opened.lock and size - self._carried >= CHECKPOINT_BYTES:
            committer.maintain(self._store.checkpoint)
            self._carried = size


def _log_bytes(path: Path) -> int:
    try:
        return Path(f"{path}-wal").stat().st_size
    except OSError:
        return 0
