"""The reader of a PostgreSQL database: one connection, and a sentence instead of an exception where that fails."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any

import psycopg

from billing.core.errors import LedgerError
from billing.edge.ledger.postgres.connecting import first_line
from billing.edge.ledger.postgres.questions import QUESTIONS, SETTLED
from billing.edge.ledger.questions import Question
from billing.edge.ledger.reader import NOTHING, Asked, Row, unreadable

Connection = psycopg.Connection[tuple[Any, ...]]
ONE_MOMENT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT"
# Only the first statement of a transaction begins to see a moment.
AT_A_TIME = 2_000
# Rows of a stream that travel together.
NOT_DAMAGED = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.InsufficientPrivilege)
# What says nothing about what stands in the database.
_UNREADABLE = re.compile(r"\\u(0000|[dD][89a-fA-F])")
# Escapes in JSON of what no text of the database can hold.


@contextmanager
def legible() -> Iterator[None]:
    """Tell a person instead of a debugger that the ledger cannot be read.

    Raises:
        LedgerError: the database cannot be reached, or does not answer.
        LedgerDamaged: what stands there cannot be read.
    """
    try:
        yield
    except NOT_DAMAGED as error:
        raise LedgerError(
            f"the ledger cannot be read ({first_line(error)}); see to the database, then run the same command again"
        ) from error
    except psycopg.Error as error:
        raise unreadable(psycopg.Error(first_line(error))) from error


class PostgresReader:
    """A `Reader` over one connection."""

    def __init__(self, conn: Connection, again: Callable[[], Connection] | None = None) -> None:
        """Read from a connection.

        Args:
            conn: outside a transaction.
            again: opens another one where that is gone, such as after a restart of the server; None goes without.
        """
        self._conn, self._again, self._streams = conn, again, count()
        self._settled: int | None = None  # of the moment that is seen, if one is

    def all(self, question: Question, asked: Asked = NOTHING) -> list[Row]:
        """Return every row of an answer."""
        with legible():
            self._require()
            return self._conn.execute(QUESTIONS[question], self._values(question, asked)).fetchall()

    def first(self, question: Question, asked: Asked = NOTHING) -> Row | None:
        """Return the first row of an answer, or None."""
        with legible():
            self._require()
            return self._conn.execute(QUESTIONS[question], self._values(question, asked)).fetchone()

    def stream(self, question: Question, asked: Asked = NOTHING) -> Iterator[Row]:
        """Yield the rows of an answer, however many: the server keeps what was not asked for yet."""
        if self._settled is None:
            with self.at_one_moment():
                yield from self.stream(question, asked)
            return
        with legible(), self._conn.cursor(f"stream_{next(self._streams)}") as cursor:
            cursor.itersize = AT_A_TIME
            yield from cursor.execute(QUESTIONS[question], self._values(question, asked))

    @contextmanager
    def at_one_moment(self) -> Iterator[None]:
        """See the same moment in every answer until the context ends."""
        with legible():
            self._require()
            settled = self._unwritten()
            self._conn.execute(ONE_MOMENT)
        self._settled = settled
        try:
            yield
        finally:
            self._settled = None
            with suppress(psycopg.Error):  # nothing was written: a connection that is gone takes nothing with it
                self._conn.execute("ROLLBACK")

    def close(self) -> None:
        """Let go of the connection."""
        self._again = None
        self._conn.close()

    def _require(self) -> None:
        """Open another connection where the last one is gone; a moment ends with the connection that saw it."""
        if self._conn.closed and self._again and self._settled is None:
            self._conn = self._again()

    def _values(self, question: Question, asked: Asked) -> dict[str, object]:
        """Return the values of a question, as this database takes them."""
        values = {name: _held(value) if isinstance(value, str) else value for name, value in asked.items()}
        if question is Question.LAST_ENTRY:
            values["settled"] = self._unwritten() if self._settled is None else self._settled
        return values

    def _unwritten(self) -> int:
        """Return a number such that every entry up to it is there in any moment that begins from now on."""
        cursor = self._conn.execute(SETTLED)
        found: list[tuple[int | None]] = cursor.fetchall()
        cursor.nextset()
        found += cursor.fetchall()
        return min(number for (number,) in found if number is not None)


def _held(text: str) -> str:
    """Return a text as this database takes it; one with a NUL, which it cannot hold, is found nowhere."""
    if "\0" in text:
        return text.replace("\0", "\ufffd")
    if text.startswith("[") and _UNREADABLE.search(text):
        with suppress(ValueError):  # it only begins as a list does
            return json.dumps([_repaired(each) for each in json.loads(text)])
    return str(text)


def _repaired(text: str) -> str:
    """Return a text without NUL and without halves of surrogate pairs."""
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
