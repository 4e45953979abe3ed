"""How the tables of a version are read: what a check asks of a ledger of this version, or of an earlier one."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from billing.edge.ledger import Verification, verify
from billing.edge.ledger.chain import Head
from billing.edge.ledger.kind_rows import VERSION
from billing.edge.ledger.questions import Question
from billing.edge.ledger.reader import Reader
from billing.edge.ledger.sqlite.questions import QUESTIONS
from billing.edge.ledger.sqlite.reader import SqliteReader, legible
from billing.edge.ledger.sqlite.tables import differences


@dataclass(frozen=True, slots=True)
class Layout:
    """How the tables of one version are read; a check asks them all alike.

    Attributes:
        version: of the ledger; how its entries are chained unless an upgrade says otherwise.
        questions: their texts.
        differences: of the schema from what a program of the version made.
        due: whether items say when they are due.
    """

    version: int
    questions: Mapping[Question, str]
    differences: Callable[[sqlite3.Connection], Iterator[str]]
    due: bool = True


LAYOUT = Layout(version=VERSION, questions=QUESTIONS, differences=differences)


class SqliteDatabase:
    """A SQLite file to be checked; see `billing.edge.ledger.verify.Database`."""

    several = False

    def __init__(self, conn: sqlite3.Connection, layout: Layout) -> None:
        """Check by a connection outside a transaction."""
        self._conn, self._layout = conn, layout
        self.reader: Reader = SqliteReader(conn, layout.questions)
        self.version, self.due = layout.version, layout.due

    def damages(self) -> Iterator[str]:
        """Yield what SQLite finds in its pages and indexes."""
        with legible():
            for (line,) in self._conn.execute("PRAGMA integrity_check(5)"):
                if line != "ok":
                    yield line

    def differences(self) -> Iterator[str]:
        """Yield a sentence for everything that is not as a program of the version makes it."""
        with legible():
            yield from self._layout.differences(self._conn)

    def strays(self, heads: Mapping[int, Head]) -> Iterator[str]:
        """Yield nothing: the one chain ends where its entries do."""
        del heads
        return iter(())


def checked(
    conn: sqlite3.Connection, key: bytes, witnesses: Sequence[verify.Witnessing], layout: Layout = LAYOUT
) -> Verification:
    """Check a ledger's file; see `billing.edge.ledger.verify.verify`.

    Args:
        conn: outside a transaction.
        key: of the chain.
        witnesses: of this ledger.
        layout: of its version.
    """
    return verify.verify(SqliteDatabase(conn, layout), key, witnesses)
