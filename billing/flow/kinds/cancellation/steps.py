"""What is done with a cancellation in each state: look, write, send, write. Only `STEPS` leads to a request."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from billing.core.entries import ItemRecord, Move
from billing.core.kinds import cancellation_rules as reasons
from billing.core.kinds import phase_of
from billing.core.kinds.cancellation import CANCELLATION_LIFE, Event, State
from billing.core.objects.cancellation import Standing
from billing.core.outcomes import Refused
from billing.flow.engine.context import ItemContext, StillUnresolved
from billing.flow.engine.flow import Flow, Step, Steps
from billing.flow.engine.goals import RESTS, Goal
from billing.flow.kinds.cancellation import conclude, send
from billing.flow.kinds.cancellation.look import is_ours, look


async def begin(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Read the subscription; one that is ours and goes on is ended, every other one is left."""
    seen = await look(ctx, item)
    if isinstance(seen, Refused):
        return await conclude.skip(ctx, item, reasons.NO_SUBSCRIPTION)
    if not is_ours(ctx, item, seen.seen):
        return await conclude.skip(ctx, item, reasons.NOT_OURS)
    return await conclude.concluded(ctx, item, seen) or await send.start(ctx, item, seen)


async def go_on(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Look what is left, and send it."""
    seen = await look(ctx, item)
    if isinstance(seen, Refused):
        return await conclude.set_aside(ctx, item, conclude.failure(seen))
    return await conclude.concluded(ctx, item, seen) or await send.start(ctx, item, seen)


async def void_again(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Try once in a visit whether the bank has spoken: nothing is asked of it a second time at once.

    Raises:
        StillUnresolved: this visit has tried.
    """
    if ctx.rounds[State.READY]:
        raise StillUnresolved(item)
    return await go_on(ctx, item)


async def follow(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Look, and send nothing.

    Raises:
        StillUnresolved: something is left to be sent.
    """
    seen = await look(ctx, item)
    after = None if isinstance(seen, Refused) else await conclude.concluded(ctx, item, seen)
    if after is None:
        raise StillUnresolved(item)
    return after


LOOKS: dict[StrEnum, Step] = {State.CANCELLING: follow, State.UNSETTLED: follow}
# What a command may do that only looks: nothing in this table can lead to a send.

STEPS: dict[StrEnum, Step] = {
    State.PLANNED: begin,
    State.READY: go_on,
    State.CANCELLING: go_on,  # found so: an answer was lost, or the process that sent it is gone
    State.UNSETTLED: void_again,
}


def closing(why: Mapping[str, Any]) -> Steps:
    """Return what closing does with a cancellation in each state, given the facts of why; nothing here sends."""

    async def skip(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
        return await ctx.record(item, Move(Event.ITEM_SKIPPED, facts=why))

    async def refuse(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
        seen = await look(ctx, item)
        after = None if isinstance(seen, Refused) else await conclude.concluded(ctx, item, seen)
        if after is not None:
            return after
        if isinstance(seen, Refused) or seen.standing is not Standing.RUNNING:
            raise StillUnresolved(item)  # it is over by us: the run goes on with what may still be collected
        if item.state is State.CANCELLING:
            return await conclude.set_aside(ctx, item, why)  # its round has no answer, and may still arrive
        return await conclude.refused(ctx, item, why, seen)

    return {**LOOKS, State.PLANNED: skip, State.READY: refuse, State.CANCELLING: refuse}


def rests(goal: Goal, item: ItemRecord) -> bool:
    """Tell whether an item is where ``goal`` leaves it."""
    return phase_of(item.state) in RESTS[goal]


CANCELLATIONS = Flow(
    life=CANCELLATION_LIFE,
    steps={Goal.RUN: STEPS, Goal.SWEEP: STEPS, Goal.RESOLVE: LOOKS, Goal.SETTLE: LOOKS, Goal.RETRY: LOOKS},
    closing=closing,
    rests=rests,
    waits_for_customer=lambda _item: False,
    rounds=(1, 1, 1),  # the subscription is read, ended, and read again
    look_up=lambda _services, _items: None,
)
