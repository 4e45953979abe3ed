"""Names that survive everything: item ids, digests and idempotency keys.

A key names the *obligation*, never its parameters: an edited amount under a used key meets Stripe's
``idempotency_error`` instead of becoming a second charge. No clock, process or clone id enters one.
"""

from base64 import b32encode
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256

from billing.core.items import Charge, Mode

SCHEME = 1
# The first field of every id and key. A ledger keeps the scheme it was planned with: a new scheme never meets old keys.


class Op(StrEnum):
    """The requests of the charge protocol that change something, as they appear in keys and entries."""

    OPEN = "open"
    CLONE = "clone"
    CONFIRM = "confirm"
    CANCEL = "cancel"


def length_prefixed(fields: Iterable[str | int]) -> bytes:
    """Join ``fields`` so that no two different lists give the same bytes: each is its UTF-8 length, a colon, itself."""
    return b"".join([b"%d:%b" % (len(raw), raw) for raw in [str(value).encode() for value in fields]])


def _base32(data: bytes) -> str:
    return b32encode(data).decode().rstrip("=").lower()


def item_id(mode: Mode, platform: str, period: str, reference: str, generation: int) -> str:
    """Return the 32 characters that name an obligation for ever, on Stripe too (``metadata.billing_item``)."""
    fields = ("billing", SCHEME, mode, platform, period, reference, generation)
    return _base32(sha256(length_prefixed(fields)).digest())[:32]


def charge_digest(charge: Charge) -> str:
    """Return the SHA-256 (64 hex) of what the file asks for; another digest under one reference is refused.

    A payment method left to the customer's default enters as empty: the file asked for "the default", whichever it is.
    """
    fields: list[str | int] = [
        charge.account,
        charge.customer,
        charge.payment_method or "",
        charge.amount.minor,
        charge.amount.currency,
        "" if charge.application_fee is None else charge.application_fee,
        charge.description or "",
        charge.statement_suffix or "",
    ]
    for name, value in sorted(charge.metadata):
        fields += (name, value)
    return sha256(length_prefixed(fields)).hexdigest()


def idempotency_key(mode: Mode, platform: str, account: str, item: str, op: Op, attempt: int, number: int) -> str:
    """Return the key of one request, at most 70 characters.

    Args:
        mode: test and live never share a key.
        platform: the platform account.
        account: the connected account; inside because Stripe does not say whose key space a Connect call uses.
        item: the item id.
        op: which request of the protocol.
        attempt: 0 for open and cancel, which happen once per item.
        number: grows only when the stored answer of the last number is a server error or the key has outlived its
            replay window, and only after looking.
    """
    fields = _scope(mode, platform, account) + length_prefixed((item, op, attempt, number))
    return f"bil{SCHEME}-{op}-{_base32(sha256(fields).digest())}"


@lru_cache(maxsize=4096)
def _scope(mode: Mode, platform: str, account: str) -> bytes:
    """Return the fields that all keys of one connected account begin with."""
    return length_prefixed((SCHEME, mode, platform, account))
