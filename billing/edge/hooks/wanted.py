"""Which events tell something that is worth a look, and where in them the object stands by which an item is known.

A table: what is not in it is answered and forgotten. ``invoice.created`` must never be in it: as long as an endpoint
that wants it does not answer, Stripe holds the invoice back (docs.stripe.com/billing/subscriptions/webhooks).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wanted:
    """One family of events.

    Attributes:
        family: what the types begin with.
        verbs: how they end.
        names: where in the event's object the id stands that an item has on record.
        own: whether they happen on the platform itself; the others happen on connected accounts.
        tells: what is found out by them.
        of_dispute: whether the object is a dispute, which is what has to be read then.
    """

    family: str
    verbs: tuple[str, ...]
    names: tuple[str, ...]
    own: bool
    tells: str
    of_dispute: bool = False


WANTED = (
    Wanted("payment_intent", ("succeeded", "payment_failed", "processing", "requires_action", "canceled"), ("id",),
           own=False, tells="how a payment has ended, or that its customer has paid"),
    Wanted("charge.dispute", ("created", "closed", "funds_withdrawn"), ("payment_intent",), own=False,
           tells="that a debit came back after it had succeeded", of_dispute=True),
    Wanted("refund", ("updated", "failed"), ("id",), own=False, tells="that a refund has arrived, or came back"),
    Wanted("customer.subscription", ("updated", "deleted"), ("id",), own=False,
           tells="that a subscription has begun or ended"),
    Wanted("invoice", ("paid", "payment_failed", "voided"), ("parent", "subscription_details", "subscription"),
           own=False, tells="what became of a subscription's payment"),
    Wanted("setup_intent", ("succeeded", "setup_failed", "canceled"), ("customer",), own=True,
           tells="that a payer has saved a card or bank account"),
    Wanted("payment_intent", ("succeeded", "processing", "payment_failed"), ("customer",), own=True,
           tells="that a payer's first payment was taken"),
    Wanted("checkout.session", ("completed", "expired"), ("customer",), own=True,
           tells="that a payer has answered on a page of Stripe's"),
)  # fmt: skip

BY_TYPE: Mapping[tuple[bool, str], Wanted] = {
    (each.own, f"{each.family}.{verb}"): each for each in WANTED for verb in each.verbs
}
# By where they happen, and by type.


def types(*, own: bool) -> Iterator[str]:
    """Yield the types that an endpoint for the platform's own events needs, or one for connected accounts."""
    return (name for where, name in BY_TYPE if where is own)
