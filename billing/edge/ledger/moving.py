"""A ledger that was copied elsewhere: what notes it, in both, and how the one that was left is known for it.

Of two copies only one may ever be written: what one charges the other would charge again. So the last entry of the
ledger that was left says where it went, and nothing follows it; in the one that goes on another entry does. Both are
entries of the chain, which nobody without the key can make or take away.
"""

import json
import shlex
from collections.abc import Mapping
from typing import Any, NamedTuple

from billing.core.entries import Note
from billing.core.errors import UsageError
from billing.edge.ledger.chain import CHAIN, Head, entry_mac
from billing.edge.ledger.custody.known_ledgers import url_of
from billing.edge.ledger.rows import iso, json_text
from billing.edge.ledger.transaction import Row

LAST_ENTRY = "SELECT name, at, facts FROM entries ORDER BY seq DESC LIMIT 1"
# What every opening asks; the same words in each database.


class Chain(NamedTuple):
    """The end of a chain, and whose it is; the one without a name belongs to whoever runs alone."""

    head: Head
    worker: str


Chains = Mapping[int, Chain]


class Moved(NamedTuple):
    """Where a ledger went, and when (provider time, ISO 8601)."""

    place: str
    at: str


def moved(last: tuple[Any, ...] | None) -> Moved | None:
    """Return where a ledger went by what `LAST_ENTRY` says of it; None while it is the one that goes on."""
    if last is None or last[0] != Note.LEDGER_MOVED:
        return None
    try:
        return Moved(str(json.loads(last[2])["place"]), iso(last[1]))
    except (ValueError, LookupError, TypeError):  # it has been edited: what it is called is enough
        return Moved("another place", "")


def require_here(named: str, found: Moved | None) -> None:
    """Refuse to write a ledger that goes on elsewhere.

    Raises:
        UsageError: it does; the message names the place.
    """
    if found:
        raise UsageError(f"{named}: {gone_to(found)}. Nothing was sent")


def gone_to(found: Moved) -> str:
    """Say where a ledger went, and which one is meant now."""
    return (
        f"was copied to {found.place} on {found.at[:10]}, and only that one may be charged from since; name it "
        f"(--ledger {shlex.quote(url_of(found.place))}, or BILLING_LEDGER)"
    )


def noted(key: bytes, note: Note, seq: int, at: int, before: Head, place: str, chains: Chains) -> Row:
    """Return the entry that notes that a ledger went to ``place``, or came from there.

    Args:
        key: of the chain.
        note: which of the two.
        seq: its number.
        at: provider time in milliseconds.
        before: the end of chain 0.
        place: where to, or where from.
        chains: all of the ledger, as they end before it.
    """
    facts = facts_of(place, chains)
    mac = entry_mac(key, before.mac, seq, at, note.value, None, None, 0, CHAIN, 0, facts)
    return (seq, at, note.value, None, None, 0, CHAIN, 0, facts, mac)


def facts_of(place: str, chains: Chains) -> str:
    """Return the facts of such an entry."""
    return json_text({"place": place, "chains": [_told(number, chain) for number, chain in sorted(chains.items())]})


def _told(number: int, chain: Chain) -> str:
    return f"{number} {chain.head.seq} {chain.head.mac.hex()} {chain.worker}"


def chains_told(facts: str) -> Chains:
    """Return the chains that such an entry tells of.

    Raises:
        ValueError, LookupError: it tells of none.
    """
    found = {}
    for text in json.loads(facts)["chains"]:
        number, seq, mac, worker = str(text).split(" ", 3)
        found[int(number)] = Chain(Head(int(seq), bytes.fromhex(mac)), worker)
    return found
