"""What follows from a look, and is written: a table says it (`billing.core.kinds.refund.CONCLUDES`)."""

from collections.abc import Mapping
from typing import Any

from billing.core.entries import ItemRecord, Move
from billing.core.exits import Exit
from billing.core.items import FeeBack
from billing.core.kinds import refund_rules as reasons
from billing.core.kinds.refund import CONCLUDES, REFUND_LIFE, Event, State, ends
from billing.core.life import Group
from billing.core.objects.refund import ChargeSeen, RefundSeen, Standing, contradiction
from billing.core.outcomes import Expected, Halt
from billing.core.replies import Reply
from billing.flow.engine.context import ItemContext, StillUnresolved, skipped
from billing.flow.kinds.refund.look import Look, is_past_return

NO_TROUBLE: Mapping[str, Any] = {"group": None, "reason_code": None, "reason": None, "what_to_do": None}
# Written with what is certain, so that the reason of an earlier wait does not stand beside it.
IN_DOUBT: Mapping[str, Any] = {
    "group": str(Group.PARKED),
    "what_to_do": "See the charge in Stripe: if nothing was given back within days, give it back there.",
}
# Of an item that could be called failed, were it not for a send without an answer.
WHY: Mapping[Standing, str] = {
    Standing.NOTHING_LEFT: reasons.ALREADY_REFUNDED,
    Standing.TOUCHED: reasons.PARTLY_REFUNDED,
}
# The reason of an item that others have forestalled.
FIRST: Mapping[State, tuple[Event, ...]] = {
    State.PLANNED: (Event.REFUND_STARTED, Event.REFUND_LOST),
    State.REFUNDING: (Event.REFUND_LOST,),
}
# What precedes the doubt of an item that a refund of ours contradicts; one that was never sent is another ledger's.


async def concluded(ctx: ItemContext, item: ItemRecord, seen: Look) -> ItemRecord | None:
    """Write what a look concludes; None where nothing follows yet: the charge is untouched, or the list is not sure.

    Raises:
        StillUnresolved: nothing is to be done about it.
        Halted: a refund of ours contradicts the item.
    """
    if seen.standing in (Standing.SUCCEEDED, Standing.PENDING):
        return await sighted(ctx, item, seen)
    if item.state is State.PARKED:
        raise StillUnresolved(item)
    if seen.standing in (Standing.UNSURE, Standing.UNTOUCHED):
        return None
    if item.state is State.PLANNED and seen.standing is not Standing.RETURNED:
        return await skip(ctx, item, WHY[seen.standing])
    events = CONCLUDES[seen.standing]
    if item.state is State.PLANNED:
        events = (Event.REFUND_STARTED, *events)  # another ledger's, which came back
    elif (item.state, events[0]) not in REFUND_LIFE.edges:
        raise StillUnresolved(item)
    return await end(ctx, item, events, _ending(seen), seen.ours)


async def sighted(ctx: ItemContext, item: ItemRecord, seen: Look) -> ItemRecord:
    """Write that a refund of ours stands, if it is the one that was approved.

    Raises:
        StillUnresolved: it is on record already.
        Halted: it is of another amount or currency; the item is parked with both.
    """
    assert seen.ours is not None  # noqa: S101  what stands has told it
    wrong = contradiction(seen.ours, expected(item))
    if wrong:
        names = (*FIRST.get(State(item.state), ()), Event.LEFT_IN_DOUBT)
        moves = () if item.state is State.PARKED else [_move(name) for name in names]
        await ctx.contradicted(item, Halt(Exit.STOPPED, wrong, reply=Reply(None)), *moves)
    event = CONCLUDES[seen.standing][0]
    if item.state is State.SUCCEEDED and seen.standing is Standing.SUCCEEDED and is_past_return(ctx, seen.ours):
        event = Event.RETURN_PERIOD_OVER
    first = [_move(Event.REFUND_STARTED, adopted=True, **of_charge(seen.charge))] if item.state is State.PLANNED else []
    if not first and (item.state, event) not in REFUND_LIFE.edges:
        raise StillUnresolved(item)
    return await ctx.record(item, *first, standing_move(item, event, seen.ours, seen.request_id, seen.charge))


