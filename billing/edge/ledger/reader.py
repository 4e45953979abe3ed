"""How everything that is read from a ledger is asked for: a question by its name, and values by theirs; no database."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from billing.core.errors import LedgerDamaged
from billing.edge.ledger.questions import Question

Row = tuple[Any, ...]
Asked = Mapping[str, object]
# The values of a question, by the names that its text has for them. Several texts travel as one: a list in JSON.
NOTHING: Asked = {}


class Reader(Protocol):
    """One connection that reads.

    Raises:
        LedgerDamaged: of every method: what stands there cannot be read.
        LedgerError: of every method: the database cannot be reached.
    """

    def all(self, question: Question, asked: Asked = NOTHING) -> list[Row]:
        """Return every row of an answer."""
        ...

    def first(self, question: Question, asked: Asked = NOTHING) -> Row | None:
        """Return the first row of an answer, or None."""
        ...

    def stream(self, question: Question, asked: Asked = NOTHING) -> Iterator[Row]:
        """Yield the rows of an answer, however many there are."""
        ...

    def at_one_moment(self) -> AbstractContextManager[None]:
        """See the same moment in every answer until the context ends; what streams must have ended by then."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


Snapshot = Callable[[], AbstractContextManager[Reader]]
# Gives a reader that sees one moment of the ledger until its context ends.


def unreadable(error: Exception) -> LedgerDamaged:
    """Return what a person is told of an answer that cannot be read."""
    return LedgerDamaged(f"the ledger cannot be read ({error}); restore the newest copy")


def as_list(values: Iterable[str] | Iterable[int]) -> str:
    """Return several values as the one parameter of a question."""
    return json.dumps(list(values))
