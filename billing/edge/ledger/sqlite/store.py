"""The writer's store in SQLite: one connection and the texts of the named statements."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from billing.core.entries import BrokenPromise, CloneTaken
from billing.edge.ledger.chain import CHAIN, Head
from billing.edge.ledger.rows import ITEM_COLUMNS
from billing.edge.ledger.sqlite import bulk
from billing.edge.ledger.sqlite.chain_reads import first_break, read_head
from billing.edge.ledger.store import Row, Statement, Values

# ruff: noqa: S608 - the only texts put into these statements are constant lists of columns

OF_ONE_CALLER = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError)
# A broken constraint or a value that no column can hold. After any other error of the database nothing is known about
# the disk any more.
TAKEN = "UNIQUE constraint failed: items.instrument_id"
# How SQLite words it when a row would hold what another one holds. (sqlite.org/rescode.html#constraint_unique)

FIRST_OF_SCOPE = """SELECT min(id) FROM runs WHERE platform = :platform AND mode = :mode AND kind = :kind
    AND (:always OR period = :period)"""
STATEMENTS: Mapping[Statement, str] = {
    Statement.ITEM: f"SELECT {ITEM_COLUMNS}, items.run FROM items WHERE id = ?",
    Statement.RUN_OF_ID: """SELECT id, scope, revision, platform, name, period, mode, kind FROM runs
        WHERE run_id = ?""",
    Statement.RUN_STARTED_AT: "SELECT id, started_at FROM runs WHERE run_id = ?",
    Statement.RUN_STATUS: "SELECT status FROM runs WHERE run_id = ?",
    Statement.REBUILD_BEGUN: "SELECT 1 FROM lookups WHERE kind = ? AND name = ?",
    Statement.LAST_RUN: "SELECT ifnull(max(id), 0) FROM runs",
    Statement.LAST_ITEM: "SELECT ifnull(max(id), 0) FROM items",
    Statement.FIRST_OF_SCOPE: FIRST_OF_SCOPE,
    Statement.PUT_RUN: """INSERT INTO runs (id, run_id, scope, platform, name, period, mode, kind, header, file_sha256,
        plan_digest, revision, status, planned_at, started_at, finished_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '')""",
    Statement.AMEND_RUN: """UPDATE runs SET header = ?, file_sha256 = ?, plan_digest = ?, revision = ?, status = ?,
        planned_at = ? WHERE id = ?""",
    Statement.SET_STATUS: "UPDATE runs SET status = ?, started_at = ?, finished_at = ? WHERE id = ?",
    Statement.PUT_ITEM: """INSERT INTO items (id, run, scope, reference, generation, account, payer, amount, currency,
        digest, content) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
    Statement.SKIP_ITEM: "UPDATE items SET state = ?, ver = 1, last_event = ?, facts = ?, due = ? WHERE id = ?",
    Statement.PUT_LINE: "INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    Statement.KEEP_LOOKUP: """INSERT INTO lookups VALUES (?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET at = excluded.at, facts = excluded.facts, mac = excluded.mac""",
}


class SqliteStore:
    """A `Store` over one writing connection.

    Attributes:
        conn: for what only this database has: its log, its tables.
    """

    chain = CHAIN
    helps = "See to the disk"

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.conn = conn

    def begin(self, *, alone: bool = False) -> Head:  # noqa: ARG002 - every transaction that writes is alone
        """Begin a transaction, the only one that writes."""
        self.conn.execute("BEGIN IMMEDIATE")
        return self.head()

    def first_break(self, key: bytes, after: Head) -> int | None:
        """Return the number of the first entry after ``after`` that does not continue the chain, or None."""
        return first_break(self.conn, key, after)

    def head(self) -> Head:
        """Return the end of the chain."""
        return read_head(self.conn)

    def move(self, layers: Sequence[Sequence[Row]], entries: int, after: Head) -> Sequence[int] | None:
        """Move items on by rows of `bulk.MOVE`; the numbers are the next ones."""
        for layer in layers:
            if bulk.write(self.conn, bulk.MOVE, layer) != len(layer):
                return None
        return range(after.seq + 1, after.seq + 1 + entries)

    def append(self, rows: Sequence[Row], *, last: bool) -> None:  # noqa: ARG002 - nothing is gained by waiting
        """Append entries."""
        bulk.write(self.conn, bulk.APPEND, rows)

    def read(self, name: Statement, values: Values) -> Row | None:
        """Return the first row of a statement, or None."""
        found: Row | None = self.conn.execute(STATEMENTS[name], values).fetchone()
        return found

    def write(self, name: Statement, rows: Iterable[Values]) -> None:
        """Run a statement for each of these rows."""
        self.conn.executemany(STATEMENTS[name], rows)

    def shield(self) -> None:
        """Begin a part that can be undone alone."""
        self.conn.execute("SAVEPOINT one")

    def unshield(self, *, undo: bool) -> None:
        """End that part."""
        if undo:
            self.conn.execute("ROLLBACK TO one")
        self.conn.execute("RELEASE one")

    def commit(self, after: Head) -> None:  # noqa: ARG002 - the chain ends at its last entry
        """Make the transaction durable, if there still is one."""
        if self.conn.in_transaction:
            self.conn.execute("COMMIT")

    def rollback(self) -> None:
        """Undo the transaction."""
        self.conn.execute("ROLLBACK")

    def abandon(self) -> None:
        """Undo what is open after a failure."""
        with suppress(sqlite3.Error):
            if self.conn.in_transaction:
                self.conn.execute("ROLLBACK")

    def checkpoint(self) -> None:
        """Carry the log over into the database, as far as nobody reads it."""
        self.conn.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def of_one_caller(self, error: Exception) -> Exception | None:
        """Return what the caller is told whose work alone met ``error``; None where it concerns everybody."""
        if isinstance(error, sqlite3.IntegrityError):
            broken = (CloneTaken if TAKEN in str(error) else BrokenPromise)(str(error))
            broken.__cause__ = error
            return broken
        return None if isinstance(error, sqlite3.Error) and not isinstance(error, OF_ONE_CALLER) else error

    def failed(self, error: BaseException) -> str:
        """Return what is said of a failure that ends all writing."""
        return str(error)
