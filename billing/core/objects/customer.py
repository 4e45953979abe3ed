"""What a platform customer shows: for which payer it was made, and its default method. Its name is not read.

(docs.stripe.com/api/customers/object)
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from billing.core.calls import Reads
from billing.core.outcomes import Expected, Lost, Made, Outcome, Shown
from billing.core.replies import Reply


@dataclass(frozen=True, slots=True)
class CustomerSeen:
    """What a customer shows.

    Attributes:
        id: ``cus_…``.
        payer: in its metadata, the id of the payer it was made for, or empty.
        created: epoch second.
        default: the payment method of its invoice settings, or empty. Stripe takes none that is not attached.
        deleted: whether it is no more.
    """

    id: str
    payer: str
    created: int
    default: str
    deleted: bool = False


def customer_seen(body: object, livemode: bool | None = None) -> CustomerSeen | None:
    """Return what a customer shows, or None for what is none, or of the other mode."""
    if not isinstance(body, Mapping) or body.get("object") != "customer" or _id(str(body.get("id"))) is None:
        return None
    if body.get("deleted") is True:
        return CustomerSeen(body["id"], "", 0, "", deleted=True)
    settings, metadata = body.get("invoice_settings"), body.get("metadata")
    if not isinstance(settings, Mapping) or not isinstance(metadata, Mapping) or type(body.get("created")) is not int:
        return None
    if livemode is not None and body.get("livemode") is not livemode:
        return None
    payer, default = metadata.get("billing_item"), settings.get("default_payment_method")
    default = default.get("id") if isinstance(default, Mapping) else default
    return CustomerSeen(
        id=body["id"],
        payer=payer if isinstance(payer, str) else "",
        created=body["created"],
        default=default if isinstance(default, str) else "",
    )


def made(payer: str) -> Reads:
    """Return how the answers to a create are read: ``Made(cus_…)`` for the customer of this payer, of no other."""

    def accepted(reply: Reply, expected: Expected) -> Outcome:
        seen = customer_seen(reply.body, expected.livemode)
        return Made(seen.id, reply=reply) if seen and seen.payer == payer else Lost(False, reply=reply)

    return Reads(accepted)


def shown(customer: str) -> Reads:
    """Return how a read of a customer, and a change of its default, are read: ``Shown(CustomerSeen)``."""

    def accepted(reply: Reply, expected: Expected) -> Outcome:
        seen = customer_seen(reply.body, expected.livemode)
        return Shown(seen, reply=reply) if seen and seen.id == customer else Lost(False, reply=reply)

    return Reads(accepted)


_id: Callable[[str], object] = re.compile(r"cus_[A-Za-z0-9_]{1,250}").fullmatch
