"""Checking a ledger in PostgreSQL: what only this database has, beside what is checked of every ledger."""

from collections.abc import Iterator, Mapping, Sequence

from billing.edge.ledger import Verification, verify
from billing.edge.ledger.chain import Head
from billing.edge.ledger.kind_rows import VERSION
from billing.edge.ledger.postgres import tables
from billing.edge.ledger.postgres.reader import Connection, PostgresReader, legible
from billing.edge.ledger.questions import Question
from billing.edge.ledger.reader import Reader


class PostgresDatabase:
    """A PostgreSQL database to be checked; see `billing.edge.ledger.verify.Database`."""

    version, several, due = VERSION, True, True

    def __init__(self, conn: Connection) -> None:
        """Check by a connection outside a transaction."""
        self._conn = conn
        self.reader: Reader = PostgresReader(conn)

    def damages(self) -> Iterator[str]:
        """Yield nothing: the server refuses to read a page that does not match its checksum."""
        return iter(())

    def differences(self) -> Iterator[str]:
        """Yield a sentence for everything that is not as this program makes it."""
        with legible():
            yield from tables.differences(self._conn)

    def strays(self, heads: Mapping[int, Head]) -> Iterator[str]:
        """Yield a sentence for every chain whose row says another end than its entries have."""
        told = {chain: Head(seq, mac) for chain, seq, mac in self.reader.all(Question.HEADS)}
        for chain in sorted({*told, *heads}):
            if told.get(chain) != heads.get(chain):
                ends, has = (of[chain].seq if chain in of else 0 for of in (told, heads))
                yield f"chain {chain}: is said to end at entry {ends}, and ends at {has}, or with another mac"


def checked(conn: Connection, key: bytes, witnesses: Sequence[verify.Witnessing]) -> Verification:
    """Check a ledger in a database; see `billing.edge.ledger.verify.verify`.

    Args:
        conn: outside a transaction.
        key: of the chains.
        witnesses: of those chains of this ledger that one is known of.
    """
    return verify.verify(PostgresDatabase(conn), key, witnesses)
