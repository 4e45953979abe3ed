"""What a refund asks for, as its item keeps it, and what may keep it from being made."""

from hashlib import sha256

from billing.core.entries import Facts, ItemRecord
from billing.core.item_rules import Difference, ItemRules, SkipReason
from billing.core.items import Refund
from billing.core.keys import length_prefixed
from billing.core.money import format_minor

DISPUTED, UNPAID = "disputed", "not_refundable"
ALREADY_REFUNDED, PARTLY_REFUNDED = "already_refunded", "partly_refunded"
AMOUNT_DIFFERS = "amount_differs"
SKIPS: dict[str, SkipReason] = {
    ALREADY_REFUNDED: SkipReason("others have given all of it back", "nothing", good=True),
    PARTLY_REFUNDED: SkipReason(
        "others have given a part of it back, so that what is left is not what was approved",
        "give the rest back in the Dashboard",
    ),
    AMOUNT_DIFFERS: SkipReason("the charge is not of the amount that was approved", "write the refunds anew"),
    DISPUTED: SkipReason(
        "the payer disputes the charge, or the bank asks about it: a refund beside that can cost the money twice",
        "answer the dispute in Stripe; what is won can be refunded then",
    ),
    UNPAID: SkipReason("there is no such paid charge on this account", "see the intent in Stripe"),
}


def digest(refund: Refund) -> str:
    """Return the SHA-256 (64 hex) of what a line asks for: which charge, how much of it, and whether with the fee."""
    fields = (refund.account, refund.payer, refund.intent, refund.charge, refund.amount.minor, refund.amount.currency)
    return sha256(length_prefixed((*fields, str(refund.fee)))).hexdigest()


def content(refund: Refund, _found: Facts) -> Facts:
    """Return what requests are built from."""
    return {
        "customer": refund.payer,
        "intent": refund.intent,
        "charge": refund.charge,
        "fee": str(refund.fee),
        "of_run": refund.of_run,
    }


def differences(refund: Refund, item: ItemRecord) -> tuple[Difference, ...]:
    """Return every field in which a line differs from an item on record."""
    kept = item.content
    pairs = [
        ("amount", _shown(item.amount, item.currency), _shown(refund.amount.minor, refund.amount.currency)),
        ("account", item.account, refund.account),
        ("customer", item.payer, refund.payer),
        ("payment_intent", str(kept.get("intent", "")), refund.intent),
        ("charge", str(kept.get("charge", "")), refund.charge),
        ("fee", str(kept.get("fee", "")), str(refund.fee)),
    ]
    return tuple(Difference(name, old, new) for name, old, new in pairs if old != new)


def _shown(minor: int, currency: str) -> str:
    return f"{format_minor(minor, currency)} {currency.upper()}"


REFUND_RULES: ItemRules[Refund] = ItemRules(
    digest=digest,
    content=content,
    differences=differences,
    found=lambda _findings, _refund: {},
    finds=(),
    unusable=lambda findings, refund, _blocked: findings.disputed.get(refund.intent),
    skips=SKIPS,
)
