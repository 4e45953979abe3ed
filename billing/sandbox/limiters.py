"""The provider's limiters: token buckets for rates, counters for what is in flight. Each 429 names which one spoke."""

from collections import defaultdict

from billing.sandbox.config import LimitChange, Limits

SLACK = 1e-4
# Tokens. Seconds since 1970 carry rounding of 2e-7 s, so a client that spaces its sends exactly must not lose to it.


class Bucket:
    """A token bucket that starts full."""

    __slots__ = ("_at", "_capacity", "_level", "_rate")

    def __init__(self, rate: float, burst_seconds: float, now: float) -> None:
        """``rate`` tokens a second, room for ``burst_seconds`` of them, at least one."""
        self._rate = rate
        self._capacity = max(rate * burst_seconds, 1.0)
        self._level = self._capacity
        self._at = now

    def ready(self, now: float) -> bool:
        """Whether a token is there."""
        if now > self._at:
            self._level = min(self._capacity, self._level + (now - self._at) * self._rate)
            self._at = now
        return self._level >= 1.0 - SLACK

    def take(self) -> None:
        """Use one token."""
        self._level -= 1.0


class Limiters:
    """All limiters of one platform."""

    def __init__(self, limits: Limits, changes: tuple[LimitChange, ...], start: float) -> None:
        """``limits`` from ``start`` (seconds since 1970), then each change at its time."""
        self._limits = limits
        self._changes = sorted(changes, key=lambda change: change.after_seconds)
        self._start = start
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._in_flight: defaultdict[str, int] = defaultdict(int)

    @property
    def limits(self) -> Limits:
        """What holds now."""
        return self._limits

    def set(self, limits: Limits) -> None:
        """Other limits from now on; rate buckets start full again, what is in flight still counts."""
        self._limits = limits
        self._buckets.clear()

    def schedule(self, changes: tuple[LimitChange, ...], start: float) -> None:
        """Other limits later: each change counts its seconds from ``start``."""
        self._changes = sorted(changes, key=lambda change: change.after_seconds)
        self._start = start

    def admit(self, now: float, operation: str, account: str | None) -> str | None:
        """Take what one request needs, all or nothing; the reason of the 429 where something is lacking."""
        while self._changes and self._start + self._changes[0].after_seconds <= now:
            self.set(self._changes.pop(0).limits)
        limits = self._limits
        if 0 < limits.platform_concurrency <= self._in_flight[""]:
            return "global-concurrency"
        if 0 < limits.endpoint_concurrency <= self._in_flight[operation]:
            return "endpoint-concurrency"
        rates = [
            ("", "", limits.platform_rate, "global-rate"),
            ("op", operation, limits.endpoint_rate, "endpoint-rate"),
        ]
        if account is not None:
            rates.append(("account", account, limits.account_rate, limits.account_reason))
        buckets = []
        for scope, name, rate, reason in rates:
            if rate:
                bucket = self._bucket(scope, name, rate, now)
                if not bucket.ready(now):
                    return reason
                buckets.append(bucket)
        for bucket in buckets:
            bucket.take()
        return None

    def _bucket(self, scope: str, name: str, rate: float, now: float) -> Bucket:
        bucket = self._buckets.get((scope, name))
        if bucket is None:
            bucket = self._buckets[scope, name] = Bucket(rate, self._limits.burst_seconds, now)
        return bucket

    def enter(self, operation: str) -> None:
        """One more request in flight."""
        self._in_flight[""] += 1
        self._in_flight[operation] += 1

    def leave(self, operation: str) -> None:
        """One less."""
        self._in_flight[""] -= 1
        self._in_flight[operation] -= 1
