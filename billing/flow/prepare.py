"""Open the intent and clone the payment method, side by side; record both before anything may be confirmed."""

from functools import partial
from typing import assert_never

from billing.core.entries import CloneTaken, Known, Move, Note
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
from billing.flow.adopt import taken_over
from billing.flow.confirm import refusal_facts, sighting
from billing.flow.licence import licence, pay
from billing.flow.standing import Reach
from billing.flow.together import together
from billing.flow.trip import NO_TROUBLE, LeftAsItIs, PutBack, Trip, key_facts, key_number, renewal

RENEWAL_SECONDS = 3600.0
# How young a stored server error must be for an open to take its next key. A list may be 22 h old and a key lives for
# 24 h: this leaves an hour for the request under the new key to arrive.


async def start_attempt(trip: Trip, known: Known, **facts: object) -> Known:
    """Write down that open and clone (or, for a later attempt, the clone alone) are about to leave."""
    attempt = known.attempt + 1
    facts = {**NO_TROUBLE, **facts, **key_facts(Op.CLONE, 0, trip.desk)}
    facts |= {"confirm_n": None, "confirm_born": None, "key_spent": None}
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
    if known.object_id is None:
        await licence(trip, known)
        found = await taken_over(trip, known)
        if found is not None:
            return found
        known = await _trusted_key(trip, known)
    opened, cloned = await _send_missing(trip, known)
    for outcome in (opened, cloned):
        if isinstance(outcome, Halt):
            return await trip.contradicted(known, outcome)
        if isinstance(outcome, Succeeded | Unsettled | Cancelled):
            return await trip.record(known, sighting(trip, known, outcome))  # an error that shows our intent
    try:
        return await _settle_pair(trip, known, opened, cloned)
    except CloneTaken:
        return await _clone_anew(trip, known, opened)


async def _clone_anew(trip: Trip, known: Known, opened: Outcome) -> Known:
    """Ask for another clone: the answer named one that another item has, so it came late, or was never ours.

    Nothing that shared its commit is on record, and no confirm has left. What this item's clone is nobody can say now;
    one that is not used costs nothing.
    """
    made = [Move(Note.PART_PREPARED, object_id=opened.object_id)] if isinstance(opened, Made) else []
    return await trip.record(known, *made, renewal(known, Op.CLONE, trip.desk))


async def _send_missing(trip: Trip, known: Known) -> tuple[Outcome, Outcome]:
    """Send open and clone together, each with its own resends; what is on record counts as made."""
    gateway = trip.desk.gateway
    send_open = partial(trip.resend, partial(_open, trip, known))
    send_clone = partial(trip.resend, partial(gateway.clone, known, key_number(known, Op.CLONE)))
    if known.object_id is None and known.instrument_id is None:
        opened, cloned = await together(send_open, send_clone)
        return opened, cloned
    return (
        await send_open() if known.object_id is None else Made(known.object_id),
        await send_clone() if known.instrument_id is None else Made(known.instrument_id),
    )


async def _open(trip: Trip, known: Known) -> Outcome:
    """Send the open once; note when a server error was new, and which application makes our intents."""
    outcome = await trip.desk.gateway.open(known, key_number(known, Op.OPEN))
    if isinstance(outcome, Lost) and (outcome.reply.status or 0) >= 500 and not outcome.reply.replayed:
        trip.desk.finder.open_erred(known)
    if isinstance(outcome, Made):
        trip.desk.finder.opened_by_us(outcome.reply.body)
    return outcome


async def _settle_pair(trip: Trip, known: Known, opened: Outcome, cloned: Outcome) -> Known:
    """Record what the two answers mean together. The intent goes on record with whatever else is written."""
    if known.object_id is None and isinstance(opened, Made) and not trip.desk.finder.may_start(known):
        # The answer came so late that the list is too old: an intent may have been opened elsewhere meanwhile.
        await licence(trip, known)
        found = await taken_over(trip, known)
        if found is not None:
            return found
    match opened, cloned:
        case Made(object_id=intent), Made(object_id=clone):
            trip.desk.standing.takes(known, Op.OPEN)
            held = NO_TROUBLE if "reason_code" in known.facts else {}
            return await pay(trip, known, Move(Event.PREPARED, object_id=intent, instrument_id=clone, facts=held))
        case Refused(), _:
            reach = trip.desk.standing.reach(known, Op.OPEN, opened)
            if reach is not Reach.ITEM:
                return await trip.set_aside(known, opened, reach)
            return await trip.record(known, Move(Event.OPEN_REFUSED, facts=refusal_facts(_telling(opened, cloned))))
        case Made(object_id=intent), Refused():
            trip.desk.standing.takes(known, Op.OPEN)
            if cloned.scope is Scope.ACCOUNT:
                part = Move(Note.PART_PREPARED, object_id=intent)
                return await trip.set_aside(known, cloned, Reach.ACCOUNT, part)
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
    """Look for an intent whose open is answered with a stored server error; else take the next key, or wait.

    The next key is safe only while the error is young: a ledger whose list is too old to show the intent that it makes
    must meet the stored error, and no intent. So the error's age must be known, and only an error that was new when
    this process met it has one. Any other is waited for: a day later the key is forgotten, and used again.

    Raises:
        LeftAsItIs: the account cannot be listed, or the key is to be waited for.
    """
    await licence(trip, known, anew=True)
    found = await taken_over(trip, known)
    if found is not None:
        return found
    if trip.desk.finder.take_error_age(known) > RENEWAL_SECONDS:
        trip.desk.log("open_waits", reference=known.reference, account=known.account)
        raise LeftAsItIs(known)
    return await trip.record(known, renewal(known, Op.OPEN, trip.desk))


async def _trusted_key(trip: Trip, known: Known) -> Known:
    """Go back to the first key of an open, unless a later one was taken just now; see ``_find_or_renew``."""
    age = trip.desk.clock.epoch() - float(known.facts["open_born"])
    if not key_number(known, Op.OPEN) or age <= RENEWAL_SECONDS:
        return known
    await licence(trip, known, anew=True)
    facts = {"op": str(Op.OPEN), **key_facts(Op.OPEN, 0, trip.desk)}
    return await taken_over(trip, known) or await trip.record(known, Move(Note.KEY_RENEWED, facts=facts))


def _telling(opened: Refused, cloned: Outcome) -> Refused:
    """Return the refusal that says more where both were refused: one with a code of its own, else the clone's.

    What cannot be cloned is refused for what it is; the open beside it, as a rule, for what follows from that.
    """
    if not isinstance(cloned, Refused):
        return opened
    return min(cloned, opened, key=lambda refused: refused.code.endswith("_error"))
