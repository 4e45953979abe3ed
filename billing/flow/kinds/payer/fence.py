"""The fence: an invitation that nobody may complete any more is ended at Stripe, and then read."""

from collections.abc import Mapping
from typing import Any

from billing.core.entries import ItemRecord, Move
from billing.core.kinds.payer import CANCEL, Event
from billing.core.objects.setup import InvitationSeen, Standing, where_it_stands
from billing.core.outcomes import Lost
from billing.edge.stripe.calls.payer import end_invitation, read_invitation
from billing.flow.engine.context import ItemContext, key_number
from billing.flow.kinds.payer.answers import first_key, once_more, read, renewed, sent
from billing.flow.kinds.payer.seen import saved_move


async def begin(ctx: ItemContext, item: ItemRecord, why: Mapping[str, Any]) -> ItemRecord:
    """Write that an invitation is ended, and why."""
    return await ctx.record(item, Move(Event.CANCEL_STARTED, facts={**why, **first_key(ctx, CANCEL)}))


async def fence(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """End the invitation; whatever is answered, the read decides: it may have been completed before.

    Raises:
        StillUnresolved: it is still open, and the budget of this visit is spent.
        Requeue, Halted: as `sent`.
    """
    outcome = await sent(ctx, item, end_invitation(item), key_number(item, CANCEL))
    shown = await read(ctx, item, read_invitation(item))
    seen = shown.found
    assert isinstance(seen, InvitationSeen)  # noqa: S101  its call says so
    match where_it_stands(seen):
        case Standing.OVER:
            return await ctx.record(item, Move(Event.INVITATION_OVER, facts={"request_id": shown.request_id}))
        case Standing.SAVED:
            return await ctx.record(item, saved_move(seen, shown.request_id))
        case Standing.OPEN:
            item = await renewed(ctx, item, CANCEL, spent=isinstance(outcome, Lost) and outcome.renew)
            return once_more(ctx, item)
        case _:
            return await ctx.record(item, Move(Event.CANCEL_REFUSED, facts=NOT_OVER))


NOT_OVER: Mapping[str, Any] = {"group": None, "reason_code": None, "reason": None, "what_to_do": None}
