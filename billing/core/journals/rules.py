"""Which rule books what: Stripe's reporting category says where an amount goes, and what its fee is for.

Source: docs.stripe.com/reports/reporting-categories, as of 2026-11-30. What is in no row goes to suspense, and is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from billing.core.journals.roles import Role
from billing.core.movements import Movement


@dataclass(frozen=True, slots=True)
class Rule:
    """How a movement of one category is booked.

    Attributes:
        category: Stripe's ``reporting_category``.
        amount: the account against clearing for its amount.
        fee: the account for what Stripe keeps of it; the platform's share and other fees have their own.
        words: how the entry begins.
        source: only movements whose object has ids that begin with this; empty for any.
    """

    category: str
    amount: Role
    fee: Role
    words: str
    source: str = ""


RULES: tuple[Rule, ...] = (
    Rule("charge", Role.SALES, Role.STRIPE_FEES, "Charge"),
    Rule("charge_failure", Role.SALES, Role.STRIPE_FEES, "Failed charge"),
    Rule("partial_capture_reversal", Role.SALES, Role.STRIPE_FEES, "Not captured"),
    Rule("refund", Role.REFUNDS, Role.STRIPE_FEES, "Refund"),
    Rule("refund_failure", Role.REFUNDS, Role.STRIPE_FEES, "Failed refund"),
    Rule("dispute", Role.DISPUTES, Role.DISPUTE_FEES, "Dispute"),
    Rule("dispute_reversal", Role.DISPUTES, Role.DISPUTE_FEES, "Reversed dispute"),
    Rule("fee", Role.APPLICATION_FEES, Role.STRIPE_FEES, "Application fee given back", source="fr"),
    Rule("fee", Role.STRIPE_FEES, Role.STRIPE_FEES, "Fee"),
    Rule("network_cost", Role.STRIPE_FEES, Role.STRIPE_FEES, "Network cost"),
    Rule("tax", Role.OTHER_FEES, Role.OTHER_FEES, "Tax on fees"),
    Rule("platform_earning", Role.APPLICATION_FEES, Role.STRIPE_FEES, "Application fee"),
    Rule("platform_earning_refund", Role.APPLICATION_FEES, Role.STRIPE_FEES, "Application fee given back"),
)

SUSPENSE = Rule("", Role.SUSPENSE, Role.STRIPE_FEES, "To be looked at")
"""For every other category."""

_BY_CATEGORY: Mapping[tuple[str, str], Rule] = {(rule.category, rule.source): rule for rule in RULES}


def rule_of(movement: Movement) -> Rule:
    """Return the rule that books a movement; `SUSPENSE` where there is none."""
    prefix = movement.source.partition("_")[0]
    found = _BY_CATEGORY.get((movement.category, prefix)) or _BY_CATEGORY.get((movement.category, ""))
    return found or SUSPENSE


ARRIVES, COMES_BACK = "payout", "payout_reversal"
PAYOUT_ENTRIES: Mapping[str, tuple[str, ...]] = {
    # a payout's status: the entries of it. One that failed may have been exported as paid before: it is booked and
    # reversed, so that a later export only adds. What is pending, on its way or cancelled has not left clearing.
    "pending": (),
    "in_transit": (),
    "paid": (ARRIVES,),
    "failed": (ARRIVES, COMES_BACK),
    "canceled": (),
}
