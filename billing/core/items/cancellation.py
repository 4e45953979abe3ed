"""The end of a subscription, as a line of a run file asks for it."""

from dataclasses import dataclass
from enum import StrEnum

from billing.core.money import NO_MONEY, Money


class When(StrEnum):
    """When a subscription ends: now, or with the period that is paid for."""

    NOW = "now"
    PERIOD_END = "period_end"


@dataclass(frozen=True, slots=True)
class Cancellation:
    """One subscription to end. It moves no money; what was paid for the period stays paid.

    Attributes:
        reference: the operator's own id, unique in the run; as a rule that of the line that subscribed.
        account: the connected account (``acct_…``) it was made on.
        payer: the platform customer (``cus_…``) whose service ends.
        subscription: which one (``sub_…``).
        when: now, and then its open invoices are voided too; or with its period.
        of_run: the run that made it; nothing else is ended.
        clear_fee: whether the platform's percentage of its invoices is cleared before: a percentage outlives the
            connection to an account that leaves (docs.stripe.com/connect/subscriptions).
        feedback: the payer's reason in one of Stripe's words, or empty.
    """

    reference: str
    account: str
    payer: str
    subscription: str
    when: When
    of_run: str
    clear_fee: bool = False
    feedback: str = ""

    @property
    def amount(self) -> Money:
        """None moves."""
        return NO_MONEY
