"""What a subscription asks for, as its item keeps it, and what may keep it from being opened."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

from billing.core.entries import Facts, ItemRecord
from billing.core.findings import Findings, charged_in
from billing.core.item_rules import Difference, ItemRules, SkipReason
from billing.core.items import Subscription
from billing.core.keys import length_prefixed
from billing.core.kinds.charge_rules import METHOD
from billing.core.money import Money, format_minor

EXPIRED = "subscription_expired"
# Of a line whose subscription ended because nobody went on with it in time.
HAS_CREDIT, STARTS_TOO_SOON, UNPRICED = "customer_has_credit", "starts_too_soon", "price_unread"
SKIPS: dict[str, SkipReason] = {
    "price_unknown": SkipReason("the connected account has no such price, or it is not used any more", "correct it"),
    "price_not_recurring": SkipReason("the price is not one of each period for each unit", "name a recurring price"),
    UNPRICED: SkipReason(
        "Stripe did not say what the price is, so what is due is not known", "the same command again asks anew"
    ),
    HAS_CREDIT: SkipReason(
        "the customer on the connected account has a credit balance or a discount of its own: what is due is not known",
        "use it up or take it away in Stripe",
    ),
    STARTS_TOO_SOON: SkipReason(
        "the first invoice is drafted within hours, too soon to open it in safety", "let it start later, or at once"
    ),
}
# Beside the reasons that a line has in common with charges: its customer, payment method and account.


def digest(asked: Subscription) -> str:
    """Return the SHA-256 (64 hex) of what a line asks for; what a named price comes to is Stripe's to know."""
    fields: list[str | int] = [
        asked.account,
        asked.customer,
        asked.payment_method or "",
        asked.price or "",
        "" if asked.unit is None else asked.unit,
        asked.currency,
        asked.interval,
        asked.interval_count,
        asked.product,
        asked.quantity,
        asked.application_fee_percent or "",
        "" if asked.trial_end is None else asked.trial_end,
        "" if asked.anchor is None else asked.anchor,
        asked.description or "",
    ]
    for name, value in sorted(asked.metadata):
        fields += (name, value)
    return sha256(length_prefixed(fields)).hexdigest()


_KEPT = ("price", "unit", "interval", "product", "application_fee_percent", "trial_end", "anchor", "description")


def content(asked: Subscription, found: Facts) -> Facts:
    """Return what requests are built from.

    ``asked_method`` is what the file said, ``payment_method`` what is used; ``due`` tells whether the first invoice
    asks for money, or nothing is due and the subscription is opened under a fuse.
    """
    kept: dict[str, Any] = {"customer": asked.customer, **found, "due": asked.amount.minor > 0}
    kept |= {name: value for name in _KEPT if (value := getattr(asked, name)) not in (None, "")}
    if asked.price is None:
        kept |= {"currency": asked.currency, "interval_count": asked.interval_count}
    if asked.payment_method:
        kept["asked_method"] = asked.payment_method
    if asked.metadata:
        kept["metadata"] = dict(asked.metadata)
    return kept | {"quantity": asked.quantity}


def differences(asked: Subscription, item: ItemRecord) -> tuple[Difference, ...]:
    """Return every field in which a line differs from an item on record."""
    kept = item.content
    now = content(asked, {})
    pairs = [("account", item.account, asked.account), ("customer", item.payer, asked.customer)]
    pairs.append(("payment_method", str(kept.get("asked_method", "")), asked.payment_method or ""))
    pairs.append(("amount", _unit(kept), _unit(now)))
    names = (*(name for name in _KEPT if name != "unit"), "interval_count", "quantity")
    pairs += [(name, _text(kept.get(name)), _text(now.get(name))) for name in names]
    pairs.append(("metadata", str(dict(kept.get("metadata", {}))), str(dict(asked.metadata))))
    return tuple(Difference(name, old, new) for name, old, new in pairs if old != new)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _unit(kept: Mapping[str, Any]) -> str:
    minor, currency = kept.get("unit"), str(kept.get("currency", ""))
    return "" if minor is None else f"{format_minor(minor, currency)} {currency.upper()}"


def priced(findings: Findings, asked: Subscription) -> Subscription:
    """Return a line with what is due at its start, once the price that it names is known."""
    found = findings.prices.get((asked.account, asked.price or ""))
    if found is None:
        return asked
    minor, currency = found
    return replace(asked, amount=Money(0 if asked.starts_later else minor * asked.quantity, currency))


def method_of(findings: Findings, asked: Subscription) -> str:
    """Return the payment method that a line is paid with, or an empty text where none is known."""
    return asked.payment_method or findings.defaults.get(asked.customer, "")


def unusable(findings: Findings, asked: Subscription, _blocked: Mapping[str, str]) -> str | None:
    """Return why a line cannot be subscribed as things are, or None; what is most wrong is said."""
    if reason := findings.customers.get(asked.customer):
        return reason
    if reason := findings.unpriced.get((asked.account, asked.price or "")):
        return reason
    method = method_of(findings, asked)
    if not method:
        return "no_payment_method" if asked.customer in findings.defaults else None
    return _unusable_method(findings, asked, method)


def _unusable_method(findings: Findings, asked: Subscription, method: str) -> str | None:
    if reason := findings.methods.get(method):
        return reason
    if findings.owners.get(method, asked.customer) != asked.customer:
        return "method_of_other_customer"
    method_type = findings.types.get(method, "")
    if asked.amount.currency and not charged_in(method_type, asked.amount.currency):
        return "method_not_for_currency"
    return "method_not_for_account" if method_type in findings.lacking.get(asked.account, ()) else None


SUBSCRIPTION_RULES: ItemRules[Subscription] = ItemRules(
    digest=digest,
    content=content,
    differences=differences,
    found=lambda findings, asked: {METHOD: method_of(findings, asked)},
    finds=(METHOD,),
    unusable=unusable,
    skips=SKIPS,
    undo="billing reverse cancels it",
    again=frozenset({EXPIRED}),
    priced=priced,
)
