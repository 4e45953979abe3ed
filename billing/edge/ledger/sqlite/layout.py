"""How the tables of a version are read: what a check asks of a ledger of this version, or of an earlier one."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from billing.core.entries import Note
from billing.edge.ledger import Verification, verify
from billing.edge.ledger.chain import CHAIN, Head
from billing.edge.ledger.kind_rows import VERSION
from billing.edge.ledger.moving import chains_told
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

    several = True
    # One process at a time writes it, all to one chain; others it may have brought along from a server.

    def __init__(self, conn: sqlite3.Connection, layout: Layout, *, arriving: bool = False) -> None:
        """Check by a connection outside a transaction; ``arriving``: it was copied, and has not noted that yet."""
        self._conn, self._layout, self._arriving = conn, layout, arriving
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
        """Yield a sentence for every chain that does not end where the entry says with which the ledger came here."""
        if self._arriving:
            return
        brought = {chain: head for chain, head in heads.items() if chain != CHAIN}
        arrivals = self.reader.all(Question.UPGRADES, {"name": Note.LEDGER_ARRIVED})
        told = chains_told(arrivals[-1][1]) if arrivals else {}
        ends = {chain: end.head for chain, end in told.items() if chain != CHAIN and end.head.seq}
        for chain in sorted(brought.keys() | ends.keys()):
            if brought.get(chain) != ends.get(chain):
                yield f"chain {chain}: does not end where it ended when the ledger was copied here"


def checked(
    conn: sqlite3.Connection,
    key: bytes,
    witnesses: Sequence[verify.Witnessing],
    layout: Layout = LAYOUT,
    *,
    arriving: bool = False,
) -> Verification:
    """Check a ledger's file; see `billing.edge.ledger.verify.verify`.

    Args:
        conn: outside a transaction.
        key: of the chain.
        witnesses: of this ledger.
        layout: of its version.
        arriving: it was copied, and has not noted that yet.
    """
    found = verify.verify(SqliteDatabase(conn, layout, arriving=arriving), key, witnesses)
    # The end of the one chain that goes on stands for all: an entry of it says where the others end.
    own = found.heads.get(CHAIN)
    return replace(found, head=own.mac.hex()) if own else found
