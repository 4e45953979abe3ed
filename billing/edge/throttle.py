"""As fast as allowed: every request waits here for a token of each rate limit and a slot of each concurrency limit.

All or none: nothing is held while waiting for the rest. A request that finishes something goes before one that starts a
new item, so fewer items are half done. When the provider says no, only the limiter it names slows down.
"""

import asyncio
from bisect import insort
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count

from billing.core.items import Mode
from billing.edge.pacer import Cap, Pacer

DOCUMENTED: dict[Mode, tuple[float, float]] = {Mode.LIVE: (100.0, 25.0), Mode.TEST: (25.0, 25.0)}
# Requests a second per account and per API operation (docs.stripe.com/rate-limits). Whether a Connect call draws on the
# platform's or the connected account's limit is not documented, so each connected account gets the account's limit too.


@dataclass(frozen=True, slots=True)
class Rates:
    """How much may be sent.

    Attributes:
        key_rps: requests a second of the whole key.
        endpoint_rps: requests a second of one endpoint.
        account_rps: requests a second on one connected account.
        concurrency: requests in flight.
        per_account_concurrency: requests in flight on one connected account.
    """

    key_rps: float
    endpoint_rps: float
    account_rps: float
    concurrency: int = 64
    per_account_concurrency: int = 8


def documented(mode: Mode, share: float = 0.4, override: float | None = None, concurrency: int = 64) -> Rates:
    """Return the rates for a share (0-1] of the documented limits.

    ``override`` (``--rate R``) replaces the limits of key, endpoint and account alike, share included. The default
    share leaves room for live checkouts, as Stripe asks of bulk jobs.
    """
    key, endpoint = DOCUMENTED[mode]
    if override is not None:
        return Rates(override, override, override, concurrency)
    return Rates(key * share, endpoint * share, key * share, concurrency)


@dataclass(slots=True, order=True)
class _Waiter:
    """One request in the queue; requests that finish something sort before those that start.

    ``number`` is unique, so nothing after it is ever compared.
    """

    first: bool
    number: int
    endpoint: str
    account: str
    turn: asyncio.Future[None]


class Throttle:
    """The limits of one key. Use one per event loop."""

    def __init__(self, rates: Rates) -> None:
        """Start with every limiter at its full rate."""
        self.rates = rates
        self._key = Pacer(rates.key_rps)
        self._key_cap = Cap(rates.concurrency)
        self._endpoints: dict[str, tuple[Pacer, Cap]] = {}
        self._accounts: dict[str, tuple[Pacer, Cap]] = {}
        self._queue: list[_Waiter] = []
        self._number = count()
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def turn(self, endpoint: str, account: str, first: bool = False) -> AsyncIterator[None]:
        """Wait for a turn and hold its slots until left.

        Args:
            endpoint: the API operation; each has its own limit.
            account: the connected account, or empty for the platform itself.
            first: the request starts a new item, so it lets others go before it.
        """
        await self._enter(endpoint, account, first)
        caps = (self._key_cap, self._endpoint(endpoint)[1], self._account(account)[1])
        try:
            yield
        finally:
            for cap in caps:
                cap.leave()
            self._wake()

    def limited(self, reason: str, endpoint: str, account: str, retry_after: float | None = None) -> None:
        """Slow the limiter that ``reason`` (``Stripe-Rate-Limited-Reason``) names, and no other.

        ``resource-specific`` and locks concern one object: the caller's lane waits, nothing here does.
        """
        match reason:
            case "global-rate":
                self._key.slow(retry_after)
            case "endpoint-rate":
                self._endpoint(endpoint)[0].slow(retry_after)
            case "global-concurrency":
                self._key_cap.slow()
            case "endpoint-concurrency":
                self._endpoint(endpoint)[1].slow()
            case _:
                # A reason we do not know may mean the account's own limit: the narrowest one slows.
                if reason not in ("resource-specific", "lock_timeout"):
                    self._account(account)[0].slow(retry_after)

    async def _enter(self, endpoint: str, account: str, first: bool) -> None:
        """Take a token and a slot of each limiter, all in one step."""
        if not self._queue and self._free(endpoint, account):
            await self._take(endpoint, account)
            return
        waiter = _Waiter(first, next(self._number), endpoint, account, _future())
        insort(self._queue, waiter)
        try:
            while True:
                self._wake()
                await waiter.turn
                waiter.turn = _future()
                if self._free(endpoint, account):
                    await self._take(endpoint, account)
                    return
        finally:
            self._queue.remove(waiter)
            self._wake()

    async def _take(self, endpoint: str, account: str) -> None:
        """Take what ``_free`` has just found; none of these waits."""
        for pacer, cap in self._limiters(endpoint, account):
            await pacer.acquire()
            cap.enter()

    def _free(self, endpoint: str, account: str) -> bool:
        """Tell whether every limiter has a token and a slot."""
        return all(cap.free and pacer.ready for pacer, cap in self._limiters(endpoint, account))

    def _wake(self) -> None:
        """Give the turn to the first request that may go; if none may, come back when the first one might."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._queue or not self._key_cap.free:
            return  # whoever leaves wakes again
        if not self._key.ready:
            self._wake_in(self._key.pause)
            return
        pauses = []
        for waiter in self._queue:
            if waiter.turn.done():
                return  # it is on its way, and wakes the next one itself
            limiters = self._limiters(waiter.endpoint, waiter.account)
            if all(cap.free for _, cap in limiters):
                blocked = [pacer.pause for pacer, _ in limiters if not pacer.ready]
                if not blocked:
                    waiter.turn.set_result(None)
                    return
                pauses.append(max(blocked))
        if pauses:
            self._wake_in(min(pauses))

    def _wake_in(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._wake)

    def _limiters(self, endpoint: str, account: str) -> tuple[tuple[Pacer, Cap], ...]:
        return (self._key, self._key_cap), self._endpoint(endpoint), self._account(account)

    def _endpoint(self, endpoint: str) -> tuple[Pacer, Cap]:
        if endpoint not in self._endpoints:
            self._endpoints[endpoint] = (Pacer(self.rates.endpoint_rps), Cap(self.rates.concurrency))
        return self._endpoints[endpoint]

    def _account(self, account: str) -> tuple[Pacer, Cap]:
        if account not in self._accounts:
            # The platform itself is no connected account: only the key's and the endpoint's limits hold for it.
            slots = self.rates.per_account_concurrency if account else self.rates.concurrency
            rate = self.rates.account_rps if account else self.rates.key_rps
            self._accounts[account] = (Pacer(rate), Cap(slots))
        return self._accounts[account]


def _future() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()
