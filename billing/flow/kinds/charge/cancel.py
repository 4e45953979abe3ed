"""The fence: cancel the intent before its item is called failed, so that no late confirm can ever be paid."""

from typing import assert_never

from billing.core.entries import ItemRecord, Move
from billing.core.kinds.charge import CANCEL, Event, State
from billing.core.outcomes import (
    Busy,
    Cancelled,
    Declined,
    Halt,
    Lost,
    Made,
    Outcome,
    Refused,
    Shown,
    Succeeded,
    Unconfirmed,
    Undecided,
    Unsent,
    Unsettled,
)
from billing.edge.stripe.calls.charge import cancel_intent, read_intent
from billing.flow.engine.context import ItemContext, Requeue, key_facts, key_number, key_outlived, renewal
from billing.flow.kinds.charge.confirm import sighting


async def start_cancel(ctx: ItemContext, item: ItemRecord, **facts: object) -> ItemRecord:
    """Write down that the cancel is about to leave, under a key that no earlier fence of this item has used.

    An intent that the bank was still asked about refuses to be cancelled, and Stripe would replay that refusal.
    ``facts`` say why the item is given up, where no answer has said it.
    """
    number = key_number(item, CANCEL) + 1 if f"{CANCEL}_n" in item.facts else 0
    return await ctx.record(item, Move(Event.CANCEL_STARTED, facts=facts | key_facts(CANCEL, number, ctx.services)))


async def cancel(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Cancel the intent, or see that it is paid after all.

    Raises:
        Requeue: a limiter said no.
        StillUnresolved: the budget is spent; the item stays cancelling.
        Halted: an answer stops the run.
    """
    ctx.spend(State.CANCELLING, item)
    if key_outlived(item, CANCEL, ctx.services):
        item = await ctx.record(item, renewal(item, CANCEL, ctx.services))
    outcome = await ctx.send(item, cancel_intent(item), key_number(item, CANCEL))
    if isinstance(outcome, Refused | Undecided | Declined | Unconfirmed | Lost | Busy):
        item, outcome = await _look(ctx, item, outcome)
    return await _concluded(ctx, item, outcome)


async def _look(ctx: ItemContext, item: ItemRecord, refused: Outcome) -> tuple[ItemRecord, Outcome]:
    """Read the intent after a cancel that did not say `canceled`; a stored server error also costs the key."""
    outcome = await ctx.send(item, read_intent(item))
    if isinstance(refused, Lost) and refused.renew and not isinstance(outcome, Succeeded | Unsettled | Cancelled):
        item = await ctx.record(item, renewal(item, CANCEL, ctx.services))
    return item, outcome


async def _concluded(ctx: ItemContext, item: ItemRecord, outcome: Outcome) -> ItemRecord:
    match outcome:
        case Succeeded() | Unsettled() | Cancelled():
            return await ctx.record(item, sighting(ctx, item, outcome))
        case Unsent():
            raise Requeue(item, outcome)
        case Halt():
            return await ctx.contradicted(item, outcome)
        case Declined() | Unconfirmed() | Refused() | Undecided() | Lost() | Busy():
            return item  # still open: the next round cancels again, within the budget
        case Made() | Shown():
            raise AssertionError(f"{outcome} cannot answer a cancel")
        case _:
            assert_never(outcome)
