"""Confirm, the one request that moves money, and look whenever its answer does not say for certain what happened."""

from typing import assert_never

import anyio

from billing.core.declines import Decline, decline_of
from billing.core.dunning import after_decline
from billing.core.entries import ItemRecord, Move, fold
from billing.core.exits import Exit
from billing.core.kinds.charge import CONFIRM, Event, State
from billing.core.life import Group
from billing.core.outcomes import (
    Busy,
    Cancelled,
    Declined,
    Halt,
    LookWhy,
    Lost,
    Made,
    Outcome,
    Refused,
    Seen,
    Shown,
    Succeeded,
    Unconfirmed,
    Undecided,
    Unsent,
    Unsettled,
)
from billing.edge.stripe.calls.charge import confirm_intent, read_intent
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
from billing.flow.kinds.charge.attempts import Attempts, is_repeat, wait_for_room

BUSY_PAUSE_SECONDS = 1.0
# How long to leave a request alone that Stripe says is still running under this key, before looking at the intent.

ATTEMPT_FAILED = "payment_intent_payment_attempt_failed"
# Stripe's code for an attempt that failed, here for a refusal of which the intent shows nothing more. No remedy is
# known for it, so the item rests until a person has read it. (docs.stripe.com/error-codes)


CANCELLED_ELSEWHERE = {
    "group": str(Group.FAILED),
    "reason_code": "canceled_elsewhere",
    "reason": "the intent was cancelled outside of this run",
    "what_to_do": "See the intent in Stripe: who cancelled it, and why?",
}
# The Dashboard, another program, or Stripe's confirm limit.


def confirm_started(ctx: ItemContext, item: ItemRecord) -> Move:
    """Return the entry that must be durable before the confirm leaves.

    The key is the attempt's own. Its number grows only when Stripe stored a server error under the last one, or when
    the last one is past its replay window; the intent is the fence either way.
    """
    number = key_number(item, CONFIRM)
    facts = {"last_try": ctx.services.clock.now().isoformat(timespec="seconds"), "key_spent": None}
    if "confirm_born" not in item.facts:
        facts |= key_facts(CONFIRM, 0, ctx.services)
    elif item.facts.get("key_spent") or key_outlived(item, CONFIRM, ctx.services):
        facts |= key_facts(CONFIRM, number + 1, ctx.services)
    if "first_try" not in item.facts:
        facts["first_try"] = facts["last_try"]
    return Move(Event.CONFIRM_STARTED, facts=facts)


async def confirm(ctx: ItemContext, item: ItemRecord, *prepared: Move) -> ItemRecord:
    """Write that the confirm leaves, send it once, write what came of it.

    Args:
        ctx: what may still be spent.
        item: a ready item, or a preparing one with the move that makes it ready.
        prepared: that move; it shares the commit, both or neither.

    Raises:
        StillUnresolved: the card of a later attempt must not be tried yet; the item is ready, and says until when.
    """
    if prepared and (ctx.services.draining or ctx.closes):
        return await ctx.record(item, *prepared)
    ctx.spend(State.READY, item)
    # From the look at what the card has been through to the entry that is written nothing is awaited.
    attempts = ctx.services.shared(Attempts)
    shown = fold(item, prepared)
    if is_repeat(shown) and (until := attempts.waits(shown)):
        raise await wait_for_room(ctx, item, until, *prepared)
    moves = (*prepared, confirm_started(ctx, item))
    with attempts.leaving(item, moves):
        item = await ctx.record(item, *moves)
    return await _send_confirm(ctx, item)


