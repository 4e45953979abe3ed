"""A subscription, as a line of a run file asks for it."""

from dataclasses import dataclass

from billing.core.money import Money


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscription to open on a connected account, its first payment included.

    Attributes:
        reference: the operator's own id, unique in the run.
        account: the connected account (``acct_…``) it is opened on.
        customer: the platform customer (``cus_…``) who pays.
        payment_method: on the platform (``pm_…``); None means the customer's default, looked up by the plan.
        amount: what is due at the start, nothing before a trial or an anchor; of a line that names a price it is known
            once that was looked up.
        price: on the connected account (``price_…``), or None where the line says all of it.
        unit: minor units of ``currency`` for one, each period, where no price is named; else None.
        currency: lower case; empty where a price is named.
        interval: ``day``, ``week``, ``month`` or ``year``, where no price is named; else empty.
        interval_count: periods are this many intervals long.
        product: its id on the connected account, or the name under which it is found or made there; empty with a price.
        quantity: how many of it.
        application_fee_percent: the platform's share of each invoice, such as ``7.5``, or None for none.
        trial_end: epoch second until which nothing is due, or None.
        anchor: epoch second at which the first full period begins, before which nothing is due, or None.
        description: free text on the subscription, or None.
        metadata: the item's own metadata in file order, without the ``billing_…`` names.
    """

    reference: str
    account: str
    customer: str
    payment_method: str | None
    amount: Money
    price: str | None
    unit: int | None
    currency: str
    interval: str
    interval_count: int
    product: str
    quantity: int
    application_fee_percent: str | None = None
    trial_end: int | None = None
    anchor: int | None = None
    description: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()

    @property
    def payer(self) -> str:
        """The customer."""
        return self.customer

    @property
    def statement_suffix(self) -> None:
        """None: what a statement says of a subscription is its product's to say."""
        return

    @property
    def starts_later(self) -> bool:
        """Whether nothing is due before a trial ends or an anchor is reached."""
        return self.trial_end is not None or self.anchor is not None
