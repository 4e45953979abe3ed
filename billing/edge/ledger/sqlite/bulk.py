"""Many rows in one statement: at each one the writer lets the event loop run, and has to wait for its turn again."""

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain

APPEND = "INSERT INTO entries (seq, at, name, run, item, ver, chain, attempt, facts, mac) VALUES {rows}"
MOVE = """UPDATE items SET state = moved.column5, attempt = moved.column6, ver = moved.column7,
    object_id = moved.column8, instrument_id = moved.column9, last_event = coalesce(moved.column10, last_event),
    facts = moved.column11, due = moved.column12 FROM (VALUES {rows}) AS moved
    WHERE id = moved.column1 AND state = moved.column2 AND attempt = moved.column3 AND ver = moved.column4"""
# Of each row: the item's id, state, attempt and version as they are believed to be; then what they become, the intent,
# the clone, the event or none, the facts, and when it is due.

SIZES = (64, 32, 16, 8, 4, 2, 1)
# Rows of one statement: few enough texts that the connection keeps them all prepared.


def write(conn: sqlite3.Connection, sql: str, rows: Sequence[tuple[object, ...]]) -> int:
    """Run ``sql`` over ``rows``, in order, and return how many rows of the table it wrote."""
    done = written = 0
    for size in SIZES:
        while len(rows) - done >= size:
            part = rows[done : done + size]
            written += conn.execute(_text(sql, size, len(part[0])), list(chain.from_iterable(part))).rowcount
            done += size
    return written


@lru_cache(maxsize=32)
def _text(sql: str, rows: int, columns: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return sql.format(rows=", ".join([row] * rows))
