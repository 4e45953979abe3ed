"""What a sync asks for, as its item keeps it, and what may keep a link from being brought in step."""

from hashlib import sha256

from billing.core.entries import Facts, ItemRecord
from billing.core.item_rules import Difference, ItemRules, SkipReason
from billing.core.items import Sync
from billing.core.keys import length_prefixed

METHOD_REMOVED, CUSTOMER_DELETED, LINK_GONE = "method_removed", "customer_deleted", "link_gone"
SKIPS: dict[str, SkipReason] = {
    METHOD_REMOVED: SkipReason(
        "the platform customer has no payment method any more; copies are left as they are",
        "ask the payer for another one, or cancel what is paid with the copies",
    ),
    CUSTOMER_DELETED: SkipReason(
        "the platform customer was deleted; nothing is cancelled by itself", "cancel what is paid with the copies"
    ),
    LINK_GONE: SkipReason(
        "the customer of the connected account was deleted there", "see the account in Stripe, or subscribe anew"
    ),
}


def _fields(sync: Sync) -> tuple[str, ...]:
    return (sync.account, sync.payer, sync.customer, sync.method, sync.change, sync.does, sync.trouble)


def digest(sync: Sync) -> str:
    """Return the SHA-256 (64 hex) of what a line asks for: which link, and which change of the platform it follows."""
    return sha256(length_prefixed(_fields(sync))).hexdigest()


def content(sync: Sync, _found: Facts) -> Facts:
    """Return what requests are built from. The method that is cloned is read again right before."""
    return {
        "connected_customer": sync.customer,
        "payment_method": sync.method,
        "change": sync.change,
        "does": str(sync.does),
    }


def differences(sync: Sync, item: ItemRecord) -> tuple[Difference, ...]:
    """Return every field in which a line differs from an item on record."""
    kept = item.content
    pairs = [
        ("account", item.account, sync.account),
        ("customer", item.payer, sync.payer),
        ("connected_customer", str(kept.get("connected_customer", "")), sync.customer),
        ("payment_method", str(kept.get("payment_method", "")), sync.method),
        ("change", str(kept.get("change", "")), sync.change),
    ]
    return tuple(Difference(name, old, new) for name, old, new in pairs if old != new)


SYNC_RULES: ItemRules[Sync] = ItemRules(
    digest=digest,
    content=content,
    differences=differences,
    found=lambda _findings, _sync: {},
    finds=(),
    unusable=lambda _findings, sync, _blocked: sync.trouble or None,
    skips=SKIPS,
)
