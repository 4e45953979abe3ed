"""Runs over shards on a bad day: two workers at one shard, lost answers, a launcher that dies. Nobody pays twice."""

import asyncio
import os
import signal
from collections import Counter

import anyio
import pytest

from billing.core.entries import Note
from billing.core.exits import Exit
from billing.core.groups import group_of
from billing.core.kinds import is_unsent
from billing.core.life import Group
from billing.core.records import RunStatus
from billing.edge.engines import Placed
from billing.edge.engines.controls import Remembered, Round
from billing.edge.engines.inprocess import InProcess
from billing.edge.stripe.resend import SENDS
from billing.flow.engine.context import ROUNDS
from billing.flow.engine.goals import Goal, taken_up
from billing.flow.kinds.registry import FLOWS
from billing.flow.options import RunOptions, Selection
from billing.flow.workers.carrying import Carrier
from billing.flow.workers.launching import Hired, Overseer
from billing.flow.workers.rounds import Crew, cut_run
from billing.flow.workers.worklist import OfShard
from billing.sandbox.faults import FaultKind
from tests.flow.crew_world import at_once, boss_of, hiring, run_over_workers, settings
from tests.flow.test_bad_day import OPEN_GROUPS, bad_day
from tests.flow.world import RUN, World, with_latency
from tests.virtual import run_virtually


@pytest.mark.parametrize("seed", range(3))
def test_a_bad_day_over_shards_leaves_nothing_open_and_charges_nobody_twice(tmp_path, seed):
    async def main() -> None:
        world = bad_day(tmp_path, seed, items=40)
        for turn in range(6):
            if turn == 4:
                world.sandbox.faults.clear()
                world.sandbox.advance(25 * 3600)
            await run_over_workers(world)
            async with world.services() as services:
                await world.resolve(services)
            left = [item for item in await world.item() if not (is_unsent(item.state) and "reason_code" in item.facts)]
            if not any(Counter(group_of(item) for item in left)[group] for group in OPEN_GROUPS):
                break
        await world.assert_true()
        assert not any(Counter(group_of(item) for item in left)[group] for group in OPEN_GROUPS)

    run_virtually(main)


class Everywhere(InProcess):
    """An engine that has every shard worked by two carriers at once, as when a frozen worker wakes up."""

    def __init__(self, log, other: Carrier) -> None:
        super().__init__(log, 4)
        self.other = other

    async def work(self, execute) -> None:
        async def twice(shard: Placed) -> None:
            async with anyio.create_task_group() as group:
                group.start_soon(execute, shard)
                group.start_soon(self.other.carry_out, shard)

        await super().work(twice)


def test_two_workers_at_every_shard_charge_nothing_twice(tmp_path):
    async def main() -> None:
        world = World.make(tmp_path, with_latency(0.4), items=60, accounts=5)
        controls = Remembered()
        async with world.services() as services, world.services(lock=False) as others:
            await world.plan(services)
            one, other = (Carrier(each, settings(), controls, "w", 16, apart=at_once) for each in (services, others))
            crew = Crew(Everywhere(services.log, other), controls, at_once)
            ending = await Overseer(hiring(Hired(crew, one))).execute(services, RUN, RunOptions(), world.policies)
        assert ending.exit is Exit.OK
        assert not {Group.PENDING, Group.UNKNOWN} & set(await world.groups())
        await world.assert_true()
        async with world.read() as ledger:
            assert ledger.entry_counts(RUN)[Note.RUN_FINISHED] == 1

    run_virtually(main)


