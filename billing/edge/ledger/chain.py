"""The keyed hash chain: each entry's mac covers the one before it, so nothing can be changed, cut out or slipped in."""

import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct

from billing.edge.ledger.kind_rows import VERSION

MAC_BYTES = 32
CHAIN = 0
# The number of this program's chain: one writer, one chain.
_FIXED = Struct(">4s32sqqqqqqqHI")
_TAG = b"bil2"
# The tag, previous mac, seq, at, run and item (0 for none), ver, chain, attempt, then the lengths of name and facts, so
# that no two entries share their bytes.
_FIXED_1 = Struct(">32sqqqqqHI")
# In version 1: previous mac, seq, at, run, item, attempt and the lengths.


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: how many entries it has, and the mac of the last (of the ledger's own seal when empty)."""

    seq: int
    mac: bytes


Mac = Callable[[bytes, bytes, int, int, str, int | None, int | None, int, int, int, str], bytes]
# The key, the mac before, then the columns of an entry in their order.


def entry_mac(
    key: bytes,
    previous: bytes,
    seq: int,
    at: int,
    name: str,
    run: int | None,
    item: int | None,
    ver: int,
    chain: int,
    attempt: int,
    facts: str,
) -> bytes:
    """Return the HMAC-SHA256 of one entry over the mac of the one before it."""
    raw_name, raw_facts = name.encode(), facts.encode()
    fixed = _FIXED.pack(
        _TAG, previous, seq, at, run or 0, item or 0, ver, chain, attempt, len(raw_name), len(raw_facts)
    )
    return _hmac_sha256(key, fixed + raw_name + raw_facts)


def _mac_of_version_1(
    key: bytes,
    previous: bytes,
    seq: int,
    at: int,
    name: str,
    run: int | None,
    item: int | None,
    _ver: int,
    _chain: int,
    attempt: int,
    facts: str,
) -> bytes:
    """Return the mac of an entry that was written in version 1: it had neither ver nor chain."""
    raw_name, raw_facts = name.encode(), facts.encode()
    fixed = _FIXED_1.pack(previous, seq, at, run or 0, item or 0, attempt, len(raw_name), len(raw_facts))
    return _hmac_sha256(key, fixed + raw_name + raw_facts)


MACS: Mapping[int, Mac] = {1: _mac_of_version_1, 2: entry_mac, 3: entry_mac}
# Version of the ledger an entry was written in -> its mac. Kept for ever: entries are never written anew.


def eras(upgrades: Iterable[tuple[int, str]], version: int = VERSION) -> list[tuple[int, Mac]]:
    """Return from which entry on which mac holds, in order.

    Args:
        upgrades: seq and facts of the entries that note an upgrade, in order.
        version: of the ledger, for one that was never upgraded.

    Raises:
        ValueError, LookupError, TypeError: an upgrade says nothing that this program understands.
    """
    told = [(seq, json.loads(facts)) for seq, facts in upgrades]
    first = told[0][1]["from"] if told else version
    return [(0, MACS[first]), *((seq, MACS[facts["to"]]) for seq, facts in told)]


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
