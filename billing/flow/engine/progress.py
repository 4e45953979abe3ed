"""What a person watching a run wants to see, counted once for the terminal, the log and the machine."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from billing.core.life import Group

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
        most: requests a second that the documented limits (or `--rate`) allow; 0 while that is not known.
        paid: currency -> minor units that were paid in this invocation.
        word: what the kind calls items that succeeded, and ``paid``: "paid", "refunded".
        doing: what ``done`` counts where that is not payments, such as ``looked up``.
        away: seconds for which the provider has not answered, once it is taken to be down; else 0.
        note: a sentence that a person must see now, or empty: why nothing more is started.
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
    most: float = 0.0
    paid: Counter[str] = field(default_factory=Counter)
    word: str = "paid"
    doing: str = ""
    away: float = 0.0
    note: str = ""

    @property
    def left_seconds(self) -> float | None:
        """How long it still takes at the pace so far, or None while nobody can know."""
        if not self.done or not self.elapsed:
            return None
        return max(self.total - self.done, 0) * self.elapsed / self.done


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


TELL_SECONDS = 10.0
# Often enough to see that it lives, seldom enough for a scheduler's log.


def telling(log: Callable[..., None], run: str, seconds: Callable[[], float] = time.monotonic) -> Watch:
    """Return a watch that logs an event ``progress`` every ten seconds, for whoever reads logs."""
    last = seconds()

    def watch(snapshot: Snapshot) -> None:
        nonlocal last
        now = seconds()
        if now - last < TELL_SECONDS:
            return
        last = now
        left = snapshot.left_seconds
        log(
            "progress",
            run=run,
            doing=snapshot.doing or snapshot.word,
            done=snapshot.done,
            total=snapshot.total,
            counts={str(group): count for group, count in snapshot.counts.items() if count},
            paid=dict(sorted(snapshot.paid.items())),
            requests=snapshot.sent,
            rate_limited=snapshot.rate_limited,
            away_seconds=round(snapshot.away) or None,
            left_seconds=None if left is None else round(left),
        )

    return watch


TICK_SECONDS = 1.0
# Also while nothing moves: a display that stands still cannot be told from a process that hangs.


@asynccontextmanager
async def retelling(watch: Watch, tell: Callable[[], None]) -> AsyncGenerator[None]:
    """Call ``tell`` every second meanwhile, if anybody watches."""

    async def ticking() -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            tell()

    if watch is unwatched:
        yield
        return
    task = asyncio.create_task(ticking())
    try:
        yield
    finally:
        task.cancel()


def unwatched(snapshot: Snapshot) -> None:
    """Look at nothing: for jobs and tests."""
