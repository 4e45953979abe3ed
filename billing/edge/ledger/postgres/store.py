"""The writer's store in PostgreSQL: one connection, one chain, and two round trips for a commit however many it moves.

The first locks and moves the items and then takes the numbers of their entries, so that the numbers of an item ascend.
The second appends the entries, moves the chain on from where this writer believes it to end, and commits; it comes to
nothing if the chain ends elsewhere. Two processes that hold one chain can therefore never fork it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from operator import itemgetter
from typing import Any

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus

from billing.core.entries import BrokenPromise, CloneTaken
from billing.core.errors import LedgerError
from billing.edge.ledger.chain import Head
from billing.edge.ledger.postgres import arrays
from billing.edge.ledger.postgres.connecting import first_line
from billing.edge.ledger.postgres.names import LAW, PLANNING
from billing.edge.ledger.postgres.tables import Chain
from billing.edge.ledger.rows import ITEM_COLUMNS
from billing.edge.ledger.store import Row, Statement, Values

# ruff: noqa: S608 - the only texts put into these statements are constant lists of columns

Connection = psycopg.Connection[tuple[Any, ...]]
Call = tuple[str, Sequence[object]]
_SHIELD: Call = ("SAVEPOINT one", ())
PLAN_WAITS = "15min"
# How long a plan waits for another one that is being kept; a million lines take some minutes.
DEADLOCK = "40P01"

_NUMBER, _NUMBER_0, _TEXT, _TEXT_0 = arrays.numbers, arrays.numbers_or_none, arrays.texts, arrays.texts_or_none
_SQL_TYPES: Mapping[Callable[..., str], str] = {
    _NUMBER: "bigint", _NUMBER_0: "bigint", _TEXT: "text", _TEXT_0: "text", arrays.bytes_: "bytea",
}  # fmt: skip
_MOVED = (_NUMBER, _TEXT, _NUMBER, _NUMBER, _TEXT, _NUMBER, _NUMBER, _TEXT_0, _TEXT_0, _TEXT_0, _TEXT_0, _NUMBER_0)
_ENTRY = (_NUMBER, _TEXT, _NUMBER_0, _NUMBER_0, _NUMBER, _NUMBER, _TEXT, arrays.bytes_)
_AT, _CHAIN = 1, 6
# Of an entry's columns, those that all entries of a transaction have in common.

MOVE = f"SELECT billing.move({', '.join(['%s'] * 13)})"
APPEND = """INSERT INTO entries (seq, at, name, run, item, ver, chain, attempt, facts, mac)
    SELECT seq, %s, name, run, item, ver, %s, attempt, facts, mac
    FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bigint[], %s::integer[], %s::integer[], %s::text[],
    %s::bytea[]) AS new (seq, name, run, item, ver, attempt, facts, mac)"""
ADVANCE = "SELECT billing.advance(%s, %s, %s, %s, %s)"
NUMBER = "SELECT billing.numbers(%s)"

READS: Mapping[Statement, str] = {
    Statement.ITEM: f"SELECT {ITEM_COLUMNS}, items.run FROM items WHERE id = %s FOR NO KEY UPDATE",
    # Whoever is about to write about a run locks its row first: the numbers of its entries ascend.
    Statement.RUN_OF_ID: """SELECT id, scope, revision, platform, name, period, mode, kind FROM runs
        WHERE run_id = %s FOR NO KEY UPDATE""",
    Statement.RUN_STARTED_AT: "SELECT id, started_at FROM runs WHERE run_id = %s FOR NO KEY UPDATE",
    Statement.RUN_STATUS: "SELECT status FROM runs WHERE run_id = %s",
    Statement.REBUILD_BEGUN: "SELECT 1 FROM lookups WHERE kind = %s AND name = %s",
    Statement.LAST_RUN: "SELECT coalesce(max(id), 0) FROM runs",
    Statement.LAST_ITEM: "SELECT coalesce(max(id), 0) FROM items",
    Statement.FIRST_OF_SCOPE: """SELECT min(id) FROM runs WHERE platform = %(platform)s AND mode = %(mode)s
        AND kind = %(kind)s AND (%(always)s OR period = %(period)s)""",
}
_RUN_SUMS = "header = %s, file_sha256 = %s, plan_digest = %s, revision = %s, status = %s, planned_at = %s"
ONE_BY_ONE: Mapping[Statement, str] = {
    Statement.PUT_RUN: f"""INSERT INTO runs (id, run_id, scope, platform, name, period, mode, kind, header, file_sha256,
        plan_digest, revision, status, planned_at, started_at, finished_at) VALUES ({"%s, " * 14}'', '')""",
    Statement.AMEND_RUN: f"UPDATE runs SET {_RUN_SUMS} WHERE id = %s",
    Statement.SET_STATUS: "UPDATE runs SET status = %s, started_at = %s, finished_at = %s WHERE id = %s",
}
MANY: Mapping[Statement, tuple[str, Sequence[Callable[..., str]]]] = {
    Statement.PUT_ITEM: (
        """INSERT INTO items (id, run, scope, reference, generation, account, payer, amount, currency, digest, content)
        SELECT * FROM unnest({}) AS new""",
        (_NUMBER, _NUMBER, _NUMBER, _TEXT, _NUMBER, _TEXT, _TEXT, _NUMBER, _TEXT, _TEXT, _TEXT),
    ),
    Statement.SKIP_ITEM: (
        """UPDATE items SET state = became.state, ver = 1, last_event = became.event, facts = became.facts,
        due = became.due FROM unnest({}) AS became (state, event, facts, due, id) WHERE items.id = became.id""",
        (_TEXT, _TEXT, _TEXT_0, _NUMBER_0, _NUMBER),
    ),
    Statement.PUT_LINE: (
        "INSERT INTO lines SELECT * FROM unnest({}) AS new",
        (_NUMBER, _NUMBER, _NUMBER, _NUMBER, _TEXT, _NUMBER_0, _TEXT, _TEXT),
    ),
    # In the order of their names: two writers that keep the same ones never wait for each other in a circle.
    Statement.KEEP_LOOKUP: (
        """INSERT INTO lookups SELECT * FROM unnest({}) AS new (kind, name, at, facts, mac) ORDER BY kind, name
        ON CONFLICT (kind, name) DO UPDATE SET at = excluded.at, facts = excluded.facts, mac = excluded.mac""",
        (_TEXT, _TEXT, _NUMBER, _TEXT, arrays.bytes_),
    ),
}


@lru_cache(maxsize=len(MANY))
def _text_of_many(name: Statement) -> str:
    text, kinds = MANY[name]
    return text.format(", ".join(f"%s::{_SQL_TYPES[kind]}[]" for kind in kinds))


class PostgresStore:
    """A `Store` over one writing connection.

    Attributes:
        conn: for what only this database has: its locks, its tables.
        chain: the number of the chain that it writes.
    """

    helps = "See to the database"

    def __init__(self, conn: Connection, chain: Chain) -> None:
        self.conn, self.chain = conn, chain.number
        self._head = chain.head
        self._unsent: list[Call] = []
        self._written = False

    def begin(self, *, alone: bool = False) -> Head:
        """Begin a transaction; nothing is asked yet: the commit finds out whether the chain ends where it did."""
        self._unsent = [("BEGIN", ())]
        if alone:
            self._unsent += [("SET LOCAL lock_timeout = '%s'" % PLAN_WAITS, ()), (_LOCK, (PLANNING,))]  # noqa: UP031
            self._send()
            self._unsent = [("SET LOCAL lock_timeout = '60s'", ())]
        return self._head

    def first_break(self, key: bytes, after: Head) -> int | None:  # noqa: ARG002 - nothing is there to be checked
        """Return the number of the first entry after ``after``: there is none that anybody else could have written."""
        return after.seq

    def head(self) -> Head:
        """Return the end of the chain that this store has written."""
        return self._head

    def move(self, layers: Sequence[Sequence[Row]], entries: int, after: Head) -> Sequence[int] | None:  # noqa: ARG002 - the database numbers them
        """Move items on, and take numbers."""
        self._written = True
        for layer in layers[:-1]:
            self._unsent.append((MOVE, self._moves(layer, 0)))
        self._unsent.append((MOVE, self._moves(layers[-1], entries)) if layers else (NUMBER, (entries,)))
        count = max(len(layers), 1)
        answers = [cursor.fetchone() for cursor in self._send()[-count:]]
        found = [None if answer is None else answer[0] for answer in answers]
        return None if None in found else found[-1]

    @staticmethod
    def _moves(rows: Sequence[Row], entries: int) -> list[object]:
        # By their numbers: two writers that move the same items never wait for each other in a circle.
        return [*arrays.columns(sorted(rows, key=itemgetter(0)), _MOVED), entries]

    def append(self, rows: Sequence[Row], *, last: bool) -> None:
        """Append entries; ``last`` lets them travel with the commit."""
        if not rows:
            return
        own = [row[:_AT] + row[_AT + 1 : _CHAIN] + row[_CHAIN + 1 :] for row in rows]
        self._written = True
        self._unsent.append((APPEND, [rows[0][_AT], rows[0][_CHAIN], *arrays.columns(own, _ENTRY)]))
        if not last:
            self._send()

    def read(self, name: Statement, values: Values) -> Row | None:
        """Return the first row of a statement, or None."""
        self._unsent.append((READS[name], values))  # type: ignore[arg-type]
        return self._send()[-1].fetchone()

    def write(self, name: Statement, rows: Iterable[Values]) -> None:
        """Run a statement for each of these rows."""
        self._written = True
        if name in ONE_BY_ONE:
            self._unsent += [(ONE_BY_ONE[name], row) for row in rows]  # type: ignore[misc]
        elif some := list(rows):
            self._unsent.append((_text_of_many(name), arrays.columns(some, MANY[name][1])))  # type: ignore[arg-type]
        self._send()

    def shield(self) -> None:
        """Begin a part that can be undone alone."""
        self._unsent.append(_SHIELD)
        self._written = False

    def unshield(self, *, undo: bool) -> None:
        """End that part; what has only read has nothing to be undone."""
        if self._unsent[-1:] == [_SHIELD]:
            self._unsent.pop()
            return
        if undo and (self._written or self.conn.info.transaction_status is TransactionStatus.INERROR):
            self._undo(b"ROLLBACK TO one")
        self._unsent.append(("RELEASE one", ()))

    def commit(self, after: Head) -> None:
        """Move the chain on and make the transaction durable, if there still is one."""
        if not self._open():
            self._unsent = []
            return
        if after != self._head:
            before = self._head
            self._unsent.append((ADVANCE, (self.chain, before.seq, before.mac, after.seq, after.mac)))
        self._unsent.append(("COMMIT", ()))
        if (said := self._send()[-1].statusmessage) != "COMMIT":
            # A server answers so, and calls it no error, where it has given the transaction up before.
            raise LedgerError(f"the database answered a commit with {said}")
        self._head = after

    def rollback(self) -> None:
        """Undo the transaction."""
        if self._open():
            self._undo(b"ROLLBACK")
        self._unsent = []

    def abandon(self) -> None:
        """Undo what is open after a failure."""
        self._unsent = []
        with suppress(psycopg.Error):
            if self.conn.info.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
                self.conn.execute("ROLLBACK")
                return
        if self.conn.info.transaction_status is not TransactionStatus.IDLE:
            self.conn.close()

    def of_one_caller(self, error: Exception) -> Exception | None:
        """Return what the caller is told whose work alone met ``error``; None where it concerns everybody."""
        if not isinstance(error, psycopg.Error):
            return error
        told: Exception | None = None
        if isinstance(error, psycopg.errors.UniqueViolation):
            at = error.diag.constraint_name
            kind = CloneTaken if at == "items_instrument" else BrokenPromise
            told = kind(f"UNIQUE constraint failed: {at}")
        elif isinstance(error, psycopg.IntegrityError) or error.sqlstate == LAW:
            told = BrokenPromise(error.diag.message_primary or first_line(error))
        elif error.sqlstate == DEADLOCK:
            told = LedgerError("another writer moved the same items in another order; nothing of this was kept")
        elif isinstance(error, psycopg.DataError):
            told = BrokenPromise(first_line(error))
        if told is not None:
            told.__cause__ = error
        return told

    def failed(self, error: BaseException) -> str:
        """Return what is said of a failure that ends all writing: what a server tells of its rows is left out."""
        return first_line(error)

    def _undo(self, text: bytes) -> None:
        """Undo past psycopg, which forgets all that it has prepared when it hears of a rollback, and prepares it anew.

        In a pipeline it would even take for prepared what it then has the server forget.
        """
        self._unsent = []
        result = self.conn.pgconn.exec_(text)
        if result.status != ExecStatus.COMMAND_OK:
            raise psycopg.OperationalError(result.get_error_message())

    def _open(self) -> bool:
        """Tell whether there is a transaction, on the server or about to be."""
        return self.conn.info.transaction_status is not TransactionStatus.IDLE

    def _send(self) -> list["psycopg.Cursor[tuple[Any, ...]]"]:
        """Send what waits, in one round trip, and return its answers; behind the first error nothing is carried out."""
        calls, self._unsent = self._unsent, []
        if len(calls) == 1:
            return [self.conn.execute(*calls[0], prepare=True)]
        if not calls:
            return []
        with self.conn.pipeline():
            return [self.conn.execute(text, values, prepare=bool(values)) for text, values in calls]


_LOCK = "SELECT pg_advisory_xact_lock(%s)"
