"""From version 1: the kind becomes part of an obligation, entries get their item's version, the laws become rows.

Nothing that was said changes: every entry keeps its number and its mac. A book is the scope of the charges of its
period, for charges were all there was, and an item's entries follow one another as they were written.
"""

import json
import sqlite3
from array import array
from collections.abc import Iterator
from typing import Any

from billing.edge.ledger.chain import CHAIN, Head
from billing.edge.ledger.rows import due_of
from billing.edge.ledger.sqlite.chain_reads import read_head
from billing.edge.ledger.sqlite.tables import make_laws, make_tables
from billing.edge.ledger.sqlite.upgrade.carrying import note, write

FROM = 1

_RUNS = """SELECT id, run_id, book, platform, name, period, mode, kind, header, file_sha256, plan_digest, revision,
    status, planned_at, started_at, finished_at FROM runs ORDER BY id"""
_ITEMS = """SELECT id, run, book, reference, generation, account, lane, amount, currency, digest, content, state,
    attempt, ver, last_event, object_id, instrument_id, facts FROM items ORDER BY id"""
_LINES = "SELECT run, revision, position, line, cells, item, reason, detail FROM lines ORDER BY run, revision, position"
_ENTRIES = "SELECT seq, at, name, run, item, attempt, facts, mac FROM entries ORDER BY seq"
_LOOKUPS = "SELECT kind, name, at, facts, mac FROM lookups ORDER BY kind, name"


def carry_over(old: sqlite3.Connection, new: sqlite3.Connection, key: bytes, at: int) -> Head:
    """Write what the old ledger holds into an empty file, inside the open transaction; return the end of its chain.

    Args:
        old: a sound ledger of version 1, which nobody writes to meanwhile.
        new: a file without tables.
        key: of the chain.
        at: provider time in milliseconds, for the entry that notes the upgrade.
    """
    make_tables(new, dict(old.execute("SELECT name, value FROM meta")))
    write(new, "runs", 16, old.execute(_RUNS))
    write(new, "items", 19, _items(old))
    write(new, "lines", 8, old.execute(_LINES))
    write(new, "entries", 10, _entries(old))
    write(new, "lookups", 5, old.execute(_LOOKUPS))
    head = note(new, read_head(old), key, at, FROM)
    make_laws(new)
    return head


def _items(old: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Yield the items, each with when it is due."""
    for row in old.execute(_ITEMS):
        facts = row[-1]
        yield *row, due_of(json.loads(facts)) if facts else None


def _entries(old: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Yield the entries, each with its item's version after it: an item has one more with every entry."""
    (items,) = old.execute("SELECT ifnull(max(id), 0) FROM items").fetchone()
    entries = array("q", bytes(8 * (items + 1)))  # of each item so far
    for seq, at, name, run, item, attempt, facts, mac in old.execute(_ENTRIES):
        ver = 0
        if item is not None:
            ver = entries[item]
            entries[item] += 1
        yield seq, at, name, run, item, ver, CHAIN, attempt, facts, mac
