"""The one door to Stripe: one call is one request, and its outcome is a value."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from billing.core.calls import Call
from billing.core.classify import classify
from billing.core.entries import ItemRecord
from billing.core.errors import LedgerError, UsageError
from billing.core.items import Mode
from billing.core.keys import idempotency_key
from billing.core.outcomes import Expected, Outcome, Unsent, UnsentWhy
from billing.core.replies import Reply
from billing.core.wire import Wire, WireRequest
from billing.edge.pacing.admission import SENT_BACK
from billing.edge.pacing.throttle import Throttle
from billing.edge.secrets import ApiKey
from billing.edge.stripe.breaker import Breaker, RetryBudget
from billing.edge.stripe.clock import ProviderClock
from billing.edge.stripe.lookups import Lookups
from billing.edge.stripe.transport import RequestWriter, exchange

API_BASE = "https://api.stripe.com"
API_VERSION = "2026-10-28.endive"
# Sent with every request, so that neither the account's setting nor an update of the SDK changes what answers mean.

REMEMBERED_KEYS = 10_000
# By these a request counts as sent again; a bound, because runs have no size.


@dataclass(slots=True)
class Counters:
    """What this process has sent.

    Attributes:
        sent: requests, repeats included.
        rate_limited: answers of a limiter.
        resent: requests whose key had been sent before.
    """

    sent: int = 0
    rate_limited: int = 0
    resent: int = 0


class Gateway(Lookups):
    """The one door to Stripe. Nothing the provider does raises here, except an outage that outlasts all patience."""

    def __init__(
        self,
        wire: Wire,
        key: ApiKey,
        *,
        mode: Mode,
        platform: str,
        throttle: Throttle,
        clock: ProviderClock,
        counters: Counters | None = None,
        api_base: str = API_BASE,
        on_request: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> None:
        """Wire the parts.

        Args:
            wire: what carries the requests.
            key: of the platform, or a restricted one.
            mode: of the run; every object shown must agree.
            platform: the platform account, part of every idempotency key; may be set later, before the first charge.
            throttle: the limits of this key.
            clock: learns the provider's time from every answer.
            counters: count for the run's summary.
            api_base: other than Stripe's only for a sandbox.
            on_request: told of every request, with facts only: no key, no name, no text of the item; None when nobody
                listens, so that nothing is gathered in vain.

        Raises:
            UsageError: key and mode disagree, or a live key would go to another host than Stripe's.
        """
        if key.mode is not mode:
            raise UsageError(f"the run is in {mode} mode, the key {key} is for {key.mode} mode")
        if mode is Mode.LIVE and api_base != API_BASE:
            raise UsageError(f"a live key is sent to {API_BASE} only, not to another API base")
        self.mode = mode
        self.platform = platform
        self.counters = counters or Counters()
        self.repeats = RetryBudget()
        self.breaker = Breaker()
        self.throttle = throttle
        self._clock = clock
        self._on_request = on_request
        self._shut = ""
        self._keys: OrderedDict[str, None] = OrderedDict()
        self._wire = wire
        self._writer = RequestWriter(key.reveal(), API_VERSION, api_base)

    def shut(self, reason: str) -> None:
        """Let nothing leave any more: what happens to it could not be written down."""
        self._shut = self._shut or reason
        self.throttle.release()

    async def send(self, item: ItemRecord, call: Call, number: int = 0) -> Outcome:
        """Send one request about an item, once, and return what its reply means.

        Args:
            item: what an answer must agree with.
            call: the request.
            number: of its key; a read has none.

        Raises:
            ProviderUnreachable: the outage has lasted too long; nothing was sent.
            LedgerError: the door was shut; nothing was sent.
        """
        account = item.account if call.account is None else call.account
        key = self._key(item, call, account, number) if call.op.keyed else ""
        request = self._request(call, account, key)
        endpoint = call.op.name
        reply, sent_at, seconds = await self._exchange(endpoint, account, request, key, first=call.op.starts)
        outcome = classify(call, reply, _expected(item, self.mode, key))
        if isinstance(outcome, Unsent) and outcome.why is UnsentWhy.LIMITED:
            self._limited(outcome.reason, endpoint, account, reply, sent_at)
        if self._on_request is not None:
            self._on_request(_request_fields(endpoint, account, reply, seconds) | _item_fields(item, outcome))
        return outcome

    def understood(self, item: ItemRecord, call: Call, body: Mapping[str, Any]) -> Outcome:
        """Return what a read of an item's object means whose answer a list has shown; nothing is sent."""
        return classify(call, Reply(200, body), _expected(item, self.mode, ""))

    def _request(self, call: Call, account: str, key: str) -> WireRequest:
        if call.op.keyed:
            return self._writer.post(call.path, call.params, account, key)
        write = self._writer.delete if call.op.ends else self._writer.get
        return write(call.path, call.params, account)

    def _key(self, item: ItemRecord, call: Call, account: str, number: int) -> str:
        """Return the key of a request that changes something: the same for what must happen once."""
        named = item.item_id if call.names is None else call.names
        attempt = item.attempt if call.op.per_attempt else 0
        return idempotency_key(self.mode, self.platform, account, named, call.op.name, attempt, number)

    async def _get(self, endpoint: str, path: str, account: str, params: Mapping[str, Any]) -> Reply:
        """Send one look-up, once."""
        return await self._learned(endpoint, account, self._writer.get(path, params, account))

    async def probe(self, method: str, path: str, params: Mapping[str, Any], account: str) -> Reply:
        """Send a request that can only fail, once: its refusal tells what the key may do.

        A write has a key of its own each time, so that no stored answer stands for what is true now.
        """
        key = "" if method == "GET" else f"doctor-{uuid4().hex}"
        write, get = self._writer.post, self._writer.get
        request = write(path, params, account, key) if key else get(path, params, account)
        return await self._learned("probe", account, request, key)

    async def _learned(self, endpoint: str, account: str, request: WireRequest, key: str = "") -> Reply:
        """Send one request that is about no item, and let the limiters learn from the reply."""
        reply, sent_at, seconds = await self._exchange(endpoint, account, request, key)
        if reply.status == 429 and (reply.limited_reason or reply.error is None):
            self._limited(reply.limited_reason or "endpoint-rate", endpoint, account, reply, sent_at)
        if self._on_request is not None:
            self._on_request(_request_fields(endpoint, account, reply, seconds))
        return reply

    async def _exchange(
        self, endpoint: str, account: str, request: WireRequest, key: str = "", *, first: bool = False
    ) -> tuple[Reply, float, float]:
        """Wait for the breaker and for a turn, send once, and learn from the reply.

        Also return the time of the turn, by which limiters tell what they have heard of, and the seconds it took.

        Raises:
            ProviderUnreachable: the outage has lasted too long; nothing was sent.
            LedgerError: the door was shut; nothing was sent.
        """
        loop = asyncio.get_running_loop()
        while True:
            probe = self.breaker.is_open and await self.breaker.wait()
            answered = None
            try:
                async with self.throttle.turn(endpoint, account, first) as sent_at:
                    if self._shut:
                        raise LedgerError(self._shut)
                    if sent_at == SENT_BACK or self.breaker.is_void(probe=probe):
                        continue  # the provider went down while this waited for its turn
                    began = loop.time()
                    self._count(key)
                    reply = await exchange(self._wire, request)
                    answered = reply.reached
                    self._clock.learn(reply.date)
                    return reply, sent_at, loop.time() - began
            finally:
                was_open = self.breaker.is_open
                self.breaker.leave(probe=probe, answered=answered)
                if probe or self.breaker.is_open is not was_open:
                    self.throttle.provider(down=self.breaker.is_open)

    def _count(self, key: str) -> None:
        """Count a request as it leaves; a read has no key."""
        self.counters.sent += 1
        self.repeats.count_send()
        if key:
            self.counters.resent += key in self._keys
            self._keys[key] = None
            if len(self._keys) > REMEMBERED_KEYS:
                self._keys.popitem(last=False)  # a plain dict would walk over all that were taken out before

    def _limited(self, reason: str, endpoint: str, account: str, reply: Reply, sent_at: float) -> None:
        """Slow the limiter that said no."""
        self.counters.rate_limited += 1
        self.throttle.limited(reason, endpoint, account, reply.retry_after, sent_at)


