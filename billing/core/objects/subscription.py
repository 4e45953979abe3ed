"""What a subscription and its invoices show of the item that it was opened for. When in doubt, nothing is concluded.

Two reads are never of one moment. So the subscription is read first and its invoices after it: a dead one makes no new
invoice, and what is paid or void stays so; together they are then final, in whichever order they came to be so.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class SubscriptionSeen:
    """What a subscription shows.

    Attributes:
        id: ``sub_…``.
        status: Stripe's word.
        customer: on the connected account.
        item: the item id in its metadata, or empty for one that nobody of ours has made.
        digest: in its metadata, how the digest of the line begins for which it was made, or empty.
        created: epoch second.
        marked: whether it says of itself that its fuse was cleared by us.
        cancel_at: epoch second at which it ends by itself, or None.
        period_end: epoch second at which the current period ends, or None where it is not told.
        invoice: the id of its latest invoice, or empty.
        application: the one that made it, as Stripe says, or empty when Stripe names none.
    """

    id: str
    status: str
    customer: str = ""
    item: str = ""
    digest: str = ""
    created: int = 0
    marked: bool = False
    cancel_at: int | None = None
    period_end: int | None = None
    invoice: str = ""
    application: str = ""

    @property
    def dead(self) -> bool:
        """Whether it is over for ever."""
        return self.status in DEAD


@dataclass(frozen=True, slots=True)
class InvoiceSeen:
    """What an invoice of a subscription shows.

    Attributes:
        id: ``in_…``.
        status: Stripe's word: ``draft``, ``open``, ``paid``, ``uncollectible`` or ``void``.
        total: minor units of ``currency``.
        processing: whether a payment of it is with the bank.
        tried: whether it shows that an attempt took nothing.
        method: the payment method that the last failed attempt names, or empty.
        intent: the payment intent of its payment, or empty.
        attempts: how often Stripe has tried it.
        failed: the error of the last failed attempt, as Stripe gave it, or None.
    """

    id: str
    status: str
    total: int = 0
    currency: str = ""
    processing: bool = False
    tried: bool = False
    method: str = ""
    intent: str = ""
    attempts: int = 0
    failed: Mapping[str, Any] | None = None

    @property
    def paid(self) -> bool:
        """Whether money was taken by it. One over nothing is called paid at once, and nobody paid it."""
        return self.status == "paid" and self.total > 0


class Standing(StrEnum):
    """Where the subscription of an item stands, by all that it and its invoices show.

    ``paid``: alive, and an invoice of it is paid. ``started``: alive, and marked as started. ``processing``: a payment
    is with the bank. ``declined``: alive and its invoice open, after an attempt that took nothing. ``untried``: the
    same, without a trace of one. ``fused``: alive, nothing due, not started. ``over``: dead, unmarked, no invoice paid
    and none open. ``over_after_payment``: dead, and paid or marked. ``half_over``: dead with an open invoice, or alive
    with a void one: the fence is still to come. ``unsure``: it shows a status that nobody here knows.
    """

    PAID = "paid"
    STARTED = "started"
    PROCESSING = "processing"
    DECLINED = "declined"
    UNTRIED = "untried"
    FUSED = "fused"
    OVER = "over"
    OVER_AFTER_PAYMENT = "over_after_payment"
    HALF_OVER = "half_over"
    UNSURE = "unsure"


DEAD = frozenset({"canceled", "incomplete_expired"})
# It never lives again. (docs.stripe.com/billing/subscriptions/overview)
ALIVE = frozenset({"incomplete", "trialing", "active", "past_due", "unpaid", "paused"})
OPEN_INVOICES = frozenset({"open", "uncollectible"})
# Somebody may still pay them. A draft nobody can pay, and of a dead subscription none is finalised by itself. Source:
# docs.stripe.com/invoicing/overview.
OTHER_INVOICES = frozenset({"draft", "paid", "void"})


def where_it_stands(seen: SubscriptionSeen, invoices: Sequence[InvoiceSeen]) -> Standing:
    """Return where an item's subscription stands, by a read of it and one of all its invoices after that.

    Money first: what was paid counts before what is open beside it, and what is with the bank before what it left.
    """
    paid = any(one.paid for one in invoices)
    still_open = [one for one in invoices if one.status in OPEN_INVOICES]
    if seen.status not in DEAD | ALIVE or any(one.status not in OPEN_INVOICES | OTHER_INVOICES for one in invoices):
        return Standing.UNSURE
    if not seen.dead and (seen.marked or paid):
        return Standing.STARTED if seen.marked else Standing.PAID
    if any(one.processing for one in invoices):
        return Standing.PROCESSING
    if seen.dead:
        return _dead(still_open, counted=paid or seen.marked)
    if still_open:
        return Standing.DECLINED if any(one.tried for one in still_open) else Standing.UNTRIED
    return Standing.HALF_OVER if any(one.status == "void" for one in invoices) else Standing.FUSED


def _dead(still_open: Sequence[InvoiceSeen], *, counted: bool) -> Standing:
    if still_open:
        return Standing.HALF_OVER
    return Standing.OVER_AFTER_PAYMENT if counted else Standing.OVER


def named(value: object) -> str:
    """Return the id of an object that may come as its id, expanded, or not at all."""
    if isinstance(value, Mapping):
        value = value.get("id")
    return value if isinstance(value, str) else ""


subscription_id: Callable[[str], object] = re.compile(r"sub_[A-Za-z0-9_]{1,250}").fullmatch
