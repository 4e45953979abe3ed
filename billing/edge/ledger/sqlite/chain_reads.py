"""Where the chain of a ledger's file ends, and whether it goes on from there."""

import sqlite3

from billing.edge.ledger.chain import CHAIN, Head, entry_mac

ENTRY = "seq, at, name, run, item, ver, chain, attempt, facts, mac"
# The columns of an entry, in their order.


def read_head(conn: sqlite3.Connection) -> Head:
    """Return the end of the chain as the connection sees it now."""
    row = conn.execute("SELECT seq, mac FROM entries ORDER BY seq DESC LIMIT 1").fetchone()
    if row is None:
        (sealed,) = conn.execute("SELECT value FROM meta WHERE name = 'seal'").fetchone()
        return Head(0, bytes.fromhex(sealed))
    return Head(*row)


def first_break(conn: sqlite3.Connection, key: bytes, after: Head) -> int | None:
    """Return the number of the first entry after ``after`` whose mac or number is not right, or None.

    ``after`` was seen in this version of the ledger, so every entry behind it was written in this one.
    """
    seq, mac = after.seq, after.mac
    rows = conn.execute(f"SELECT {ENTRY} FROM entries WHERE seq > ? ORDER BY seq", (seq,))  # noqa: S608 - a constant
    for found, at, name, run, item, ver, chain, attempt, facts, kept in rows:
        seq += 1
        mac = entry_mac(key, mac, seq, at, name, run, item, ver, chain, attempt, facts)
        if found != seq or chain != CHAIN or kept != mac:
            return seq
    return None
