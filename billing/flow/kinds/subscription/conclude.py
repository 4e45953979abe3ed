"""What follows from a look, and is written: a table says it (`billing.core.kinds.subscription.shows`)."""

from collections.abc import Mapping
from typing import Any

from billing.core.declines import Decline, decline_of
from billing.core.dunning import after_decline
from billing.core.entries import ItemRecord, Move
from billing.core.kinds.subscription import VOID, Event, State, shows
from billing.core.life import Group
from billing.core.objects.subscription import Standing, SubscriptionSeen
from billing.core.outcomes import Refused
from billing.flow.engine.context import NO_TROUBLE, ItemContext, key_facts, key_number
from billing.flow.kinds.subscription.find import Subscriptions
from billing.flow.kinds.subscription.licence import COUNTED, licence
from billing.flow.kinds.subscription.look import Look, look
from billing.flow.kinds.subscription.put_out import put_out

INCOMPLETE_HOURS = 22
# An incomplete subscription dies 23 hours after its opening: an attempt that would come later finds it dead. Source:
# docs.stripe.com/billing/subscriptions/overview.
UNPAID_INVOICE = "invoice_payment_failed"
# Stands for the code where Stripe tells none of a payment that failed.

EXPIRED: Mapping[str, Any] = {
    "group": str(Group.FAILED),
    "reason_code": "subscription_expired",
    "reason": "the subscription ended before it was paid",
    "what_to_do": "Run the same command again: it is opened anew.",
}
CANCELLED_ELSEWHERE: Mapping[str, Any] = {
    "group": str(Group.FAILED),
    "reason_code": "canceled_elsewhere",
    "reason": "the subscription was ended outside of this run, unpaid",
    "what_to_do": "See the subscription in Stripe: who ended it, and why?",
}
ENDED_AFTER: Mapping[str, Any] = {
    "group": None,
    "reason_code": "ended_after_payment",
    "reason": "the subscription was paid or had started, and it is over",
    "what_to_do": "See the subscription in Stripe: refund what was paid, or subscribe anew under a new reference.",
}
TOLD = frozenset(map(str, (Group.DECLINED, Group.NEEDS_CUSTOMER, Group.FAILED, Group.SKIPPED)))
# How an item is counted of which a decline, a refusal or the operator has said why it ends; any other reason on record
# is of a wait.
ELSEWHERE: Mapping[str, Any] = {
    "group": str(Group.SKIPPED),
    "reason_code": "paid_elsewhere",
    "what_to_do": None,
}


async def concluded(ctx: ItemContext, item: ItemRecord, seen: Look) -> ItemRecord | None:
    """Write what a look concludes; None where nothing follows yet.

    Raises:
        Requeue, StillUnresolved, Halted: as a look, which the end needs of others of the line.
    """
    if seen.standing is Standing.OVER:
        return await last(ctx, item, seen)
    event = shows(State(item.state), seen.standing)
    return None if event is None else await ctx.record(item, move(ctx, item, event, seen))


def shown(seen: SubscriptionSeen, request_id: str) -> dict[str, Any]:
    """Return what is told of a subscription with whatever is written of it."""
    told: dict[str, Any] = {"subscription_status": seen.status, "request_id": request_id}
    return told if seen.period_end is None else told | {"current_period_end": seen.period_end}


def move(ctx: ItemContext, item: ItemRecord, event: Event, seen: Look) -> Move:
    """Return the entry of an event that a look shows."""
    told = shown(seen.seen, seen.request_id)
    first = seen.first
    if first is not None and first.intent:
        told["payment_intent"] = first.intent
    match event:
        case Event.INVOICE_PAID | Event.PAYMENT_PROCESSING | Event.FUSE_CLEARED:
            return Move(event, facts={**NO_TROUBLE, **told})
        case Event.PAY_DECLINED:
            return Move(event, facts={**_declined(ctx, item, seen), **told})
        case Event.CANCEL_STARTED:
            return cancel_started(ctx, item)
        case Event.OVER_AFTER_PAYMENT:
            return Move(event, facts={**ENDED_AFTER, **told})
        case _:
            return Move(event, facts={**NO_TROUBLE})


