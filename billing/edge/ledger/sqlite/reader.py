"""The reader of a SQLite file: one connection, and a sentence instead of an exception where that cannot be read."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from billing.edge.ledger.questions import Question
from billing.edge.ledger.reader import NOTHING, Asked, Row, unreadable
from billing.edge.ledger.sqlite.questions import QUESTIONS


@contextmanager
def legible() -> Iterator[None]:
    """Tell a person instead of a debugger that the file cannot be read.

    Raises:
        LedgerDamaged: it cannot.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise unreadable(error) from error


class SqliteReader:
    """A `Reader` over one connection, in whatever moment that sees."""

    def __init__(self, conn: sqlite3.Connection, texts: Mapping[Question, str] = QUESTIONS) -> None:
        """Read from a connection.

        Args:
            conn: outside a transaction, if one moment is to be seen.
            texts: of the questions, as the version of the ledger has its tables.
        """
        self._conn, self._texts = conn, texts

    def all(self, question: Question, asked: Asked = NOTHING) -> list[Row]:
        """Return every row of an answer."""
        with legible():
            return self._conn.execute(self._texts[question], asked).fetchall()

    def first(self, question: Question, asked: Asked = NOTHING) -> Row | None:
        """Return the first row of an answer, or None."""
        with legible():
            found: Row | None = self._conn.execute(self._texts[question], asked).fetchone()
            return found

    def stream(self, question: Question, asked: Asked = NOTHING) -> Iterator[Row]:
        """Yield the rows of an answer."""
        with legible():
            yield from self._conn.execute(self._texts[question], asked)

    @contextmanager
    def at_one_moment(self) -> Iterator[None]:
        """See the same moment in every answer until the context ends."""
        with legible():
            self._conn.execute("BEGIN")
        try:
            with legible():  # only a read begins to see a moment
                self._conn.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()
            yield
        finally:
            if self._conn.in_transaction:  # some errors of the disk end it
                self._conn.execute("ROLLBACK")

    def close(self) -> None:
        """Let go of the connection."""
        self._conn.close()
