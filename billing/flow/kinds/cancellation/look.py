"""The look: what a subscription, and then its invoices, show of an end that was asked for."""

from dataclasses import dataclass

from billing.core.entries import ItemRecord
from billing.core.items import When
from billing.core.kinds.cancellation import Request, left
from billing.core.objects.cancellation import (
    COLLECTABLE,
    EndSeen,
    Standing,
    Uncollected,
    where_it_stands,
    with_latest,
)
from billing.core.outcomes import Halt, Outcome, Refused, Scope, Shown, Unsent
from billing.edge.stripe.calls.cancellation import list_collectable, read_end
from billing.flow.engine.context import ItemContext, Requeue, StillUnresolved
from billing.flow.engine.standing import Reach


@dataclass(frozen=True, slots=True)
class Look:
    """What a look shows.

    Attributes:
        standing: where the end stands.
        seen: the subscription.
        left: the round that is left to be sent.
        request_id: the provider's id of the request that showed it.
    """

    standing: Standing
    seen: EndSeen
    left: tuple[Request, ...]
    request_id: str


async def look(ctx: ItemContext, item: ItemRecord) -> Look | Refused:
    """Read the subscription; where it is over and was to be so at once, list after it what may still be collected.

    Returns ``Refused`` where the account shows no such subscription.

    Raises:
        Requeue: a limiter said no.
        StillUnresolved: nothing was learnt, or the account refuses everything.
        Halted: the key is refused.
    """
    shown = await _read(ctx, item, await ctx.send(item, read_end(item)))
    if isinstance(shown, Refused):
        return shown
    seen = shown.found
    assert isinstance(seen, EndSeen)  # noqa: S101  that is what this read shows
    when = When(item.content["when"])
    invoices = await _invoices(ctx, item, seen) if seen.over and when is When.NOW else ()
    clear_fee = bool(item.content["clear_fee"])
    standing = where_it_stands(when, seen, invoices, clear_fee=clear_fee)
    if standing is Standing.UNSURE:
        raise StillUnresolved(item)
    return Look(standing, seen, left(when, seen, invoices, standing, clear_fee=clear_fee), shown.request_id)


async def _invoices(ctx: ItemContext, item: ItemRecord, seen: EndSeen) -> tuple[Uncollected, ...]:
    """List what may still be collected of a subscription that was read before, and is over."""
    listed: list[Uncollected] = []
    for status in COLLECTABLE:
        shown = await _read(ctx, item, await ctx.send(item, list_collectable(item, status)))
        if isinstance(shown, Refused):
            raise StillUnresolved(item)
        assert isinstance(shown.found, tuple)  # noqa: S101  that is what this list shows
        listed += shown.found
    return with_latest(seen, listed)


async def _read(ctx: ItemContext, item: ItemRecord, outcome: Outcome) -> Shown | Refused:
    match outcome:
        case Shown():
            return outcome
        case Unsent():
            raise Requeue(item, outcome)
        case Halt():
            return await ctx.contradicted(item, outcome)
        case Refused(scope=Scope.ACCOUNT):
            return await ctx.set_aside(item, outcome, Reach.ACCOUNT)
        case Refused():
            return outcome
        case _:
            raise StillUnresolved(item)


def is_ours(ctx: ItemContext, item: ItemRecord, seen: EndSeen) -> bool:
    """Tell whether a subscription was made by the line of the run that an item names.

    Its own mark must name that run; and where this ledger made it, the item that has it on record.
    """
    known = ctx.services.ledger.by_object([seen.id]).get(seen.id)
    if known is not None and (known.run_id, known.item_id) != (item.content["of_run"], seen.item):
        return False
    return bool(seen.item) and seen.run == item.content["of_run"]
