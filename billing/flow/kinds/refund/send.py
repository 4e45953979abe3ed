"""The refund, the one request that moves money: write that it leaves, send it once, write what came of it."""

from typing import Any, assert_never

import anyio

from billing.core.entries import ItemRecord, Move
from billing.core.exits import Exit
from billing.core.kinds.refund import REFUND, Event, State
from billing.core.objects.refund import ChargeSeen, RefundSeen, Standing
from billing.core.outcomes import (
    Busy,
    Cancelled,
    Declined,
    Halt,
    LookWhy,
    Lost,
    Made,
    Refused,
    Scope,
    Shown,
    Succeeded,
    Unconfirmed,
    Undecided,
    Unsent,
    Unsettled,
)
from billing.edge.stripe.calls.refund import make_refund
from billing.flow.engine.context import Halted, ItemContext, Requeue, StillUnresolved, key_facts, key_number
from billing.flow.engine.standing import Reach
from billing.flow.kinds.refund import conclude
from billing.flow.kinds.refund.look import Look, look

BUSY_PAUSE_SECONDS = 1.0
# How long to leave a request alone that Stripe says is still running under this key, before looking.

SEEN_BY_A_LOOK = frozenset({"charge_already_refunded", "charge_disputed", "refund_disputed_payment"})
# Refusals whose reason a look must show; where it does not, something is older than it seems.


async def start(ctx: ItemContext, item: ItemRecord, charge: ChargeSeen | None) -> ItemRecord:
    """Send the refund of an untouched charge, or send it again after a list that shows none of ours.

    The key is the line's own. Its number grows only after what Stripe keeps under the last one was seen: a replayed
    error, or other content. The charge is the fence either way.

    Raises:
        StillUnresolved: nothing more is to be started, or the budget of this visit is spent.
        Requeue: a limiter said no.
        Halted: an answer stops the run.
    """
    if ctx.services.draining or ctx.closes:
        raise StillUnresolved(item)
    ctx.spend(State.READY, item)
    number = key_number(item, REFUND) + bool(item.facts.get("key_spent"))
    facts: dict[str, Any] = {"last_try": ctx.services.clock.now().isoformat(timespec="seconds"), "key_spent": None}
    if "first_try" not in item.facts:
        facts["first_try"] = facts["last_try"]
    facts |= conclude.of_charge(charge)
    first = item.state is State.PLANNED
    move = Move(Event.REFUND_STARTED, 1 if first else None, facts=facts | key_facts(REFUND, number, ctx.services))
    return await _send(ctx, await ctx.record(item, move))


async def _send(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Send the refund of an item whose ``refund_started`` this process has just made durable."""
    outcome = await ctx.send(item, make_refund(item), key_number(item, REFUND))
    match outcome:
        case Shown(found=RefundSeen() as seen):
            pending = seen.status != "succeeded"
            event = Event.REFUND_PENDING if pending else Event.REFUND_SUCCEEDED
            return await ctx.record(item, conclude.standing_move(item, event, seen, outcome.request_id))
        case Unsent():
            raise Requeue(await ctx.record(item, Move(Event.REFUND_UNSENT)), outcome)
        case Refused():
            return await _refused(ctx, item, outcome, replayed=outcome.replayed)
        case Undecided():
            used = outcome.replayed or outcome.why is LookWhy.KEY_USED
            return await _refused(ctx, item, outcome.refused, replayed=used)
        case Busy():
            await anyio.sleep(BUSY_PAUSE_SECONDS)
            return await ctx.record(item, lost("busy", loose=True))
        case Lost():
            return await ctx.record(item, lost("lost", loose=True, spent=outcome.renew))
        case Halt(exit=Exit.CREDENTIALS):
            await ctx.record(item, Move(Event.REFUND_UNSENT))
            raise Halted(outcome)
        case Halt():
            return await ctx.contradicted(item, outcome, lost("halt"), Move(Event.LEFT_IN_DOUBT))
        case Made() | Succeeded() | Unsettled() | Cancelled() | Declined() | Unconfirmed() | Shown():
            raise AssertionError(f"{outcome} cannot answer a refund")
        case _:
            assert_never(outcome)


def lost(why: str, *, loose: bool = False, spent: bool = False) -> Move:
    """Return the entry of a refund of which it is not known what became of it.

    Args:
        why: in a word.
        loose: the send has no answer, so it may arrive at any later time. That is remembered for good.
        spent: Stripe would only replay what it keeps under the key.
    """
    facts = {"lost": why, "key_spent": spent or None}
    return Move(Event.REFUND_LOST, facts=facts | {"loose": True} if loose else facts)


async def _refused(ctx: ItemContext, item: ItemRecord, refused: Refused | None, *, replayed: bool) -> ItemRecord:
    """Look before a refusal is believed: an earlier send, or another ledger's, may have given the money back."""
    try:
        seen = await look(ctx, item)
    except (Requeue, StillUnresolved) as held:
        held.item = await ctx.record(held.item, lost("refused"))
        raise
    after = await conclude.concluded(ctx, item, seen)
    if after is not None:
        return after
    if seen.standing is Standing.UNTOUCHED:
        return await _believed(ctx, item, refused, seen, replayed=replayed)
    return await ctx.record(item, lost("refused", spent=replayed))


async def _believed(
    ctx: ItemContext, item: ItemRecord, refused: Refused | None, seen: Look, *, replayed: bool
) -> ItemRecord:
    """Go on from the refusal of a charge of which nobody has given back anything."""
    if seen.disputed:
        return await conclude.refuse(ctx, item, conclude.disputed(seen.request_id))
    if refused is None or replayed or refused.code in SEEN_BY_A_LOOK:
        return await ctx.record(item, lost("refused", spent=replayed))
    if refused.scope is Scope.ACCOUNT:
        return await ctx.set_aside(item, refused, Reach.ACCOUNT, Move(Event.REFUND_UNSENT))
    return await conclude.refuse(ctx, item, conclude.failure(refused.code, refused.message, refused.request_id))
