"""The default of a customer: the method that was saved last, written and then read.

The read comes after the last write. So whoever else has saved a method of this payer, or sets a default late, is seen;
and what is written of it holds for the moment of that read.
"""

from billing.core.entries import ItemRecord, Move
from billing.core.kinds.payer import DEFAULT, Event
from billing.core.objects.customer import CustomerSeen
from billing.core.objects.setup import InvitationSeen
from billing.core.outcomes import Shown
from billing.edge.stripe.calls.payer import read_customer, set_default
from billing.flow.engine.context import ItemContext, StillUnresolved, key_number
from billing.flow.kinds.payer.answers import NO_TROUBLE, next_key, read, sent
from billing.flow.kinds.payer.seen import newest, vanished_move


async def choose(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Make what was saved last the default, unless nothing is saved any more.

    Raises:
        StillUnresolved: nothing more is to be sent, or the budget of this visit is spent.
        Requeue, Halted: as `sent`.
    """
    if ctx.services.draining:
        raise StillUnresolved(item)
    ctx.spend(item.state, item)
    found, request_id = await newest(ctx, item)
    if found is None:
        return await ctx.record(item, vanished_move(item, request_id))
    facts = {"payment_method": found.method, **next_key(ctx, item, DEFAULT)}
    item = await ctx.record(item, Move(Event.DEFAULT_STARTED, facts=facts))
    outcome = await sent(ctx, item, set_default(item, found.method), key_number(item, DEFAULT))
    if not isinstance(outcome, Shown):
        return await uncertain(ctx, item)
    return await _checked(ctx, item, found)


async def _checked(ctx: ItemContext, item: ItemRecord, wrote: InvitationSeen) -> ItemRecord:
    """Read after the write: is the newest still the one that was written, and is it the default?"""
    found, request_id = await newest(ctx, item)
    if found is None:
        return await ctx.record(item, vanished_move(item, request_id))
    shown = await read(ctx, item, read_customer(item))
    seen = shown.found
    if found.method != wrote.method or not isinstance(seen, CustomerSeen) or seen.default != wrote.method:
        return await uncertain(ctx, item)
    facts = {**NO_TROUBLE, "default_set": True, "request_id": shown.request_id}
    return await ctx.record(item, Move(Event.DEFAULT_SET, facts=facts))


async def uncertain(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Begin again from what is saved: a default whose answer or effect is not known harms nobody."""
    return await ctx.record(item, Move(Event.DEFAULT_UNCERTAIN))
