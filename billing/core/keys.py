"""Names that survive everything: item ids, digests and idempotency keys.

A key names the *obligation*, never its parameters: an edited amount under a used key meets Stripe's
``idempotency_error`` instead of becoming a second charge. No clock, process or clone id enters one.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha256

from billing.core.items import Charge, Kind, Mode

SCHEME = 1
# The first field of every id and key. A ledger keeps the scheme it was planned with: a new scheme never meets old keys.


def length_prefixed(fields: Iterable[str | int]) -> bytes:
    """Join ``fields`` so that no two different lists give the same bytes: each is its UTF-8 length, a colon, itself."""
    return b"".join([b"%d:%b" % (len(raw), raw) for raw in [str(value).encode() for value in fields]])


def _halvings() -> list[tuple[int, int]]:
    """Return how 64 letters of five bits come to stand eight bits apart: each step parts every group in two halves.

    A step is the mask of all lower halves, and the bits by which the upper halves move away from them.
    """
    return [
        (sum((1 << half * 5) - 1 << start * 8 for start in range(0, 64, half * 2)), half * 3)
        for half in (32, 16, 8, 4, 2, 1)
    ]


_HALVINGS = _halvings()
_LETTERS = b"abcdefghijklmnopqrstuvwxyz234567" * 8


def _base32(digest: bytes) -> str:
    """Return the 52 letters of a SHA-256 in base 32, lower case and without padding.

    All letters at once, in six steps of one long number: a quarter of the time of ``base64.b32encode``, which is
    written in Python and was the dearest line of a request.
    """
    spread = int.from_bytes(digest, "big") << 4  # 260 bits, 52 letters
    for lower, distance in _HALVINGS:
        kept = spread & lower
        spread = kept | (spread ^ kept) << distance
    return spread.to_bytes(52, "big").translate(_LETTERS).decode()


_KIND_IN_IDS: Mapping[Kind, tuple[str, ...]] = {kind: (kind,) for kind in Kind} | {Kind.CHARGE: ()}
# Charges were the first kind: their ids are older than the name of a kind in them, and stay as they are.


def item_id(mode: Mode, platform: str, period: str, reference: str, generation: int, kind: Kind) -> str:
    """Return the 32 characters that name an obligation for ever, on Stripe too (``metadata.billing_item``).

    Args:
        mode, platform: where it belongs.
        period: what counts of it for the kind (`billing.core.life.Scope.within`): empty if its obligations have none.
        reference: the operator's own id.
        generation: 0 for the first.
        kind: of the item; one reference may be an obligation of every kind.
    """
    fields: tuple[str | int, ...] = ("billing", SCHEME, mode, platform, period, reference, generation)
    return _base32(sha256(length_prefixed((*fields, *_KIND_IN_IDS[kind]))).digest())[:32]


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


def idempotency_key(mode: Mode, platform: str, account: str, item: str, op: str, attempt: int, number: int) -> str:
    """Return the key of one request, at most 70 characters.

    Args:
        mode: test and live never share a key.
        platform: the platform account.
        account: the connected account; inside because Stripe does not say whose key space a Connect call uses.
        item: the item id.
        op: the name of the request.
        attempt: 0 for what happens once per item.
        number: grows only when the stored answer of the last number is a server error or the key has outlived its
            replay window, and only after looking.
    """
    named = item.encode()
    fields = b"%b%d:%b%b" % (_scope(mode, platform, account), len(named), named, _request(op, attempt, number))
    return f"bil{SCHEME}-{op}-{_base32(sha256(fields).digest())}"


@lru_cache(maxsize=4096)
def _scope(mode: Mode, platform: str, account: str) -> bytes:
    """Return the fields that all keys of one connected account begin with."""
    return length_prefixed((SCHEME, mode, platform, account))


@lru_cache(maxsize=256, typed=True)
def _request(op: str, attempt: int, number: int) -> bytes:
    """Return the fields that all keys of one request of the protocol end with; hardly ever more than four differ."""
    return length_prefixed((op, attempt, number))
