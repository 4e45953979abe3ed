"""The keyed hash chain: each entry's mac covers the one before it, so nothing can be changed, cut out or slipped in."""

import hmac
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct

MAC_BYTES = 32
_FIXED = Struct(">32sqqqqqHI")
# Previous mac, seq, at, run, item (0 for none), attempt, then the lengths of name and facts, so that no two entries
# share their bytes.


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: how many entries it has, and the mac of the last (of the ledger's own seal when empty)."""

    seq: int
    mac: bytes


def entry_mac(
    key: bytes, previous: bytes, seq: int, at: int, name: str, run: int, item: int | None, attempt: int, facts: str
) -> bytes:
    """Return the HMAC-SHA256 of one entry over the mac of the one before it."""
    raw_name, raw_facts = name.encode(), facts.encode()
    fixed = _FIXED.pack(previous, seq, at, run, item or 0, attempt, len(raw_name), len(raw_facts))
    return _hmac_sha256(key, fixed + raw_name + raw_facts)


def seal(key: bytes, *fields: object) -> bytes:
    """Return the HMAC-SHA256 of ``fields``, each with its length before it."""
    texts = [str(field) for field in fields]
    return _hmac_sha256(key, "".join(f"{len(text)}:{text}" for text in texts).encode("utf-8", "surrogatepass"))


def _hmac_sha256(key: bytes, message: bytes) -> bytes:
    """Return the HMAC-SHA256 of ``message``.

    Not by ``hmac.digest``: that gives the interpreter away at every call, and the writer's thread had to wait for it
    anew with each entry of a commit.
    """
    mac = _keyed(key).copy()
    mac.update(message)
    return mac.digest()


@lru_cache(maxsize=4)
def _keyed(key: bytes) -> hmac.HMAC:
    return hmac.new(key, digestmod="sha256")


def meta_seal(key: bytes, meta: Mapping[str, str]) -> bytes:
    """Return the mac over everything a ledger says about itself; the chain starts from it."""
    fields = [text for name in sorted(meta) if name != "seal" for text in (name, meta[name])]
    return seal(key, "connect-billing ledger", *fields)


def key_check(key: bytes) -> str:
    """Return what a ledger keeps to recognise its key; it tells nothing about the key."""
    return seal(key, "connect-billing ledger key").hex()[:32]


def read_head(conn: sqlite3.Connection) -> Head:
    """Return the end of the chain as the connection sees it now."""
    row = conn.execute("SELECT seq, mac FROM entries ORDER BY seq DESC LIMIT 1").fetchone()
    if row is None:
        (sealed,) = conn.execute("SELECT value FROM meta WHERE name = 'seal'").fetchone()
        return Head(0, bytes.fromhex(sealed))
    return Head(*row)


def first_break(conn: sqlite3.Connection, key: bytes, after: Head) -> int | None:
    """Return the number of the first entry after ``after`` whose mac or number is not right, or None."""
    seq, mac = after.seq, after.mac
    rows = conn.execute(
        "SELECT seq, at, name, run, item, attempt, facts, mac FROM entries WHERE seq > ? ORDER BY seq", (seq,)
    )
    for found, at, name, run, item, attempt, facts, kept in rows:
        seq += 1
        mac = entry_mac(key, mac, seq, at, name, run, item, attempt, facts)
        if found != seq or kept != mac:
            return seq
    return None
