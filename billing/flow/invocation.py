"""One invocation: what a person or a scheduler asks for beside the run itself, and how it ended."""

import fnmatch
from dataclasses import dataclass, field

from billing.core.entries import Known, Tally
from billing.core.exits import Exit


@dataclass(frozen=True, slots=True)
class Selection:
    """Which items a person wants: globs over the reference, or an exact account or customer id."""

    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def takes(self, known: Known) -> bool:
        """Tell whether ``known`` is wanted."""
        if self.only and not any(_names(pattern, known) for pattern in self.only):
            return False
        return not any(_names(pattern, known) for pattern in self.exclude)


def _names(pattern: str, known: Known) -> bool:
    return pattern in (known.account, known.lane) or fnmatch.fnmatchcase(known.reference, pattern)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What one invocation asks for beside the run itself.

    Attributes:
        selection: which items.
        limit: start at most this many items.
        max_failures: stop after this many items that were not paid.
        deadline: seconds after which nothing new is started.
        concurrency: items in flight.
        per_account: items in flight on an account that answers slowly, while others wait.
        declines_ok: declines count as good in the exit code that the record keeps.
    """

    selection: Selection = field(default_factory=Selection)
    limit: int | None = None
    max_failures: int | None = None
    deadline: float | None = None
    concurrency: int = 64
    per_account: int = 8
    declines_ok: bool = False


@dataclass(frozen=True, slots=True)
class Ending:
    """How an invocation ended.

    Attributes:
        exit: the exit code if it ended early, else OK: what the items are worth is the report's business.
        reason: a sentence for a person, empty when nothing stopped it.
        ended: of a command that only looks, the items that it brought to an end.
        changed: of such a command, how many items are now in another state.
    """

    exit: Exit = Exit.OK
    reason: str = ""
    ended: tuple[Tally, ...] = ()
    changed: int = 0
