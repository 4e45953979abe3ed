"""A SQLite file as one end of a copy. A new one is made beside its place, under another name, until it is whole."""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from billing.core.entries import Note
from billing.core.errors import LedgerError
from billing.edge.ledger import Verification
from billing.edge.ledger.copying.ends import EACH, ORDERED, TABLES, unkept
from billing.edge.ledger.custody.checksum import FileChecksum
from billing.edge.ledger.custody.location import create_private
from billing.edge.ledger.moving import Chains, chains_told
from billing.edge.ledger.reader import Row
from billing.edge.ledger.sqlite.connection import connect
from billing.edge.ledger.sqlite.identity import unusable
from billing.edge.ledger.sqlite.layout import checked
from billing.edge.ledger.sqlite.ledger import SqliteLedger
from billing.edge.ledger.sqlite.schema import LAWS
from billing.edge.ledger.sqlite.tables import make_laws, make_tables
from billing.edge.ledger.sqlite.upgrade.replacing import discard

# ruff: noqa: S608 - the only texts put into these statements are constant names of tables and columns
_NUMBERING = next(law for law in LAWS if law.name == "entries_insert")
# Entries that were numbered on a server have gaps; those that are written here later have none.


class SqliteSource:
    """A file that is copied; it is held, so nothing is written meanwhile."""

    def __init__(self, ledger: SqliteLedger, heads: Path, key: bytes) -> None:
        """Copy from a ledger that was opened to write."""
        self.ledger, self.place = ledger, str(ledger.path)
        self._whole = FileChecksum(heads, key, ledger.path)

    def rows(self, table: str) -> Iterator[Row]:
        """Yield the rows of a table."""
        order = f" ORDER BY {ORDERED[table]}" if table in ORDERED else ""
        with closing(connect(self.ledger.path, write=False)) as conn:
            cursor = conn.execute(f"SELECT {', '.join(TABLES[table])} FROM {table}{order}")
            while some := cursor.fetchmany(EACH):
                yield from some

    def workers(self) -> Mapping[int, str]:
        """Return whose the chains are that it has brought along."""
        with closing(connect(self.ledger.path, write=False)) as conn:
            found = conn.execute(
                "SELECT facts FROM entries WHERE name = ? ORDER BY seq DESC LIMIT 1", (Note.LEDGER_ARRIVED,)
            ).fetchone()
        told = chains_told(found[0]) if found else {}
        return {0: ""} | {number: chain.worker for number, chain in told.items()}

    def last(self) -> Row | None:
        """Return the last entry."""
        with closing(connect(self.ledger.path, write=False)) as conn:
            found: Row | None = conn.execute(
                f"SELECT {', '.join(TABLES['entries'])} FROM entries ORDER BY seq DESC LIMIT 1"
            ).fetchone()
        return found

    def forget(self) -> None:
        """Remove the sum of the file: whoever opens it again reads every entry."""
        self._whole.file.unlink(missing_ok=True)


class SqliteTarget:
    """A file that becomes a ledger."""

    def __init__(self, path: Path) -> None:
        """Make it at ``path``, where nothing lies."""
        self.place, self._path = str(path), path
        self._draft = path.with_name(f"{path.name}.copying")

    def begin(self) -> None:
        """Make the empty tables in a file beside the place."""
        discard(self._draft)
        create_private(self._draft)
        with self._conn() as conn:
            make_tables(conn, {}, ())

    def write(self, table: str, rows: Iterable[Row]) -> None:
        """Put rows into a table."""
        columns = TABLES[table]
        text = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        with self._conn() as conn:
            try:
                conn.executemany(text, rows)
            except (sqlite3.IntegrityError, sqlite3.DataError, OverflowError, UnicodeError) as error:
                raise unkept(self.place, table, error) from error

    def loaded(self, _chains: Chains) -> None:
        """Put the laws in force."""
        with self._conn() as conn:
            make_laws(conn)

    def verify(self, key: bytes) -> Verification:
        """Check everything; the ends of the chains it brings along are told of by its last entry, which is to come."""
        with closing(connect(self._draft, write=False)) as conn:
            return checked(conn, key, [], arriving=True)

    def complete(self, entries: Iterable[Row]) -> None:
        """Append the last entries, and give the file its name."""
        columns = TABLES["entries"]
        text = f"INSERT INTO entries ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        with self._conn() as conn:
            conn.execute(f"DROP TRIGGER {_NUMBERING.name}")
            conn.executemany(text, entries)
            conn.execute(_NUMBERING.sql)
        with closing(connect(self._draft, write=True)) as conn:
            conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        try:
            _sync(self._draft)
            self._path.unlink(missing_ok=True)  # it is empty, or not there
            self._draft.rename(self._path)
            _sync(self._path.parent)
        except OSError as error:
            raise LedgerError(f"{self.place}: cannot be put there ({error.strerror}); type the same again") from error

    def discard(self) -> None:
        """Leave nothing behind."""
        discard(self._draft)

    @contextmanager
    def _conn(self) -> Iterator[sqlite3.Connection]:
        """Open the draft in one transaction.

        Raises:
            LedgerError: the disk does not take it.
        """
        try:
            with closing(connect(self._draft, write=True)) as conn:
                conn.execute("BEGIN IMMEDIATE")
                yield conn
                conn.execute("COMMIT")
        except sqlite3.Error as error:
            raise unusable(Path(self.place), error, "see to the disk, then type the same again") from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
