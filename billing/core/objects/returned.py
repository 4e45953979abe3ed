"""What a dispute shows of a debit that came back: whose it is, and whether it is one at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from billing.core.entries import ItemRecord
from billing.core.items import Mode
from billing.core.redaction import quoted
from billing.core.returns import BANK_DEBIT, FINAL


@dataclass(frozen=True, slots=True)
class ReturnSeen:
    """A debit that came back.

    Attributes:
        dispute: the id of the dispute that shows it.
        reason: of the dispute.
        created: when it came back, epoch seconds.
        fee: what Stripe took for it, in minor units of the account's own currency; None where it shows none.
        refunded: whether some of the charge had been given back before.
    """

    dispute: str
    reason: str
    created: int
    fee: int | None
    refunded: bool


class Paid(NamedTuple):
    """What was paid, by its intent: minor units of a currency, and its charge, None where that is not known."""

    intent: str
    amount: int
    currency: str
    charge: str | None


def paid_by(item: ItemRecord) -> Paid:
    """Return what an item has on record of its payment."""
    return Paid(item.object_id or "", item.amount, item.currency, item.facts.get("charge"))


def intent_of(dispute: Mapping[str, Any]) -> str:
    """Return the intent whose charge a dispute is about, or an empty text where neither of them says it."""
    charge = _whole(dispute.get("charge"))
    return _named(dispute.get("payment_intent")) or _named(charge.get("payment_intent"))


def may_be_return(dispute: Mapping[str, Any]) -> bool:
    """Tell whether a dispute as a list shows it may be a debit that came back; a card's disputes say that they are."""
    method = _whole(dispute.get("payment_method_details")).get("type", BANK_DEBIT)
    return dispute.get("status") == FINAL and method == BANK_DEBIT


def return_seen(dispute: Mapping[str, Any], paid: Paid, mode: Mode) -> ReturnSeen | None:
    """Return what a dispute with its charge shows of a debit that came back, or None.

    It is one only if its money is gone for good, all of the charge, which is the very one and on a bank account. A
    chargeback of a card, an inquiry, a dispute that is still open or of a part of the money is none.

    Args:
        dispute: as it was read, with its charge whole.
        paid: what was paid.
        mode: of its run.
    """
    charge = _whole(dispute.get("charge"))
    shown = (
        charge.get("object"), charge.get("id"), _named(charge.get("payment_intent")), charge.get("amount"),
        charge.get("currency"), charge.get("livemode"), dispute.get("amount"), dispute.get("currency"),
        dispute.get("livemode"), dispute.get("status"), _whole(charge.get("payment_method_details")).get("type"),
    )  # fmt: skip
    asked = (
        "charge", paid.charge or charge.get("id"), paid.intent, paid.amount,
        paid.currency, mode.livemode, paid.amount, paid.currency,
        mode.livemode, FINAL, BANK_DEBIT,
    )  # fmt: skip
    created = dispute.get("created")
    if shown != asked or type(created) is not int:
        return None
    return ReturnSeen(
        dispute=str(dispute["id"]),
        reason=quoted(str(dispute.get("reason"))),
        created=created,
        fee=_fee(dispute.get("balance_transactions")),
        refunded=charge.get("amount_refunded") != 0,
    )


def _fee(rows: object) -> int | None:
    """Return the fees of the balance transactions that a dispute shows, or None where it shows none."""
    fees = [row.get("fee") for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    whole = [fee for fee in fees if type(fee) is int]
    return sum(whole) if whole else None


def _whole(value: object) -> Mapping[str, Any]:
    """Return an object that came whole, or an empty one for a bare id and for nothing."""
    return value if isinstance(value, Mapping) else {}


def _named(value: object) -> str:
    """Return the id of an object that may come as its id, whole, or not at all."""
    found = value.get("id") if isinstance(value, Mapping) else value
    return found if isinstance(found, str) else ""
