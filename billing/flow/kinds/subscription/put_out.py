"""Put out one subscription: end it, then void what somebody may still pay of it. In this order no half does harm.

Ending it first: what voiding does to an incomplete subscription is not documented, and one that became active by it
would renew although nobody has paid. Voiding second: ending stops the automatic collection of an open invoice only.
(docs.stripe.com/api/subscriptions/cancel)
"""

from billing.core.entries import ItemRecord
from billing.core.exits import Exit
from billing.core.kinds.subscription import VOID
from billing.core.objects.subscription import OPEN_INVOICES
from billing.core.outcomes import Halt, Lost, Outcome, Unsent
from billing.edge.stripe.calls import subscription as calls
from billing.flow.engine.context import Halted, ItemContext, Requeue, key_number
from billing.flow.kinds.subscription.look import Look


async def put_out(ctx: ItemContext, item: ItemRecord, seen: Look) -> bool:
    """End and void what a look has shown; tell whether every request was answered. What came of it a look tells.

    Raises:
        Requeue: a limiter said no.
        Halted: the key is refused.
    """
    if not seen.seen.dead and not await finish(ctx, item, seen.seen.id):
        return False
    return await void_open(ctx, item, seen)


async def finish(ctx: ItemContext, item: ItemRecord, which: str) -> bool:
    """End a subscription; one that is over already refuses it, which is as good."""
    return _answered(item, await ctx.send(item, calls.end(which)))


async def void_open(ctx: ItemContext, item: ItemRecord, seen: Look) -> bool:
    """Void every invoice that somebody may still pay; one that is with the bank is left to it."""
    answered = True
    for one in seen.invoices:
        if one.status in OPEN_INVOICES and not one.processing:
            outcome = await ctx.send(item, calls.void(item, one.id), key_number(item, VOID))
            answered = _answered(item, outcome) and answered
    return answered


def _answered(item: ItemRecord, outcome: Outcome) -> bool:
    match outcome:
        case Unsent():
            raise Requeue(item, outcome)
        case Halt(exit=Exit.CREDENTIALS):
            raise Halted(outcome)
        case _:
            return not isinstance(outcome, Lost)
