"""Whole runs over accounts that each have a limit of their own, under the key's: nobody tells the client either.

The shipped runner, queues, throttle and ledger against the sandbox, on virtual time. Both limiters give the same
reason, as Stripe may: ``global-rate``.
"""

import asyncio
import csv
import io
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from billing.core.exits import Exit
from billing.edge.pacing.pacer import START_RPS
from billing.edge.pacing.throttle import Rates, Throttle
from billing.sandbox.config import START, Latency, Limits, SandboxConfig
from tests.flow.world import World
from tests.pace.workloads import REQUESTS, spread
from tests.virtual import run_virtually

LATENCY = Latency(median_seconds=0.6, rejection_seconds=0.055)

LISTS = 1
# Of each account: what another ledger may have opened there is looked for before anything is.


@dataclass(frozen=True, slots=True)
class Crowd:
    """One run.

    Attributes:
        shape: how its items are spread over the accounts, a name of ``tests.pace.workloads.SHAPES``.
        key_rps: requests a second that the provider lets in of the whole key.
        account_rps: of one connected account; 0 lets everything in.
        cap: what the client may send at most, on every limiter.
    """

    shape: str = "Zipf 1.0"
    items: int = 600
    accounts: int = 40
    key_rps: float = 60.0
    account_rps: float = 6.0
    cap: float = 200.0

    def counts(self, seed: int) -> list[int]:
        """Items of each account, in an order drawn from the seed."""
        counts = list(spread(self.shape, self.items, self.accounts).values())
        random.Random(seed).shuffle(counts)
        return counts

    def bound(self, seed: int) -> float:
        """Seconds that nothing can beat: everything at the key's limit, the longest account at its own."""
        counts = self.counts(seed)
        longest = (max(counts) * REQUESTS + LISTS) / self.account_rps if self.account_rps else 0.0
        return max((self.items * REQUESTS + len(counts) * LISTS) / self.key_rps, longest)


@dataclass(frozen=True, slots=True)
class Passed:
    """How it went: over the bound, the share of requests refused, and the rate (requests a second) of each limiter."""

    over_bound: float
    refused: float
    learned: dict[str, float]


def pass_through(crowd: Crowd, folder: Path, seed: int) -> Passed:
    """Carry the run out once, and see that every item is paid."""
    return run_virtually(lambda: _pass(crowd, folder, seed))


async def _pass(crowd: Crowd, folder: Path, seed: int) -> Passed:
    loop = asyncio.get_running_loop()
    limits = Limits(crowd.key_rps, 0.0, crowd.account_rps, "global-rate")
    config = SandboxConfig(limits=limits, latency=LATENCY, log_size=10 * crowd.items)
    spec = {"seed": seed, "items": crowd.items, "accounts": crowd.accounts, "mix": {"succeeds": 1.0}}
    world = World.make(folder, config, lambda: START + loop.time(), **spec)
    world.file.write_text(_spread_over(world, crowd.counts(seed)))
    rates = Rates(crowd.cap, crowd.cap, crowd.cap, 64, 64)  # as a command makes them: no cap on an account in flight
    async with world.services(rates=rates) as services:
        services.gateway.throttle = Throttle(rates, start=START_RPS)
        await world.plan(services)
        began = loop.time()
        ending = await world.run(services)
        took, learned = loop.time() - began, services.gateway.throttle.learned()
        assert ending.exit is Exit.OK, ending
        assert Counter(str(item.state) for item in world.items(services)) == {"succeeded": crowd.items}
    answers = Counter(line.status for line in world.sandbox.log)
    return Passed(took / crowd.bound(seed), answers[429] / answers.total(), learned)


def _spread_over(world: World, counts: list[int]) -> str:
    """Return the run file with its items given to the accounts in these numbers, sorted by account."""
    owners = [account for account, count in zip(world.scenario.accounts, counts, strict=True) for _ in range(count)]
    rows = list(csv.DictReader(io.StringIO(world.scenario.as_csv())))
    for row, owner in zip(rows, owners, strict=True):
        row["account"] = owner
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
