"""The request that counts: pay the first invoice, or clear the fuse, of the subscription on record and of no other."""

from typing import Any

import anyio

from billing.core.entries import ItemRecord, Move, Note
from billing.core.exits import Exit
from billing.core.kinds.subscription import PAY, START, Event, State
from billing.core.objects.subscription import Standing, SubscriptionSeen
from billing.core.outcomes import Busy, Declined, Halt, LookWhy, Lost, Outcome, Refused, Scope, Shown, Undecided, Unsent
from billing.edge.stripe.calls import subscription as calls
from billing.flow.engine.context import (
    NO_TROUBLE,
    Halted,
    ItemContext,
    Requeue,
    StillUnresolved,
    key_facts,
    key_number,
    key_outlived,
)
from billing.flow.engine.standing import Reach
from billing.flow.kinds.subscription.conclude import concluded, decline_facts, refusal, shown
from billing.flow.kinds.subscription.fence import start_cancel
from billing.flow.kinds.subscription.licence import counted_elsewhere, licence
from billing.flow.kinds.subscription.look import Look, look, once_more

BUSY_PAUSE_SECONDS = 1.0
# How long to leave a request alone that Stripe says is still running under this key, before looking.
PAID_ELSEWHERE = {
    "group": "skipped",
    "reason_code": "paid_elsewhere",
    "reason": "another ledger has subscribed this",
}
START_WAITS = {
    "reason_code": "start_waits",
    "reason": "Stripe repeats an error for a day; the subscription ends by itself unless it starts in time",
    "what_to_do": "Run the same command again tomorrow.",
}


async def count(ctx: ItemContext, item: ItemRecord, *opened: Move) -> ItemRecord:
    """Send what counts, unless another subscription of the line has counted in its place.

    Args:
        ctx: what may still be spent.
        item: a ready or starting item, one that rests unpaid, or an opening one with the move that makes it ready.
        opened: that move; it is recorded whatever becomes of the rest.

    Raises:
        StillUnresolved: the account cannot be listed, nothing more is to be started, or the budget is spent.
        Requeue: a limiter said no.
        Halted: an answer stops the run.
    """
    own = item.object_id or (opened[0].object_id if opened else "") or ""
    try:
        await licence(ctx, item)
        elsewhere = await counted_elsewhere(ctx, item, own)
    except (StillUnresolved, Requeue) as held:
        if opened:
            held.item = await ctx.record(item, *opened)
        raise
    if elsewhere or ctx.services.draining or ctx.closes:
        if opened:
            item = await ctx.record(item, *opened)
        if elsewhere:
            return await start_cancel(ctx, item, PAID_ELSEWHERE)
        if opened:
            return item  # whoever closes it goes on from here
        raise StillUnresolved(item)
    return await (_pay if item.content["due"] else _start)(ctx, item, *opened)


# --- where something is due ------------------------------------------------------------------------------------------


async def _pay(ctx: ItemContext, item: ItemRecord, *opened: Move) -> ItemRecord:
    """Write that the payment leaves, send it once, write what came of it."""
    ctx.spend(State.READY, item)
    item = await ctx.record(item, *opened, _pay_started(ctx, item))
    outcome = await ctx.send(item, calls.pay(item), key_number(item, PAY))
    match outcome:
        case Shown(found=Standing.PAID):
            facts = {**NO_TROUBLE, "request_id": outcome.request_id, "subscription_status": "active"}
            return await ctx.record(item, Move(Event.INVOICE_PAID, facts=facts))
        case Declined(decline=decline):
            incomplete = item.facts.get("subscription_status") == "incomplete"
            facts = decline_facts(ctx, item, decline, incomplete=incomplete) | {"request_id": outcome.request_id}
            return await ctx.record(item, Move(Event.PAY_DECLINED, facts=facts))
        case Refused():
            return await _not_paid(ctx, item, outcome)
        case Undecided(why=LookWhy.KEY_USED):
            return await _key_used(ctx, item)
        case Undecided():
            return await _not_paid(ctx, item, outcome.refused, replayed=outcome.replayed)
        case _:
            return await _unanswered(ctx, item, outcome)


async def _unanswered(ctx: ItemContext, item: ItemRecord, outcome: Outcome) -> ItemRecord:
    """Write what is known of a payment that has no answer of its own."""
    match outcome:
        case Unsent():
            raise Requeue(await ctx.record(item, Move(Event.PAY_UNSENT)), outcome)
        case Busy():
            await anyio.sleep(BUSY_PAUSE_SECONDS)
            return await ctx.record(item, lost("busy"))
        case Lost():
            return await ctx.record(item, lost("lost", spent=outcome.renew))
        case Halt(exit=Exit.CREDENTIALS):
            await ctx.record(item, Move(Event.PAY_UNSENT))
            raise Halted(outcome)
        case Halt():
            return await ctx.contradicted(item, outcome, lost("halt"), Move(Event.RESOLVE_EXHAUSTED))
        case _:
            raise AssertionError(f"{outcome} cannot answer a pay")


def _pay_started(ctx: ItemContext, item: ItemRecord) -> Move:
    """Return the entry that must be durable before the payment leaves.

    The key is the attempt's own. Its number grows when Stripe stored an error under the last one, or when that is past
    its replay window; the invoice is the fence either way.
    """
    again = item.state is State.UNPAID
    facts: dict[str, Any] = {"last_try": _now(ctx), "key_spent": None, "fence": None, "next_try": None}
    number = key_number(item, PAY)
    if again or "pay_born" not in item.facts:
        facts |= key_facts(PAY, 0, ctx.services)
    elif item.facts.get("key_spent") or key_outlived(item, PAY, ctx.services):
        facts |= key_facts(PAY, number + 1, ctx.services)
    if "first_try" not in item.facts:
        facts["first_try"] = facts["last_try"]
    return Move(Event.PAY_STARTED, item.attempt + 1 if again else None, facts=facts)


