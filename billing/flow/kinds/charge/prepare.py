"""Open the intent and clone the payment method, side by side; record both before anything may be confirmed."""

from functools import partial
from typing import assert_never

from billing.core.entries import CloneTaken, ItemRecord, Move, Note
from billing.core.kinds.charge import CLONE, OPEN, Event, State
from billing.core.outcomes import (
    Busy,
    Cancelled,
    Declined,
    Halt,
    Lost,
    Made,
    Outcome,
    Refused,
    Scope,
    Shown,
    Succeeded,
    Unconfirmed,
    Undecided,
    Unsent,
    Unsettled,
)
from billing.edge.stripe.calls.charge import clone_method, open_intent
from billing.flow.engine.context import (
    NO_TROUBLE,
    ItemContext,
    Requeue,
    StillUnresolved,
    key_facts,
    key_number,
    renewal,
)
from billing.flow.engine.gather import gather
from billing.flow.engine.standing import Reach
from billing.flow.kinds.charge.adopt import taken_over
from billing.flow.kinds.charge.attempts import shown_by
from billing.flow.kinds.charge.confirm import refusal_facts, sighting
from billing.flow.kinds.charge.find import Finder
from billing.flow.kinds.charge.licence import licence, pay

OPEN_WAITS = {
    "reason_code": "open_waits",
    "reason": "Stripe keeps a server error under this line's key, for a day; nothing was opened",
    "what_to_do": "Type the same command again in a day; it opens this line then.",
}
# Of an open that is answered with a stored error.


async def start_attempt(ctx: ItemContext, item: ItemRecord, **facts: object) -> ItemRecord:
    """Write down that open and clone (or, for a later attempt, the clone alone) are about to leave."""
    attempt = item.attempt + 1
    facts = {**NO_TROUBLE, **facts, **key_facts(CLONE, 0, ctx.services)}
    facts |= {"confirm_n": None, "confirm_born": None, "key_spent": None}
    if item.object_id is None:
        facts |= key_facts(OPEN, 0, ctx.services)
    return await ctx.record(item, Move(Event.PREPARE_STARTED, attempt=attempt, facts=facts))


