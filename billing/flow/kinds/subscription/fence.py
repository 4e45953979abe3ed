"""The fence: the subscription is ended and its open invoices are void before its item is called failed."""

from collections.abc import Mapping
from typing import Any

from billing.core.entries import ItemRecord
from billing.core.kinds.subscription import State
from billing.flow.engine.context import ItemContext
from billing.flow.kinds.subscription.conclude import cancel_started, concluded
from billing.flow.kinds.subscription.look import look
from billing.flow.kinds.subscription.put_out import finish, void_open


async def start_cancel(ctx: ItemContext, item: ItemRecord, why: Mapping[str, Any]) -> ItemRecord:
    """Write down that the fence is about to leave, and why where no answer has said it."""
    return await ctx.record(item, cancel_started(ctx, item, **why))


async def cancel(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """End the subscription, void its open invoices, and conclude from a look after both.

    Raises:
        Requeue: a limiter said no.
        StillUnresolved: the budget is spent; the item stays cancelling.
        Halted: an answer stops the run.
    """
    ctx.spend(State.CANCELLING, item)
    if not await finish(ctx, item, str(item.object_id)):
        return item
    seen = await look(ctx, item)
    if seen is not None and seen.unpaid is not None:
        if not await void_open(ctx, item, seen):
            return item
        seen = await look(ctx, item)
    after = None if seen is None else await concluded(ctx, item, seen)
    return item if after is None else after
