"""Stripe on a bad day, and runners that die: nobody is charged twice, nothing is hidden, nothing is left open."""

import random
from collections import Counter

import anyio
import pytest

from billing.core.groups import group_of
from billing.core.kinds import is_unsent
from billing.core.life import Group
from billing.flow.execute import execute
from billing.flow.options import RunOptions
from billing.sandbox.config import Chances, Latency, Limits, SandboxConfig
from tests.flow.world import RUN, World
from tests.virtual import run_virtually

DAY = dict.fromkeys(
    [
        "refused", "lost_before", "lost_after", "late", "stored_500_done", "stored_500_undone", "bad_gateway_done",
        "bad_gateway_undone", "cut_body", "rate_limited", "lock_timeout", "throttled_400", "key_in_use",
        "unavailable_503", "dependency_424", "wrong_object", "empty_200", "html_200", "redirect",
    ],
    0.012,
)  # fmt: skip
MIX = {
    "succeeds": 0.7, "insufficient_funds": 0.1, "stolen_card": 0.05, "authentication_required": 0.05,
    "debit_succeeds": 0.05, "not_clonable": 0.05,
}  # fmt: skip
OPEN_GROUPS = (Group.UNKNOWN, Group.PENDING, Group.PARKED)


def bad_day(folder, seed: int, items: int = 60) -> World:
    config = SandboxConfig(
        seed=seed,
        limits=Limits.off(),
        latency=Latency(median_seconds=0.4),
        chances=Chances(kinds=DAY, late_seconds=3.0),
    )
    return World.make(
        folder, config, seed=seed, items=items, accounts=4, dead_accounts=1, items_per_customer=2, mix=MIX
    )


async def finish(world: World) -> None:
    """Continue and resolve, as an operator would, until nothing is open; a bad day ends, and keys are forgotten."""
    for turn in range(6):
        if turn == 4:
            world.sandbox.faults.clear()
            world.sandbox.advance(25 * 3600)
        await world.charge_all()
        async with world.services() as services:
            await world.resolve(services)
        left = [item for item in await world.item() if not (is_unsent(item.state) and "reason_code" in item.facts)]
        groups = Counter(group_of(item) for item in left)  # a dead account's items wait until it is put right
        if not any(groups[group] for group in OPEN_GROUPS):
            return
    raise AssertionError(f"still open: {groups}")


async def killed_at_random(world: World, chance: random.Random) -> None:
    """Run, die at a random moment, lose the keys at times, continue; the last runner lives."""
    for _ in range(chance.randint(1, 6)):
        with anyio.move_on_after(chance.uniform(0.05, 4.0)):
            await world.charge_all()
        if chance.random() < 0.3:
            world.sandbox.advance(chance.choice([600, 25 * 3600, 72 * 3600]))
    await finish(world)


async def two_runners(world: World, chance: random.Random) -> None:
    """Two runners on one ledger, the lock failed, each dying and coming back."""

    async def runner() -> None:
        for _ in range(chance.randint(1, 4)):
            with anyio.move_on_after(chance.uniform(0.2, 5.0)):
                async with world.services(lock=False) as services:
                    await world.run(services)

    async with world.services() as services:
        await world.plan(services)
    async with anyio.create_task_group() as group:
        group.start_soon(runner)
        group.start_soon(runner)
    await finish(world)


@pytest.mark.parametrize("seed", range(12))
def test_a_bad_day_ends_true(tmp_path, seed):
    world = bad_day(tmp_path, seed)
    run_virtually(finish, world)
    assert len(run_virtually(world.assert_true)) == len(world.scenario.rows)


@pytest.mark.parametrize("seed", range(12))
def test_runners_that_die_at_random_leave_the_truth(tmp_path, seed):
    world = bad_day(tmp_path, 100 + seed)
    run_virtually(killed_at_random, world, random.Random(seed))
    assert len(run_virtually(world.assert_true)) == len(world.scenario.rows)


@pytest.mark.parametrize("seed", range(12))
def test_two_runners_without_a_lock_leave_the_truth(tmp_path, seed):
    world = bad_day(tmp_path, 200 + seed)
    run_virtually(two_runners, world, random.Random(seed))
    assert len(run_virtually(world.assert_true)) == len(world.scenario.rows)


def test_the_day_after_charges_nobody(tmp_path):
    world = bad_day(tmp_path, 300)
    run_virtually(finish, world)
    confirms = world.sandbox.requests["payment_intents.confirm"].sent
    world.sandbox.faults.clear()
    run_virtually(finish, world)
    assert world.sandbox.requests["payment_intents.confirm"].sent == confirms


def test_while_stripe_is_away_the_watch_is_told_every_second_and_since_when(tmp_path):
    config = SandboxConfig(limits=Limits.off(), chances=Chances(kinds={"refused": 1.0}))
    world = World.make(tmp_path, config, items=60, accounts=30)
    told: list[float] = []

    async def charge() -> None:
        async with world.services() as services:
            await world.plan(services)
            began = anyio.current_time()
            await execute(services, RUN, RunOptions(), world.policies, lambda shown: told.append(shown.away))
            told.append(anyio.current_time() - began)

    run_virtually(charge)
    *aways, lasted = told
    since = [away for away in aways if away]
    assert len(since) > 0.9 * lasted > 60
    assert since == sorted(since)
    assert 0.95 * lasted < since[-1] <= lasted
