"""What must be known of an account before anything is opened or confirmed there: one list of it, 22 hours old at most.

The list serves twice. Before an open it shows what another ledger has opened, so that it is taken over instead of
opened again. Before a confirm it shows an intent that was opened elsewhere in spite of all: then this one pays nothing.
While an account cannot be listed, nothing is opened or confirmed there.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from billing.core.entries import ItemRecord, Move
from billing.core.exits import Exit
from billing.core.kinds import life_of
from billing.core.life import Group
from billing.core.outcomes import Cancelled, Declined, Halt, Outcome, Succeeded, Unconfirmed, Unsent, Unsettled
from billing.core.replies import Reply
from billing.edge.stripe.calls.charge import read_intent
from billing.edge.stripe.found import LookupFailed, Trouble
from billing.flow.engine.context import Halted, ItemContext, Requeue, StillUnresolved
from billing.flow.kinds.charge import cancel as fence
from billing.flow.kinds.charge import confirm
from billing.flow.kinds.charge.find import Finder
from billing.flow.services import Services

Found = Succeeded | Unsettled | Cancelled | Declined | Unconfirmed


async def licence(
    ctx: ItemContext, item: ItemRecord, *, anew: bool = False, lists: Callable[[Services], Finder] = Finder
) -> None:
    """Have a list of the item's account that is young enough; ``lists`` is what a process knows of lists of its kind.

    Raises:
        StillUnresolved: there is none, so the item stays what it is; the account is dead if its refusal says so.
        Halted: the key may not list.
    """
    if not anew and ctx.services.shared(lists).may_start(item):
        return
    failed = await ctx.services.shared(lists).look(item, anew=anew)
    if failed is not None:
        raise _without(ctx, item, failed)


def _without(ctx: ItemContext, item: ItemRecord, failed: LookupFailed) -> Exception:
    """Return how an item ends for now whose account cannot be listed."""
    noun, why = life_of(item.state).noun, failed.message or failed.code
    message = f"the {noun} of {item.account} cannot be listed: {why} ({failed.code})"
    if failed.trouble is Trouble.CREDENTIALS:
        return Halted(Halt(Exit.CREDENTIALS, message, reply=Reply(None)))
    if failed.trouble is not Trouble.UNANSWERED:
        ctx.dead_account = failed.code
    ctx.services.log("account_not_listed", account=item.account, code=failed.code, request_id=failed.request_id)
    return StillUnresolved(item)


async def look_at(ctx: ItemContext, item: ItemRecord, intent: str) -> Found:
    """Read an intent that a list has shown: what it shows may be a day old.

    Raises:
        Requeue: a limiter said no.
        StillUnresolved: no answer that says anything, or the intent is not any more what the list showed.
        Halted: the key is refused.
    """
    listed = replace(item, object_id=intent)
    outcome: Outcome = await ctx.send(listed, read_intent(listed))
    match outcome:
        case Succeeded() | Unsettled() | Cancelled() | Declined() | Unconfirmed():
            return outcome
        case Unsent():
            raise Requeue(item, outcome)
        case Halt(exit=Exit.CREDENTIALS):
            raise Halted(outcome)
        case _:
            raise StillUnresolved(item)


async def pay(ctx: ItemContext, item: ItemRecord, *prepared: Move) -> ItemRecord:
    """Confirm the intent on record, unless the lists show that another one has been paid in its place.

    Args:
        ctx: what may still be spent.
        item: a ready item, or a preparing one with the move that makes it ready.
        prepared: that move.
    """
    send: Callable[..., Awaitable[ItemRecord]] = confirm.confirm
    try:
        await licence(ctx, item)
        if await _paid_elsewhere(ctx, item, prepared):
            send = _give_up
    except (StillUnresolved, Requeue) as held:
        if prepared:
            held.item = await ctx.record(item, *prepared)
        raise
    return await send(ctx, item, *prepared)


async def _paid_elsewhere(ctx: ItemContext, item: ItemRecord, prepared: tuple[Move, ...]) -> bool:
    """Tell whether money moved, or is moving, by another intent of this very item."""
    own = item.object_id or (prepared[0].object_id if prepared else None)
    other = ctx.services.shared(Finder).verdict(replace(item, object_id=own)).adopt
    if other is None:
        return False
    return isinstance(await look_at(ctx, item, other.id), Succeeded | Unsettled)


async def _give_up(ctx: ItemContext, item: ItemRecord, *prepared: Move) -> ItemRecord:
    """Close the intent on record: the item was paid by one that another ledger opened."""
    if prepared:
        item = await ctx.record(item, *prepared)
    return await fence.start_cancel(ctx, item, **PAID_ELSEWHERE)


PAID_ELSEWHERE = {
    "group": str(Group.SKIPPED),
    "reason_code": "paid_elsewhere",
    "reason": "another ledger has charged this",
}
