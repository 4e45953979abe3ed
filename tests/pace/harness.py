"""A stage for the shipped throttle: the sandbox's own limiters, a network that scatters, more demand than is allowed.

Time is virtual, so the figures of a seed are the same on every machine. The network and the latencies are those of
edge/pacing/README.md, "Why no library": 15 to 35 ms each way, an answer after a lognormal time around 0.6 s, a refusal
after 40 to 70 ms in all.
"""

import asyncio
import math
import random
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import NamedTuple

from billing.edge.pacing.pacer import START_RPS
from billing.edge.pacing.throttle import Rates, Throttle
from billing.sandbox.config import LimitChange, Limits
from billing.sandbox.limiters import Limiters
from tests.virtual import run

OFF = Limits.off()
SEEDS = range(5)
WORKERS = 256
MEDIAN_SECONDS, SIGMA = 0.6, 0.5
WAY_SECONDS, REFUSAL_SECONDS = (0.015, 0.035), (0.040, 0.070)
STEP = 0.1
# Seconds by which a window is moved when the first good one is looked for.
WINDOW = 2.0
# Seconds of such a window.
SAMPLE_SECONDS = 0.1


class Seen(NamedTuple):
    """One request as both sides saw it: the client's turn, its arrival, the reason of its 429 or nothing."""

    sent_at: float
    arrived_at: float
    endpoint: str
    account: str
    reason: str | None


@dataclass(slots=True)
class Trace:
    """What happened in one performance.

    Attributes:
        seen: every request, in the order of arrival.
        rates: (time, requests a second the key's pacer allows, its phase), sampled ten times a second.
    """

    seen: list[Seen] = field(default_factory=list)
    rates: list[tuple[float, float, str]] = field(default_factory=list)

    def of(self, endpoint: str | None = None, account: str | None = None) -> "Trace":
        """The requests of one endpoint or one account."""
        return Trace([e for e in self.seen if endpoint in (None, e.endpoint) and account in (None, e.account)])

    def between(self, begin: float, end: float) -> list[Seen]:
        """The requests that arrived in [begin, end)."""
        return self.seen[_first(self.seen, begin) : _first(self.seen, end)]

    def admitted(self, begin: float, end: float) -> float:
        """Requests a second that were let in."""
        return sum(each.reason is None for each in self.between(begin, end)) / (end - begin)

    def refused(self, begin: float = 0.0, end: float = math.inf) -> float:
        """The share of requests that were answered 429."""
        seen = self.between(begin, end)
        return sum(each.reason is not None for each in seen) / max(len(seen), 1)

    def sent(self) -> list[float]:
        return sorted(each.sent_at for each in self.seen)

    def most_in_any_second(self) -> int:
        """The most requests the client sent in any second, wherever it begins."""
        times, first, most = self.sent(), 0, 0
        for last, time in enumerate(times):
            while times[first] <= time - 1.0:
                first += 1
            most = max(most, last - first + 1)
        return most

    def until(self, begin: float, end: float, good: Callable[[float, float], bool]) -> float:
        """Seconds from ``begin`` to the first window that is good; infinite if there is none."""
        steps = int((end - WINDOW - begin) / STEP) + 1
        starts = (begin + n * STEP for n in range(steps))
        return next((start - begin for start in starts if good(start, start + WINDOW)), math.inf)


def _first(seen: list[Seen], moment: float) -> int:
    return bisect_left(seen, moment, key=lambda each: each.arrived_at)


