"""A ledger's tables as they stand in a file: made, given another kind, compared with what this program would make."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping

from billing.edge.ledger.kind_rows import KIND_TABLES, KNOWN, VERSION, KindsFound, Rows, compare_kinds, compared
from billing.edge.ledger.sqlite.schema import APPLICATION, DDL, LAWS, statements

# ruff: noqa: S608 - the only texts put into these statements are constant names of tables


def create(conn: sqlite3.Connection, meta: Mapping[str, str], kinds: Iterable[Rows] = KNOWN.values()) -> None:
    """Make the tables inside the open transaction; the triggers come after the rows that are written only once."""
    make_tables(conn, meta, kinds)
    make_laws(conn)


def make_tables(conn: sqlite3.Connection, meta: Mapping[str, str], kinds: Iterable[Rows] = KNOWN.values()) -> None:
    """Make the tables, and what a ledger says about itself and of its kinds; no law holds yet."""
    for sql in DDL:
        conn.execute(sql)
    conn.executemany("INSERT INTO meta VALUES (?, ?)", sorted(meta.items()))
    for rows in kinds:
        add_kind(conn, rows)


def make_laws(conn: sqlite3.Connection) -> None:
    """Make the triggers, and let the file say what it is."""
    for guard in LAWS:
        conn.execute(guard.sql)
    conn.execute(f"PRAGMA application_id = {APPLICATION}")
    conn.execute(f"PRAGMA user_version = {VERSION}")


def add_kind(conn: sqlite3.Connection, rows: Rows) -> None:
    """Write the rows of one kind; the laws allow it as long as there is no run of it."""
    for table, each in rows.items():
        conn.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(each[0]))})", each)


def add_missing_kinds(conn: sqlite3.Connection) -> tuple[str, ...]:
    """Write the rows of every kind of this program that the ledger does not know, inside the open transaction."""
    missing = kinds_found(conn).missing
    for kind in missing:
        add_kind(conn, KNOWN[kind])
    return missing


def kinds_found(conn: sqlite3.Connection, known: Mapping[str, Rows] = KNOWN) -> KindsFound:
    """Compare the kinds of a ledger with those that a program knows: this one, or one of an earlier version."""
    found = {table: conn.execute(f"SELECT * FROM {table}").fetchall() for table in KIND_TABLES}
    used = {kind for (kind,) in conn.execute("SELECT DISTINCT kind FROM runs")}
    return compare_kinds(found, used, known)


def differences(conn: sqlite3.Connection, known: Mapping[str, Rows] = KNOWN) -> Iterator[str]:
    """Yield a sentence for every table, index, trigger or kind that is not as a program of these kinds makes it.

    A kind that the ledger does not know yet is none: nothing is wrong with what it holds.
    """
    found = {sql for (sql,) in conn.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")}
    yield from compared(found, set(statements()))
    kinds = kinds_found(conn, known)
    for kind in (*kinds.changed, *kinds.newer):
        yield f"kinds: {kind} has not the table of states of this program"
