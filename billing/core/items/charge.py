"""A direct charge, as a line of a run file asks for it."""

from dataclasses import dataclass

from billing.core.money import Money


@dataclass(frozen=True, slots=True)
class Charge:
    """One direct charge to make, as the run file describes it.

    Attributes:
        reference: the operator's own id, unique in the run.
        account: the connected account (``acct_…``) the charge is made on.
        customer: the platform customer (``cus_…``) who pays.
        payment_method: on the platform (``pm_…``); None means the customer's default, looked up by the plan.
        amount: what to charge, in minor units of its currency.
        application_fee: the platform's share in minor units of the same currency, or None for none.
        description: free text on the intent, or None.
        statement_suffix: what follows the account's prefix on the card statement, or None.
        metadata: the item's own metadata in file order, without the ``billing_…`` names.
    """

    reference: str
    account: str
    customer: str
    payment_method: str | None
    amount: Money
    application_fee: int | None = None
    description: str | None = None
    statement_suffix: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()

    @property
    def payer(self) -> str:
        """The customer."""
        return self.customer