@dataclass(frozen=True, slots=True)
class Play:
    """One scenario.

    Attributes:
        rates: what the client may send.
        limits: what the server admits.
        changes: what it admits later.
        seconds: how long it lasts.
        throttle: makes the client's throttle; the shipped one by default.
        accounts: the connected accounts, each wanting as much as the others.
        endpoints: the API operations, likewise.
        narrow: limits of one account or endpoint alone, by its name.
        workers: requests that want to be sent at any time.
    """

    rates: Rates
    limits: Limits
    changes: tuple[LimitChange, ...] = ()
    seconds: float = 60.0
    throttle: Callable[[Rates], Throttle] = Throttle
    accounts: Sequence[str] = ("acct_1",)
    endpoints: Sequence[str] = ("open",)
    narrow: Mapping[str, Limits] = field(default_factory=dict)
    workers: int = WORKERS

    def perform(self, seed: int) -> Trace:
        """Play it once."""
        return run(_perform(self, random.Random(seed)))

    def median(self, figure: Callable[[Trace], float], seeds: Sequence[int] = SEEDS) -> float:
        """The median of a figure over seeds."""
        return median(figure(self.perform(seed)) for seed in seeds)

    def traces(self, seeds: Sequence[int] = SEEDS) -> list[Trace]:
        """Play it once for each seed."""
        return [self.perform(seed) for seed in seeds]


def per_second(rate: float, **more: float | str) -> Limits:
    """A server whose key admits ``rate`` requests a second."""
    return replace(OFF, platform_rate=rate, **more)


def wide(rate: float, concurrency: int = WORKERS, per_account: int = WORKERS) -> Rates:
    """A client whose cap is ``rate`` on every limiter."""
    return Rates(rate, rate, rate, concurrency, per_account)


def unknown(rates: Rates) -> Throttle:
    """The shipped throttle as a run uses it that nobody has told the limit."""
    return Throttle(rates, start=START_RPS)


class _Server:
    """The sandbox's limiters: those of the platform, and those that hold for one name alone."""

    def __init__(self, play: Play, began: float) -> None:
        self._all = Limiters(play.limits, play.changes, began)
        self._narrow = {name: Limiters(limits, (), began) for name, limits in play.narrow.items()}

    def admit(self, now: float, endpoint: str, account: str) -> str | None:
        for name in (endpoint, account):
            if name in self._narrow and (reason := self._narrow[name].admit(now, endpoint, account)):
                return reason
        return self._all.admit(now, endpoint, account)

    def enter(self, endpoint: str) -> None:
        self._all.enter(endpoint)

    def leave(self, endpoint: str) -> None:
        self._all.leave(endpoint)


async def _perform(play: Play, chance: random.Random) -> Trace:
    loop = asyncio.get_running_loop()
    trace, began = Trace(), loop.time()
    throttle, server = play.throttle(play.rates), _Server(play, began)

    async def one(endpoint: str, account: str) -> None:
        way = chance.uniform(*WAY_SECONDS)
        async with throttle.turn(endpoint, account) as sent_at:
            await asyncio.sleep(way)
            reason = server.admit(loop.time(), endpoint, account)
            trace.seen.append(Seen(sent_at - began, loop.time() - began, endpoint, account, reason))
            if reason is None:
                server.enter(endpoint)
                await asyncio.sleep(MEDIAN_SECONDS * math.exp(chance.gauss(0.0, SIGMA)))
                server.leave(endpoint)
                await asyncio.sleep(chance.uniform(*WAY_SECONDS))
            else:
                await asyncio.sleep(max(chance.uniform(*REFUSAL_SECONDS) - way, 0.0))
        if reason is not None:
            throttle.limited(reason, endpoint, account, None, sent_at)

    async def work(endpoint: str, account: str) -> None:
        while True:
            await one(endpoint, account)

    async def watch() -> None:
        while True:
            trace.rates.append((loop.time() - began, throttle.key.rate, str(throttle.key.phase)))
            await asyncio.sleep(SAMPLE_SECONDS)

    names = [(endpoint, account) for account in play.accounts for endpoint in play.endpoints]
    tasks = [loop.create_task(work(*names[n % len(names)])) for n in range(play.workers)]
    tasks.append(loop.create_task(watch()))
    await asyncio.sleep(play.seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return trace
