"""The goal of another attempt: what rests is tried again when its time has come, on its own intent, nothing else."""

from collections import Counter

from billing.core.items import Kind
from billing.core.kinds.charge import State
from billing.flow.engine.goals import Goal
from billing.flow.engine.progress import unwatched
from billing.flow.engine.runner import Runner
from billing.flow.execute import work_of
from billing.flow.kinds.registry import FLOWS
from billing.flow.options import RunOptions
from tests.flow.world import RUN, UNGUARDED, World
from tests.virtual import run_virtually

DAY = 86_400
MIX = {"succeeds": 0.4, "insufficient_funds": 0.3, "stolen_card": 0.15, "authentication_required": 0.15}


def attempts(world: World) -> Counter[str]:
    return Counter(row.intent for row in world.sandbox.books().intents for _ in range(row.confirms))


async def retried(world: World) -> None:
    async with world.services() as services:
        work = work_of(services, FLOWS[Kind.CHARGE], RUN, UNGUARDED)
        await Runner(services, work, Goal.RETRY, UNGUARDED, RunOptions(), unwatched).go()


def test_only_what_rests_and_is_due_is_tried_again_on_its_own_intent(tmp_path):
    world = World.make(tmp_path, items=40, accounts=4, mix=MIX)

    async def main():
        await world.charge_all()
        before, first = attempts(world), {item.reference: item for item in await world.item()}
        await retried(world)
        assert attempts(world) == before, "nothing is due on the day of the decline"
        world.sandbox.advance(2 * DAY)
        await retried(world)
        await retried(world)
        tried = attempts(world) - before
        due = {item.object_id for item in first.values() if item.state is State.UNPAID and item.facts.get("next_try")}
        assert due
        assert tried == Counter(dict.fromkeys(due, 1)), "once each, however often it is asked"
        for item in await world.item():
            was = first[item.reference]
            assert item.object_id == was.object_id
            assert item.attempt == was.attempt + (item.object_id in due)
        await world.assert_true()

    run_virtually(main)
