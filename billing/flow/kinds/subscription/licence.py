"""What must be known of an account before anything is opened, paid or started there: one list, 22 hours old at most.

The mechanism is that of charges (`billing.flow.kinds.charge.licence`), over subscriptions.
"""

from dataclasses import replace

from billing.core.entries import ItemRecord
from billing.core.objects.subscription import Standing
from billing.flow.engine.context import ItemContext, StillUnresolved
from billing.flow.kinds.charge import licence as of_charges
from billing.flow.kinds.subscription.find import Subscriptions
from billing.flow.kinds.subscription.look import look

COUNTED = frozenset({Standing.PAID, Standing.STARTED, Standing.PROCESSING, Standing.OVER_AFTER_PAYMENT})
# Where a subscription stands that was paid, is being paid, or has started.


async def licence(ctx: ItemContext, item: ItemRecord, *, anew: bool = False) -> None:
    """Have a list of the account's subscriptions that is young enough, or that begins now.

    Raises:
        StillUnresolved: there is none; the account is dead if its refusal says so.
        Halted: the key may not list.
    """
    await of_charges.licence(ctx, item, anew=anew, lists=Subscriptions)


async def counted_elsewhere(ctx: ItemContext, item: ItemRecord, own: str) -> bool:
    """Tell whether another subscription of this very item was paid or has started; what lists say is read again.

    Raises:
        StillUnresolved: it cannot be read.
        Requeue, Halted: as a look.
    """
    other = ctx.services.shared(Subscriptions).verdict(replace(item, object_id=own)).adopt
    if other is None or not other.counted:
        return False
    seen = await look(ctx, item, other.id)
    if seen is None:
        raise StillUnresolved(item)
    return seen.standing in COUNTED
