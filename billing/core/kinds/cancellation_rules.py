"""What a cancellation asks for, as its item keeps it, and what may keep it from being made."""

from hashlib import sha256

from billing.core.entries import Facts, ItemRecord
from billing.core.item_rules import Difference, ItemRules, SkipReason
from billing.core.items import Cancellation
from billing.core.keys import length_prefixed

NOT_OURS, NO_SUBSCRIPTION = "not_ours", "no_subscription"
OVER_ALREADY, ENDING_ALREADY = "over_already", "ending_already"
SKIPS: dict[str, SkipReason] = {
    OVER_ALREADY: SkipReason("the subscription was over already", "nothing", good=True),
    ENDING_ALREADY: SkipReason("the subscription ends with its period already", "nothing", good=True),
    NOT_OURS: SkipReason(
        "the subscription was not made by the line of the run that is named", "end it in Stripe, if it is to end"
    ),
    NO_SUBSCRIPTION: SkipReason("there is no such subscription on this account", "correct the line"),
}


def digest(cancellation: Cancellation) -> str:
    """Return the SHA-256 (64 hex) of what a line asks for: which subscription, when, and what of the share."""
    return sha256(length_prefixed(value for _, value in _said(cancellation))).hexdigest()


def content(cancellation: Cancellation, _found: Facts) -> Facts:
    """Return what requests are built from."""
    return {
        "customer": cancellation.payer,
        "subscription": cancellation.subscription,
        "when": str(cancellation.when),
        "clear_fee": cancellation.clear_fee,
        "feedback": cancellation.feedback,
        "of_run": cancellation.of_run,
    }


def differences(cancellation: Cancellation, item: ItemRecord) -> tuple[Difference, ...]:
    """Return every field in which a line differs from an item on record."""
    kept = item.content
    before = {
        "account": item.account,
        "customer": item.payer,
        "subscription": str(kept.get("subscription", "")),
        "when": str(kept.get("when", "")),
        "clear_fee": _word(yes=bool(kept.get("clear_fee"))),
        "feedback": str(kept.get("feedback", "")),
    }
    return tuple(Difference(name, before[name], new) for name, new in _said(cancellation) if before[name] != new)


def _said(cancellation: Cancellation) -> tuple[tuple[str, str], ...]:
    return (
        ("account", cancellation.account),
        ("customer", cancellation.payer),
        ("subscription", cancellation.subscription),
        ("when", str(cancellation.when)),
        ("clear_fee", _word(yes=cancellation.clear_fee)),
        ("feedback", cancellation.feedback),
    )


def _word(*, yes: bool) -> str:
    return "yes" if yes else "no"


CANCELLATION_RULES: ItemRules[Cancellation] = ItemRules(
    digest=digest,
    content=content,
    differences=differences,
    found=lambda _findings, _cancellation: {},
    finds=(),
    unusable=lambda _findings, _cancellation, _blocked: None,
    skips=SKIPS,
)
