"""One link to be kept in step, as a sync plans it."""

from dataclasses import dataclass
from enum import StrEnum

from billing.core.money import NO_MONEY, Money


class Does(StrEnum):
    """What a sync has to bring in step: the copy of the payment method, the fields of the customer, or both."""

    CLONE = "clone"
    FIELDS = "fields"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Sync:
    """One link to bring in step with its platform customer. The program finds them; no file names them.

    Attributes:
        reference: the platform customer, the account, and the how manieth sync of this link it is.
        account: the connected account (``acct_…``).
        payer: the platform customer (``cus_…``).
        customer: the customer of the connected account that belongs to it.
        method: the platform's default payment method when this was found, or empty.
        change: what a copy of it was made of then (`billing.core.objects.link.change_of`), or empty.
        does: what was not in step.
        trouble: why it cannot be brought in step (a skip reason), or empty.
    """

    reference: str
    account: str
    payer: str
    customer: str
    method: str
    change: str
    does: Does
    trouble: str = ""

    @property
    def amount(self) -> Money:
        """No money moves."""
        return NO_MONEY
