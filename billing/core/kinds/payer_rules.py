"""What a payer is asked for, as its item keeps it. Who it is stands in no content, and in digests under a key alone."""

from hashlib import sha256

from billing.core.entries import Facts, ItemRecord
from billing.core.item_rules import Difference, ItemRules, SkipReason
from billing.core.items import Payer
from billing.core.keys import length_prefixed
from billing.core.money import format_minor

LINK_OVER = "link_over"
SKIPS: dict[str, SkipReason] = {
    LINK_OVER: SkipReason("the payer has not answered, and the link is over", "ask again with --amend and a later day"),
}


def digest(payer: Payer) -> str:
    """Return the SHA-256 (64 hex) of what a line asks for; who it is about the ledger adds under its key."""
    fields: list[str | int] = [
        payer.on_behalf_of or "",
        " ".join(payer.types),
        payer.description or "",
        payer.return_url or "",
        payer.locale or "",
        payer.setup_credential_usage or "",
        payer.link_until,
        payer.amount.minor,
        payer.amount.currency,
    ]
    for name, value in sorted(payer.metadata):
        fields += (name, value)
    return sha256(length_prefixed(fields)).hexdigest()


def content(payer: Payer, _found: Facts) -> Facts:
    """Return what requests are built from."""
    texts = {
        "on_behalf_of": payer.on_behalf_of,
        "description": payer.description,
        "return_url": payer.return_url,
        "locale": payer.locale,
        "setup_credential_usage": payer.setup_credential_usage,
        "link_until": payer.link_until or None,
    }
    kept = {name: text for name, text in texts.items() if text}
    return {"types": list(payer.types), **kept, "metadata": dict(payer.metadata)}


def differences(payer: Payer, item: ItemRecord) -> tuple[Difference, ...]:
    """Return every field in which a line differs from an item on record."""
    kept = item.content
    own = content(payer, {})
    names = ("on_behalf_of", "description", "return_url", "locale", "setup_credential_usage", "link_until")
    pairs = [
        ("types", " ".join(kept.get("types", ())), " ".join(payer.types)),
        *((name, str(kept.get(name) or ""), str(own.get(name) or "")) for name in names),
        ("first_payment", _shown(item.amount, item.currency), _shown(payer.amount.minor, payer.amount.currency)),
        *(
            (f"metadata.{name}", str(kept.get("metadata", {}).get(name, "")), str(own["metadata"].get(name, "")))
            for name in sorted({*kept.get("metadata", {}), *own["metadata"]})
        ),
    ]
    return tuple(Difference(name, old, new) for name, old, new in pairs if old != new)


def _shown(minor: int, currency: str) -> str:
    return f"{format_minor(minor, currency)} {currency.upper()}" if currency else ""


PAYER_RULES: ItemRules[Payer] = ItemRules(
    digest=digest,
    content=content,
    differences=differences,
    found=lambda _findings, _payer: {},
    finds=(),
    unusable=lambda _findings, _payer, _blocked: None,
    skips=SKIPS,
    personal=lambda payer: payer.personal,
)
