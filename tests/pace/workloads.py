"""Runs of many shapes on virtual time: the shipped runner, lanes and throttle, with a stand-in for what a charge does.

A whole run of ten thousand items through ledger and sandbox takes minutes of computing; here an item is what it is to
the order of a run: open and clone side by side, then confirm, each a turn of the throttle and a latency.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import anyio

from billing.core.entries import ItemRecord
from billing.core.items import Kind
from billing.core.kinds.charge import State
from billing.core.policies import Policies, StopOn
from billing.edge.pacing.throttle import Rates, Throttle
from billing.edge.stripe.breaker import Breaker
from billing.edge.stripe.clock import ProviderClock
from billing.edge.stripe.gateway import Counters
from billing.flow.engine.flow import ItemResult
from billing.flow.engine.gather import gather
from billing.flow.engine.goals import Goal
from billing.flow.engine.progress import unwatched
from billing.flow.engine.runner import Runner, Work
from billing.flow.engine.scheduler import Scheduler
from billing.flow.kinds.charge.steps import CHARGES
from billing.flow.options import RunOptions
from tests.virtual import run_virtually

MEDIAN_SECONDS, SIGMA = 0.6, 0.5
WAY_SECONDS = (0.015, 0.035)
# Latency of an answer, lognormal, and of the network each way (edge/pacing/README.md, "Why no library").
REQUESTS = 3
# Of an item: open, clone, confirm.

SHAPES: dict[str, Callable[[int, int], list[float]]] = {
    "equal": lambda accounts, _: [1.0] * accounts,
    "Zipf 1.0": lambda accounts, _: [1 / rank for rank in range(1, accounts + 1)],
    "Zipf 1.5": lambda accounts, _: [rank**-1.5 for rank in range(1, accounts + 1)],
    "one has half": lambda accounts, _: [float(accounts - 1)] + [1.0] * (accounts - 1),
}
# How the items are spread over the accounts, as weights.
ACCOUNT_SHARES = (25, 5, 1)
# Rate of one account in per cent of the whole run's.
SLOTS_PER_RPS = 4
# Requests in flight for each item a second: three requests take 0.73 s each on average, so there are twice as many as
# needed, and 8 of them may be lost to a slow account.


@dataclass(frozen=True, slots=True)
class Workload:
    """One run to be ordered.

    Attributes:
        items: (account, payer) in file order.
        rates: what may be sent.
        median: seconds of an answer by account, where it is not the usual one.
    """

    items: tuple[tuple[str, str], ...]
    rates: Rates
    median: Mapping[str, float] = field(default_factory=dict)

    @property
    def counts(self) -> Counter[str]:
        """Items per account, in file order."""
        return Counter(account for account, _ in self.items)

    def bound(self, without: str = "") -> float:
        """Seconds that no order can beat: all at the run's rate, the longest account at its own; ``without`` one."""
        counts = self.counts
        counts.pop(without, None)
        rps = min(self.rates.key_rps / REQUESTS, self.rates.endpoint_rps)
        return max(counts.total() / rps, max(counts.values()) * REQUESTS / self.rates.account_rps)


def spread(shape: str, items: int, accounts: int) -> dict[str, int]:
    """Share items out over accounts by a shape, every account one at least; largest remainders first."""
    weights = SHAPES[shape](accounts, items)
    spare = items - accounts
    exact = [spare * weight / sum(weights) for weight in weights]
    counts = [int(share) for share in exact]
    by_remainder = sorted(range(accounts), key=lambda n: counts[n] - exact[n])
    for n in by_remainder[: spare - sum(counts)]:
        counts[n] += 1
    return {f"acct_{n:04d}": count + 1 for n, count in enumerate(counts)}


def workload(shape: str, share: int, items: int, accounts: int, rps: float, seed: int = 1) -> Workload:
    """Build one of the twelve: ``rps`` items a second in all, ``share`` per cent of it for one account.

    The file is sorted by account, as finance files are; which account is the long one is drawn.
    """
    counts = list(spread(shape, items, accounts).items())
    random.Random(seed).shuffle(counts)
    rows = [(account, f"{account}-{n}") for account, count in counts for n in range(count)]
    key = rps * REQUESTS
    slots = max(64, round(SLOTS_PER_RPS * rps))
    return Workload(tuple(rows), Rates(key, key, key * share / 100, slots, slots))


