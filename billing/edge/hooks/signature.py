"""Whether bytes come from Stripe: the ``Stripe-Signature`` of a delivery, over the very bytes of its body.

Source: docs.stripe.com/webhooks/signature. Only the scheme ``v1`` counts; there are several while a secret is rolled.
"""

import hmac
import re
from collections.abc import Sequence
from enum import StrEnum
from hashlib import sha256
from typing import NoReturn

TOLERANCE_SECONDS = 300
# How far the time of a signature may be from ours, both ways: what was caught on its way is worth nothing afterwards.
LONGEST_HEADER = 2048
# Characters; a roll of a secret takes three hundred.
_PART = re.compile(r"(?P<scheme>[a-z][a-z0-9]{0,9})=(?P<value>[0-9A-Za-z]{1,128})")
_TIME = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")


class Doubt(StrEnum):
    """Why a delivery is not believed."""

    UNSIGNED = "unsigned"  # no header, several, or one that is no signature
    OLD = "old"  # its time is too far from ours
    FORGED = "forged"  # none of our secrets has made it


class Secrets:
    """The secrets of our endpoints. Nothing that prints them shows one."""

    __slots__ = ("__values",)

    def __init__(self, values: Sequence[str]) -> None:
        """Take what signs, as Stripe writes it (``whsec_...``)."""
        self.__values = tuple(value.encode() for value in values)

    def made(self, signature: str, at: str, body: bytes) -> bool:
        """Tell whether one of the secrets has made a signature; the time it takes gives nothing away."""
        given = signature.encode()
        found = False
        for secret in self.__values:
            expected = hmac.new(secret, b"%s.%s" % (at.encode(), body), sha256).hexdigest().encode()
            found |= hmac.compare_digest(expected, given)
        return found

    def __len__(self) -> int:
        """How many there are."""
        return len(self.__values)

    def __repr__(self) -> str:
        """``<2 webhook secrets>``."""
        return f"<{len(self)} webhook secrets>"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied."""
        raise TypeError("webhook secrets are not serialised")


class Signed:
    """A header that has the form of a signature.

    Attributes:
        at: its time, as it stands there; seconds since 1970.
        signatures: hex, of scheme ``v1``.
    """

    __slots__ = ("at", "signatures")

    def __init__(self, at: str, signatures: tuple[str, ...]) -> None:
        self.at, self.signatures = at, signatures


def read_header(headers: Sequence[str], now: float) -> Signed | Doubt:
    """Read the signature of a delivery, before its body is read.

    Args:
        headers: every ``Stripe-Signature`` of the request.
        now: the machine's clock, seconds since 1970.
    """
    if len(headers) != 1 or len(headers[0]) > LONGEST_HEADER:
        return Doubt.UNSIGNED
    parts = [_PART.fullmatch(part.strip(" ")) for part in headers[0].split(",")]
    found = [(part["scheme"], part["value"]) for part in parts if part]
    times = [value for scheme, value in found if scheme == "t"]
    signatures = tuple(value for scheme, value in found if scheme == "v1" and _SIGNATURE.fullmatch(value))
    if len(found) < len(parts) or len(times) != 1 or not _TIME.fullmatch(times[0]) or not signatures:
        return Doubt.UNSIGNED
    return Doubt.OLD if abs(now - int(times[0])) > TOLERANCE_SECONDS else Signed(times[0], signatures)


def doubt_of(signed: Signed, body: bytes, secrets: Secrets) -> Doubt | None:
    """Return why a body is not believed; None if one of our secrets has signed it."""
    made = [secrets.made(signature, signed.at, body) for signature in signed.signatures]
    return None if any(made) else Doubt.FORGED
