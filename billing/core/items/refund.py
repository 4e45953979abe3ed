"""A charge given back, as a line of a run file asks for it."""

from dataclasses import dataclass
from enum import StrEnum

from billing.core.money import Money


class FeeBack(StrEnum):
    """What becomes of the platform's share of a charge that is given back; it is said for each refund."""

    REFUND = "refund"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Refund:
    """One refund to make: all of one charge, of which nobody has given back anything yet.

    Attributes:
        reference: the operator's own id, unique in the run; as a rule that of the item whose charge it is.
        account: the connected account (``acct_…``) the charge was made on; its balance pays.
        payer: the platform customer (``cus_…``) who gets the money.
        intent: whose charge it is (``pi_…``).
        charge: the charge itself (``ch_…`` or ``py_…``), or empty where only the intent is known.
        amount: of the whole charge, as it was approved; in minor units of its currency.
        fee: whether the platform's share goes back too; kept, the connected account bears it.
        of_run: the run that made the charge.
    """

    reference: str
    account: str
    payer: str
    intent: str
    charge: str
    amount: Money
    fee: FeeBack
    of_run: str