def _request_fields(endpoint: str, account: str, reply: Reply, seconds: float) -> dict[str, Any]:
    """Return what is told of one request."""
    return _without_none(
        event="request",
        endpoint=endpoint,
        account=account,
        status=reply.status,
        request_id=reply.request_id,
        replayed=reply.replayed or None,
        limited=reply.limited_reason or None,
        fault=reply.detail or None,
        seconds=round(seconds, 4),
    )


def _item_fields(item: ItemRecord, outcome: Outcome) -> dict[str, Any]:
    """Return what is told of a request's item beside that."""
    return {
        "outcome": type(outcome).__name__.lower(),
        "run": item.run_id,
        "item": item.item_id,
        "reference": item.reference,
        "attempt": item.attempt,
    }


def _expected(item: ItemRecord, mode: Mode, key: str) -> Expected:
    """Return what an answer about this item must agree with."""
    return Expected(
        item_id=item.item_id,
        amount=item.amount,
        currency=item.currency,
        livemode=mode.livemode,
        object_id=item.object_id,
        instrument_id=item.instrument_id,
        attempt=item.attempt,
        fee=item.content.get("application_fee"),
        key=key,
    )


def _without_none(**values: object) -> dict[str, Any]:
    """Return the values that are there."""
    return {name: value for name, value in values.items() if value is not None}
