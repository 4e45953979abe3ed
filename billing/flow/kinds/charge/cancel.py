"""The fence: cancel the intent before its item is called failed, so that no late confirm can ever be paid."""

from typing import assert_never

from billing.core.entries import Known, Move
from billing.core.keys import Op
from billing.core.outcomes import (
    Busy,
    Cancelled,
    Declined,
    Halt,
    Look,
    Lost,
    Made,
    Outcome,
    Refused,
    Succeeded,
    Unconfirmed,
    Unsent,
    Unsettled,
)
from billing.core.states import Event, State
from billing.flow.engine.context import PutBack, Trip, key_facts, key_number, key_outlived, renewal
from billing.flow.kinds.charge.confirm import sighting


async def start_cancel(trip: Trip, known: Known, **facts: object) -> Known:
    """Write down that the cancel is about to leave, under a key that no earlier fence of this item has used.

    An intent that the bank was still asked about refuses to be cancelled, and Stripe would replay that refusal.
    ``facts`` say why the item is given up, where no answer has said it.
    """
    number = key_number(known, Op.CANCEL) + 1 if f"{Op.CANCEL}_n" in known.facts else 0
    return await trip.record(known, Move(Event.CANCEL_STARTED, facts=facts | key_facts(Op.CANCEL, number, trip.desk)))


async def cancel(trip: Trip, known: Known) -> Known:
    """Cancel the intent, or see that it is paid after all.

    Raises:
        PutBack: a limiter said no.
        LeftAsItIs: the budget is spent; the item stays cancelling.
        Halted: an answer stops the run.
    """
    trip.spend(State.CANCELLING, known)
    if key_outlived(known, Op.CANCEL, trip.desk):
        known = await trip.record(known, renewal(known, Op.CANCEL, trip.desk))
    outcome = await trip.resend(lambda: trip.desk.gateway.cancel(known, key_number(known, Op.CANCEL)))
    if isinstance(outcome, Refused | Look | Declined | Unconfirmed | Lost | Busy):
        known, outcome = await _look(trip, known, outcome)
    return await _concluded(trip, known, outcome)


async def _look(trip: Trip, known: Known, refused: Outcome) -> tuple[Known, Outcome]:
    """Read the intent after a cancel that did not say `canceled`; a stored server error also costs the key."""
    outcome = await trip.resend(lambda: trip.desk.gateway.read(known))
    if isinstance(refused, Lost) and refused.renew and not isinstance(outcome, Succeeded | Unsettled | Cancelled):
        known = await trip.record(known, renewal(known, Op.CANCEL, trip.desk))
    return known, outcome


async def _concluded(trip: Trip, known: Known, outcome: Outcome) -> Known:
    match outcome:
        case Succeeded() | Unsettled() | Cancelled():
            return await trip.record(known, sighting(trip, known, outcome))
        case Unsent():
            raise PutBack(known, outcome)
        case Halt():
            return await trip.contradicted(known, outcome)
        case Declined() | Unconfirmed() | Refused() | Look() | Lost() | Busy():
            return known  # still open: the next round cancels again, within the budget
        case Made():
            raise AssertionError(f"{outcome} cannot answer a cancel")
        case _:
            assert_never(outcome)
