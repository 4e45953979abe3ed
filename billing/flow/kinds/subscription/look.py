"""The look: the subscription first, its invoices after it, and of an open one its payment."""

from dataclasses import dataclass

from billing.core.entries import ItemRecord
from billing.core.exits import Exit
from billing.core.kinds.subscription import State
from billing.core.objects.subscription import (
    OPEN_INVOICES,
    InvoiceSeen,
    Standing,
    SubscriptionSeen,
    where_it_stands,
)
from billing.core.outcomes import Halt, Outcome, Refused, Scope, Shown, Undecided, Unsent
from billing.edge.stripe.calls import subscription as calls
from billing.flow.engine.context import Halted, ItemContext, Requeue, StillUnresolved
from billing.flow.engine.standing import Reach


@dataclass(frozen=True, slots=True)
class Look:
    """What a look shows.

    Attributes:
        standing: where the subscription stands.
        seen: the subscription.
        invoices: all of its invoices, the newest first.
        request_id: the provider's id of the request that showed it.
    """

    standing: Standing
    seen: SubscriptionSeen
    invoices: tuple[InvoiceSeen, ...]
    request_id: str

    @property
    def first(self) -> InvoiceSeen | None:
        """The first invoice, or None where nothing was ever invoiced."""
        return self.invoices[-1] if self.invoices else None

    @property
    def unpaid(self) -> InvoiceSeen | None:
        """The oldest invoice that somebody may still pay, or None."""
        return next((one for one in reversed(self.invoices) if one.status in OPEN_INVOICES), None)


async def look(ctx: ItemContext, item: ItemRecord, which: str = "") -> Look | None:
    """Read the subscription on record, or another one of the line; None when nothing was learnt.

    Raises:
        Requeue: a limiter said no.
        StillUnresolved: the account refuses everything.
        Halted: the key is refused.
    """
    wanted = which or str(item.object_id)
    read = await _read(ctx, item, await ctx.send(item, calls.read(wanted)))
    if read is None or not isinstance(read.found, SubscriptionSeen):
        return None
    listed = await _read(ctx, item, await ctx.send(item, calls.list_invoices(wanted)))
    if listed is None or not isinstance(listed.found, tuple):
        return None
    invoices = []
    for one in listed.found:
        told = await _with_payment(ctx, item, one, wanted)
        if told is None:
            return None
        invoices.append(told)
    return Look(where_it_stands(read.found, invoices), read.found, tuple(invoices), read.request_id)


async def _with_payment(ctx: ItemContext, item: ItemRecord, seen: InvoiceSeen, wanted: str) -> InvoiceSeen | None:
    """Return an invoice with what its payment shows: of an open one, which it decides, and of one the bank had."""
    had = item.state is State.UNSETTLED and seen.status == "void" and seen.intent
    if seen.status not in OPEN_INVOICES and not had:
        return seen
    read = await _read(ctx, item, await ctx.send(item, calls.read_invoice(seen.id, wanted)))
    return read.found if read is not None and isinstance(read.found, InvoiceSeen) else None


async def _read(ctx: ItemContext, item: ItemRecord, outcome: Outcome) -> Shown | None:
    """Return what a read showed, or None when it told nothing."""
    refused = outcome.refused if isinstance(outcome, Undecided) else outcome
    match refused:
        case Shown():
            return refused
        case Unsent():
            raise Requeue(item, refused)
        case Halt(exit=Exit.CREDENTIALS):
            raise Halted(refused)
        case Halt():
            return await ctx.contradicted(item, refused)
        case Refused(scope=Scope.ACCOUNT):
            return await ctx.set_aside(item, refused, Reach.ACCOUNT)
        case _:
            return None


def once_more(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Return the item for another look, within the budget of a visit.

    Raises:
        StillUnresolved: it is spent.
    """
    ctx.rounds[item.state] += 1
    if ctx.spent(item.state):
        raise StillUnresolved(item)
    return item