def cancel_started(ctx: ItemContext, item: ItemRecord, **facts: object) -> Move:
    """Return the entry that must be durable before the fence leaves; ``facts`` say why, where no answer has said it.

    A void is sent under a key that no earlier fence of this item has used: one that was refused while the bank had the
    payment would be refused again, from what Stripe keeps.
    """
    number = key_number(item, VOID) + 1 if "void_n" in item.facts else 0
    return Move(Event.CANCEL_STARTED, facts=facts | key_facts(VOID, number, ctx.services))


async def last(ctx: ItemContext, item: ItemRecord, seen: Look, *first: Move) -> ItemRecord:
    """End an item whose subscription is dead and unpaid, after a list that shows what else there is of its line.

    One that has counted is the line's. One that lives and has not is fenced, before this one is called failed.

    Args:
        ctx: what may still be spent.
        item: the item.
        seen: the dead subscription.
        first: what is recorded before, where it was not on record.

    Raises:
        Requeue, StillUnresolved, Halted: as `look` and `licence`.
    """
    await licence(ctx, item, anew=True)
    own = item.object_id or seen.seen.id
    for other in ctx.services.shared(Subscriptions).verdict(item).others:
        if other.id == own or not (other.lives or other.counted):
            continue
        beside = await look(ctx, item, other.id)
        if beside is None:
            return item
        if beside.standing in COUNTED:
            reason = f"another ledger has subscribed this: {other.id}"
            facts = {**ELSEWHERE, "reason": reason, **shown(seen.seen, seen.request_id)}
            return await ctx.record(item, *first, Move(Event.FOUND_ELSEWHERE, facts=facts))
        if beside.standing is not Standing.OVER and not await put_out(ctx, item, beside):
            return item
    why = {} if item.facts.get("group") in TOLD else _why_over(seen, ctx.services.clock.epoch())
    return await ctx.record(
        item, *first, Move(Event.SUBSCRIPTION_OVER, facts={**why, **shown(seen.seen, seen.request_id)})
    )


def _why_over(seen: Look, now: float) -> Mapping[str, Any]:
    """Return why an item ends of which nothing was told so far: the bank's refusal, its time, or somebody else."""
    if seen.first is None or seen.first.failed is None:
        burnt = seen.seen.cancel_at is not None and now >= seen.seen.cancel_at
        return EXPIRED if burnt or now - seen.seen.created >= INCOMPLETE_HOURS * 3600 else CANCELLED_ELSEWHERE
    decline = decline_of(seen.first.failed, request_id=seen.request_id)
    told = {"group": str(decline.group), "reason_code": decline.code, "reason": decline.note}
    return told | {"what_to_do": decline.what_to_do}


def refusal(refused: Refused) -> dict[str, Any]:
    """Return what the report says of a request that Stripe refused."""
    return {
        "group": str(Group.FAILED),
        "reason_code": refused.code,
        "reason": refused.message,
        "request_id": refused.reply.request_id,
    }


def _declined(ctx: ItemContext, item: ItemRecord, seen: Look) -> dict[str, Any]:
    unpaid = seen.unpaid
    error = unpaid.failed if unpaid is not None and unpaid.failed else {"code": UNPAID_INVOICE}
    incomplete = seen.seen.status == "incomplete"
    return decline_facts(ctx, item, decline_of(error, request_id=seen.request_id), incomplete=incomplete)


def decline_facts(ctx: ItemContext, item: ItemRecord, decline: Decline, *, incomplete: bool) -> dict[str, Any]:
    """Return what the report and later attempts need to know of a decline, with the time of the next try if any.

    ``incomplete`` tells that the subscription dies within a day: what would be tried later than that is ended now.
    """
    declines = int(item.facts.get("declines", 0)) + 1
    follows = after_decline(ctx.policies.dunning, decline.remedy, declines, decline.wait)
    gap, fenced = follows.gap, follows.fence
    if gap is not None and incomplete and gap.total_seconds() > INCOMPLETE_HOURS * 3600:
        gap, fenced = None, True
    due = None if gap is None else (ctx.services.clock.now() + gap).isoformat(timespec="seconds")
    return {
        "declines": declines,
        "group": str(decline.group),
        "reason_code": decline.code,
        "reason": decline.note,
        "what_to_do": decline.what_to_do,
        "remedy": str(decline.remedy),
        "advice_code": decline.advice_code or None,
        "network_decline_code": decline.network_decline_code or None,
        "next_try": due,
        "fence": fenced or None,
        "request_id": decline.request_id,
    }
