"""What a person watching a run wants to see, counted once for the terminal, the log and the machine."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from billing.core.states import Group

PACE_SECONDS = 5.0
# Long enough to be calm, short enough to show a limit that has just changed.


@dataclass(slots=True)
class Snapshot:
    """Where a run stands at a moment.

    Attributes:
        total: items this invocation works on.
        done: items it has finished with (final or resting).
        counts: finished items by report group.
        in_flight: items being worked on.
        rate: requests a second the key may send now; 0 while that is not known.
        phase: what its pacer is doing: holding that rate, measuring it, probing for more.
        pace: requests a second sent lately.
        sent: requests sent so far.
        rate_limited: of those, answered 429.
        elapsed: seconds since the start, monotonic.
    """

    total: int
    done: int = 0
    counts: Counter[Group] = field(default_factory=Counter)
    in_flight: int = 0
    rate: float = 0.0
    phase: str = ""
    pace: float = 0.0
    sent: int = 0
    rate_limited: int = 0
    elapsed: float = 0.0


class Pace:
    """How fast something grows, over the last five to ten seconds."""

    def __init__(self) -> None:
        """Begin at nothing, at second 0."""
        self._older = self._newer = (0.0, 0)

    def at(self, elapsed: float, count: int) -> float:
        """Return the growth a second, given that ``count`` was reached after ``elapsed`` seconds."""
        if elapsed - self._newer[0] >= PACE_SECONDS:
            self._older, self._newer = self._newer, (elapsed, count)
        seconds = elapsed - self._older[0]
        return (count - self._older[1]) / seconds if seconds > 0 else 0.0


class Watch(Protocol):
    """Whoever is told after each finished item; it must return quickly and decides itself how often to draw."""

    def __call__(self, snapshot: Snapshot) -> None:
        """Take note of the latest snapshot; the object is reused, so copy what must be kept."""
        ...


def unwatched(snapshot: Snapshot) -> None:
    """Look at nothing: for jobs and tests."""
