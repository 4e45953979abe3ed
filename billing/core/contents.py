"""What a line asks for, as an item keeps it, and how a line differs from an item on record."""

from typing import NamedTuple

from billing.core.entries import Facts, ItemRecord, NewItem
from billing.core.items import Charge, Kind, Mode
from billing.core.keys import charge_digest, item_id
from billing.core.money import format_minor


class Difference(NamedTuple):
    """One field that the file says otherwise than the ledger; texts as a person reads them."""

    field: str
    old: str
    new: str


def differences(charge: Charge, item: ItemRecord) -> tuple[Difference, ...]:
    """Return every field in which a line differs from an item on record."""
    content = item.content
    fee = content.get("application_fee")
    pairs = [
        ("amount", _shown(item.amount, item.currency), _shown(charge.amount.minor, charge.amount.currency)),
        ("account", item.account, charge.account),
        ("customer", item.payer, charge.customer),
        ("payment_method", str(content.get("asked_method", "")), charge.payment_method or ""),
        ("application_fee", _fee(fee, item.currency), _fee(charge.application_fee, charge.amount.currency)),
        ("description", str(content.get("description") or ""), charge.description or ""),
        ("statement_suffix", str(content.get("statement_suffix") or ""), charge.statement_suffix or ""),
        ("metadata", str(dict(content.get("metadata", {}))), str(dict(charge.metadata))),
    ]
    return tuple(Difference(name, old, new) for name, old, new in pairs if old != new)


def _shown(minor: int, currency: str) -> str:
    return f"{format_minor(minor, currency)} {currency.upper()}"


def _fee(minor: int | None, currency: str) -> str:
    return "" if minor is None else _shown(minor, currency)


def new_item(
    mode: Mode,
    platform: str,
    period: str,
    run_id: str,
    charge: Charge,
    method: str,
    generation: int,
    skip: str | None,
    reason: str,
) -> NewItem:
    """Return the item of a line.

    Args:
        mode, platform, period, run_id: where it belongs.
        charge: the line.
        method: the payment method that is used: the line's own, or the customer's default.
        generation: 0 for the first.
        skip: the reason code when it is kept as skipped, else None.
        reason: the sentence of that reason.
    """
    return NewItem(
        item_id=item_id(mode, platform, period, charge.reference, generation),
        kind=Kind.CHARGE,
        reference=charge.reference,
        generation=generation,
        account=charge.account,
        payer=charge.customer,
        amount=charge.amount.minor,
        currency=charge.amount.currency,
        digest=charge_digest(charge),
        content=_content(run_id, charge, method, skip),
        skip=skip,
        facts={} if skip is None else {"group": "skipped", "reason_code": skip, "reason": reason},
    )


def _content(run_id: str, charge: Charge, method: str, skip: str | None) -> Facts:
    """Return what requests are built from, with what the file asked for and why the plan skips it where that differs.

    ``asked_method`` is what the file said, ``payment_method`` what is used.
    """
    content: dict[str, object] = {"run_id": run_id, "customer": charge.customer, "payment_method": method}
    if skip is not None:
        content["skip"] = skip
    if charge.payment_method:
        content["asked_method"] = charge.payment_method
    if charge.application_fee is not None:
        content["application_fee"] = charge.application_fee
    if charge.description:
        content["description"] = charge.description
    if charge.statement_suffix:
        content["statement_suffix"] = charge.statement_suffix
    if charge.metadata:
        content["metadata"] = dict(charge.metadata)
    return content
