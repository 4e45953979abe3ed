"""One invocation: what a person or a scheduler asks for beside the run itself, and how it ended."""

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass, field

from billing.core.entries import ItemRecord
from billing.core.exits import Exit
from billing.core.items import Named
from billing.core.planrows import TO_CHARGE, standing
from billing.core.records import Tally


@dataclass(frozen=True, slots=True)
class Selection:
    """Which items a person wants: globs over the reference, or an exact account or customer id.

    Attributes:
        only: nothing but what one of these names; empty for all.
        exclude: nothing that one of these names.
        rows: ledger rows that a limit chose, or that are to be closed; None for all.
        strict: nothing but these rows. Otherwise what takes no money any more is not kept from its end.
    """

    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    rows: frozenset[int] | None = None
    strict: bool = False

    def takes(self, item: Named) -> bool:
        """Tell whether ``item`` is wanted."""
        if self.only and not any(names(pattern, item) for pattern in self.only):
            return False
        if any(names(pattern, item) for pattern in self.exclude):
            return False
        if self.rows is None or not isinstance(item, ItemRecord) or item.id in self.rows:
            return True
        return not self.strict and standing(item) != TO_CHARGE

    def named_by(self, item: Named) -> set[str]:
        """Return the patterns that name ``item``."""
        return {pattern for pattern in (*self.only, *self.exclude) if names(pattern, item)}


def names(pattern: str, item: Named) -> bool:
    """Tell whether a pattern names an item."""
    return pattern in (item.account, item.payer) or matches((pattern,), item.reference)


def matches(globs: Iterable[str], reference: str) -> bool:
    """Tell whether one of the globs names a reference."""
    return any(fnmatch.fnmatchcase(reference, glob) for glob in globs)


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
