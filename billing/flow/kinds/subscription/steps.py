"""What is done with a subscription in each state: decide, write, send, write. Only `STEPS` leads to what counts."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from billing.core.entries import ItemRecord, Move
from billing.core.kinds import phase_of
from billing.core.kinds.subscription import SUBSCRIPTION_LIFE, Event, State
from billing.core.life import Group
from billing.core.objects.subscription import Standing
from billing.flow.engine.context import ItemContext, StillUnresolved
from billing.flow.engine.flow import Flow, Step, Steps
from billing.flow.engine.goals import RESTS, Goal
from billing.flow.kinds.subscription import fence, link, open, pay  # noqa: A004  the field's own word
from billing.flow.kinds.subscription.conclude import concluded
from billing.flow.kinds.subscription.look import look
from billing.flow.kinds.subscription.renewals import read_renewals


async def after_attempt(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Go on from an attempt that took nothing and must not rest: the fence."""
    return await fence.start_cancel(ctx, item, {})


async def look_again(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Go on from an attempt that took nothing without another one: the fence if it is due, else a look.

    Raises:
        StillUnresolved: nothing new was learnt.
    """
    if item.facts.get("fence"):
        return await fence.start_cancel(ctx, item, {})
    seen = await look(ctx, item)
    after = None if seen is None else await concluded(ctx, item, seen)
    if after is None or after.state is item.state:
        raise StillUnresolved(item)
    return after


async def try_again(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Begin the next attempt once the schedule allows it, at the same invoice.

    Raises:
        StillUnresolved: its time has not come.
    """
    if ctx.services.clock.now() < datetime.fromisoformat(item.facts["next_try"]):
        raise StillUnresolved(item)
    return await pay.count(ctx, item)


async def look_at_start(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Look whether a fuse was cleared; a command that only looks clears none.

    Raises:
        StillUnresolved: it was not, so far.
    """
    seen = await look(ctx, item)
    after = None if seen is None else await concluded(ctx, item, seen)
    if after is None or (seen is not None and seen.standing is Standing.FUSED):
        raise StillUnresolved(item)
    return after


LOOKS: dict[StrEnum, Step] = {
    State.PAYING: pay.note_lost,  # found so: the process that sent it is gone
    State.STARTING: look_at_start,
    State.UNKNOWN: pay.find_out,
    State.PARKED: pay.find_out,
    State.UNSETTLED: pay.follow,
    State.UNPAID: look_again,
    State.CANCELLING: fence.cancel,
}
# What a command may do that only looks: nothing in this table can lead to a request that counts.

STEPS: dict[StrEnum, Step] = {
    **LOOKS,
    State.PLANNED: open.begin,
    State.LINKING: link.make_customer,
    State.CLONING: link.clone,
    State.ATTACHING: link.attach,
    State.DEFAULTING: link.make_default,
    State.OPENING: open.open_it,
    State.READY: pay.count,
    State.STARTING: pay.count,
    State.UNPAID: after_attempt,
}

TAKEN: dict[Goal, Steps] = {
    Goal.RUN: STEPS,
    Goal.SWEEP: STEPS,
    Goal.RESOLVE: LOOKS,
    Goal.SETTLE: LOOKS,
    Goal.RETRY: {**STEPS, State.UNPAID: try_again},
}


def closing(why: Mapping[str, Any]) -> Steps:
    """Return what closing does with a subscription in each state, given the facts of why; nothing here counts."""

    async def skip(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
        return await ctx.record(item, Move(Event.ITEM_SKIPPED, facts=why))

    async def unlink(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
        return await ctx.record(item, Move(Event.LINK_REFUSED, facts=why))

    async def give_up(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
        return await fence.start_cancel(ctx, item, {**why, "what_to_do": None})

    return {
        State.PLANNED: skip,
        State.LINKING: unlink,
        State.CLONING: unlink,
        State.ATTACHING: unlink,
        State.DEFAULTING: unlink,
        State.OPENING: open.open_it,  # an open may be in flight: only its answer names the subscription to end
        State.READY: give_up,
        State.STARTING: give_up,
        State.PAYING: pay.note_lost,
        State.UNKNOWN: pay.find_out,
        State.PARKED: pay.find_out,
        State.UNPAID: give_up,
        State.CANCELLING: fence.cancel,
    }


def rests(goal: Goal, item: ItemRecord) -> bool:
    """Tell whether an item is where ``goal`` leaves it."""
    if item.state is not State.UNPAID or goal is Goal.CLOSE:
        return phase_of(item.state) in RESTS[goal]
    fenced = bool(item.facts.get("fence"))
    if goal is Goal.RETRY:
        return fenced or not item.facts.get("next_try")
    if TAKEN[goal] is STEPS:
        return not fenced
    return not fenced and goal is Goal.SETTLE and not waits_for_customer(item) and not item.facts.get("next_try")


def waits_for_customer(item: ItemRecord) -> bool:
    """Tell whether an item rests until its customer does something."""
    return item.facts.get("group") == Group.NEEDS_CUSTOMER


SUBSCRIPTIONS = Flow(
    life=SUBSCRIPTION_LIFE,
    steps=TAKEN,
    closing=closing,
    rests=rests,
    waits_for_customer=waits_for_customer,
    rounds=(1, 1, 1, 1, 1),  # copy, attach, default, open, pay; the customer is often there
    look_up=lambda _services, _items: None,
    afterwards=read_renewals,
)
