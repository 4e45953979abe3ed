"""What is done with a refund in each state: decide, write, send, write. Only `STEPS` leads to a request that counts."""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any

from billing.core.entries import ItemRecord, Move
from billing.core.kinds import phase_of
from billing.core.kinds import refund_rules as reasons
from billing.core.kinds.refund import REFUND_LIFE, Event, State
from billing.core.objects.refund import ChargeSeen, Standing
from billing.core.outcomes import Shown
from billing.flow.engine.context import ItemContext
from billing.flow.engine.flow import Flow, Step, Steps
from billing.flow.engine.goals import RESTS, Goal
from billing.flow.kinds.refund import conclude, send
from billing.flow.kinds.refund.listing import REFUNDS_OF_ACCOUNT
from billing.flow.kinds.refund.look import charge_of, is_disputed, look


async def begin(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Read the charge; untouched and in no open dispute it is refunded, else the refunds are listed or it is left."""
    shown = await charge_of(ctx, item)
    if shown is None:
        return _once_more(ctx, item)
    charge = shown.found if isinstance(shown, Shown) else None
    if not isinstance(charge, ChargeSeen) or item.content["charge"] not in ("", charge.id):
        return await conclude.skip(ctx, item, reasons.UNPAID)
    if (charge.amount, charge.currency) != (item.amount, item.currency):
        return await conclude.skip(ctx, item, reasons.AMOUNT_DIFFERS)
    if charge.refunded:
        return await look_first(ctx, item, charge)
    if await is_disputed(ctx, item, charge):
        return await conclude.skip(ctx, item, reasons.DISPUTED)
    return await send.start(ctx, item, charge)


async def look_first(ctx: ItemContext, item: ItemRecord, charge: ChargeSeen | None = None) -> ItemRecord:
    """List before a send: the charge shows refunds, or an earlier send of ours may have arrived."""
    seen = await look(ctx, item)
    seen = replace(seen, charge=seen.charge or charge)
    after = await conclude.concluded(ctx, item, seen)
    if after is not None:
        return after
    if seen.standing is Standing.UNSURE:
        return _once_more(ctx, item)
    if seen.disputed and item.state is State.PLANNED:
        return await conclude.skip(ctx, item, reasons.DISPUTED)
    if seen.disputed:
        return await conclude.refuse(ctx, item, conclude.disputed(seen.request_id))
    return await send.start(ctx, item, seen.charge)


async def find_out(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Look what became of a refund whose answer was lost; where nothing of it is there, it may be sent again.

    Raises:
        StillUnresolved: the budget of sends, or of looks, is spent: the item is left unknown, for the next command.
    """
    seen = await look(ctx, item)
    after = await conclude.concluded(ctx, item, seen)
    if after is not None:
        return after
    if seen.standing is Standing.UNTOUCHED and seen.disputed:
        return await conclude.refuse(ctx, item, conclude.disputed(seen.request_id))
    if seen.standing is Standing.UNTOUCHED and not ctx.spent(State.READY):
        return await ctx.record(item, Move(Event.REFUND_ABSENT))
    return _once_more(ctx, item)


async def follow(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Look at a refund that is with the banks, or that nobody knew the end of: it may have come back, or turned up."""
    after = await conclude.concluded(ctx, item, await look(ctx, item))
    return _once_more(ctx, item) if after is None else after


async def note_lost(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """An item found refunding was left by a process that is gone: its answer is lost, and it may still arrive."""
    return await ctx.record(item, send.lost("runner", loose=True))


async def give_up(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """End an item of which nothing stands."""
    return await conclude.end(ctx, item, (Event.GIVEN_UP,), {})


def _once_more(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Return the item for another look, within the budget of a visit.

    Raises:
        StillUnresolved: it is spent.
    """
    ctx.spend(State(item.state), item)
    return item


LOOKS: dict[StrEnum, Step] = {
    State.REFUNDING: note_lost,  # found so: the process that sent it is gone
    State.UNKNOWN: find_out,
    State.UNREFUNDED: give_up,
    State.PARKED: follow,
    State.UNSETTLED: follow,
    State.SUCCEEDED: follow,
}
# What a command may do that only looks: nothing in this table can lead to a send.

STEPS: dict[StrEnum, Step] = {**LOOKS, State.PLANNED: begin, State.READY: look_first}


def closing(why: Mapping[str, Any]) -> Steps:
    """Return what closing does with a refund in each state, given the facts of why; nothing here sends."""

    async def skip(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
        return await ctx.record(item, Move(Event.ITEM_SKIPPED, facts=why))

    async def refuse(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
        return await conclude.refuse(ctx, item, why)

    return {**LOOKS, State.PLANNED: skip, State.READY: refuse}


def rests(goal: Goal, item: ItemRecord) -> bool:
    """Tell whether an item is where ``goal`` leaves it."""
    return phase_of(item.state) in RESTS[goal]


REFUNDS = Flow(
    life=REFUND_LIFE,
    steps={Goal.RUN: STEPS, Goal.SWEEP: STEPS, Goal.RESOLVE: LOOKS, Goal.SETTLE: LOOKS, Goal.RETRY: LOOKS},
    closing=closing,
    rests=rests,
    waits_for_customer=lambda _item: False,
    rounds=(1, 1),  # the charge is read, then the refund
    look_up=lambda _services, _items: None,
    listing=REFUNDS_OF_ACCOUNT,
)
