"""The two ends of a copy, whichever databases they are."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from billing.core.errors import LedgerError
from billing.edge.ledger import Verification
from billing.edge.ledger.database import DatabaseLedger
from billing.edge.ledger.moving import Chains
from billing.edge.ledger.postgres.schema import EVIDENCE
from billing.edge.ledger.reader import Row

TABLES: Mapping[str, tuple[str, ...]] = {
    table: tuple(column.split(" ", 1)[0] for column in columns)
    for table, columns in EVIDENCE.items()
    if table != "chains"
}
# What is copied, with the columns of each table, which are the same in every database: all evidence. Where chains end
# follows from their entries.
ORDERED: Mapping[str, str] = {"runs": "id", "items": "id", "entries": "seq"}
# By what the rows of a table are read in order; the others have none.
EACH = 2_000
# Rows that are fetched at once.


class Source(Protocol):
    """A ledger that is copied."""

    place: str

    @property
    def ledger(self) -> DatabaseLedger:
        """The ledger, opened to write."""
        ...

    def rows(self, table: str) -> Iterator[Row]:
        """Yield the rows of a table, in order where it has one."""
        ...

    def workers(self) -> Mapping[int, str]:
        """Return whose each chain is, as far as the database itself says it."""
        ...

    def last(self) -> Row | None:
        """Return the last entry, in all its columns."""
        ...

    def forget(self) -> None:
        """Forget what makes opening it quick: it is not written any more."""
        ...


class Target(Protocol):
    """A place that becomes a ledger. Until `complete` has returned nothing there opens as one."""

    place: str

    def begin(self) -> None:
        """Make the empty tables; what a copy that was cut off has left is gone."""
        ...

    def write(self, table: str, rows: Iterable[Row]) -> None:
        """Put rows into a table."""
        ...

    def loaded(self, chains: Chains) -> None:
        """Put the laws in force, once every row is there."""
        ...

    def verify(self, key: bytes) -> Verification:
        """Check everything, as of a ledger."""
        ...

    def complete(self, entries: Iterable[Row]) -> None:
        """Append the last entries, and let it be a ledger, all at once and durable."""
        ...

    def discard(self) -> None:
        """Leave nothing behind of a copy that failed."""
        ...


class OpenTarget(Protocol):
    """Opens a place for a copy, and keeps others out until the context ends."""

    def __call__(self) -> AbstractContextManager[Target]:
        """Open it."""
        ...


def unkept(place: str, table: str, error: Exception) -> LedgerError:
    """Return what is said of a row that the other database cannot keep."""
    return LedgerError(f"{place}: a row of {table} cannot be kept there ({error}); nothing was changed")
