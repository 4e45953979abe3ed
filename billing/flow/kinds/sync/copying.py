"""Make this attempt's copy: read the platform, clone what is there now, record it, attach it. No older copy again.

An old copy may agree with the platform once more, and still nobody takes it: another ledger's detach may be on its way
to it. A fresh one is known to nobody else.
"""

from typing import Any

from billing.core.entries import ItemRecord, Move
from billing.core.items import Does
from billing.core.kinds.sync import ATTACH, CLONE, MOVE, REPOINT, SYNC_LIFE, Event, State
from billing.core.kinds.sync_rules import CUSTOMER_DELETED, METHOD_REMOVED, SKIPS
from billing.core.objects.link import Payer
from billing.core.outcomes import Made, Refused, Shown
from billing.edge.stripe.calls.sync import attach, clone
from billing.flow.engine.context import ItemContext, key_facts, skipped
from billing.flow.kinds.sync import conclude
from billing.flow.kinds.sync.reads import copies_now, payer_now
from billing.flow.kinds.sync.sending import sent

MOST_COPIES = 2
# How many copies one visit makes for refusals of their attach: the second refusal is no late detach of somebody else's.


def trouble(payer: Payer) -> str:
    """Return why nothing can be copied from a platform customer (a skip reason), or empty."""
    if payer.deleted:
        return CUSTOMER_DELETED
    return "" if payer.method else METHOD_REMOVED


async def begin(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Read the platform customer and copy its method; without one the link is left as it is, and told of."""
    ctx.spend(State.PLANNED, item)
    payer = await payer_now(ctx, item)
    if isinstance(payer, ItemRecord):
        return payer
    if why := trouble(payer):
        return await ctx.record(item, skipped(SYNC_LIFE, why, SKIPS[why].means))
    return await anew(ctx, item, payer)


async def anew(ctx: ItemContext, item: ItemRecord, payer: Payer) -> ItemRecord:
    """Open the next attempt with what was just read, and send its clone.

    Raises:
        StillUnresolved: the budget of this visit is spent.
    """
    if why := trouble(payer):
        return await conclude.give_up(ctx, item, why, SKIPS[why].means)
    now = ctx.services.clock.now().isoformat(timespec="seconds")
    facts: dict[str, Any] = {
        **conclude.NO_TROUBLE,
        "payment_method": payer.method,
        "change": payer.change,
        "last_try": now,
    }
    if "first_try" not in item.facts:
        facts["first_try"] = now
    if item.instrument_id:
        facts["copies"] = [*item.facts.get("copies", ()), item.instrument_id]
    for op in (CLONE, ATTACH, REPOINT, MOVE):
        facts |= key_facts(op, 0, ctx.services)
    item = await ctx.record(item, Move(Event.CLONE_STARTED, attempt=item.attempt + 1, facts=facts))
    return await _send_clone(ctx, item)


async def fresh(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Begin again with a fresh copy of what the platform has now."""
    payer = await payer_now(ctx, item)
    return payer if isinstance(payer, ItemRecord) else await anew(ctx, item, payer)


async def clone_again(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Go on with a clone whose answer never came: the same again, unless the platform has something newer by now."""
    payer = await payer_now(ctx, item)
    if isinstance(payer, ItemRecord):
        ctx.spend(State.CLONING, item)
        return payer
    if why := trouble(payer):
        return await conclude.give_up(ctx, item, why, SKIPS[why].means)
    if payer.change != item.facts["change"]:
        return await ctx.record(item, Move(Event.MOVED))
    return await _send_clone(ctx, item)


async def _send_clone(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Send the clone, and put the copy on record before anything may name it."""
    ctx.spend(State.CLONING, item)
    answer = await sent(ctx, item, clone(item))
    if isinstance(answer, Made):
        item = await ctx.record(item, Move(Event.ATTACH_STARTED, instrument_id=answer.object_id))
        return await send_attach(ctx, item)
    if isinstance(answer, Refused):
        return await conclude.refuse(ctx, item, Event.CLONE_REFUSED, answer)
    assert isinstance(answer, ItemRecord)  # noqa: S101  a clone makes, is refused, or is sent once more
    return answer


async def send_attach(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Save the copy to the connected customer; then it may be named."""
    ctx.spend(State.ATTACHING, item)
    answer = await sent(ctx, item, attach(item))
    if isinstance(answer, ItemRecord):
        return answer
    if isinstance(answer, Refused) and (after := await _not_attached(ctx, item, answer)) is not None:
        return after
    assert isinstance(answer, Shown | Refused)  # noqa: S101  an attach makes nothing new
    return await conclude.repoint_started(ctx, item, fields=item.content["does"] != Does.CLONE)


async def _not_attached(ctx: ItemContext, item: ItemRecord, refused: Refused) -> ItemRecord | None:
    """Go on from a refused attach; None where the copy is attached all the same, by a send whose answer was lost."""
    copies = await copies_now(ctx, item)
    if isinstance(copies, ItemRecord):
        return copies
    if isinstance(copies, tuple) and item.instrument_id in {copy.id for copy in copies}:
        return None
    if isinstance(copies, tuple) and ctx.rounds[State.CLONING] < MOST_COPIES:
        return await fresh(ctx, item)
    return await conclude.refuse(ctx, item, Event.ATTACH_REFUSED, refused)
