"""What the rows of Stripe's lists show: intents with their charges, balance transactions with their sources, payouts.

A row that contradicts itself is no row: whoever meets one believes nothing of its list.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from billing.core.listed import application_of
from billing.core.movements import Payout

RUN, ITEM, REFERENCE = "billing_run", "billing_item", "billing_reference"
# The names in an object's metadata by which it says whose it is.
DEBIT = "us_bank_account"


class Malformed(Exception):
    """A row lacks what it is believed by, or its sums are wrong; the message names it."""


class Marks(NamedTuple):
    """What an object's metadata says of whose it is; empty texts where it says nothing."""

    item: str = ""
    run: str = ""
    reference: str = ""

    @property
    def ours(self) -> bool:
        """Whether a run has made it, or whoever made it says so."""
        return bool(self.item or self.run)


class ChargeShown(NamedTuple):
    """A charge.

    Attributes:
        amount: minor units of ``currency``, as the payer is charged.
        created: when it was tried, epoch seconds.
        fee: the platform's share of it in the same, or None; ``fee_object`` is that fee (``fee_…``).
        debit: whether a bank account was debited.
    """

    id: str
    intent: str
    amount: int
    currency: str
    status: str
    created: int
    disputed: bool
    fee: int | None
    fee_object: str
    debit: bool
    marks: Marks


class IntentShown(NamedTuple):
    """An intent and its latest charge; ``latest`` is the id of that one, also where it is not shown itself."""

    id: str
    status: str
    amount: int
    currency: str
    created: int
    application: str
    marks: Marks
    charge: ChargeShown | None
    latest: str


class DisputeShown(NamedTuple):
    """A dispute or an inquiry; ``due_by`` is when it must be answered, epoch seconds, None where it cannot be."""

    id: str
    charge: str
    intent: str
    amount: int
    currency: str
    status: str
    reason: str
    created: int
    due_by: int | None


class RowShown(NamedTuple):
    """A balance transaction.

    Attributes:
        source: id of what is behind it; ``behind`` is its type (``charge``, ``refund``, ``dispute``, ``payout``, ...).
        charge, intent: whose money it is, empty where the source does not say.
        presented: the money of the source in its own currency, with the sign of ``amount``.
        fee_of: of an application fee that went back, which fee.
        marks: of the source.
        paid, dispute: the source itself, where it is a charge or a dispute.
    """

    id: str
    category: str
    type: str
    amount: int
    fee: int
    net: int
    stripe_fee: int
    application_fee: int
    other_fees: int
    currency: str
    rate: str | None
    at: int
    available_on: int
    source: str
    behind: str
    charge: str
    intent: str
    presented: int
    presented_currency: str
    fee_of: str
    marks: Marks
    paid: ChargeShown | None
    dispute: DisputeShown | None


def marks_of(shown: Mapping[str, Any]) -> Marks:
    """Return what an object's metadata says of whose it is."""
    metadata = shown.get("metadata")
    said = metadata if isinstance(metadata, Mapping) else {}
    return Marks(*(str(said.get(name) or "") for name in (ITEM, RUN, REFERENCE)))


def intent_in(shown: Mapping[str, Any]) -> IntentShown:
    """Return what an intent shows.

    Raises:
        Malformed: it lacks amount, currency or status.
    """
    charge = shown.get("latest_charge")
    return IntentShown(
        id=str(shown["id"]),
        status=_text(shown, "status"),
        amount=_whole(shown, "amount"),
        currency=_text(shown, "currency"),
        created=_whole(shown, "created"),
        application=application_of(shown),
        marks=marks_of(shown),
        charge=charge_in(charge) if isinstance(charge, Mapping) else None,
        latest=_named(charge),
    )


def charge_in(shown: Mapping[str, Any]) -> ChargeShown:
    """Return what a charge shows.

    Raises:
        Malformed: it lacks amount, currency, status or when it was tried.
    """
    fee, details = shown.get("application_fee_amount"), shown.get("payment_method_details")
    return ChargeShown(
        id=str(shown["id"]),
        intent=_named(shown.get("payment_intent")),
        amount=_whole(shown, "amount"),
        currency=_text(shown, "currency"),
        status=_text(shown, "status"),
        created=_whole(shown, "created"),
        disputed=shown.get("disputed") is True,
        fee=fee if type(fee) is int else None,
        fee_object=_named(shown.get("application_fee")),
        debit=isinstance(details, Mapping) and details.get("type") == DEBIT,
        marks=marks_of(shown),
    )


