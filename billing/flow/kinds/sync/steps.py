"""What is done with a sync in each state. Each request of it is harmless alone: what is found in flight is resent."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from billing.core.entries import ItemRecord, Move
from billing.core.items import Does
from billing.core.kinds import phase_of
from billing.core.kinds.sync import SYNC_LIFE, Event, State
from billing.flow.engine.context import ItemContext
from billing.flow.engine.flow import Flow, Step, Steps
from billing.flow.engine.goals import RESTS, Goal
from billing.flow.kinds.sync import checking, copying, pointing
from billing.flow.kinds.sync.conclude import ENDS


async def begin(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Begin with a copy, or with the fields alone where the copy was found in step."""
    fields_alone = item.content["does"] == Does.FIELDS
    return await (pointing.start_update if fields_alone else copying.begin)(ctx, item)


STEPS: dict[StrEnum, Step] = {
    State.PLANNED: begin,
    State.UPDATING: pointing.update,
    State.CLONING: copying.clone_again,
    State.ATTACHING: copying.send_attach,
    State.REPOINTING: pointing.send_repoint,
    State.MOVING: pointing.move,
    State.MOVED: checking.check,
    State.DETACHING: checking.let_go,
    State.DETACHED: checking.check,
    State.PARKED: checking.look_again,
}


def closing(why: Mapping[str, Any]) -> Steps:
    """Return what closing does with a sync in each state, given the facts of why: what was begun is left as it is."""

    async def skip(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
        return await ctx.record(item, Move(Event.ITEM_SKIPPED, facts=why))

    async def end(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
        event = ENDS.get(State(item.state))
        left = event is None or item.facts.get("begun")
        return await ctx.record(item, Move(Event.LEFT_AS_IT_IS if left or event is None else event, facts=why))

    return {**STEPS, **dict.fromkeys(SYNC_LIFE.states, end), State.PLANNED: skip, State.DETACHING: checking.let_go}


def rests(goal: Goal, item: ItemRecord) -> bool:
    """Tell whether an item is where ``goal`` leaves it: closing leaves what was begun, parked."""
    return phase_of(item.state) in RESTS[goal] or (goal is Goal.CLOSE and item.state is State.PARKED)


SYNCS = Flow(
    life=SYNC_LIFE,
    steps={goal: STEPS for goal in Goal if goal is not Goal.CLOSE},
    closing=closing,
    rests=rests,
    waits_for_customer=lambda _item: False,
    rounds=(1,) * 13,  # each waits for the one before: what is named must be there
    look_up=lambda _services, _items: None,
)
