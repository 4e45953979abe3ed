"""What can differ between a ledger and Stripe, and where a row of a balance is booked: two tables."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What differs. The names stand in files and scripts rely on them."""

    MISSING_THERE = "missing_there"
    MISSING_HERE = "missing_here"
    STATE = "state"
    AMOUNT = "amount"
    CURRENCY = "currency"
    DUPLICATE = "duplicate"
    REFUNDED_OUTSIDE = "refunded_outside"
    DISPUTED = "disputed"
    RETURNED = "returned"
    LATE = "late"
    ORPHAN = "orphan"
    PAYOUT_FAILED = "payout_failed"


class Meaning(NamedTuple):
    """One row.

    Attributes:
        words: what a person reads; ``{stripe}`` and ``{ours}`` are what either side says.
        what_to_do: about it.
        moves: whether money differs by it; the others are worth a look and change no sum.
    """

    words: str
    what_to_do: str
    moves: bool = True


MEANINGS: Mapping[Kind, Meaning] = {
    Kind.MISSING_THERE: Meaning(
        "Stripe has no such payment", "See whether the ledger or the key is of another platform; then ask Stripe."
    ),
    Kind.MISSING_HERE: Meaning(
        "a charge that no line planned", "Find out who made it; refund it in Stripe if nobody owes it."
    ),
    Kind.STATE: Meaning(
        "Stripe says {stripe}, we said {ours}", "billing reconcile --adopt takes over what Stripe says, after a read."
    ),
    Kind.AMOUNT: Meaning(
        "another amount: Stripe has {stripe}, we asked for {ours}", "See who changed it in Stripe; refund what is over."
    ),
    Kind.CURRENCY: Meaning(
        "another currency: Stripe has {stripe}, we asked for {ours}", "See who changed it in Stripe; refund it."
    ),
    Kind.DUPLICATE: Meaning("charged twice", "Refund the second payment in Stripe."),
    Kind.REFUNDED_OUTSIDE: Meaning(
        "refunded outside of this program", "Nothing, if it was meant. Else charge it under a new reference."
    ),
    Kind.DISPUTED: Meaning("disputed by the customer", "Answer it in Stripe."),
    Kind.RETURNED: Meaning("bank debit returned after it had arrived", "Ask for another bank account."),
    Kind.LATE: Meaning("bank debit is late", "billing settle follows it; ask Stripe where it stays.", moves=False),
    Kind.ORPHAN: Meaning(
        "open payment without a line", "billing reconcile --close-orphans closes it, after a read.", moves=False
    ),
    Kind.PAYOUT_FAILED: Meaning(
        "payout failed",
        "The account's owner corrects the bank details in Stripe; the money waits on the balance.",
        moves=False,
    ),
}


HEADINGS: Mapping[Kind, str] = {
    Kind.MISSING_THERE: "Stripe has no such payment",
    Kind.MISSING_HERE: "Charges that no line planned",
    Kind.STATE: "Stripe says another state",
    Kind.AMOUNT: "Another amount",
    Kind.CURRENCY: "Another currency",
    Kind.DUPLICATE: "Charged twice",
    Kind.REFUNDED_OUTSIDE: "Refunded outside of this program",
    Kind.DISPUTED: "Disputed by customers",
    Kind.RETURNED: "Bank debits returned after they had arrived",
    Kind.LATE: "Bank debits that are late",
    Kind.ORPHAN: "Open payments without a line",
    Kind.PAYOUT_FAILED: "Payouts that failed",
}
# What stands above several findings of a kind.


class Place(StrEnum):
    """A row of a statement from line to net, in its order; ``extra_fees`` are those of what differs."""

    CHARGED = "charged"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    EXTRA_FEES = "extra_fees"
    STRIPE_FEES = "stripe_fees"
    APPLICATION_FEES = "application_fees"
    OTHER = "other"


BOOKED: Mapping[str, Place] = {
    "charge": Place.CHARGED,
    "charge_failure": Place.CHARGED,
    "partial_capture_reversal": Place.CHARGED,
    "refund": Place.REFUNDED,
    "refund_failure": Place.REFUNDED,
    "dispute": Place.DISPUTED,
    "dispute_reversal": Place.DISPUTED,
}
# Where a row is booked by Stripe's reporting category; whatever is not here is other.
# (docs.stripe.com/reports/reporting-categories, read in November 2026)

OPEN = frozenset({"requires_payment_method", "requires_confirmation", "requires_action", "requires_capture"})
PROCESSING, SUCCEEDED, CANCELED, GONE = "processing", "succeeded", "canceled", "missing"
# Words for where an intent stands: Stripe's own, and ours for one that Stripe does not know.

INQUIRIES = frozenset({"warning_needs_response", "warning_under_review", "warning_closed"})
# A bank only asks, or asked: no money moved. (docs.stripe.com/api/disputes/object)
