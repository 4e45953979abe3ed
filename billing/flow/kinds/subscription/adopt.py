"""Take over what an earlier send of ours, or another ledger, has opened for an item: read first, go on from there."""

from collections.abc import Mapping
from typing import Any

from billing.core.entries import ItemRecord, Move
from billing.core.kinds.subscription import PAY, START, SUBSCRIPTION_LIFE, Event, State
from billing.core.life import Group
from billing.core.objects.subscription import Standing
from billing.flow.engine.context import NO_TROUBLE, ItemContext, StillUnresolved, key_facts, skipped
from billing.flow.kinds.subscription.conclude import last, move, shown
from billing.flow.kinds.subscription.find import Subscriptions
from billing.flow.kinds.subscription.look import Look, look

FOLLOWS: Mapping[Standing, tuple[Event, ...]] = {
    Standing.PAID: (Event.INVOICE_PAID,),
    Standing.STARTED: (Event.START_STARTED, Event.FUSE_CLEARED),
    Standing.PROCESSING: (Event.PAYMENT_PROCESSING,),
    Standing.DECLINED: (Event.PAY_STARTED, Event.PAY_DECLINED),
    Standing.HALF_OVER: (Event.CANCEL_STARTED,),
    Standing.OVER_AFTER_PAYMENT: (Event.OVER_AFTER_PAYMENT,),
}
# What is recorded with a subscription that is taken over, beside its opening; nothing where it can still be counted.


async def taken_over(ctx: ItemContext, item: ItemRecord) -> ItemRecord | None:
    """Return the item as the subscription shows it that is there already; None if it is ours to open.

    Raises:
        Requeue: a limiter said no.
        StillUnresolved: the subscription cannot be read.
        Halted: an answer stops the run.
    """
    verdict = ctx.services.shared(Subscriptions).verdict(item)
    if verdict.strangers:
        ctx.services.log(
            "subscriptions_not_ours", reference=item.reference, account=item.account, subscriptions=verdict.strangers
        )
    if verdict.instead is not None and (verdict.adopt is None or verdict.instead.counted):
        return await _stand_back(ctx, item, verdict.instead.id, paid=verdict.instead.counted)
    return None if verdict.adopt is None else await _adopt(ctx, item, verdict.adopt.id)


async def _stand_back(ctx: ItemContext, item: ItemRecord, other: str, *, paid: bool) -> ItemRecord:
    """Leave an obligation alone that another ledger has opened with other content, or as another generation."""
    code = "paid_elsewhere" if paid else "opened_elsewhere"
    reason = f"another ledger has opened {other} for this reference, with other content or corrected since"
    if item.state is State.PLANNED:
        return await ctx.record(item, skipped(SUBSCRIPTION_LIFE, code, reason))
    facts = {**NO_TROUBLE, "group": str(Group.SKIPPED), "reason_code": code, "reason": reason}
    return await ctx.record(item, Move(Event.OPEN_REFUSED, facts=facts))


async def _adopt(ctx: ItemContext, item: ItemRecord, which: str) -> ItemRecord:
    seen = await look(ctx, item, which)
    if seen is None:
        raise StillUnresolved(item)
    ctx.services.log("subscription_adopted", reference=item.reference, account=item.account, subscription=which)
    first = _opened(item, seen)
    if seen.standing is Standing.OVER:
        return await last(ctx, item, seen, *first)
    follows = [_told(ctx, item, event, seen) for event in FOLLOWS.get(seen.standing, ())]
    return await ctx.record(item, *first, *follows)


def _opened(item: ItemRecord, seen: Look) -> list[Move]:
    """Return the entries that put a subscription on record which this ledger has not seen before."""
    facts: dict[str, Any] = {
        "adopted": True,
        "connected_customer": seen.seen.customer,
        **shown(seen.seen, seen.request_id),
    }
    if seen.first is not None:
        facts |= {"first_invoice": seen.first.id, "payment_intent": seen.first.intent or None}
    opened = Move(Event.OPENED, object_id=seen.seen.id, facts=facts)
    if item.state is not State.PLANNED:
        return [opened]
    begun = Move(Event.OPEN_STARTED, attempt=1, facts={"connected_customer": seen.seen.customer})
    return [begun, opened]


def _told(ctx: ItemContext, item: ItemRecord, event: Event, seen: Look) -> Move:
    if event in _BEGINS:
        return Move(event, facts=key_facts(_BEGINS[event], 0, ctx.services))
    return move(ctx, item, event, seen)


_BEGINS = {Event.PAY_STARTED: PAY, Event.START_STARTED: START}
