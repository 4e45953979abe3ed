"""The provider's time: what its last answer said, carried on by a clock that cannot be set."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class ProviderClock:
    """The time by which day windows and key ages are counted; steps of the machine's own clock do not touch it.

    Until an answer has been seen it is the machine's wall clock.
    """

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Take the two clocks of the machine: epoch seconds, and seconds that only grow."""
        self._wall = wall
        self._monotonic = monotonic
        self._ahead: float | None = None

    def learn(self, date: float | None) -> None:
        """Take the ``Date`` of an answer, in epoch seconds; None teaches nothing."""
        if date is not None:
            self._ahead = date - self._monotonic()

    @property
    def learned(self) -> bool:
        """Whether an answer has been seen, so that this is the provider's time and not the machine's."""
        return self._ahead is not None

    def epoch(self) -> float:
        """Return the provider's time in epoch seconds."""
        return self._wall() if self._ahead is None else self._monotonic() + self._ahead

    def now(self) -> datetime:
        """Return the provider's time in UTC."""
        return datetime.fromtimestamp(self.epoch(), UTC)

    def days_ago(self, days: float) -> str:
        """Return the moment ``days`` ago as ISO 8601 in UTC with milliseconds, as ledgers and plans compare it."""
        return (self.now() - timedelta(days=days)).isoformat(timespec="milliseconds")