def lost(why: str, *, spent: bool = False) -> Move:
    """Return the entry of a payment of which it is not known what became of it; ``spent`` says that its key is."""
    return Move(Event.PAY_LOST, facts={"lost": why, "key_spent": spent or None})


async def _not_paid(
    ctx: ItemContext, item: ItemRecord, refused: Refused | None, *, replayed: bool = False
) -> ItemRecord:
    """Look before an answer is believed that does not say paid: the bank may have it, or an earlier send may have."""
    try:
        seen = await look(ctx, item)
        after = None if seen is None else await concluded(ctx, item, seen)
    except (Requeue, StillUnresolved) as held:
        if held.item.state is State.PAYING:
            held.item = await ctx.record(held.item, lost("refused", spent=replayed))
        raise
    if after is not None and after.state is not State.PAYING:
        return after
    if seen is None or seen.standing is not Standing.UNTRIED or refused is None or replayed:
        return await ctx.record(item, lost("refused", spent=replayed))
    return await _refused(ctx, item, refused, seen)


async def _refused(ctx: ItemContext, item: ItemRecord, refused: Refused, seen: Look) -> ItemRecord:
    """Believe a refusal of an invoice that shows no attempt: it is the account's, or the request was wrong."""
    if refused.scope is Scope.ACCOUNT:
        return await ctx.set_aside(item, refused, Reach.ACCOUNT, Move(Event.PAY_UNSENT))
    facts = {**refusal(refused), "fence": True, "request_id": seen.request_id}
    return await ctx.record(item, Move(Event.PAY_REFUSED, facts=facts))


async def _key_used(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Go on from a payment whose key was used for another invoice: another ledger's, of this very line.

    A list from now on shows it; where that has counted, ours is put out when the item's turn comes again.
    """
    ctx.services.log("key_used", reference=item.reference, account=item.account, subscription=item.object_id)
    item = await ctx.record(item, lost("key_used"))
    await licence(ctx, item, anew=True)
    return item


# --- where nothing is due ---------------------------------------------------------------------------------------------


async def _start(ctx: ItemContext, item: ItemRecord, *opened: Move) -> ItemRecord:
    """Write that the fuse is being cleared, clear it, write what came of it. It may be repeated."""
    ctx.spend(State.STARTING, item)
    if item.state is not State.STARTING:
        now = _now(ctx)
        facts = key_facts(START, 0, ctx.services) | {"first_try": item.facts.get("first_try", now), "last_try": now}
        item = await ctx.record(item, *opened, Move(Event.START_STARTED, facts=facts))
    outcome = await ctx.send(item, calls.start(item), key_number(item, START))
    match outcome:
        case Shown(found=SubscriptionSeen() as seen):
            facts = {**NO_TROUBLE, **shown(seen, outcome.request_id)}
            return await ctx.record(item, Move(Event.FUSE_CLEARED, facts=facts))
        case Unsent():
            raise Requeue(item, outcome)
        case Undecided(why=LookWhy.KEY_USED):
            await licence(ctx, item, anew=True)
            return item
        case Halt(exit=Exit.CREDENTIALS):
            raise Halted(outcome)
        case Halt():
            return await ctx.contradicted(item, outcome)
        case Lost(renew=True):
            return await _wait(ctx, item)
        case _:
            return await follow(ctx, item)


async def _wait(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Look, and wait for a stored error to be forgotten: under the next key another ledger's would not be met."""
    after = await follow(ctx, item)
    if after.state is State.STARTING:
        if after.facts.get("reason_code") != START_WAITS["reason_code"]:
            after = await ctx.record(after, Move(Note.SET_ASIDE, facts=START_WAITS))
        raise StillUnresolved(after)
    return after


# --- looks ------------------------------------------------------------------------------------------------------------


async def follow(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Look what became of an item, and write what is new.

    Raises:
        StillUnresolved: nothing new was learnt, and the budget of looks is spent.
    """
    seen = await look(ctx, item)
    after = None if seen is None else await concluded(ctx, item, seen)
    if after is not None and after.state is not item.state:
        return after
    return once_more(ctx, item)


async def find_out(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Look what became of a payment whose answer was lost; where nothing shows, it may be sent again.

    Raises:
        StillUnresolved: it is parked, and nothing new was learnt.
    """
    seen = await look(ctx, item)
    untried = seen is not None and seen.standing is Standing.UNTRIED
    if seen is not None and not (untried and ctx.spent(State.READY)):
        after = await concluded(ctx, item, seen)
        if after is not None and after.state is not item.state:
            return after
    ctx.rounds[item.state] += 1
    if not ctx.spent(item.state):
        return item
    if item.state is not State.UNKNOWN:
        raise StillUnresolved(item)
    return await ctx.record(item, Move(Event.RESOLVE_EXHAUSTED, facts=_NO_ANSWER))


async def note_lost(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """An item found paying was left by a process that is gone: its answer is lost, whatever it was."""
    return await ctx.record(item, lost("runner"))


def _now(ctx: ItemContext) -> str:
    return ctx.services.clock.now().isoformat(timespec="seconds")


_NO_ANSWER = {"group": "parked", "reason_code": "no_answer", "reason": "Stripe would not say what happened"}
