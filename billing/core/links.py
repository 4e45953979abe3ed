"""Signed links for payers: which item one is about and until when it is open, in 56 characters that nobody can forge.

A link names a line and never a customer. Its end is part of what is signed, so it needs no record anywhere, and one
that is over can be told from one that was made up.
"""

import hmac
from base64 import b32decode, b32encode, urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

VERSION = 1
# The first byte of every link. Another way to sign takes another number: links that were sent stay what they are.
ITEM_BYTES = 20
# An item id is 32 letters of five bits (`billing.core.keys.item_id`).
END_BYTES = 5
MAC_BYTES = 16
# 128 bits of HMAC-SHA256 cannot be guessed; a shorter link survives being wrapped by a mail program.
LENGTH = 4 * (1 + ITEM_BYTES + END_BYTES + MAC_BYTES) // 3
LATEST = 256**END_BYTES - 1


@dataclass(frozen=True, slots=True)
class Link:
    """What a link says.

    Attributes:
        item: the id of the item.
        end: until when it is open, in seconds since 1970; open at that second, over at the next.
    """

    item: str
    end: int

    def is_over(self, now: float) -> bool:
        """Tell whether its time has passed; ``now`` is in seconds since 1970."""
        return now > self.end


def sign_link(key: bytes, link: Link) -> str:
    """Return the link's token: `LENGTH` letters of the URL-safe alphabet (RFC 4648, section 5), without padding.

    Args:
        key: secret, 32 bytes, of no other use (`billing.edge.ledger.custody.keyfile.link_key`).
        link: what is signed.

    Raises:
        ValueError: it is no item id, or the end cannot be written.
    """
    item = b32decode(link.item.upper())
    if len(item) != ITEM_BYTES or not 0 <= link.end <= LATEST:
        raise ValueError("no link can be made of these")
    body = bytes([VERSION]) + item + link.end.to_bytes(END_BYTES, "big")
    return urlsafe_b64encode(body + hmac.digest(key, body, "sha256")[:MAC_BYTES]).decode()


def read_link(key: bytes, token: str) -> Link | None:
    """Return what a token says, or None where this key did not sign it; whether it is over is another question.

    The whole token is compared, in a time that tells nothing about where it differs.
    """
    if len(token) != LENGTH or not token.isascii():
        return None
    try:
        raw = urlsafe_b64decode(token)
    except ValueError:
        return None
    item, end = raw[1 : 1 + ITEM_BYTES], raw[1 + ITEM_BYTES : 1 + ITEM_BYTES + END_BYTES]
    if len(raw) != 1 + ITEM_BYTES + END_BYTES + MAC_BYTES:
        return None  # letters outside of the alphabet are skipped in decoding
    link = Link(b32encode(item).decode().lower(), int.from_bytes(end, "big"))
    return link if hmac.compare_digest(sign_link(key, link), token) else None
