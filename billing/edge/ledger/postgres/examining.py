"""What a person should know of the server of a ledger: its version, whether a commit lasts, who connects and how."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from billing.core.errors import LedgerError, UsageError
from billing.edge.ledger.postgres.connecting import connect, first_line, named
from billing.edge.ledger.postgres.names import NUMBERS, SCHEMA
from billing.edge.ledger.postgres.roles import EXCESS, rights
from billing.edge.ledger.postgres.schema import TABLES
from billing.edge.ledger.postgres.tables import version

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

SKEW_SECONDS = 5.0
# Beyond it the times at which workers were seen mislead a person; no decision compares the two clocks.
SHOWN = 3
# Rights that are named; the others are counted.
_SERVER = """SELECT current_setting('server_version'), current_setting('fsync'), current_setting('full_page_writes'),
    current_setting('synchronous_commit'), clock_timestamp()"""
_HOW = """SELECT inet_server_addr() IS NULL OR host(inet_server_addr()) IN ('127.0.0.1', '::1'),
    coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)"""
_ROLE = """SELECT current_user, rolsuper,
    coalesce((SELECT pg_has_role(current_user, nspowner, 'USAGE') FROM pg_namespace WHERE nspname = %s), false)
    FROM pg_roles WHERE rolname = current_user"""


class Seen(NamedTuple):
    """One thing that was looked at.

    Attributes:
        about: what.
        found: how it is.
        good: whether that is well; None where it works and could be better.
        do: what to do about it.
    """

    about: str
    found: str
    good: bool | None = True
    do: str = ""


def examine(url: str) -> list[Seen]:
    """Look at the server of a ledger as whoever charges from it would connect; nothing is written or locked.

    Raises:
        UsageError: the URL is none, or psycopg is not installed.
        LedgerError: the server cannot be reached, or does not keep what it has confirmed.
    """
    with closing(connect(url, write=True, purpose="doctor")) as conn:
        import psycopg

        try:
            return [*_server(conn), _connection(conn), *_role(conn)]
        except psycopg.Error as error:
            raise LedgerError(f"{named(url)}: {first_line(error)}") from error


def _server(conn: "Connection") -> Iterator[Seen]:
    here = datetime.now(UTC)
    release, fsync, pages, commit, there = _row(conn, _SERVER)
    durable = f"fsync {fsync}, full_page_writes {pages}, synchronous_commit {commit}"
    yield Seen("ledger server", f"PostgreSQL {release.split()[0]}: {durable}")
    skew = abs((there - here).total_seconds())
    if skew <= SKEW_SECONDS:
        yield Seen("server's clock", f"{skew:.1f} s from this machine's")
    else:
        yield Seen("server's clock", f"{skew:.0f} s from this machine's", None, "set both (NTP)")


def _connection(conn: "Connection") -> Seen:
    local, encrypted = _row(conn, _HOW)
    if encrypted:
        return Seen("connection", "encrypted (TLS)")
    if local:
        return Seen("connection", "on this machine")
    return Seen("connection", "goes over a network unencrypted", None, "add ?sslmode=verify-full to the ledger's URL")


def _role(conn: "Connection") -> Iterator[Seen]:
    role, superuser, owner = _row(conn, _ROLE, (SCHEMA,))
    if not _is_ledger(conn):
        yield Seen("role", f"{role}; what it may do shows once there is a ledger")
        return
    if lacking := _lacking(conn):
        some = ", ".join(lacking[:SHOWN]) + (f" and {len(lacking) - SHOWN} more" if len(lacking) > SHOWN else "")
        yield Seen(
            "role",
            f"{role} lacks {some}",
            False,
            "the owner gives it: billing ledger roles prints how",
        )
    elif superuser or owner:
        what = "is a superuser" if superuser else "owns the ledger"
        yield Seen(
            "role", f"{role} {what}, and could switch the ledger's laws off", None,
            "charge with a role that cannot: billing ledger roles prints one",
        )  # fmt: skip
    elif excess := [f"{right} on {table}" for table in TABLES for right in EXCESS if _may(conn, table, right)]:
        yield Seen("role", f"{role} may {', '.join(excess)}", None, "take it away: billing ledger roles prints how")
    else:
        yield Seen("role", f"{role} may append, and nothing else")


def _is_ledger(conn: "Connection") -> bool:
    try:
        return version(conn) is not None
    except UsageError:
        return False


def _lacking(conn: "Connection") -> list[str]:
    """Return the rights that a runner needs and this role has not."""
    if not _row(conn, "SELECT has_schema_privilege(%s, 'USAGE')", (SCHEMA,))[0]:
        return [f"USAGE on schema {SCHEMA}"]
    found = [f"{right} on {table}" for table, right in rights() if not _may(conn, table, right)]
    of_numbers = "SELECT has_sequence_privilege(%s, %s)"
    return found + [
        f"{right} on {NUMBERS}"
        for right in ("SELECT", "USAGE")
        if not _row(conn, of_numbers, (f"{SCHEMA}.{NUMBERS}", right))[0]
    ]


def _may(conn: "Connection", table: str, right: str) -> bool:
    return bool(_row(conn, "SELECT has_table_privilege(%s, %s)", (f"{SCHEMA}.{table}", right))[0])


def _row(conn: "Connection", sql: str, values: tuple[str, ...] = ()) -> tuple[Any, ...]:
    return conn.execute(sql, values).fetchone() or ()
