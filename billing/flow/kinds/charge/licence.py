"""What must be known of an account before anything is opened or confirmed there: one list of it, 22 hours old at most.

The list serves twice. Before an open it shows what another ledger has opened, so that it is taken over instead of
opened again. Before a confirm it shows an intent that was opened elsewhere in spite of all: then this one pays nothing.
While an account cannot be listed, nothing is opened or confirmed there.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from billing.core.entries import Known, Move
from billing.core.exits import Exit
from billing.core.outcomes import Cancelled, Declined, Halt, Outcome, Succeeded, Unconfirmed, Unsent, Unsettled
from billing.core.replies import Reply
from billing.core.states import Group
from billing.edge.stripe.lookups import LookupFailed, Trouble
from billing.flow.engine.context import Halted, LeftAsItIs, PutBack, Trip
from billing.flow.kinds.charge import cancel as fence
from billing.flow.kinds.charge import confirm

Found = Succeeded | Unsettled | Cancelled | Declined | Unconfirmed


async def licence(trip: Trip, known: Known, *, anew: bool = False) -> None:
    """Have a list of the item's account that is young enough.

    Raises:
        LeftAsItIs: there is none, so the item stays what it is; the account is dead if its refusal says so.
        Halted: the key may not list.
    """
    if not anew and trip.desk.finder.may_start(known):
        return
    failed = await trip.desk.finder.look(known, anew=anew)
    if failed is not None:
        raise _without(trip, known, failed)


def _without(trip: Trip, known: Known, failed: LookupFailed) -> Exception:
    """Return how an item ends for now whose account cannot be listed."""
    message = f"the intents of {known.account} cannot be listed: {failed.message or failed.code} ({failed.code})"
    if failed.trouble is Trouble.CREDENTIALS:
        return Halted(Halt(Exit.CREDENTIALS, message, reply=Reply(None)))
    if failed.trouble is not Trouble.UNANSWERED:
        trip.dead_account = failed.code
    trip.desk.log("account_not_listed", account=known.account, code=failed.code, request_id=failed.request_id)
    return LeftAsItIs(known)


async def look_at(trip: Trip, known: Known, intent: str) -> Found:
    """Read an intent that a list has shown: what it shows may be a day old.

    Raises:
        PutBack: a limiter said no.
        LeftAsItIs: no answer that says anything, or the intent is not any more what the list showed.
        Halted: the key is refused.
    """
    outcome: Outcome = await trip.resend(lambda: trip.desk.gateway.read(replace(known, object_id=intent)))
    match outcome:
        case Succeeded() | Unsettled() | Cancelled() | Declined() | Unconfirmed():
            return outcome
        case Unsent():
            raise PutBack(known, outcome)
        case Halt(exit=Exit.CREDENTIALS):
            raise Halted(outcome)
        case _:
            raise LeftAsItIs(known)


async def pay(trip: Trip, known: Known, *prepared: Move) -> Known:
    """Confirm the intent on record, unless the lists show that another one has been paid in its place.

    Args:
        trip: what may still be spent.
        known: a ready item, or a preparing one with the move that makes it ready.
        prepared: that move.
    """
    send: Callable[..., Awaitable[Known]] = confirm.confirm
    try:
        await licence(trip, known)
        if await _paid_elsewhere(trip, known, prepared):
            send = _give_up
    except (LeftAsItIs, PutBack) as held:
        if prepared:
            held.known = await trip.record(known, *prepared)
        raise
    return await send(trip, known, *prepared)


async def _paid_elsewhere(trip: Trip, known: Known, prepared: tuple[Move, ...]) -> bool:
    """Tell whether money moved, or is moving, by another intent of this very item."""
    own = known.object_id or (prepared[0].object_id if prepared else None)
    other = trip.desk.finder.verdict(replace(known, object_id=own)).adopt
    if other is None:
        return False
    return isinstance(await look_at(trip, known, other.id), Succeeded | Unsettled)


async def _give_up(trip: Trip, known: Known, *prepared: Move) -> Known:
    """Close the intent on record: the item was paid by one that another ledger opened."""
    if prepared:
        known = await trip.record(known, *prepared)
    return await fence.start_cancel(trip, known, **PAID_ELSEWHERE)


PAID_ELSEWHERE = {
    "group": str(Group.SKIPPED),
    "reason_code": "paid_elsewhere",
    "reason": "another ledger has charged this",
}
