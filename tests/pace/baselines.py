"""What the controller is compared with: a fixed rate, and additive increase with multiplicative decrease."""

import math

from billing.edge.pacing.pacer import Pacer
from billing.edge.pacing.throttle import Rates, Throttle

INCREASE, DECREASE = 5.0, 0.7
# Requests a second regained each second; what a refusal leaves, at most once a second: the best pair that was found.


class Fixed(Pacer):
    """Sends at its cap, whatever is answered."""

    __slots__ = ()

    def refused(self, now: float, sent_at: float, retry_after: float | None = None) -> None:
        """Hear nothing."""


class Aimd(Pacer):
    """Slows by a factor once a second while refused, and speeds up by so much a second otherwise."""

    __slots__ = ("_cut_at", "_grown_at")

    def __init__(self, cap: float, start: float | None = None) -> None:
        super().__init__(cap, start)
        self._cut_at = self._grown_at = -math.inf

    def take(self, now: float) -> None:
        super().take(now)
        self._set(self.rate + INCREASE * min(max(now - self._grown_at, 0.0), 1.0))
        self._grown_at = now

    def refused(self, now: float, sent_at: float, retry_after: float | None = None) -> None:
        if sent_at >= self._cut_at and now - self._cut_at >= 1.0:
            self._cut_at = now
            self._set(self.rate * DECREASE)

    def _go_on(self, now: float, wanted: float) -> None:
        """There are no phases."""


class Rival(Throttle):
    """The shipped throttle with other pacers; slots do not learn either."""

    pacer: type[Pacer] = Fixed

    def __init__(self, rates: Rates) -> None:
        super().__init__(rates, start=20.0 if self.pacer is Aimd else None)

    def _pacer(self, name: str, cap: float) -> Pacer:
        return self.pacer(cap, self._start)

    def limited(self, reason, endpoint, account, retry_after=None, sent_at=None) -> None:
        if not reason.endswith("concurrency"):
            super().limited(reason, endpoint, account, retry_after, sent_at)


class FixedThrottle(Rival):
    """All limiters at their caps."""


class AimdThrottle(Rival):
    """All limiters by additive increase; a refusal for concurrency is one for the rate, it knows no other answer."""

    pacer = Aimd

    def limited(self, reason, endpoint, account, retry_after=None, sent_at=None) -> None:
        reason = reason.replace("concurrency", "rate")
        super().limited(reason, endpoint, account, retry_after, sent_at)
