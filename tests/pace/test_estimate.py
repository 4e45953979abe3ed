"""The estimate against the run: whole runs on virtual time, over ledger, gateway and a sandbox with its limits on."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from billing.core.estimates import MEDIAN_SECONDS, Load, Speed, estimate
from billing.edge.pacing.throttle import Rates, Throttle
from billing.edge.runfiles import RunDefaults, open_run
from billing.flow.kinds.charge.steps import CHARGES
from billing.flow.planning.plan import PlanOptions, estimate_for, make_plan
from billing.flow.planning.preflight import Preflight
from billing.sandbox.config import Latency, Limits, SandboxConfig
from billing.sandbox.scenario import Row
from tests.flow.world import RUN, World
from tests.virtual import run

OFF_BY = 0.10
# Of what the run then takes.


def many_small(number: int) -> tuple[int, int]:
    """Every account and every payer has a few items at most."""
    return number % 40, number


def one_big(number: int) -> tuple[int, int]:
    """One account has three items of four."""
    return (0 if number % 4 else 1 + number % 10), number


def few_payers(number: int) -> tuple[int, int]:
    """One payer has every fourth item."""
    return number % 40, (0 if number % 4 == 0 else number)


@dataclass(frozen=True, slots=True)
class Shape:
    """One run: how its items are spread, what is allowed, where the key begins, and how many it charges.

    Attributes:
        spread: item number -> numbers of its account and of its payer.
        rates: what the client may send.
        items: to charge.
        skipped: more items, which the plan skips.
        start: requests a second where limiters begin, or None.
    """

    spread: Callable[[int], tuple[int, int]]
    rates: Rates
    items: int
    skipped: int = 0
    start: float | None = None


SHAPES = {
    "test mode, 40 %, many small accounts": Shape(many_small, Rates(10, 10, 5, 64, 64), 160),
    "live, 40 %": Shape(many_small, Rates(40, 10, 5, 64, 64), 240),
    "one big account": Shape(one_big, Rates(40, 10, 5, 64, 64), 160),
    "few payers": Shape(few_payers, Rates(40, 10, 5, 64, 64), 160),
    "limits raised": Shape(many_small, Rates(100, 50, 25, 128, 128), 500),
    "more rate than slots": Shape(many_small, Rates(200, 100, 50, 32, 32), 300),
    "a rate to be found out": Shape(many_small, Rates(80, 80, 80, 128, 128), 360, start=20.0),
    "half of the items skipped": Shape(many_small, Rates(10, 10, 5, 64, 64), 120, skipped=120),
}


def rows_of(world: World, shape: Shape) -> list[Row]:
    """Give the scenario's items the accounts and payers of the shape; those to skip get an account that refuses all."""
    rows, accounts = world.scenario.rows, world.scenario.accounts
    dead = world.scenario.dead_accounts
    found = []
    for number, row in enumerate(rows):
        account, payer = shape.spread(number)
        name = dead[0] if number >= shape.items else accounts[account]
        found.append(
            replace(row, account=name, customer=rows[payer].customer, payment_method=rows[payer].payment_method)
        )
    return found


def make(folder: Path, shape: Shape) -> World:
    """Build the platform: limits of the sandbox on and as they are allowed, answers as usual, its clock the loop's."""
    limits = Limits(shape.rates.key_rps * 1.02, shape.rates.endpoint_rps * 1.02, shape.rates.account_rps * 1.02)
    config = SandboxConfig(limits=limits, latency=Latency(MEDIAN_SECONDS))
    loop = asyncio.get_running_loop()
    world = World.make(
        folder, config, lambda: config.start + loop.time(),
        accounts=41, dead_accounts=1, items=shape.items + shape.skipped, mix={"succeeds": 1.0},
    )  # fmt: skip
    world.scenario = replace(world.scenario, rows=tuple(rows_of(world, shape)))
    world.file.write_text(world.scenario.as_csv())
    return world


@pytest.mark.parametrize("name", SHAPES)
def test_a_plan_says_within_ten_per_cent_what_its_run_takes(name, tmp_path, record_property):
    shape = SHAPES[name]

    async def main() -> None:
        world = make(tmp_path, shape)
        loop = asyncio.get_running_loop()
        async with world.services(rates=shape.rates) as services:
            services.gateway.throttle = Throttle(shape.rates, start=shape.start)
            preflight = Preflight.ACCOUNTS if shape.skipped else Preflight.NONE
            with open_run(world.file, run_id=RUN, defaults=RunDefaults(policies=world.policies)) as source:
                plan = await make_plan(services, source, PlanOptions(preflight))
            cost = estimate_for(plan, shape.rates, shape.start)
            payers = Counter(row.customer for row in world.scenario.rows[: shape.items])
            if max(payers.values()) > 1:
                rates = shape.rates
                most = max(payers, key=payers.__getitem__)
                theirs = len({row.account for row in world.scenario.rows[: shape.items] if row.customer == most})
                load = Load(
                    shape.items,
                    CHARGES.rounds,
                    max(plan.accounts.values()),
                    max(payers.values()),
                    len(plan.accounts),
                    theirs,
                )
                cost = estimate(load, Speed(rates.key_rps, rates.endpoint_rps, rates.account_rps, rates.concurrency))
            await world.plan(services, preflight)
        async with world.services(rates=shape.rates) as services:  # the run lists what the plan's process had listed
            services.gateway.throttle = Throttle(shape.rates, start=shape.start)
            began, sent = loop.time(), services.gateway.counters.sent
            await world.run(services, concurrency=shape.rates.concurrency)
            seconds = loop.time() - began
            record_property("off_by", round(cost.seconds / seconds - 1, 4))
            assert cost.seconds == pytest.approx(seconds, rel=OFF_BY)
            assert cost.requests == services.gateway.counters.sent - sent
        await world.assert_true()

    run(main())
    record_property("evidence", "estimate: 1 runs took what their plan said, within a tenth")
