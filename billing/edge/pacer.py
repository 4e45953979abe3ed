"""One limiter of each sort: so many requests a second, and so many at once. They slow when told, and recover."""

import asyncio

from aiolimiter import AsyncLimiter

BURST = 2
# Tokens a bucket holds. A bucket of a whole second's quota lets through twice the limit in its first second, because it
# leaks while it fills (rate-control, section 7).
CUT = 0.7
# What a 429 leaves of the rate; at most one cut a second, because the answers of one burst are one message.
RECOVERY = 0.05
# Of the full rate, regained each second: back from one cut after six seconds.
SLOWEST = 0.5
# Requests a second that are always allowed, so that every limiter finds out when it may speed up again.
GRACE = 0.0005
# Seconds a wake-up comes late on purpose: woken to the microsecond, rounding would find the token not quite there.


class Pacer:
    """A token bucket with a burst of two whose rate can be cut. Times are the running loop's: they can be virtual."""

    def __init__(self, rate: float) -> None:
        """Start at ``rate`` requests a second, which is also the most it will ever allow."""
        self._full = rate
        self._rate = rate
        self._limiter = _bucket(rate)
        self._bucket_rate = rate
        self._cut_at = float("-inf")
        self._not_before = float("-inf")

    @property
    def rate(self) -> float:
        """Requests a second allowed now."""
        regained = max(0.0, _now() - self._cut_at) * RECOVERY * self._full
        return min(self._full, self._rate + regained) if self._rate < self._full else self._full

    @property
    def ready(self) -> bool:
        """A token can be taken at once."""
        return _now() >= self._not_before and self._limiter.has_capacity()

    @property
    def pause(self) -> float:
        """Seconds after which it is worth asking again."""
        return max(self._not_before - _now(), 1 / self._bucket_rate) + GRACE

    async def acquire(self) -> None:
        """Take a token; does not wait when ``ready``."""
        await self._limiter.acquire()
        rate = self.rate
        if rate != self._bucket_rate:
            self._limiter, self._bucket_rate = _bucket(rate), rate
            await self._limiter.acquire(BURST)  # a new bucket is empty; taking its burst leaves no free tokens

    def slow(self, retry_after: float | None = None) -> None:
        """Cut the rate after a refusal, and rest for one token or for as long as the provider asks."""
        now, rate = _now(), self.rate
        if now - self._cut_at >= 1.0:
            self._rate, self._cut_at = max(min(SLOWEST, self._full), rate * CUT), now
        self._not_before = max(self._not_before, now + max(retry_after or 0.0, 1 / self._rate))


class Cap:
    """A limit on requests in flight that can be cut."""

    def __init__(self, limit: int) -> None:
        """Start at ``limit``, which is also the most it will ever allow."""
        self._full = limit
        self._limit = float(limit)
        self._cut_at = float("-inf")
        self.in_flight = 0

    @property
    def limit(self) -> float:
        """Requests in flight allowed now: one more each second after ten quiet ones."""
        if self._limit >= self._full:
            return self._full
        return min(self._full, self._limit + max(0.0, _now() - self._cut_at - 10.0))

    @property
    def free(self) -> bool:
        """A slot can be taken."""
        return self.in_flight < max(1, int(self.limit))

    def enter(self) -> None:
        """Take a slot."""
        self.in_flight += 1

    def leave(self) -> None:
        """Give a slot back."""
        self.in_flight -= 1

    def slow(self) -> None:
        """Cut to 95 % of what is in flight, at most once a second."""
        if _now() - self._cut_at >= 1.0:
            self._limit, self._cut_at = max(1.0, min(self.limit, self.in_flight) * 0.95), _now()


def _bucket(rate: float) -> AsyncLimiter:
    return AsyncLimiter(BURST, BURST / rate)


def _now() -> float:
    return asyncio.get_running_loop().time()
