"""What a list of an account's subscriptions shows of their renewals: which have failed, and what helps.

Renewals and their retries are Stripe's; nothing here acts on them.
(docs.stripe.com/billing/revenue-recovery/smart-retries)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from billing.core.objects.moments import ends_at_of, period_end_of, second
from billing.core.objects.subscription import DEAD

OWED = frozenset({"open", "uncollectible"})


@dataclass(frozen=True, slots=True)
class RenewalSeen:
    """What a subscription and its latest invoice show.

    Attributes:
        id: ``sub_…``.
        status: Stripe's word.
        period_end: epoch second at which the current period ends, or None.
        ends_at: epoch second at which it ends or has ended, or None for one without an end.
        invoice: Stripe's word for its latest invoice, or empty.
        attempts: how often that was tried.
        next_attempt: epoch second of the next try that is planned, or None.
    """

    id: str
    status: str
    period_end: int | None = None
    ends_at: int | None = None
    invoice: str = ""
    attempts: int = 0
    next_attempt: int | None = None


class Trouble(StrEnum):
    """Why a renewal needs a person, or may soon."""

    RETRYING = "retrying"
    PAST_DUE = "past_due"
    UNPAID = "unpaid"
    OVER_AND_OWING = "over_and_owing"
    NOT_LISTED = "not_listed"


_ANOTHER = "ask the payer for another payment method, then billing sync"
WHAT_TO_DO: Mapping[Trouble, str] = {
    Trouble.RETRYING: f"Stripe tries again by itself; if it fails again, {_ANOTHER}.",
    Trouble.PAST_DUE: f"No further try is planned: {_ANOTHER}, and have the invoice paid in Stripe.",
    Trouble.UNPAID: f"Stripe has given up collecting: {_ANOTHER}, and have the invoices paid in Stripe; or end it.",
    Trouble.OVER_AND_OWING: "It is over and an invoice is owed: have it paid, or make it void, in Stripe.",
    Trouble.NOT_LISTED: "The account lists no such subscription: see in Stripe whether it is still connected.",
}


def trouble_of(seen: RenewalSeen) -> Trouble | None:
    """Return what is wrong with a renewal, or None.

    An open invoice alone is none: a bank takes days to answer, and the subscription stays active meanwhile.
    """
    if seen.status in DEAD:
        return Trouble.OVER_AND_OWING if seen.invoice in OWED else None
    if seen.status == "unpaid":
        return Trouble.UNPAID
    if seen.status == "past_due" or (seen.invoice == "open" and seen.attempts and seen.next_attempt):
        return Trouble.RETRYING if seen.next_attempt else Trouble.PAST_DUE
    return None


def renewal_in(row: Mapping[str, Any]) -> RenewalSeen:
    """Return what a subscription in a list shows; its latest invoice is told only where the list holds it whole."""
    invoice = row.get("latest_invoice")
    told = invoice if isinstance(invoice, Mapping) else {}
    return RenewalSeen(
        id=str(row.get("id")),
        status=str(row.get("status")),
        period_end=period_end_of(row),
        ends_at=ends_at_of(row),
        invoice=str(told.get("status") or ""),
        attempts=second(told.get("attempt_count")) or 0,
        next_attempt=second(told.get("next_payment_attempt")),
    )
