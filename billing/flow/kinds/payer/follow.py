"""Who has answered: what a read of the invitation shows, or a list of many."""

import anyio

from billing.core.entries import ItemRecord, Move
from billing.core.kinds import payer_rules as reasons
from billing.core.kinds.payer import CANCEL, Event
from billing.core.objects.setup import InvitationSeen, Standing, where_it_stands
from billing.core.outcomes import Shown
from billing.edge.stripe.calls.payer import confirm_with, read_invitation
from billing.flow.engine.context import ItemContext, StillUnresolved
from billing.flow.kinds.payer.answers import failure, first_key, read, sent
from billing.flow.kinds.payer.seen import concluded, newest, saved_move

ATTACH_SECONDS = 0.5
# How long a method that is attached to nobody is left alone before it is looked at again: whether success and attaching
# are one moment is documented nowhere.
LINK_OVER = failure(
    reasons.LINK_OVER, reasons.SKIPS[reasons.LINK_OVER].means, reasons.SKIPS[reasons.LINK_OVER].what_to_do
)


async def wait(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Leave a payer who was not invited yet, until the last day of the link is over.

    Raises:
        StillUnresolved: it is not.
    """
    if not is_over(ctx, item):
        raise StillUnresolved(item)
    return await ctx.record(item, Move(Event.GIVEN_UP, facts=LINK_OVER))


async def follow(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Look what became of an invitation; one whose last day is over is ended.

    Raises:
        StillUnresolved: the payer has not answered, or the bank has not.
        Requeue, Halted: as `read`.
    """
    over = is_over(ctx, item)
    after, seen = await look(ctx, item)
    if after is not None:
        return after
    if over and where_it_stands(seen) is Standing.OPEN:
        return await ctx.record(item, Move(Event.CANCEL_STARTED, facts={**LINK_OVER, **first_key(ctx, CANCEL)}))
    raise StillUnresolved(item)


async def look(ctx: ItemContext, item: ItemRecord) -> tuple[ItemRecord | None, InvitationSeen]:
    """Read the invitation and write what it has come to; None while it is open.

    Raises:
        StillUnresolved, Requeue, Halted: as `read`.
    """
    shown = await read(ctx, item, read_invitation(item))
    seen = shown.found
    assert isinstance(seen, InvitationSeen)  # noqa: S101  its call says so
    while where_it_stands(seen) in (Standing.GONE, Standing.PAID_AND_GONE) and not ctx.spent(item.state):
        ctx.spend(item.state, item)
        await anyio.sleep(ATTACH_SECONDS)
        shown = await read(ctx, item, read_invitation(item))
        assert isinstance(shown.found, InvitationSeen)  # noqa: S101
        seen = shown.found
    move = concluded(seen, shown.request_id)
    return (None if move is None else await ctx.record(item, move)), seen


async def answer(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Answer in place of a payer, in test mode, and look what came of it.

    Raises:
        StillUnresolved: nobody answers here, or the answer was refused.
        Requeue, Halted: as `read`.
    """
    method = ctx.services.answers_with
    if not method or str(item.instrument_id).startswith("cs_") or ctx.services.draining:
        raise StillUnresolved(item)
    ctx.spend(item.state, item)
    outcome = await sent(ctx, item, confirm_with(item, method))
    after, _ = await look(ctx, item)
    if after is not None:
        return after
    if not isinstance(outcome, Shown):
        refused = {"reference": item.reference, "method": method, "request_id": outcome.request_id}
        ctx.services.log("test_answer_refused", **refused)
    raise StillUnresolved(item)


async def look_again(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Look whether a payer whose first payment was taken has saved another method since.

    Raises:
        StillUnresolved: there is none.
    """
    found, request_id = await newest(ctx, item)
    if found is None:
        raise StillUnresolved(item)
    return await ctx.record(item, saved_move(found, request_id))


def is_over(ctx: ItemContext, item: ItemRecord) -> bool:
    """Tell whether the last day of a payer's link is over."""
    end = item.facts.get("link_end")
    return end is not None and ctx.services.clock.epoch() > int(end)
