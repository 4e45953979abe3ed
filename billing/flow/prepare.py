"""Open the intent and clone the payment method, side by side; record both before anything may be confirmed."""

from functools import partial
from typing import assert_never

from billing.core.entries import Known, Move, Note
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
    Scope,
    Succeeded,
    Unconfirmed,
    Unsent,
    Unsettled,
)
from billing.core.states import Event, State
from billing.flow.confirm import confirm, refusal_facts, sighting
from billing.flow.together import together
from billing.flow.trip import Halted, LeftAsItIs, PutBack, Trip, key_facts, key_number, key_outlived, renewal


async def start_attempt(trip: Trip, known: Known, **facts: object) -> Known:
    """Write down that open and clone (or, for a later attempt, the clone alone) are about to leave."""
    attempt = known.attempt + 1
    facts |= key_facts(Op.CLONE, 0, trip.desk) | {"confirm_n": None, "confirm_born": None, "key_spent": None}
    if known.object_id is None:
        facts |= key_facts(Op.OPEN, 0, trip.desk)
    return await trip.record(known, Move(Event.PREPARE_STARTED, attempt=attempt, facts=facts))


async def prepare(trip: Trip, known: Known) -> Known:
    """Send what is missing, and record what came of it; a complete pair goes on to its confirm in the same commit.

    Raises:
        PutBack: a limiter said no; nothing was executed.
        LeftAsItIs: the budget is spent.
        Halted: an answer stops the run.
    """
    trip.spend(State.PREPARING, known)
    if known.object_id is None and key_outlived(known, Op.OPEN, trip.desk):
        known = await _find_or_renew(trip, known)
    opened, cloned = await _send_missing(trip, known)
    for outcome in (opened, cloned):
        if isinstance(outcome, Halt):
            raise Halted(outcome)
        if isinstance(outcome, Succeeded | Unsettled | Cancelled):
            return await trip.record(known, sighting(trip, known, outcome))  # an error that shows our intent
    return await _settle_pair(trip, known, opened, cloned)


async def _send_missing(trip: Trip, known: Known) -> tuple[Outcome, Outcome]:
    """Send open and clone together, each with its own resends; what is on record counts as made."""
    gateway = trip.desk.gateway
    send_open = partial(trip.resend, partial(gateway.open, known, key_number(known, Op.OPEN)))
    send_clone = partial(trip.resend, partial(gateway.clone, known, key_number(known, Op.CLONE)))
    if known.object_id is None and known.instrument_id is None:
        opened, cloned = await together(send_open, send_clone)
        return opened, cloned
    return (
        await send_open() if known.object_id is None else Made(known.object_id),
        await send_clone() if known.instrument_id is None else Made(known.instrument_id),
    )


async def _settle_pair(trip: Trip, known: Known, opened: Outcome, cloned: Outcome) -> Known:
    """Record what the two answers mean together. The intent goes on record with whatever else is written."""
    match opened, cloned:
        case Made(object_id=intent), Made(object_id=clone):
            return await confirm(trip, known, Move(Event.PREPARED, object_id=intent, instrument_id=clone))
        case Refused(), _:
            _mark_account(trip, opened)
            return await trip.record(known, Move(Event.OPEN_REFUSED, facts=refusal_facts(opened)))
        case Made(object_id=intent), Refused():
            _mark_account(trip, cloned)
            return await trip.record(
                known, Move(Event.CLONE_REFUSED, object_id=intent, facts=refusal_facts(cloned) | {"fence": True})
            )
        case _:
            return await _keep_parts(trip, known, opened, cloned)


async def _keep_parts(trip: Trip, known: Known, opened: Outcome, cloned: Outcome) -> Known:
    """Record the half that is there, renew the key of a half that needs it, and let the item go round again."""
    intent = opened.object_id if isinstance(opened, Made) else None
    clone = cloned.object_id if isinstance(cloned, Made) else None
    if (intent, clone) not in ((None, None), (known.object_id, known.instrument_id)):
        known = await trip.record(known, Move(Note.PART_PREPARED, object_id=intent, instrument_id=clone))
    for op, outcome in ((Op.OPEN, opened), (Op.CLONE, cloned)):
        match outcome:
            case Made() | Refused():
                pass
            case Unsent():
                raise PutBack(known, outcome)
            case Lost(renew=True) if op is Op.OPEN:
                known = await _find_or_renew(trip, known)
            case Lost(renew=True):
                # A clone nobody used costs nothing: no look is needed.
                known = await trip.record(known, renewal(known, op, trip.desk))
            case Lost() | Busy() | Look():
                pass
            case Succeeded() | Unsettled() | Cancelled() | Declined() | Unconfirmed() | Halt():
                raise AssertionError(f"{outcome} cannot answer {op}")
            case _:
                assert_never(outcome)
    return known


async def _find_or_renew(trip: Trip, known: Known) -> Known:
    """Look for an intent whose open was never answered; adopt it, or let the next open carry the next key.

    Raises:
        LeftAsItIs: the list could not be read; nothing may be concluded from that.
    """
    found = await trip.desk.finder.find(known, int(known.facts["open_born"]))
    if found is None:
        raise LeftAsItIs(known)
    if found:
        return await trip.record(known, Move(Note.PART_PREPARED, object_id=found[0]))
    return await trip.record(known, renewal(known, Op.OPEN, trip.desk))


def _mark_account(trip: Trip, refused: Refused) -> None:
    if refused.scope is Scope.ACCOUNT:
        trip.dead_account = refused.code