async def prepare(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Send what is missing, and record what came of it; a complete pair goes on to its confirm in the same commit.

    Raises:
        Requeue: a limiter said no; nothing was executed.
        StillUnresolved: the budget is spent.
        Halted: an answer stops the run.
    """
    ctx.spend(State.PREPARING, item)
    if item.object_id is None:
        await licence(ctx, item)
        found = await taken_over(ctx, item)
        if found is not None:
            return found
    opened, cloned = await _send_missing(ctx, item)
    for outcome in (opened, cloned):
        if isinstance(outcome, Halt):
            return await ctx.contradicted(item, outcome)
        if isinstance(outcome, Succeeded | Unsettled | Cancelled):
            return await ctx.record(item, sighting(ctx, item, outcome))  # an error that shows our intent
    try:
        return await _settle_pair(ctx, item, opened, cloned)
    except CloneTaken:
        return await _clone_anew(ctx, item, opened)


async def _clone_anew(ctx: ItemContext, item: ItemRecord, opened: Outcome) -> ItemRecord:
    """Ask for another clone: the answer named one that another item has, so it came late, or was never ours.

    Nothing that shared its commit is on record, and no confirm has left. What this item's clone is nobody can say now;
    one that is not used costs nothing.
    """
    made = [Move(Note.PART_PREPARED, object_id=opened.object_id)] if isinstance(opened, Made) else []
    return await ctx.record(item, *made, renewal(item, CLONE, ctx.services))


async def _send_missing(ctx: ItemContext, item: ItemRecord) -> tuple[Outcome, Outcome]:
    """Send open and clone together, each with its own resends; what is on record counts as made."""
    send_open, send_clone = partial(_open, ctx, item), partial(_clone, ctx, item)
    if item.object_id is None and item.instrument_id is None:
        opened, cloned = await gather(send_open, send_clone)
        return opened, cloned
    return (
        await send_open() if item.object_id is None else Made(item.object_id),
        await send_clone() if item.instrument_id is None else Made(item.instrument_id),
    )


async def _open(ctx: ItemContext, item: ItemRecord) -> Outcome:
    """Send the open, always under its first key; note which application makes our intents."""
    outcome = await ctx.send(item, open_intent(item))
    if isinstance(outcome, Made):
        ctx.services.shared(Finder).opened_by_us(outcome.reply.body)
    return outcome


async def _clone(ctx: ItemContext, item: ItemRecord) -> Outcome:
    """Send the clone."""
    return await ctx.send(item, clone_method(item), key_number(item, CLONE))


async def _settle_pair(ctx: ItemContext, item: ItemRecord, opened: Outcome, cloned: Outcome) -> ItemRecord:
    """Record what the two answers mean together. The intent goes on record with whatever else is written."""
    if item.object_id is None and isinstance(opened, Made) and not ctx.services.shared(Finder).may_start(item):
        # The answer came so late that the list is too old: an intent may have been opened elsewhere meanwhile.
        await licence(ctx, item)
        found = await taken_over(ctx, item)
        if found is not None:
            return found
    match opened, cloned:
        case Made(object_id=intent), Made(object_id=clone):
            ctx.services.standing.takes(item, OPEN)
            held = {**(NO_TROUBLE if "reason_code" in item.facts else {}), **shown_by(cloned)}
            return await pay(ctx, item, Move(Event.PREPARED, object_id=intent, instrument_id=clone, facts=held))
        case Refused(), _:
            reach = ctx.services.standing.reach(item, OPEN, opened)
            if reach is not Reach.ITEM:
                return await ctx.set_aside(item, opened, reach)
            return await ctx.record(item, Move(Event.OPEN_REFUSED, facts=refusal_facts(_telling(opened, cloned))))
        case Made(object_id=intent), Refused():
            ctx.services.standing.takes(item, OPEN)
            if cloned.scope is Scope.ACCOUNT:
                part = Move(Note.PART_PREPARED, object_id=intent)
                return await ctx.set_aside(item, cloned, Reach.ACCOUNT, part)
            return await ctx.record(
                item, Move(Event.CLONE_REFUSED, object_id=intent, facts=refusal_facts(cloned) | {"fence": True})
            )
        case _:
            return await _keep_parts(ctx, item, opened, cloned)


async def _keep_parts(ctx: ItemContext, item: ItemRecord, opened: Outcome, cloned: Outcome) -> ItemRecord:
    """Record the half that is there, renew the key of a half that needs it, and let the item go round again."""
    intent = opened.object_id if isinstance(opened, Made) else None
    clone = cloned.object_id if isinstance(cloned, Made) else None
    if (intent, clone) not in ((None, None), (item.object_id, item.instrument_id)):
        card = shown_by(cloned) if isinstance(cloned, Made) else {}
        item = await ctx.record(item, Move(Note.PART_PREPARED, object_id=intent, instrument_id=clone, facts=card))
    for op, outcome in ((OPEN, opened), (CLONE, cloned)):
        match outcome:
            case Made() | Refused():
                pass
            case Unsent():
                raise Requeue(item, outcome)
            case Lost(renew=True) if op is OPEN:
                item = await _find_or_wait(ctx, item)
            case Lost(renew=True):
                # A clone nobody used costs nothing: no look is needed.
                item = await ctx.record(item, renewal(item, op, ctx.services))
            case Lost() | Busy() | Undecided():
                pass
            case Succeeded() | Unsettled() | Cancelled() | Declined() | Unconfirmed() | Shown() | Halt():
                raise AssertionError(f"{outcome} cannot answer {op}")
            case _:
                assert_never(outcome)
    return item


async def _find_or_wait(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Look for an intent whose open is answered with a stored server error; without one, wait until it is forgotten.

    Never the next key: two ledgers need not meet the same errors, and would open an intent each. Not even where the
    error seems to be new to this process: a proxy's error, heard just before an old stored one, looks the same, and a
    request under the next key may arrive a day late. The walks of two ledgers in ``tests.model.ledgers`` show both.

    Raises:
        StillUnresolved: the account cannot be listed, or the key is to be waited for.
    """
    await licence(ctx, item, anew=True)
    found = await taken_over(ctx, item)
    if found is not None:
        return found
    ctx.services.log("open_waits", reference=item.reference, account=item.account)
    if item.facts.get("reason_code") != OPEN_WAITS["reason_code"]:
        item = await ctx.record(item, Move(Note.SET_ASIDE, facts=OPEN_WAITS))
    raise StillUnresolved(item)


def _telling(opened: Refused, cloned: Outcome) -> Refused:
    """Return the refusal that says more where both were refused: one with a code of its own, else the clone's.

    What cannot be cloned is refused for what it is; the open beside it, as a rule, for what follows from that.
    """
    if not isinstance(cloned, Refused):
        return opened
    return min(cloned, opened, key=lambda refused: refused.code.endswith("_error"))
