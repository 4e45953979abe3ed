"""What a charge asks for, as its item keeps it, and what may keep it from being made."""

from collections.abc import Mapping

from billing.core.entries import Facts, ItemRecord
from billing.core.findings import UNREAD, Findings, charged_in, suffix_fits
from billing.core.item_rules import Difference, ItemRules, SkipReason
from billing.core.items import Charge
from billing.core.keys import charge_digest
from billing.core.money import format_minor

SKIPS: dict[str, SkipReason] = {
    "default_moved": SkipReason(
        "the customer's default payment method changed before it was charged; its next line stands for it",
        "nothing",
        good=True,
    ),
    "account_cannot_charge": SkipReason(
        "the connected account cannot take charges", "complete its onboarding in Stripe"
    ),
    "customer_unknown": SkipReason("the platform has no such customer, or it was deleted", "correct the customer id"),
    "no_payment_method": SkipReason(
        "the customer has no default payment method", "name one, or have the customer save one"
    ),
    "method_unknown": SkipReason("the platform has no such payment method", "correct the payment method id"),
    "method_of_other_customer": SkipReason(
        "the payment method is not saved for this customer", "correct one of the two ids"
    ),
    "method_not_clonable": SkipReason("only cards and US bank accounts can be cloned", "ask for another method"),
    "method_not_for_currency": SkipReason(
        "this type of payment method cannot be charged in this currency", "ask the customer for a card"
    ),
    "method_not_for_account": SkipReason(
        "the connected account cannot take this type of payment method",
        "activate the capability in Stripe, or ask for another method",
    ),
    "method_expired": SkipReason("the card has expired", "ask the customer for new card details"),
    "method_blocked": SkipReason("the bank account is blocked", "ask for another account or a new mandate"),
    "card_blocked": SkipReason("declined for good within the last 30 days", "ask the customer for another card"),
    "returned": SkipReason(
        "paid, and the bank took it back",
        "see why in the report; billing retry collects it again where that may work, and its time has come",
    ),
    "suffix_too_long": SkipReason(
        "account's prefix and statement suffix are longer than 22 characters together", "shorten the statement suffix"
    ),
    UNREAD: SkipReason(
        "Stripe did not say what the customer's default payment method is", "the same command again asks anew"
    ),
}
CARD_BLOCKED = "card_blocked"
BLOCKED, BLOCK_DAYS = "blocked_card", 30
# The look-up that keeps such a method, and for how long: trying a lost, stolen or closed card again costs a fee each
# time (Visa category 1, Mastercard advice 03 and 21).
METHOD_FINDINGS = frozenset(code for code in SKIPS if code.startswith("method_"))
# Found by reading payment methods one by one, which a plan may leave out.

METHOD = "payment_method"
# The name under which a charge's content keeps the method that is used.


def method_used(item: ItemRecord) -> str:
    """Return the platform's payment method that the next attempt of an item uses, or its last one has used."""
    return str(item.facts.get("method") or item.content.get("method") or item.content.get(METHOD, ""))


def method_of(findings: Findings, charge: Charge) -> str:
    """Return the payment method that a line is charged to, or an empty text where none is known."""
    return charge.payment_method or findings.defaults.get(charge.customer, "")


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


def unusable(findings: Findings, charge: Charge, blocked: Mapping[str, str]) -> str | None:
    """Return why a line cannot be charged (a code of ``SKIPS``), or None; ``blocked`` are payment methods."""
    if reason := findings.customers.get(charge.customer):
        return reason
    if not suffix_fits(findings.prefixes.get(charge.account, 0), charge.statement_suffix):
        return "suffix_too_long"
    method = method_of(findings, charge)
    if not method:
        # A customer who was not looked up (planning offline) may well have a default.
        return "no_payment_method" if charge.customer in findings.defaults else None
    return _unusable_method(findings, charge, method) or (CARD_BLOCKED if method in blocked else None)


def _unusable_method(findings: Findings, charge: Charge, method: str) -> str | None:
    if reason := findings.methods.get(method):
        return reason
    if findings.owners.get(method, charge.customer) != charge.customer:
        return "method_of_other_customer"
    method_type = findings.types.get(method, "")
    if not charged_in(method_type, charge.amount.currency):
        return "method_not_for_currency"
    if method_type in findings.lacking.get(charge.account, ()):
        return "method_not_for_account"
    return None


def content(charge: Charge, found: Facts) -> Facts:
    """Return what requests are built from, with what the file asked for where that differs.

    ``asked_method`` is what the file said, ``payment_method`` what is used.
    """
    kept: dict[str, object] = {"customer": charge.customer, **found}
    if charge.payment_method:
        kept["asked_method"] = charge.payment_method
    if charge.application_fee is not None:
        kept["application_fee"] = charge.application_fee
    if charge.description:
        kept["description"] = charge.description
    if charge.statement_suffix:
        kept["statement_suffix"] = charge.statement_suffix
    if charge.metadata:
        kept["metadata"] = dict(charge.metadata)
    return kept


CHARGE_RULES: ItemRules[Charge] = ItemRules(
    digest=charge_digest,
    content=content,
    differences=differences,
    found=lambda findings, charge: {METHOD: method_of(findings, charge)},
    finds=(METHOD,),
    unusable=unusable,
    skips=SKIPS,
    passing=frozenset({CARD_BLOCKED}),
    blocks=BLOCKED,
    block_days=BLOCK_DAYS,
    undo="billing reverse gives it back",
)
