"""Problems are collected, never thrown one by one: the first hundred are kept, all of them are counted."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from billing.core.errors import InvalidInput, Problem

KEPT = 100
# What a person can read at once; everything is in the file of bad lines.
# See edge/runfiles/README.md, "Bounds".


class FieldError(ValueError):
    """A value that cannot stand.

    Attributes:
        column: our name of the field, such as ``amount``; whoever knows the file turns it into a place.
        code: stable machine name.
        message: the whole sentence, quoting the offending text safely.
        hint: what would help, or empty.
    """

    def __init__(self, column: str, code: str, message: str, hint: str = "") -> None:
        self.column = column
        self.code = code
        self.message = message
        self.hint = hint
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one place of an item: ``column`` as in `Problem`, ``line`` 0 for the item's first line."""

    column: int
    code: str
    message: str
    hint: str = ""
    line: int = 0


@dataclass(slots=True)
class Collector:
    """The first problems found and the count of all of them."""

    first: list[Problem] = field(default_factory=list)
    total: int = 0

    def add(self, problem: Problem) -> None:
        """Count a problem and keep it if it is among the first."""
        self.total += 1
        if len(self.first) < KEPT:
            self.first.append(problem)

    def by_place(self) -> tuple[Problem, ...]:
        """What was kept, in the order of the file."""
        return tuple(sorted(self.first, key=lambda found: (found.file, found.line, found.column)))

    def raise_if_any(self) -> None:
        """Refuse the file when anything was found.

        Raises:
            InvalidInput: with the first problems, by place, and the count of all.
        """
        if self.total:
            raise InvalidInput(self.by_place(), self.total)


class Unreadable(Exception):
    """From here on the file cannot be read: what follows would be guesswork. ``line`` 0 means the file as a whole.

    ``quiet`` when every problem was noted already and reading merely stops.
    """

    def __init__(self, line: int, column: int, code: str, message: str, hint: str = "") -> None:
        self.line = line
        self.fault = Fault(column, code, message, hint)
        self.quiet = not code
        super().__init__(message)

    @classmethod
    def silent(cls) -> "Unreadable":
        """Reading stops; the reasons are noted already."""
        return cls(0, 0, "", "")


def suggestion(name: str, options: Iterable[str]) -> str:
    """``did you mean "amount"?`` for a misspelt name, or the list of what there is."""
    item = list(options)
    close = difflib.get_close_matches(name.strip().lower().replace(" ", "_").replace("-", "_"), item, n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else f"known: {', '.join(item)}"
