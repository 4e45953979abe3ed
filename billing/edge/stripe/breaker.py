"""When the provider is down, knock instead of hammering; and how many repeats the whole process may afford."""

import asyncio
from collections import deque
from collections.abc import Callable

from billing.core.errors import ProviderUnreachable

FAILURES = 20
# So many requests in a row without an answer open the breaker. (edge/stripe/README.md, "When Stripe is down")
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 4.0
# Seconds between probes: doubling at first. Five minutes of outage cost under two hundred requests, and the run is at
# full speed again within five seconds of their end.
PATIENCE = 600.0
# Seconds of outage after which the run ends (exit 10) with everything saved, rather than occupy its scheduler.

REPEAT_SHARE, REPEAT_FLOOR, REPEAT_WINDOW = 0.10, 10, 120.0
# Repeats after lost answers may be a tenth of what was sent in the last two minutes, and ten in any case.
# See edge/stripe/README.md, "Repeats".


class Breaker:
    """Lets requests through until too many in a row stay unanswered; then one probe at a time, with growing pauses."""

    def __init__(self) -> None:
        """Start closed. Use one per event loop."""
        self._failures = 0
        self._opened_at: float | None = None
        self._silent_since = 0.0
        self._probe_at = 0.0
        self._pause = FIRST_PAUSE
        self._probing = False
        self._changed: asyncio.Event | None = None  # there while somebody waits, which is hardly ever

    @property
    def is_open(self) -> bool:
        """The provider is taken to be down."""
        return self._opened_at is not None

    @property
    def away(self) -> float:
        """For how many seconds the provider has been down, counted from the first request without an answer; else 0."""
        return 0.0 if self._opened_at is None else asyncio.get_running_loop().time() - self._silent_since

    async def wait(self) -> bool:
        """Return once a request may leave; True when it is the probe. `leave` must follow, whatever happens to it.

        Raises:
            ProviderUnreachable: the outage has lasted too long; nothing was sent.
        """
        while self._opened_at is not None:
            now = asyncio.get_running_loop().time()
            if now - self._opened_at >= PATIENCE:
                raise ProviderUnreachable(f"no usable answer from the provider for {PATIENCE / 60:.0f} minutes")
            if not self._probing and now >= self._probe_at:
                self._probing = True
                return True
            ends = self._opened_at + PATIENCE
            due = ends if self._probing else min(self._probe_at, ends)
            await self._sleep(max(due - now, 0.001))
        return False

    def is_void(self, *, probe: bool) -> bool:
        """Tell of a request that was let through whether the breaker has opened since: it waits again, unsent."""
        return self._opened_at is not None and not probe

    def leave(self, *, probe: bool, answered: bool | None) -> None:
        """Learn how a request that was let through went; ``answered`` is None when that teaches nothing."""
        if probe:
            self._probing = False
        if answered:
            self._failures, self._opened_at, self._pause = 0, None, FIRST_PAUSE
        elif answered is not None:
            self._fail(probe=probe)
        if self._changed is not None:  # whoever waits looks again for itself
            self._changed.set()
            self._changed = None

    async def _sleep(self, seconds: float) -> None:
        """Wait until something changes, at most ``seconds``."""
        if self._changed is None:
            self._changed = asyncio.Event()
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            pass

    def _fail(self, *, probe: bool) -> None:
        """Count a request without an answer. While open only the probe's failure lengthens the pause."""
        now = asyncio.get_running_loop().time()
        self._silent_since = self._silent_since if self._failures else now
        self._failures += 1
        if probe and self._opened_at is not None:
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
            self._probe_at = now + self._pause
        elif self._opened_at is None and self._failures >= FAILURES:
            self._opened_at, self._pause = now, FIRST_PAUSE
            self._probe_at = now + FIRST_PAUSE


class RetryBudget:
    """The budget of repeats for the whole process: attempts count when they are sent."""

    def __init__(self, monotonic: Callable[[], float] | None = None) -> None:
        """Start with the floor; ``monotonic`` gives seconds, the running loop's time by default."""
        self._monotonic = monotonic
        self._sent: deque[float] = deque()
        self._repeated: deque[float] = deque()
        self.taken = 0

    def count_send(self) -> None:
        """Count one request, repeat or not."""
        now = self._now()
        self._sent.append(now)
        _forget(self._sent, now)

    def take(self) -> bool:
        """Take one repeat from the budget; False when it is empty."""
        now = self._now()
        for times in (self._sent, self._repeated):
            _forget(times, now)
        if len(self._repeated) >= max(REPEAT_FLOOR, REPEAT_SHARE * len(self._sent)):
            return False
        self._repeated.append(now)
        self.taken += 1
        return True

    def _now(self) -> float:
        return self._monotonic() if self._monotonic else asyncio.get_running_loop().time()


def _forget(times: deque[float], now: float) -> None:
    """Drop what is older than the window: a run has no size, and most runs never ask for a repeat."""
    while times and times[0] <= now - REPEAT_WINDOW:
        times.popleft()