def dispute_in(shown: Mapping[str, Any]) -> DisputeShown:
    """Return what a dispute shows.

    Raises:
        Malformed: it lacks amount, currency or status.
    """
    details = shown.get("evidence_details")
    due = details.get("due_by") if isinstance(details, Mapping) else None
    return DisputeShown(
        id=str(shown["id"]),
        charge=_named(shown.get("charge")),
        intent=_named(shown.get("payment_intent")),
        amount=_whole(shown, "amount"),
        currency=_text(shown, "currency"),
        status=_text(shown, "status"),
        reason=str(shown.get("reason") or ""),
        created=_whole(shown, "created"),
        due_by=due if type(due) is int and due > 0 else None,
    )


def row_in(shown: Mapping[str, Any]) -> RowShown:
    """Return what a balance transaction shows.

    Raises:
        Malformed: it lacks what it is booked by, its fees do not add up, or what is left is not its net.
    """
    amount, fee, net = (_whole(shown, name) for name in ("amount", "fee", "net"))
    parts = _fees(shown)
    if amount - fee != net or sum(parts) != fee:
        raise Malformed(f"{shown['id']} does not add up")
    source = shown.get("source")
    body: Mapping[str, Any] = source if isinstance(source, Mapping) else {}
    rate = shown.get("exchange_rate")
    currency = _text(shown, "currency")
    presented, presented_currency = _presented(body, amount, currency)
    behind = str(body.get("object") or _by_name(_named(source)))
    paid = charge_in(body) if body and behind == "charge" else None
    return RowShown(
        str(shown["id"]), _text(shown, "reporting_category"), _text(shown, "type"), amount, fee, net, *parts, currency,
        rate=None if rate is None else str(rate),
        at=_whole(shown, "created"),
        available_on=_whole(shown, "available_on"),
        source=_named(source),
        behind=behind,
        charge=_named(source) if behind == "charge" else _named(body.get("charge")),
        intent=_named(body.get("payment_intent")),
        presented=presented,
        presented_currency=presented_currency,
        fee_of=_named(body.get("fee")) if behind == "fee_refund" else "",
        marks=marks_of(body),
        paid=paid,
        dispute=dispute_in(body) if body and behind == "dispute" else None,
    )  # fmt: skip


def payout_in(account: str, shown: Mapping[str, Any]) -> Payout:
    """Return what a payout shows.

    Raises:
        Malformed: it lacks amount, currency or status.
    """
    return Payout(
        id=str(shown["id"]),
        account=account,
        amount=_whole(shown, "amount"),
        currency=_text(shown, "currency"),
        status=_text(shown, "status"),
        arrival_date=_whole(shown, "arrival_date"),
        created=_whole(shown, "created"),
        automatic=shown.get("automatic") is True,
        reconciliation_status=str(shown.get("reconciliation_status") or ""),
        failure_code=str(shown.get("failure_code") or "") or None,
        failure_row=_named(shown.get("failure_balance_transaction")) or None,
    )


FEES = ("stripe_fee", "application_fee")
# The types of fees that are told apart; all others are told as one. (docs.stripe.com/api/balance_transactions/object)


def _fees(shown: Mapping[str, Any]) -> tuple[int, int, int]:
    found = dict.fromkeys((*FEES, ""), 0)
    details = shown.get("fee_details")
    for one in details if isinstance(details, list) else ():
        kind = one.get("type")
        found[kind if kind in FEES else ""] += _whole(one, "amount")
    return found[FEES[0]], found[FEES[1]], found[""]


def _presented(source: Mapping[str, Any], amount: int, currency: str) -> tuple[int, str]:
    """Return the money of a row's source in its own currency; the row's own where the source has none."""
    own, code = source.get("amount"), source.get("currency")
    if type(own) is not int or not isinstance(code, str) or source.get("object") == "payout":
        return amount, currency
    return (own if amount >= 0 else -own), code


BEHIND = {"ch": "charge", "py": "charge", "re": "refund", "pyr": "refund", "dp": "dispute", "du": "dispute"}
# What the beginning of an id says of an object that is not shown itself.


def _by_name(source: str) -> str:
    return BEHIND.get(source.partition("_")[0], "")


def _named(value: object) -> str:
    """Return the id of an object that may come as its id, whole, or not at all."""
    if isinstance(value, Mapping):
        value = value.get("id")
    return value if isinstance(value, str) else ""


def _text(shown: Mapping[str, Any], name: str) -> str:
    value = shown.get(name)
    if not isinstance(value, str) or not value:
        raise Malformed(f"{shown.get('id')} has no {name}")
    return value


def _whole(shown: Mapping[str, Any], name: str) -> int:
    value = shown.get(name)
    if type(value) is not int:
        raise Malformed(f"{shown.get('id')} has no {name}")
    return value
