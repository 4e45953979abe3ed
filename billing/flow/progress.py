"""What a person watching a run wants to see, counted once for the terminal, the log and the machine."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from billing.core.states import Group


@dataclass(slots=True)
class Snapshot:
    """Where a run stands at a moment.

    Attributes:
        total: items this invocation works on.
        done: items it has finished with (final or resting).
        counts: finished items by report group.
        in_flight: items being worked on.
        rate: requests a second the key may send now.
        sent: requests sent so far.
        rate_limited: of those, answered 429.
        elapsed: seconds since the start, monotonic.
    """

    total: int
    done: int = 0
    counts: Counter[Group] = field(default_factory=Counter)
    in_flight: int = 0
    rate: float = 0.0
    sent: int = 0
    rate_limited: int = 0
    elapsed: float = 0.0


class Watch(Protocol):
    """Whoever is told after each finished item; it must return quickly and decides itself how often to draw."""

    def __call__(self, snapshot: Snapshot) -> None:
        """Take note of the latest snapshot; the object is reused, so copy what must be kept."""
        ...


def unwatched(snapshot: Snapshot) -> None:
    """Look at nothing: for jobs and tests."""
