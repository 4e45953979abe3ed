"""What moved on the balance of a connected account for an item of ours, and the payouts that carry it to a bank.

Amounts are minor units. ``amount - fee = net`` holds in the currency the account is settled in, which need not be the
one the payer was charged in (docs.stripe.com/api/balance_transactions/object).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

MOVEMENT, PAYOUT = "movement", "payout"
# The kinds of look-ups that keep them; each is named by its account and its own id.
BACK = frozenset({"failed", "canceled"})
# Statuses of a payout whose money is on the balance again. (docs.stripe.com/api/payouts/object)


class Kept:
    """What is kept of an account under its name there.

    Attributes:
        id, account: its own, and whose; together they are its name.
    """

    __slots__ = ()
    id: str
    account: str

    @property
    def name(self) -> str:
        """Under which it is kept."""
        return f"{self.account}/{self.id}"

    def to_facts(self) -> dict[str, Any]:
        """Return it as it is kept."""
        named = asdict(self)  # type: ignore[call-overload]
        return {field: each for field, each in named.items() if field not in {"id", "account"}}

    @classmethod
    def from_facts(cls, name: str, facts: Mapping[str, Any]) -> Self:
        """Return what `to_facts` wrote; what a later release wrote beside it is left."""
        account, _, own = name.partition("/")
        known = {field.name for field in fields(cls)}  # type: ignore[arg-type]
        given: dict[str, Any] = {field: value for field, value in facts.items() if field in known}
        given |= {"id": own, "account": account}
        return cls(**given)


@dataclass(frozen=True, slots=True)
class Movement(Kept):
    """One balance transaction that belongs to an item.

    Attributes:
        id, account: of the balance transaction, and whose balance it is.
        run, reference, item: the line it belongs to; ``item`` is the item id. A refund that a run has made belongs to
            the line of that run, any other to the line of its charge. Of a charge that no line planned it is what the
            charge says of itself in its metadata.
        category: Stripe's ``reporting_category``, by which it is booked.
        type: Stripe's type.
        amount, fee, net: in ``currency``; a refund's amount is negative.
        stripe_fee, application_fee, other_fees: what ``fee`` consists of.
        currency: the account is settled in.
        presented, presented_currency: the same in the currency of the charge, as the payer sees it.
        rate: from that one into ``currency``, as Stripe wrote it; None where nothing was converted.
        at, available_on: when it was made and when it can be paid out, in seconds since 1970.
        source: the charge, refund or dispute behind it.
        charge, intent: of the item.
        payout: the payout that carries it; None until one is known to.
        presented_fee: of a charge, the platform's share as it was charged, in ``presented_currency``.
        fee_object: of a charge, the application fee on the platform (``fee_…``).
    """

    id: str
    account: str
    run: str
    reference: str
    item: str
    category: str
    type: str
    amount: int
    fee: int
    net: int
    stripe_fee: int
    application_fee: int
    other_fees: int
    currency: str
    presented: int
    presented_currency: str
    rate: str | None
    at: int
    available_on: int
    source: str
    charge: str | None
    intent: str | None
    payout: str | None = None
    presented_fee: int | None = None
    fee_object: str | None = None


@dataclass(frozen=True, slots=True)
class Payout(Kept):
    """One payout of a connected account to its bank.

    Attributes:
        id, account: its own, and whose.
        amount, currency: what the bank gets; ``currency`` is the account's.
        status: Stripe's: ``paid`` may still turn ``failed`` within five business days.
        arrival_date, created: seconds since 1970.
        automatic: made by the account's schedule; others cannot be broken down.
        reconciliation_status: Stripe's; broken down only once ``completed``.
        failure_code: why it failed, or None.
        broken_down: whether what it carries is known.
        failure_row: the balance transaction that brought the money back when it failed.
        repaid_by: the later payout that carries this row, and with it the money.
    """

    id: str
    account: str
    amount: int
    currency: str
    status: str
    arrival_date: int
    created: int
    automatic: bool
    reconciliation_status: str
    failure_code: str | None = None
    broken_down: bool = False
    failure_row: str | None = None
    repaid_by: str | None = None

    @property
    def failed(self) -> bool:
        """Whether the bank did not get it, or gave it back."""
        return self.status in BACK
