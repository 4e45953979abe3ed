"""What a sync reads: the platform customer, and then all of the link. Nothing is remembered from one read to the next.

Names and addresses stand in what is read, reach a request, and are in no record: what is told of them is whether they
differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from billing.core.calls import Call
from billing.core.entries import ItemRecord
from billing.core.objects.link import Copy, Look, Payer, differing
from billing.core.objects.link_reads import CustomerSeen
from billing.core.outcomes import Refused, Shown
from billing.edge.stripe.calls.sync import list_methods, list_subscriptions, read_customer, read_payer
from billing.flow.engine.context import ItemContext
from billing.flow.kinds.sync.links import Paying, paying
from billing.flow.kinds.sync.sending import sent


@dataclass(frozen=True, slots=True)
class Gone:
    """What was to be read is there no longer.

    Attributes:
        refused: how Stripe said so, or None where the object itself shows it.
    """

    refused: Refused | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A whole look.

    Attributes:
        payer: the platform customer, read first.
        look: what a sync decides by.
        subscriptions: those that live, whether or not they name a method.
    """

    payer: Payer
    look: Look
    subscriptions: Paying


async def payer_now(ctx: ItemContext, item: ItemRecord) -> Payer | ItemRecord:
    """Read the platform customer; one that is not found counts as deleted."""
    answer = await sent(ctx, item, read_payer(item))
    if isinstance(answer, Refused):
        return Payer(deleted=True)
    return answer.found if isinstance(answer, Shown) and isinstance(answer.found, Payer) else _again(answer)


async def customer_now(ctx: ItemContext, item: ItemRecord) -> CustomerSeen | Gone | ItemRecord:
    """Read the connected customer."""
    found = await _read(ctx, item, read_customer(item))
    if isinstance(found, CustomerSeen):
        return Gone() if found.deleted else found
    return _not_found(found)


async def subscriptions_now(ctx: ItemContext, item: ItemRecord) -> Paying | Gone | ItemRecord:
    """List the subscriptions that live, and tell those apart that have a method of their own."""
    found = await _read(ctx, item, list_subscriptions(item))
    return paying(ctx.services, found) if isinstance(found, Mapping) else _not_found(found)


async def copies_now(ctx: ItemContext, item: ItemRecord) -> tuple[Copy, ...] | Gone | ItemRecord:
    """List the payment methods attached to the connected customer."""
    found = await _read(ctx, item, list_methods(item))
    return found if isinstance(found, tuple) else _not_found(found)


async def looked(ctx: ItemContext, item: ItemRecord) -> Seen | Gone | ItemRecord:
    """Read everything, platform first and copies last: so nothing is called attached that was let go before."""
    payer = await payer_now(ctx, item)
    if isinstance(payer, ItemRecord):
        return payer
    customer = await customer_now(ctx, item)
    if not isinstance(customer, CustomerSeen):
        return customer
    subscriptions = await subscriptions_now(ctx, item)
    if isinstance(subscriptions, Gone | ItemRecord):
        return subscriptions
    copies = await copies_now(ctx, item)
    if isinstance(copies, Gone | ItemRecord):
        return copies
    return Seen(payer, look_of(payer, customer, subscriptions, copies), subscriptions)


def of_the_link(copies: tuple[Copy, ...], subscriptions: Paying) -> tuple[Copy, ...]:
    """Return the copies, those as nobody's of ours that a subscription has for itself."""
    return tuple(replace(copy, link="") if copy.id in subscriptions.own else copy for copy in copies)


def look_of(payer: Payer, customer: CustomerSeen, subscriptions: Paying, copies: tuple[Copy, ...]) -> Look:
    """Return what was read as the rules of a link take it."""
    return Look(
        newest=payer.change,
        default=customer.default,
        named=subscriptions.named,
        copies=of_the_link(copies, subscriptions),
        fields_agree=payer.deleted or not differing(payer.fields, customer.fields),
    )


async def _read(ctx: ItemContext, item: ItemRecord, call: Call) -> object:
    answer = await sent(ctx, item, call)
    return answer.found if isinstance(answer, Shown) else answer


def _not_found(answer: object) -> Gone | ItemRecord:
    return Gone(answer) if isinstance(answer, Refused) else _again(answer)


def _again(answer: object) -> ItemRecord:
    assert isinstance(answer, ItemRecord)  # noqa: S101  a read shows, is refused, or is made once more
    return answer
