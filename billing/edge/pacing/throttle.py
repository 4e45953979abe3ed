"""As fast as allowed: every request waits here for a token of each rate limit and a slot of each concurrency limit.

All or none: nothing is held while waiting for the rest. A request that finishes something goes before one that starts a
new item, so fewer items are half done. When the provider says no, only the limiter it names slows down.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from billing.core.items import Mode
from billing.edge.pacing.accounts import AccountLimits
from billing.edge.pacing.admission import Admission, Limiter, Pace, Turns
from billing.edge.pacing.concurrency_limit import LearnedSlots
from billing.edge.pacing.limit_owner import Whose, doubt
from billing.edge.pacing.pacer import KNOWN_SHARE, Pacer
from billing.edge.pacing.shared.asking import Begin
from billing.edge.pacing.shared.budget import Budget

DOCUMENTED: dict[Mode, tuple[float, float]] = {Mode.LIVE: (100.0, 25.0), Mode.TEST: (25.0, 25.0)}
# Requests a second per account and per API operation (docs.stripe.com/rate-limits). Whether a Connect call draws on the
# platform's or the connected account's limit is not documented, so each connected account gets the account's limit too.

Remember = Callable[[str], float | None]
# The rate that an earlier run learned for a limiter, by the name `Throttle.learned` gave it.


@dataclass(frozen=True, slots=True)
class Rates:
    """How much may be sent.

    Attributes:
        key_rps: requests a second of the whole key.
        endpoint_rps: requests a second of one endpoint.
        account_rps: requests a second on one connected account.
        concurrency: requests in flight.
        per_account_concurrency: requests in flight on one connected account.
        items: items worked on at once; above ``concurrency`` where that is held down by the number of connections.
    """

    key_rps: float
    endpoint_rps: float
    account_rps: float
    concurrency: int = 64
    per_account_concurrency: int = 8
    items: int = 64


def documented(mode: Mode, share: float = 0.4, override: float | None = None, concurrency: int = 64) -> Rates:
    """Return the rates for a share (0-1] of the documented limits.

    ``override`` (``--rate R``) replaces the limits of key, endpoint and account alike, share included. The default
    share leaves room for live checkouts, as Stripe asks of bulk jobs.
    """
    key, endpoint = DOCUMENTED[mode]
    if override is not None:
        return Rates(override, override, override, concurrency)
    return Rates(key * share, endpoint * share, key * share, concurrency)


class Throttle:
    """The limits of one key. Use one per event loop."""

    def __init__(self, rates: Rates, *, start: float | None = None, remember: Remember = lambda _name: None) -> None:
        """Pace what is sent.

        Args:
            rates: what will never be exceeded.
            start: requests a second where a limiter begins that nothing is known of; None trusts ``rates`` at once.
            remember: what an earlier run learned; a limiter begins a tenth under that.
        """
        self.rates = rates
        self._start = start
        self._remember = remember
        self._key = Limiter(self._pacer("key", rates.key_rps), LearnedSlots(rates.concurrency))
        self._turns = Turns(self._key)
        self._endpoints: dict[str, Limiter] = {}
        self._accounts = AccountLimits(
            lambda name: self._pacer(f"account {name}", self._account_cap(name)),
            lambda name: rates.per_account_concurrency if name else rates.concurrency,
        )
        self._whose = Whose()
        self._budget: Budget | None = None

    def share(self, budget: Budget) -> None:
        """Let key and endpoints draw on a budget that other workers share; each account is this worker's own.

        A throttle shares one budget; another one is not drawn on.
        """
        if self._budget is not None:
            return
        self._budget = budget
        budget.attach(self._turns, self._accounts)
        self._key.pacer = budget.key(self._begin("key", self.rates.key_rps))
        for name, gate in self._endpoints.items():
            gate.pacer = self._endpoint_pace(name)
        for name in self._accounts.names():
            budget.meet(name)
        self._turns.supplied_by(budget)

    async def aclose(self) -> None:
        """Give up what is shared with others."""
        if self._budget is not None:
            await self._budget.aclose()

    def provider(self, *, down: bool) -> None:
        """Hold back whoever shares the limits while the provider is down, and let them go when it is back."""
        if self._budget is not None:
            self._budget.provider(down=down)

    def release(self) -> None:
        """Let everybody go who waits: the door was shut, so nothing can leave."""
        if self._budget is not None:
            self._budget.release()

    def account_rps(self, account: str) -> float:
        """Return requests a second that an account may be sent now: its cap, or what it was seen to admit.

        The platform itself (an empty name) has no cap of its own: the key's and the endpoint's limits hold for it.
        """
        pacer = self._accounts.known(account)
        return self._account_cap(account) if pacer is None else pacer.rate

    def _account_cap(self, account: str) -> float:
        return self.rates.account_rps if account else self.rates.key_rps

    @property
    def key(self) -> Pace:
        """The pacer of the whole key, to look at."""
        return self._key.pacer

    def learned(self) -> dict[str, float]:
        """Return requests a second worth remembering, by the name of the limiter."""
        named: list[tuple[str, Pace]] = [("key", self._key.pacer)]
        named += [(f"endpoint {name}", gate.pacer) for name, gate in self._endpoints.items()]
        named += [(f"account {name}", pacer) for name, pacer in self._accounts.pacers()]
        return {name: rate for name, pacer in named if (rate := pacer.learned) is not None}

    def turn(self, endpoint: str, account: str, first: bool = False) -> Admission:
        """Return a turn to wait for and to hold; entered, it gives the loop's time at which the request may be sent.

        Args:
            endpoint: the API operation; each has its own limit.
            account: the connected account, or empty for the platform itself.
            first: the request starts a new item, so it lets others go before it.
        """
        return Admission(self._turns, self._endpoint(endpoint), self._account(account), first=first)

    def limited(
        self,
        reason: str,
        endpoint: str,
        account: str,
        retry_after: float | None = None,
        sent_at: float | None = None,
    ) -> None:
        """Slow the limiter that ``reason`` (``Stripe-Rate-Limited-Reason``) names, and no other.

        ``resource-specific`` lies within one account, and a reason that nobody knows may: its limiter is the narrowest.
        A lock concerns one object: the payer waits, nothing here does.

        Args:
            reason: the header's value.
            endpoint: of the refused request.
            account: of the refused request.
            retry_after: seconds, as a lower bound.
            sent_at: the time its turn was given; a limiter has heard of older sends already. None means now.
        """
        now = asyncio.get_running_loop().time()
        sent_at = now if sent_at is None else sent_at
        match reason:
            case "global-rate":
                self._limited_in_all(account, now, sent_at, retry_after)
            case "endpoint-rate":
                self._endpoint(endpoint).pacer.refused(now, sent_at, retry_after)
            case "global-concurrency":
                self._key.slots.refused(now, sent_at)
            case "endpoint-concurrency":
                self._endpoint(endpoint).slots.refused(now, sent_at)
            case "lock_timeout":
                pass
            case _:
                self._slow(account, now, sent_at, retry_after)

    def _endpoint(self, name: str) -> Limiter:
        """Return the limiters of an endpoint."""
        gate = self._endpoints.get(name)
        if gate is None:
            gate = self._endpoints[name] = Limiter(self._endpoint_pace(name), LearnedSlots(self.rates.concurrency))
            self._turns.add_endpoint(gate)
        return gate

    def _account(self, name: str) -> Limiter:
        """Return the limiters of a connected account, or those of the platform itself."""
        if name and self._budget is not None and self._accounts.known(name) is None:
            self._budget.meet(name)
        return self._accounts.limiter(name)

    def _endpoint_pace(self, endpoint: str) -> Pace:
        """Return what paces an endpoint: a pacer of this process, or its part of the shared budget."""
        name, cap = f"endpoint {endpoint}", self.rates.endpoint_rps
        return (
            self._pacer(name, cap) if self._budget is None else self._budget.endpoint(endpoint, self._begin(name, cap))
        )

    def _pacer(self, name: str, cap: float) -> Pacer:
        return Pacer(*self._begin(name, cap))

    def _begin(self, name: str, cap: float) -> Begin:
        item = self._remember(name)
        return Begin(cap, self._start if item is None else item * KNOWN_SHARE)

    def _slow(self, account: str, now: float, sent_at: float, retry_after: float | None) -> None:
        self._accounts.pacer(account).refused(now, sent_at, retry_after)
        if account and self._budget is not None:
            self._budget.slowed(account)

    def _limited_in_all(self, account: str, now: float, sent_at: float, retry_after: float | None) -> None:
        """Slow the account first, and the key once its limit must be the reason (`billing.edge.pacing.limit_owner`)."""
        pacer, measuring = self._accounts.pacer(account), self._key.pacer.measuring
        if self._budget is not None and account:
            told = doubt(account, pacer, sent_at)
            self._budget.doubt(replace(told, before=None) if measuring else told, retry_after)
            if not measuring:
                pacer.refused(now, sent_at, retry_after)
        elif measuring or self._whose.is_key(account, pacer, sent_at, self._accounts.names()):
            self._key.pacer.refused(now, sent_at, retry_after)
            for name, rate in self._whose.acquitted().items():
                self._accounts.acquit(name, rate)
        else:
            pacer.refused(now, sent_at, retry_after)
