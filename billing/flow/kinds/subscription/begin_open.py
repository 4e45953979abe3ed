"""What is recorded before the open leaves: the product, whose default pays, and the fuse."""

from typing import Any

from billing.core.entries import ItemRecord, Move
from billing.core.exits import Exit
from billing.core.kinds.subscription import OPEN, Event, State
from billing.core.kinds.subscription_rules import SKIPS, STARTS_TOO_SOON
from billing.core.outcomes import Halt, Made, Refused, Unsent
from billing.edge.stripe.calls import subscription as calls
from billing.flow.engine.context import Halted, ItemContext, Requeue, StillUnresolved, key_facts
from billing.flow.kinds.subscription.conclude import refusal
from billing.flow.kinds.subscription.links import Link, Links
from billing.flow.kinds.subscription.looked_up import found

HOUR = 3600
FUSE, BEFORE_DRAFT, LEAST = 48 * HOUR, HOUR, 6 * HOUR
# How long a subscription that asks for nothing lives unless it is started; how long before its first invoice is drafted
# it is over at the latest; and how long at least is needed to start it.
SHORTEST = {"day": 24, "week": 7 * 24, "month": 28 * 24, "year": 365 * 24}
# Hours in each interval, at least.
PRODUCT_ID = "prod_"


def fuse(ctx: ItemContext, item: ItemRecord) -> int | None:
    """Return the epoch second at which a subscription ends unless it is started; None where something is due at once.

    Raises:
        TooSoon: its first invoice is drafted too soon for that.
    """
    kept = item.content
    if kept["due"]:
        return None
    now = int(ctx.services.clock.epoch())
    later = kept.get("trial_end") or kept.get("anchor")
    period = SHORTEST.get(str(kept.get("interval")), 24) * int(kept.get("interval_count", 1)) * HOUR
    drafted = int(later) if later else now + period
    at = min(now + FUSE, drafted - BEFORE_DRAFT)
    if at - now < LEAST:
        raise TooSoon
    return at


class TooSoon(Exception):
    """The first invoice is drafted within hours."""


TOO_SOON: dict[str, Any] = {"group": "skipped", "reason_code": STARTS_TOO_SOON, "reason": SKIPS[STARTS_TOO_SOON].means}
# Of a line that has waited so long that it starts too soon now.


async def open_started(ctx: ItemContext, item: ItemRecord, link: Link, copy: str) -> ItemRecord:
    """Record that the subscription is about to be opened, with all that its request is made of.

    A line that names a method of its own has it named by its subscription: else the default would pay the renewals.
    Every other one follows the link, whose default a sync moves.

    Raises:
        StillUnresolved, Requeue, Halted: the product cannot be found or made.
    """
    try:
        at = fuse(ctx, item)
    except TooSoon:
        return await _too_soon(ctx, item)
    facts: dict[str, Any] = {
        "connected_customer": link.customer,
        "clone": copy,
        "own_default": await _is_own(ctx, item, link, copy) or None,
        "fuse": at,
    }
    if "product" in item.content:
        sold = await _product(ctx, item)
        if isinstance(sold, Refused):
            return await _unsold(ctx, item, sold)
        facts["product_id"] = sold
    first = 1 if item.state is State.PLANNED else None
    return await ctx.record(item, Move(Event.OPEN_STARTED, first, facts=facts | key_facts(OPEN, 0, ctx.services)))


async def _is_own(ctx: ItemContext, item: ItemRecord, link: Link, copy: str) -> bool:
    """Tell whether a line names another method than its payer pays with by default, on the platform.

    Where the link pays with another copy, the payer may have changed cards since the last sync, and the line names the
    new one: that is no method of its own, and the next sync moves the link's default to it.

    Raises:
        StillUnresolved, Halted: the platform customer cannot be read.
    """
    if "asked_method" not in item.content or link.default in ("", copy):
        return False
    payer = found(ctx, item, await ctx.services.gateway.customer(item.payer))
    return payer.default_method != str(item.content["payment_method"])


async def _too_soon(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    event = Event.ITEM_SKIPPED if item.state is State.PLANNED else Event.LINK_REFUSED
    return await ctx.record(item, Move(event, facts=TOO_SOON))


async def _unsold(ctx: ItemContext, item: ItemRecord, refused: Refused) -> ItemRecord:
    facts = refusal(refused)
    if item.state is State.PLANNED:
        return await ctx.record(item, Move(Event.ITEM_SKIPPED, facts={**facts, "group": "skipped"}))
    return await ctx.record(item, Move(Event.LINK_REFUSED, facts=facts))


async def _product(ctx: ItemContext, item: ItemRecord) -> str | Refused:
    """Return the product of a line on its account: the one that is named, else the one of this name, found or made."""
    name, shelf = str(item.content["product"]), ctx.services.shared(Links)
    if name.startswith(PRODUCT_ID):
        return name
    known = found(ctx, item, await shelf.product(item.account, name))
    if known is not None:
        return known
    outcome = await ctx.send(item, calls.make_product(item))
    match outcome:
        case Made(object_id=product):
            shelf.sells(item.account, name, product)
            return product
        case Refused():
            return outcome
        case Unsent():
            raise Requeue(item, outcome)
        case Halt(exit=Exit.CREDENTIALS):
            raise Halted(outcome)
        case Halt():
            return await ctx.contradicted(item, outcome)
        case _:
            raise StillUnresolved(item)
