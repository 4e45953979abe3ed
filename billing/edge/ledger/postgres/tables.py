"""A ledger's tables as they stand in a database: made, given another kind or chain, compared with this program's."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from billing.core.errors import LedgerError, UsageError
from billing.edge.ledger.chain import Head
from billing.edge.ledger.kind_rows import KIND_TABLES, KNOWN, KindsFound, Rows, compare_kinds, compared
from billing.edge.ledger.postgres.functions import FUNCTIONS, LAWS, Function
from billing.edge.ledger.postgres.names import COMMENT, COPYING, MAKING, NUMBERS, SCHEMA
from billing.edge.ledger.postgres.schema import CONSTRAINTS, INDEXES, TABLES, TRIGGERS

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

# ruff: noqa: S608 - the only texts put into these statements are constant names of tables

_VERSION = re.compile(COMMENT.replace(COMMENT.rpartition(" ")[2], r"(\d+)"))


class Chain(NamedTuple):
    """The chain of one writer: its number, and where it ends."""

    number: int
    head: Head


def statements() -> Iterator[str]:
    """Yield the statements that make an empty ledger in an empty database; the triggers come last."""
    yield f"CREATE SCHEMA {SCHEMA}"
    yield f"COMMENT ON SCHEMA {SCHEMA} IS '{COMMENT}'"
    for table, columns in TABLES.items():
        yield f"CREATE TABLE {SCHEMA}.{table} ({', '.join(map(_column, columns))})"
    for name, (table, constraint) in CONSTRAINTS.items():
        yield f"ALTER TABLE {SCHEMA}.{table} ADD CONSTRAINT {name} {_qualified(constraint)}"
    for index in INDEXES.values():
        yield f"CREATE {index}"
    yield f"CREATE SEQUENCE {SCHEMA}.{NUMBERS}"
    for function in (*FUNCTIONS, *LAWS):
        yield function.sql


def triggers() -> Iterator[str]:
    """Yield the statements that put the laws in force."""
    for trigger in TRIGGERS:
        yield trigger.sql.replace("FUNCTION ", f"FUNCTION {SCHEMA}.")


def _column(column: str) -> str:
    """Return how a column is declared: every text ordered by its bytes, nothing empty that is not said to be."""
    declared = column.removesuffix(" NULL")
    name, kind, *rest = declared.split(" ")
    ordered = f'{name} {kind} COLLATE "C" {" ".join(rest)}' if kind == "text" else declared
    return ordered if column != declared else f"{ordered} NOT NULL"


def _qualified(constraint: str) -> str:
    return constraint.replace("REFERENCES ", f"REFERENCES {SCHEMA}.")


def version(conn: "Connection") -> int | None:
    """Return the version of the ledger in a database; None where there is none.

    Raises:
        UsageError: there is a schema of its name that is no ledger.
    """
    found = said_of_schema(conn)
    if found is None:
        return None
    if match := _VERSION.fullmatch(found):
        return int(match[1])
    if found == COPYING:
        raise UsageError("a copy of a ledger to it was cut off; type the same copy again (billing ledger copy FROM TO)")
    raise UsageError(f"its schema {SCHEMA} is not a ledger's; name another database (BILLING_LEDGER)")


def said_of_schema(conn: "Connection") -> str | None:
    """Return what the schema says about itself; None where there is none."""
    found = conn.execute(
        "SELECT coalesce(obj_description(oid, 'pg_namespace'), '') FROM pg_namespace WHERE nspname = %s", (SCHEMA,)
    ).fetchone()
    return None if found is None else str(found[0])


@contextmanager
def making(conn: "Connection") -> Iterator[None]:
    """Open a transaction that keeps others out who make tables, kinds or chains; undone if the block raises."""
    with conn.transaction():
        conn.execute("SELECT pg_advisory_xact_lock(%s)", (MAKING,))
        yield


def create_if_missing(conn: "Connection", meta: Callable[[], Mapping[str, str]]) -> bool:
    """Make the tables where there are none, in one transaction; tell whether there were none.

    Args:
        conn: outside a transaction.
        meta: returns what the new ledger says about itself, with its seal.
    """
    with making(conn):
        if version(conn) is not None:
            return False
        create(conn, meta())
    return True


def create(conn: "Connection", meta: Mapping[str, str], kinds: Iterable[Rows] = KNOWN.values()) -> None:
    """Make the tables inside the open transaction; the triggers come after the rows that are written only once."""
    for sql in statements():
        conn.execute(sql)
    with conn.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {SCHEMA}.meta VALUES (%s, %s)", sorted(meta.items()))
    for rows in kinds:
        add_kind(conn, rows)
    for sql in triggers():
        conn.execute(sql)
    _add_chain(conn, "")


def add_kind(conn: "Connection", rows: Rows) -> None:
    """Write the rows of one kind; the laws allow it as long as there is no run of it."""
    with conn.cursor() as cursor:
        for table, each in rows.items():
            cursor.executemany(f"INSERT INTO {SCHEMA}.{table} VALUES ({', '.join(['%s'] * len(each[0]))})", each)


def add_missing_kinds(conn: "Connection") -> tuple[str, ...]:
    """Write the rows of every kind of this program that the ledger does not know, inside the open transaction."""
    conn.execute("SELECT pg_advisory_xact_lock(%s)", (MAKING,))
    missing = kinds_found(conn).missing
    for kind in missing:
        add_kind(conn, KNOWN[kind])
    return missing


def kinds_found(conn: "Connection", known: Mapping[str, Rows] = KNOWN) -> KindsFound:
    """Compare the kinds of a ledger with those that a program knows."""
    found = {table: conn.execute(f"SELECT * FROM {SCHEMA}.{table}").fetchall() for table in KIND_TABLES}
    used = {kind for (kind,) in conn.execute(f"SELECT DISTINCT kind FROM {SCHEMA}.runs")}
    return compare_kinds(found, used, known)


def own_chain(conn: "Connection", worker: str) -> Chain:
    """Return the chain of a worker, made where it has none yet; the one without a name is of whoever runs alone."""
    if (found := _chain(conn, worker)) is None:
        with making(conn):
            if (found := _chain(conn, worker)) is None:
                _add_chain(conn, worker)
                found = _chain(conn, worker)
    if found is None:
        raise LedgerError(f"chains: the one of {worker or 'whoever runs alone'} is gone as soon as it was made")
    return found


def _chain(conn: "Connection", worker: str) -> Chain | None:
    row = conn.execute(f"SELECT chain, seq, mac FROM {SCHEMA}.chains WHERE worker = %s", (worker,)).fetchone()
    return None if row is None else Chain(row[0], Head(row[1], row[2]))


def _add_chain(conn: "Connection", worker: str) -> None:
    conn.execute(
        f"""INSERT INTO {SCHEMA}.chains (chain, worker, seq, mac)
        SELECT (SELECT coalesce(max(chain), -1) + 1 FROM {SCHEMA}.chains), %s, 0, decode(value, 'hex')
        FROM {SCHEMA}.meta WHERE name = 'seal'""",
        (worker,),
    )


def differences(conn: "Connection", known: Mapping[str, Rows] = KNOWN) -> Iterator[str]:
    """Yield a sentence for every table, index, law or kind that is not as a program of these kinds makes it.

    A kind that the ledger does not know yet is none: nothing is wrong with what it holds.
    """
    found = {text for sql in _FOUND for (text,) in conn.execute(sql)}
    yield from compared(found, set(expected()))
    kinds = kinds_found(conn, known)
    for kind in (*kinds.changed, *kinds.newer):
        yield f"kinds: {kind} has not the table of states of this program"


def expected() -> Iterator[str]:
    """Yield what the catalogue of the database says of a ledger that this program has made."""
    for table, columns in TABLES.items():
        yield from (f"COLUMN {table} {column}" for column in columns)
    for name, (table, constraint) in CONSTRAINTS.items():
        yield f"CONSTRAINT {name} ON {table} {constraint}"
    yield from (f"CREATE {index}" for index in INDEXES.values())
    yield f"SEQUENCE {NUMBERS} bigint 1 1 cycle false"
    yield from map(_described, (*FUNCTIONS, *LAWS))
    yield from (trigger.sql for trigger in TRIGGERS)


def _described(function: Function) -> str:
    return (
        f"FUNCTION {function.name}({function.takes}) RETURNS {function.returns} LANGUAGE {function.language}"
        f": {function.body}"
    )


_FOUND: Sequence[str] = (
    # A rule or a view among the tables is one that is not of this program; a table without columns is as well.
    f"""SELECT 'RELATION ' || relname || ' of kind ' || relkind::text || ' ' || relpersistence::text FROM pg_class
        WHERE relnamespace = '{SCHEMA}'::regnamespace AND (relkind NOT IN ('r', 'i', 'S', 't', 'c')
        OR relpersistence <> 'p' OR relrowsecurity OR relhasrules OR relhassubclass OR relispartition)""",
    f"""SELECT 'COLUMN ' || relname || ' ' || attname || ' ' || format_type(atttypid, atttypmod)
        || coalesce(' DEFAULT ' || pg_get_expr(adbin, adrelid), '') || CASE WHEN attnotnull THEN '' ELSE ' NULL' END
        || CASE WHEN collname IS NULL OR collname = 'C' THEN '' ELSE ' COLLATE ' || collname END
        || CASE WHEN attgenerated = '' AND attidentity = '' THEN '' ELSE ' GENERATED' END
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        LEFT JOIN pg_collation ON pg_collation.oid = attcollation
        WHERE relnamespace = '{SCHEMA}'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped""",
    # That a column holds something is told with the column.
    f"""SELECT 'CONSTRAINT ' || conname || ' ON ' || relname || ' ' || pg_get_constraintdef(pg_constraint.oid)
        FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
        WHERE connamespace = '{SCHEMA}'::regnamespace AND contype NOT IN ('n', 't')""",
    f"""SELECT pg_get_indexdef(indexrelid) || CASE WHEN indisvalid AND indisready THEN '' ELSE ' INVALID' END
        FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
        WHERE relnamespace = '{SCHEMA}'::regnamespace AND (NOT indisvalid OR NOT indisready
        OR NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x')))""",
    f"""SELECT 'SEQUENCE ' || relname || ' ' || format_type(seqtypid, NULL) || ' ' || seqincrement || ' ' || seqcache
        || ' cycle ' || seqcycle FROM pg_sequence JOIN pg_class ON pg_class.oid = seqrelid
        WHERE relnamespace = '{SCHEMA}'::regnamespace""",
    f"""SELECT 'FUNCTION ' || proname || '(' || oidvectortypes(proargtypes) || ') RETURNS '
        || format_type(prorettype, NULL) || ' LANGUAGE ' || lanname
        || CASE provolatile WHEN 'i' THEN ' IMMUTABLE' WHEN 's' THEN ' STABLE' ELSE '' END
        || CASE WHEN proisstrict THEN ' STRICT' ELSE '' END
        || CASE proparallel WHEN 's' THEN ' PARALLEL SAFE' WHEN 'r' THEN ' PARALLEL RESTRICTED' ELSE '' END
        || CASE WHEN prosecdef THEN ' SECURITY DEFINER' ELSE '' END
        || CASE WHEN proconfig IS NULL THEN '' ELSE ' SET ' || array_to_string(proconfig, ', ') END
        || ': ' || prosrc FROM pg_proc JOIN pg_language ON pg_language.oid = prolang
        WHERE pronamespace = '{SCHEMA}'::regnamespace""",
    # A law that is switched off is not the law; the triggers of foreign keys are told with those.
    f"""SELECT pg_get_triggerdef(pg_trigger.oid) || CASE tgenabled WHEN 'O' THEN '' ELSE ' SWITCHED OFF' END
        FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
        WHERE relnamespace = '{SCHEMA}'::regnamespace AND (NOT tgisinternal OR tgenabled <> 'O')""",
)
# What the catalogue says of everything in the schema, in the words of `expected`; the schema is first in the path of
# the connection, which decides whether the database names it.
