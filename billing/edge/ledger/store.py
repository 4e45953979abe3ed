"""What the ledger's writer asks of a database: one transaction at a time, rows in, named statements. Eight-odd methods.

Everything that decides what is written knows this and no database: a second one is a second implementation of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

from billing.edge.ledger.chain import Head

Values = Sequence[object] | Mapping[str, object]
Row = tuple[Any, ...]


class Statement(StrEnum):
    """The statements that a store has a text for, by name."""

    ITEM = "item"
    RUN_OF_ID = "run_of_id"
    RUN_STARTED_AT = "run_started_at"
    RUN_STATUS = "run_status"
    REBUILD_BEGUN = "rebuild_begun"
    LAST_RUN = "last_run"
    LAST_ITEM = "last_item"
    FIRST_OF_SCOPE = "first_of_scope"
    PUT_RUN = "put_run"
    AMEND_RUN = "amend_run"
    SET_STATUS = "set_status"
    PUT_ITEM = "put_item"
    SKIP_ITEM = "skip_item"
    PUT_LINE = "put_line"
    KEEP_LOOKUP = "keep_lookup"


class Store(Protocol):
    """One connection; the writer is its only user.

    Whatever a method raises, `of_one_caller` judges: what concerns everybody ends all writing.
    """

    def begin(self) -> Head:
        """Begin a transaction that keeps other writers out, and return the end of the chain as it stands then."""
        ...

    def first_break(self, key: bytes, after: Head) -> int | None:
        """Return the number of the first entry after ``after`` that does not continue the chain, or None."""
        ...

    def head(self) -> Head:
        """Return the end of the chain."""
        ...

    def move(self, rows: Sequence[Row]) -> int:
        """Move items on, each only from what it is believed to be; return how many were."""
        ...

    def append(self, rows: Sequence[Row]) -> None:
        """Append entries."""
        ...

    def read(self, name: Statement, values: Values) -> Row | None:
        """Return the first row of a statement, or None."""
        ...

    def write(self, name: Statement, rows: Iterable[Values]) -> None:
        """Run a statement for each of these rows."""
        ...

    def shield(self) -> None:
        """Begin a part that can be undone alone."""
        ...

    def unshield(self, *, undo: bool) -> None:
        """End that part."""
        ...

    def commit(self) -> None:
        """Make the transaction durable, if there still is one."""
        ...

    def rollback(self) -> None:
        """Undo the transaction."""
        ...

    def abandon(self) -> None:
        """Undo what is open after a failure; never raises for the database's sake."""
        ...

    def of_one_caller(self, error: Exception) -> Exception | None:
        """Return what the caller is told whose work alone met ``error``; None where it concerns everybody."""
        ...
