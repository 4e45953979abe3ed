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
from billing.flow.engine.context import NO_TROUBLE, LeftAsItIs, PutBack, Trip, key_facts, key_number, renewal
from billing.flow.engine.gather import together
from billing.flow.engine.standing import Reach
from billing.flow.kinds.charge.adopt import taken_over
from billing.flow.kinds.charge.confirm import refusal_facts, sighting
from billing.flow.kinds.charge.licence import licence, pay

OPEN_WAITS = {
    "reason_code": "open_waits",
    "reason": "Stripe keeps a server error under this line's key, for a day; nothing was opened",
    "what_to_do": "Type the same command again in a day; it opens this line then.",
}
# Of an open that is answered with a stored error.


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
    """Send the open once, always under its first key; note which application makes our intents."""
    outcome = await trip.desk.gateway.open(known, 0)
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
                known = await _find_or_wait(trip, known)
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


async def _find_or_wait(trip: Trip, known: Known) -> Known:
    """Look for an intent whose open is answered with a stored server error; without one, wait until it is forgotten.

    Never the next key: two ledgers need not meet the same errors, and would open an intent each. Not even where the
    error seems to be new to this process: a proxy's error, heard just before an old stored one, looks the same, and a
    request under the next key may arrive a day late. The walks of two ledgers in ``tests.model.ledgers`` show both.

    Raises:
        LeftAsItIs: the account cannot be listed, or the key is to be waited for.
    """
    await licence(trip, known, anew=True)
    found = await taken_over(trip, known)
    if found is not None:
        return found
    trip.desk.log("open_waits", reference=known.reference, account=known.account)
    if known.facts.get("reason_code") != OPEN_WAITS["reason_code"]:
        known = await trip.record(known, Move(Note.SET_ASIDE, facts=OPEN_WAITS))
    raise LeftAsItIs(known)


def _telling(opened: Refused, cloned: Outcome) -> Refused:
    """Return the refusal that says more where both were refused: one with a code of its own, else the clone's.

    What cannot be cloned is refused for what it is; the open beside it, as a rule, for what follows from that.
    """
    if not isinstance(cloned, Refused):
        return opened
    return min(cloned, opened, key=lambda refused: refused.code.endswith("_error"))
