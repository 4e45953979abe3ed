"""What the ledger's writer asks of a database: one transaction at a time, rows in, named statements. A dozen methods.

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

    Attributes:
        chain: the number of the chain that it writes.
        helps: what a person sees to when writing has ended, as a sentence begins.
    """

    chain: int
    helps: str

    def begin(self, *, alone: bool = False) -> Head:
        """Begin a transaction, and return the end of the chain: as it stands, or as this writer has left it.

        What is returned is held to at the latest by `commit`, so that a chain has one writer at a time.

        Args:
            alone: no other transaction of this sort goes on meanwhile, of any writer: plans and kinds.
        """
        ...

    def first_break(self, key: bytes, after: Head) -> int | None:
        """Return the number of the first entry after ``after`` that does not continue the chain, or None."""
        ...

    def head(self) -> Head:
        """Return the end of the chain."""
        ...

    def move(self, layers: Sequence[Sequence[Row]], entries: int, after: Head) -> Sequence[int] | None:
        """Move items on, layer after layer, each only from what it is believed to be; then number what is appended.

        The numbers are taken once the items are locked: those of one item ascend, whoever moves it.

        Args:
            layers: of rows; an item stands in a layer once.
            entries: how many numbers are wanted.
            after: the end of the chain.

        Returns:
            The numbers, ascending; None if an item was not as it is believed to be.
        """
        ...

    def append(self, rows: Sequence[Row], *, last: bool) -> None:
        """Append entries; ``last`` says that nothing but `commit` follows, which may then meet what fails here."""
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

    def commit(self, after: Head) -> None:
        """Make the transaction durable, if there still is one; the chain then ends at ``after``.

        Whatever it raises, the transaction may stand there or not: it is read anew, never assumed.
        """
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

    def failed(self, error: BaseException) -> str:
        """Return what is said of a failure that ends all writing."""
        ...
