"""From version 2: the table of states of a charge has one state and one edge more. Every other row stays as it is.

A ledger of version 2 may lack kinds that came later; the new one knows all of this program's.
"""

import sqlite3

from billing.edge.ledger.chain import Head
from billing.edge.ledger.sqlite.chain_reads import read_head
from billing.edge.ledger.sqlite.tables import make_laws, make_tables
from billing.edge.ledger.sqlite.upgrade.carrying import note, write

FROM = 2

_ORDER = {"runs": "id", "items": "id", "lines": "run, revision, position", "entries": "seq", "lookups": "kind, name"}
# The tables that hold what was planned, sent and heard, and the order that their rows are written in.


def carry_over(old: sqlite3.Connection, new: sqlite3.Connection, key: bytes, at: int) -> Head:
    """Write what the old ledger holds into an empty file, inside the open transaction; return the end of its chain.

    Args:
        old: a sound ledger of version 2, which nobody writes to meanwhile.
        new: a file without tables.
        key: of the chain.
        at: provider time in milliseconds, for the entry that notes the upgrade.
    """
    make_tables(new, dict(old.execute("SELECT name, value FROM meta")))
    for table, order in _ORDER.items():
        rows = old.execute(f"SELECT * FROM {table} ORDER BY {order}")  # noqa: S608 - constants above
        write(new, table, len(rows.description), rows)
    head = note(new, read_head(old), key, at, FROM)
    make_laws(new)
    return head