async def _send_confirm(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Send the confirm of an item whose ``confirm_started`` this process has just made durable."""
    outcome = await ctx.send(item, confirm_intent(item), key_number(item, CONFIRM))
    match outcome:
        case Succeeded() | Unsettled() | Cancelled() | Declined():
            ctx.services.standing.takes(item, CONFIRM)
            return await ctx.record(item, sighting(ctx, item, outcome))
        case Unsent():
            item = await ctx.record(item, Move(Event.CHARGE_UNSENT))
            raise Requeue(item, outcome)
        case Refused():
            return await _refused(ctx, item, outcome, dead_clone=False)
        case Undecided(refused=Refused() as refused):
            return await _refused(ctx, item, refused, dead_clone=outcome.why is LookWhy.SPENT_CLONE)
        case Undecided(why=LookWhy.KEY_USED):
            return await _key_used(ctx, item)
        case Busy():
            await anyio.sleep(BUSY_PAUSE_SECONDS)
            return await ctx.record(item, Move(Event.CHARGE_LOST, facts={"lost": "busy"}))
        case Lost() | Undecided() | Unconfirmed():
            spent = True if isinstance(outcome, Lost) and outcome.renew else None
            lost = type(outcome).__name__.lower()
            return await ctx.record(item, Move(Event.CHARGE_LOST, facts={"lost": lost, "key_spent": spent}))
        case Halt():
            return await _halted(ctx, item, outcome)
        case Made() | Shown():
            raise AssertionError(f"{outcome} cannot answer a confirm")
        case _:
            assert_never(outcome)


async def _refused(ctx: ItemContext, item: ItemRecord, refused: Refused, *, dead_clone: bool) -> ItemRecord:
    """Read the intent before a refusal is believed: an earlier, lost send of the same confirm may have been paid."""
    outcome = await _read(ctx, item)
    match outcome:
        case Succeeded() | Unsettled() | Cancelled() | Declined():
            return await ctx.record(item, sighting(ctx, item, outcome))
        case Unconfirmed() if (reach := ctx.services.standing.reach(item, CONFIRM, refused)) is not Reach.ITEM:
            spent = True if refused.replayed else None  # a stored refusal says nothing of the account as it is now
            return await ctx.set_aside(item, refused, reach, Move(Event.CHARGE_UNSENT, facts={"key_spent": spent}))
        case Unconfirmed():
            # A clone that Stripe will not take, although no attempt of ours shows: one new clone is allowed.
            facts = {**refusal_facts(refused), "fence": True, "dead_clone": dead_clone or None}
            return await ctx.record(item, Move(Event.CHARGE_REFUSED, facts=facts))
        case _:
            return await ctx.record(item, Move(Event.CHARGE_LOST, facts={"lost": "refused"}))


async def _halted(ctx: ItemContext, item: ItemRecord, halt: Halt) -> ItemRecord:
    """Write what is certain of a confirm whose answer stops the run: a refused key touches nothing, else nothing is."""
    if halt.exit is Exit.CREDENTIALS:
        await ctx.record(item, Move(Event.CHARGE_UNSENT))
        raise Halted(halt)
    lost = Move(Event.CHARGE_LOST, facts={"lost": "halt"})
    return await ctx.contradicted(item, halt, lost, Move(Event.RESOLVE_EXHAUSTED))


async def _key_used(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Go on from a confirm whose key was used with other content: another ledger has sent its own clone under it.

    This one was not carried out, and the other one is over, whatever became of it: the key is spent like one under
    which an error is kept. A decline on the intent of a first attempt is the other ledger's, of the same card: it rests
    here as it rests there, and the card is not tried again. Where nothing shows, the next confirm has the next key; the
    intent is the fence. The walks of two ledgers in ``tests.model.ledgers_walk`` hold this.
    """
    ctx.services.log("key_used", reference=item.reference, account=item.account, intent=item.object_id)
    outcome = await _read(ctx, item)
    match outcome:
        case Succeeded() | Unsettled() | Cancelled() | Declined():
            return await ctx.record(item, sighting(ctx, item, outcome))
        case Unconfirmed(earlier=Decline() as decline) if item.attempt == 1:
            return await ctx.record(item, sighting(ctx, item, Declined(decline, reply=outcome.reply)))
        case _:
            return await ctx.record(item, Move(Event.CHARGE_LOST, facts={"lost": "key_used", "key_spent": True}))


async def note_lost(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """An item found confirming was left by a process that is gone: its answer is lost, whatever it was."""
    return await ctx.record(item, Move(Event.CHARGE_LOST, facts={"lost": "runner"}))


async def look(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Read the intent of an unknown, parked or unsettled item, and go on from what it shows.

    Raises:
        Requeue: a limiter said no.
        StillUnresolved: nothing new was learnt and the item rests where it is.
        Halted: an answer stops the run.
    """
    outcome = await _read(ctx, item)
    match outcome:
        case Succeeded() | Unsettled() | Cancelled() | Declined():
            if item.state is State.UNSETTLED and isinstance(outcome, Unsettled):
                raise StillUnresolved(item)
            return await ctx.record(item, sighting(ctx, item, outcome))
        case Unconfirmed() if item.state is State.UNSETTLED:
            return await _open_again(ctx, item, outcome)
        case Unconfirmed():
            if ctx.spent(State.READY):
                return await _exhausted(ctx, item)
            return await ctx.record(item, Move(Event.INTENT_UNCONFIRMED, facts=NO_TROUBLE))
        case Unsent():
            raise Requeue(item, outcome)
        case Halt() if item.state is State.UNKNOWN:
            return await ctx.contradicted(item, outcome, Move(Event.RESOLVE_EXHAUSTED))
        case Halt():
            return await ctx.contradicted(item, outcome)
        case _:
            return await _nothing_learnt(ctx, item)


async def revisit(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Read an intent that rests after a decline: its customer may have paid it on session, or somebody cancelled it.

    Raises:
        Requeue: a limiter said no.
        StillUnresolved: nothing new was learnt.
        Halted: an answer stops the run.
    """
    outcome = await _read(ctx, item)
    match outcome:
        case Succeeded() | Unsettled():
            return await ctx.record(item, sighting(ctx, item, outcome))
        case Cancelled(seen=seen):
            # No fence of ours was under way, so it was somebody else, and the old decline is no longer the reason.
            facts = {**NO_TROUBLE, **CANCELLED_ELSEWHERE, "canceled": True, **_provenance(seen)}
            return await ctx.record(item, Move(Event.INTENT_CANCELLED, facts=facts))
        case Unsent():
            raise Requeue(item, outcome)
        case Halt():
            return await ctx.contradicted(item, outcome)
        case _:
            raise StillUnresolved(item)


async def _read(ctx: ItemContext, item: ItemRecord) -> Outcome:
    """Read the intent, again if the answer is lost: a read may be repeated freely."""
    return await ctx.send(item, read_intent(item))


async def _open_again(ctx: ItemContext, item: ItemRecord, shown: Unconfirmed) -> ItemRecord:
    """Believe that the bank refused an accepted charge although the refusal does not name this attempt's clone.

    The charge that was seen processing may be an earlier attempt's, reported late. A read that shows that very charge
    is newer than the sighting. Any other may be older than it, so it counts only when all the reads of a visit say the
    same; were they all old, the intent would still pay once and tell so.
    """
    ctx.rounds[item.state] += 1
    refused = shown.seen.charge is not None and shown.seen.charge == item.facts.get("charge")
    if not refused and not ctx.spent(item.state):
        return item
    decline = shown.earlier or decline_of({"code": ATTEMPT_FAILED}, request_id=shown.request_id)
    return await ctx.record(item, sighting(ctx, item, Declined(decline, reply=shown.reply)))


async def _nothing_learnt(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    ctx.rounds[item.state] += 1
    return await _exhausted(ctx, item) if ctx.spent(item.state) else item


async def _exhausted(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    if item.state is not State.UNKNOWN:
        raise StillUnresolved(item)
    reason = {"group": str(Group.PARKED), "reason_code": "no_answer", "reason": "Stripe would not say what happened"}
    return await ctx.record(item, Move(Event.RESOLVE_EXHAUSTED, facts=reason))


def sighting(ctx: ItemContext, item: ItemRecord, outcome: Succeeded | Unsettled | Cancelled | Declined) -> Move:
    """Return the entry for what an answer or a read shows of the intent."""
    match outcome:
        case Succeeded(seen=seen):
            paid = {"amount_charged": seen.amount_received, "application_fee_charged": seen.application_fee}
            return Move(Event.CHARGE_SUCCEEDED, facts={**NO_TROUBLE, **_provenance(seen), **paid})
        case Unsettled(seen=seen):
            return Move(Event.CHARGE_UNSETTLED, facts={**NO_TROUBLE, **_provenance(seen)})
        case Cancelled(seen=seen):
            # Nothing about the reason: whoever cancelled may have written it meanwhile, and this is only a sighting.
            return Move(Event.INTENT_CANCELLED, facts={"canceled": True, **_provenance(seen)})
        case Declined(decline=decline, reply=reply):
            facts = decline_facts(ctx, item, decline) | {"request_id": reply.request_id}
            return Move(Event.CHARGE_DECLINED, facts=facts)
        case _:
            assert_never(outcome)


def refusal_facts(refused: Refused) -> dict[str, object]:
    """Return what the report says of a request that Stripe refused."""
    return {
        "group": str(Group.FAILED),
        "reason_code": refused.code,
        "reason": refused.message,
        "request_id": refused.reply.request_id,
    }


def _provenance(seen: Seen) -> dict[str, object]:
    return {"charge": seen.charge, "request_id": seen.request_id}


def decline_facts(ctx: ItemContext, item: ItemRecord, decline: Decline) -> dict[str, object]:
    """Return what the report and later attempts need to know of a decline, with the time of the next try if any."""
    declines = int(item.facts.get("declines") or item.content.get("earlier_declines") or 0) + 1
    follows = after_decline(ctx.policies.dunning, decline.remedy, declines, decline.wait)
    due = None if follows.gap is None else (ctx.services.clock.now() + follows.gap).isoformat(timespec="seconds")
    return {
        "declines": declines,
        "group": str(decline.group),
        "reason_code": decline.code,
        "reason": decline.note,
        "what_to_do": decline.what_to_do,
        "remedy": str(decline.remedy),
        "advice_code": decline.advice_code or None,
        "network_decline_code": decline.network_decline_code or None,
        "charge": decline.charge,
        "next_try": due,
        "fence": follows.fence or None,
        "blocks_card": decline.block_card or None,
    }