def standing_move(
    item: ItemRecord, event: Event, seen: RefundSeen, request_id: str, charge: ChargeSeen | None = None
) -> Move:
    """Return the entry for a refund of ours that stands; the first one seen is the item's object for ever."""
    facts = {**NO_TROUBLE, **_shown(seen), "request_id": request_id, "amount_refunded": seen.amount}
    facts["application_fee_refunded"] = _fee_back(item, seen, charge)
    return Move(event, object_id=item.object_id or seen.id, facts=facts)


def _fee_back(item: ItemRecord, seen: RefundSeen, charge: ChargeSeen | None) -> int | None:
    """Return how much of the platform's share went back, or None where that is not known.

    A refund does not show it. Another ledger's line may have said something else of it: then its digest differs.
    """
    if not seen.digest or not item.digest.startswith(seen.digest):
        return None
    if item.content["fee"] != FeeBack.REFUND:
        return 0
    return charge.application_fee if charge else item.facts.get("application_fee")


def of_charge(charge: ChargeSeen | None) -> dict[str, Any]:
    """Return the facts that are told of a charge when its refund begins."""
    return {} if charge is None else {"charge": charge.id, "application_fee": charge.application_fee}


async def skip(ctx: ItemContext, item: ItemRecord, code: str) -> ItemRecord:
    """Leave an item that was never sent."""
    return await ctx.record(item, skipped(REFUND_LIFE, code, reasons.SKIPS[code].means))


async def refuse(ctx: ItemContext, item: ItemRecord, why: Mapping[str, Any]) -> ItemRecord:
    """Give an item up of which nothing was ever seen: it ends, in doubt if a send of ours has no answer."""
    return await end(ctx, item, (Event.REFUND_REFUSED, Event.GIVEN_UP), why)


async def end(
    ctx: ItemContext,
    item: ItemRecord,
    events: tuple[Event, ...],
    why: Mapping[str, Any],
    ours: RefundSeen | None = None,
) -> ItemRecord:
    """Write the events that end an item of which nothing stands, in one commit."""
    *first, last = ends(events, loose=bool(item.facts.get("loose")))
    facts = {**NO_TROUBLE, **why, **(IN_DOUBT if last is Event.LEFT_IN_DOUBT else {})}
    moves = [
        Move(name, object_id=item.object_id or ours.id, facts=_shown(ours) | {"amount_refunded": None})
        if ours is not None and name is Event.REFUND_RETURNED
        else _move(name)
        for name in first
    ]
    return await ctx.record(item, *moves, Move(last, facts=facts))


def failure(code: str, reason: str, request_id: str = "") -> dict[str, Any]:
    """Return the facts of an item that came to nothing."""
    return {"group": str(Group.FAILED), "reason_code": code, "reason": reason, "request_id": request_id}


def disputed(request_id: str) -> dict[str, Any]:
    """Return the facts of an item whose charge turned out to be disputed."""
    return failure(reasons.DISPUTED, reasons.SKIPS[reasons.DISPUTED].means, request_id)


def expected(item: ItemRecord) -> Expected:
    """Return what a refund of ours must agree with."""
    return Expected(item.item_id, item.amount, item.currency, False, None, None, item.attempt)


def _ending(seen: Look) -> dict[str, Any]:
    """Return why an item ends, by where its refund stands."""
    if seen.ours is not None:
        reason = f"the bank returned refund {seen.ours.id}: {seen.ours.failure or seen.ours.status}"
        return failure("refund_returned", reason, seen.request_id)
    code = WHY[seen.standing]
    facts = failure(code, reasons.SKIPS[code].means, seen.request_id)
    return facts | ({"group": str(Group.SKIPPED)} if seen.standing is Standing.NOTHING_LEFT else {})


def _move(name: Event, **facts: object) -> Move:
    return Move(name, attempt=1 if name is Event.REFUND_STARTED else None, facts=facts)


def _shown(seen: RefundSeen) -> dict[str, Any]:
    return {"refund": seen.id, "refund_status": seen.status, "refunded_at": seen.created}
