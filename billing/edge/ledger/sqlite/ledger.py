"""The embedded ledger: one SQLite file, one writing connection, read-only connections beside it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from billing.edge.ledger import Verification
from billing.edge.ledger import drafts as writes
from billing.edge.ledger.committer import Committer, Work, Writer
from billing.edge.ledger.custody.checksum import FileChecksum
from billing.edge.ledger.custody.lock import Holder, Lock, holder_of
from billing.edge.ledger.custody.witness import WITNESS_ENTRIES, Witness
from billing.edge.ledger.database import DatabaseLedger, Made
from billing.edge.ledger.moving import Moved
from billing.edge.ledger.queries import Queries
from billing.edge.ledger.reader import Reader
from billing.edge.ledger.runs import Runs
from billing.edge.ledger.sqlite.connection import connect
from billing.edge.ledger.sqlite.layout import checked
from billing.edge.ledger.sqlite.reader import SqliteReader, legible
from billing.edge.ledger.sqlite.store import SqliteStore
from billing.edge.ledger.sqlite.tables import add_missing_kinds
from billing.edge.ledger.transaction import Transaction

CHECKPOINT_BYTES = 4 * 1024 * 1024
# The log's size at which it is carried over into the database: SQLite's own default of 1,000 pages.


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
        moved: where it goes on, if it was copied elsewhere.
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
    moved: Moved | None = None


class SqliteLedger(DatabaseLedger):
    """A `Ledger` in one SQLite file.

    Attributes:
        path: of its file, links resolved.
    """

    def __init__(self, opened: Opened, now: Callable[[], int], *, inline: bool) -> None:
        self._opened, self.path = opened, opened.path
        self._reader = SqliteReader(connect(opened.path, write=False))
        self._committer: Committer | None = None
        self._witnessed = self._carried = 0
        writer = write_runs = None
        if opened.writer:
            write_runs = Runs(SqliteReader(opened.writer))
            self._store = SqliteStore(opened.writer)
            self._committer = Committer(self._store, opened.key, now, str(opened.path))
            self._witnessed = self._committer.head.seq
            writer = Writer(self._committer, self._between, inline=inline)
        queries = Queries(self._reader, self._snapshot, opened.key)
        super().__init__(str(opened.path), opened.key, queries, writer, write_runs)
        self.warnings, self.made, self.moved = opened.warnings, opened.made, opened.moved

    def holder(self) -> Holder | None:
        """Return who holds the lock of the file now."""
        return holder_of(self.path)

    async def add_missing_kinds(self) -> tuple[str, ...]:
        """Write the rows of the kinds that the ledger does not know yet, each noted in an entry; return their names."""

        def add(tx: Transaction) -> tuple[str, ...]:
            kinds = add_missing_kinds(self._store.conn)
            writes.note_kinds(tx, kinds)
            return kinds

        added: tuple[str, ...] = await self._do(Work(add, alone=True, milestone=True))
        return added

    def _checked(self) -> Verification:
        conn = connect(self._opened.path, write=False)
        try:
            # What was seen of it since was seen elsewhere.
            return checked(conn, self._opened.key, [] if self.moved else [self._opened.witness])
        finally:
            conn.close()

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
    def _snapshot(self) -> Iterator[Reader]:
        """Open a reader that sees one moment of the ledger until it is closed."""
        with legible():
            reader = SqliteReader(connect(self._opened.path, write=False))
        try:
            with reader.at_one_moment():
                yield reader
        finally:
            reader.close()

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