def slow_workload(items: int, accounts: int, rps: float) -> tuple[Workload, str]:
    """Build a run in which one account of many answers 50 times slower than the others; return that account, too."""
    work = workload("equal", 100, items, accounts, rps)
    slow = work.items[len(work.items) // 2][0]
    return replace(work, median={slow: 50 * MEDIAN_SECONDS}), slow


@dataclass(slots=True)
class Took:
    """How a workload went: each item with the seconds of its start and of its end, as they ended."""

    flights: list[tuple[ItemRecord, float, float]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Of the whole run."""
        return self.flights[-1][2]

    @property
    def done(self) -> Counter[int]:
        """How often each item ended."""
        return Counter(item.id for item, _, _ in self.flights)

    def of(self, account: str = "", payer: str = "") -> list[tuple[float, float]]:
        """Return the flights of an account or a payer, in the order of their starts."""
        return sorted(
            (start, end) for item, start, end in self.flights if account == item.account or payer == item.payer
        )

    def end_without(self, account: str = "", payer: str = "") -> float:
        """Return the second at which everybody else was done."""
        return max(end for item, _, end in self.flights if account != item.account and payer != item.payer)

    def longest_wait(self) -> float:
        """Seconds an account with work left had to wait for its next start, at most."""
        last: dict[str, float] = {}
        longest = 0.0
        for start, account in sorted((start, item.account) for item, start, _ in self.flights):
            longest = max(longest, start - last.get(account, 0.0))
            last[account] = start
        return longest


BLANK = ItemRecord(
    id=0, item_id="", run_id="r", kind=Kind.CHARGE, reference="", generation=0, account="", payer="", amount=1,
    currency="usd", digest="", content={}, state=State.PLANNED,
)  # fmt: skip


class Paper:
    """A ledger's list of work, on paper: what a runner asks for the order of a run."""

    def __init__(self, items: Iterable[tuple[str, str]]) -> None:
        self._of: dict[str, list[ItemRecord]] = {}
        for n, (account, payer) in enumerate(items, 1):
            self._of.setdefault(account, []).append(replace(BLANK, id=n, account=account, payer=payer))
        self._place = {item.id: n for items in self._of.values() for n, item in enumerate(items, 1)}

    def workload(self, _run: str, states: tuple[State, ...]) -> dict[str, int]:
        return {account: len(items) for account, items in self._of.items()} if State.PLANNED in states else {}

    def work(self, _run: str, _states: tuple[State, ...], account: str, after: int, limit: int) -> list[ItemRecord]:
        begin = self._place.get(after, 0)
        return self._of[account][begin : begin + limit]

    def lookups(self, _kind: str, _names: list[str], _not_before: str) -> dict[str, Any]:
        return {}


class Rehearsed(Runner):
    """The shipped runner, whose items are turns and latencies."""

    def __init__(self, work: Workload, options: RunOptions, order: Callable[..., Any], seed: int) -> None:
        self.took = Took()
        self._work_load, self._order = work, order
        self._throttle = Throttle(work.rates)
        self._chance = random.Random(seed)
        paper = Paper(work.items)
        gateway = SimpleNamespace(counters=Counters(), throttle=self._throttle, breaker=Breaker())
        services: Any = SimpleNamespace(
            ledger=paper,
            gateway=gateway,
            rates=work.rates,
            draining=False,
            clock=ProviderClock(),
            log=lambda *_, **__: None,
        )
        services.shared = lambda make: make(services)
        quiet = Policies(stop_on=StopOn(decline_rate=1.0, same_error=10**9))
        super().__init__(services, Work("r", CHARGES, self._carry), Goal.RUN, quiet, options, unwatched)
        self._began = anyio.current_time()

    def _scheduler(self, *asked: Any) -> Any:
        return self._order(super()._scheduler(*asked), self._work_load)

    async def _carry(self, item: ItemRecord, _goal: Goal) -> ItemResult:
        start = anyio.current_time() - self._began
        await gather(*(partial(self._request, item.account, endpoint, True) for endpoint in ("open", "clone")))
        await self._request(item.account, "confirm", False)
        self.took.flights.append((item, start, anyio.current_time() - self._began))
        return ItemResult(replace(item, state=State.SUCCEEDED, attempt=1))

    async def _request(self, account: str, endpoint: str, first: bool) -> None:
        async with self._throttle.turn(endpoint, account, first):
            median = self._work_load.median.get(account, MEDIAN_SECONDS)
            ways = self._chance.uniform(*WAY_SECONDS) + self._chance.uniform(*WAY_SECONDS)
            await anyio.sleep(median * self._chance.lognormvariate(0.0, SIGMA) + ways)


def shipped(scheduler: Scheduler, _work: Workload) -> Scheduler:
    """The order of the shipped scheduler."""
    return scheduler


def rehearse(work: Workload, order: Callable[..., Any] = shipped, seed: int = 1, **options: Any) -> Took:
    """Run a workload to its end on virtual time."""

    async def main() -> Took:
        runner = Rehearsed(work, RunOptions(concurrency=work.rates.concurrency, **options), order, seed)
        await runner.go()
        return runner.took

    return run_virtually(main)