class Breaking(InProcess):
    """An engine whose process dies in the middle of taking shards."""

    async def submit(self, shards) -> None:
        await super().submit(shards[: len(shards) // 2])
        raise KeyboardInterrupt


def test_a_launcher_that_dies_while_it_hands_out_leaves_a_run_that_the_same_command_finishes(tmp_path):
    async def main() -> None:
        world, controls = World.make(tmp_path, with_latency(0.2), items=60, accounts=5), Remembered()
        async with world.services() as services:
            await world.plan(services)
            broken = Breaking(services.log)
            with pytest.raises(KeyboardInterrupt):
                await Overseer(hiring(Hired(Crew(broken, controls, at_once)))).execute(
                    services, RUN, RunOptions(), world.policies
                )
            first = await controls.round(RUN)
            assert not first.handed_out
            # Workers go on with what they got; the run is not over by that.
            carrier = Carrier(services, settings(), controls, "w", 16, apart=at_once)
            for shard in list(broken.waiting.values()):
                await carrier.carry_out(shard)
            assert services.ledger.run(RUN).status is RunStatus.RUNNING
        assert (await run_over_workers(world, controls)).exit is Exit.OK
        second = await controls.round(RUN)
        assert second.number > first.number
        assert second.shards < first.shards
        assert not {Group.PENDING, Group.UNKNOWN} & set(await world.groups())
        await world.assert_true()

    run_virtually(main)


def test_a_shard_of_an_earlier_round_sends_nothing(tmp_path):
    async def main() -> None:
        world, controls = World.make(tmp_path, with_latency(0.2), items=12, accounts=2), Remembered()
        async with boss_of(world, controls) as boss:
            await world.plan(boss.services)
            detached = Overseer(hiring(Hired(Crew(boss.engine, controls, at_once))), detached=True)
            await detached.execute(boss.services, RUN, RunOptions(), world.policies)
            old = list(boss.engine.waiting.values())
            found = await controls.round(RUN)
            assert await controls.open_round(Round(RUN, 1, found.number + 1, 1, found.asked), found.number)
            carrier = Carrier(boss.services, settings(), controls, "w", 16, apart=at_once)
            before = boss.services.gateway.counters.sent
            for shard in old:
                await carrier.carry_out(shard)
            assert boss.services.gateway.counters.sent == before
            assert set(await world.groups()) == {Group.PENDING}

    run_virtually(main)


@pytest.mark.parametrize("selection", [Selection(), Selection(exclude=("*7",))])
def test_shards_hold_exactly_what_is_left_and_wanted_of_a_run(tmp_path, selection):
    async def main() -> None:
        world = World.make(tmp_path, with_latency(0.1), items=90, accounts=5)
        async with world.services() as services:
            await world.plan(services)
            await world.run(services, selection=Selection(only=("*3",)))
            record = services.ledger.run(RUN)
            flow, states = FLOWS[record.kind], taken_up(FLOWS[record.kind].life, Goal.RUN)
            held: Counter[int] = Counter()
            for shard in cut_run(services.ledger, flow, RUN, selection):
                listed = OfShard(services.ledger, RUN, shard.parts, states, at_once)
                await listed.refresh()
                found = [item for item in listed.everything() if not flow.rests(Goal.RUN, item)]
                assert len(found) == shard.items
                assert sum(listed.workload(states).values()) == len(list(listed.everything()))
                held.update(item.id for item in found)
            left = [item for item in world.items(services) if item.state in states and selection.takes(item)]
            assert held == Counter(item.id for item in left if not flow.rests(Goal.RUN, item))
            assert 0 < len(held) < 90

    run_virtually(main)


def test_a_shard_gives_its_items_by_pages_as_the_ledger_does(tmp_path):
    async def main() -> None:
        world = World.make(tmp_path, with_latency(0.1), items=50, accounts=2)
        async with world.services() as services:
            await world.plan(services)
            record = services.ledger.run(RUN)
            states = taken_up(FLOWS[record.kind].life, Goal.RUN)
            for shard in cut_run(services.ledger, FLOWS[record.kind], RUN, Selection()):
                listed = OfShard(services.ledger, RUN, shard.parts, states, at_once)
                await listed.refresh()
                for part in shard.parts:
                    after, found = part.first_row - 1, []
                    while page := listed.work(states, part.account, after, 3):
                        assert len(page) <= 3
                        found += [item.id for item in page]
                        after = page[-1].id
                    assert found == sorted(set(found))
                    assert len(found) == part.items

    run_virtually(main)


def test_what_a_shard_left_open_is_gone_through_again_as_it_stands_by_then(tmp_path):
    async def main() -> None:
        world = World.make(tmp_path, with_latency(0.1), items=1, accounts=1, mix={"succeeds": 1.0})
        world.script(FaultKind.LOST_BEFORE, "payment_intents.create", times=SENDS * ROUNDS)
        await run_over_workers(world)
        assert await world.groups() == {Group.SUCCEEDED: 1}

    run_virtually(main)


def test_a_command_that_is_told_to_end_does_not_wait_for_a_worker_that_is_dead(tmp_path):
    async def main() -> None:
        world, controls = World.make(tmp_path, with_latency(0.2), items=12, accounts=2), Remembered()
        async with boss_of(world, controls) as boss:
            await world.plan(boss.services)
            nobody = Overseer(hiring(Hired(Crew(boss.engine, controls, at_once))))
            task = asyncio.create_task(nobody.execute(boss.services, RUN, RunOptions(), world.policies))
            await asyncio.sleep(3)
            found = await controls.round(RUN)
            await controls.tell(RUN, found.number, 1, "dead", {})
            os.kill(os.getpid(), signal.SIGTERM)
            ending = await task
            assert ending.exit is Exit.TERMINATED
            assert (await controls.round(RUN)).said.exit_code == Exit.TERMINATED
            assert boss.services.ledger.run(RUN).status is RunStatus.RUNNING

    run_virtually(main)
