"""What every upgrade writes alike: rows into a table without laws yet, and the entry that notes it."""

import sqlite3
from collections.abc import Iterable
from typing import Any

from billing.core.entries import Note
from billing.edge.ledger.chain import CHAIN, Head, entry_mac
from billing.edge.ledger.kind_rows import VERSION
from billing.edge.ledger.rows import json_text


def write(new: sqlite3.Connection, table: str, columns: int, rows: Iterable[tuple[Any, ...]]) -> None:
    """Insert rows of so many columns into a table of the new file."""
    new.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})", rows)  # noqa: S608 - constants of ours


def note(new: sqlite3.Connection, before: Head, key: bytes, at: int, came_from: int) -> Head:
    """Append the entry from which on the chain is that of this version; return the end of the chain.

    Args:
        new: the new file, which holds every entry of the old one.
        before: the end of the old one's chain.
        key: of the chain.
        at: provider time in milliseconds.
        came_from: the version of the old one.
    """
    facts = json_text({"from": came_from, "to": VERSION, "head_before": before.mac.hex()})
    seq, name = before.seq + 1, str(Note.LEDGER_UPGRADED)
    mac = entry_mac(key, before.mac, seq, at, name, None, None, 0, CHAIN, 0, facts)
    write(new, "entries", 10, [(seq, at, name, None, None, 0, CHAIN, 0, facts, mac)])
    return Head(seq, mac)
