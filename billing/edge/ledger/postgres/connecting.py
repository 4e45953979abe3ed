"""A connection to the database of a ledger: where it is, whether what it calls durable is, and what is said of it.

psycopg is loaded when a connection is made: who keeps the ledger in a file need not have it.
"""

import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from billing.core.errors import BillingError, LedgerError, UsageError
from billing.edge.ledger.postgres.names import SCHEMA

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

OLDEST_SERVER = 14
CONNECT_SECONDS = 10
_KEPT_ALIVE: Mapping[str, object] = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds: a server that has vanished with a commit on its way is given up then
    "client_encoding": "UTF8",
}
_SETTINGS: Mapping[str, str] = {
    "search_path": f"{SCHEMA}, pg_catalog",
    "default_transaction_isolation": "read committed",
    "statement_timeout": "0",
    "timezone": "UTC",
    "jit": "off",
}
_WRITING: Mapping[str, str] = {
    "lock_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
    # The server notices a writer that has vanished as soon as the writer would notice the server: its locks are free
    # then. Over a socket of the machine itself these are not looked at.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10000",
    # Every statement of the writer finds its rows by an index. Without statistics, as in a ledger that has just been
    # made, the planner would read whole tables instead, and keep that plan for as long as the connection lasts.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
}
_READING: Mapping[str, str] = {
    "default_transaction_read_only": "on",
    # What streams is read to its end, as fast as whoever reads it goes on; its first rows are in no hurry.
    "cursor_tuple_fraction": "1",
    "idle_in_transaction_session_timeout": "0",
    "work_mem": "32MB",
}
_ASKED = ("server_version_num", "server_encoding", "fsync", "full_page_writes", "synchronous_commit")
_STRONG = ("on", "remote_apply")
# What `synchronous_commit` may be: a commit is answered once it is on the disk.


def connect(url: str, *, write: bool, purpose: str = "") -> "Connection":
    """Open a connection to the database of a ledger; transactions are ours.

    Args:
        url: as libpq takes it; the password comes from PGPASSWORD, ~/.pgpass or a service file, or from the URL.
        write: the database must keep what it has answered; False opens it to read, a standby too.
        purpose: is shown to whoever looks at the sessions of the server.

    Raises:
        UsageError: psycopg is not installed, or the URL is none.
        LedgerError: the database cannot be reached, or does not keep what it has answered.
    """
    conn = _opened(url, purpose)
    try:
        _set(conn, {**_SETTINGS, **(_WRITING if write else _READING)})
        if fault := _fault(conn, write=write):
            raise LedgerError(f"{named(url)}: {fault}")
    except BaseException as error:
        conn.close()
        if isinstance(error, _psycopg().Error):
            raise LedgerError(f"{named(url)}: {first_line(error)}") from error
        raise
    return conn


def named(url: str) -> str:
    """Return how messages call a ledger: its host, port and database. Never who connects, and never a password."""
    try:
        told = parameters(url)
    except BillingError:
        return "the ledger's database"
    host = told.get("host") or told.get("hostaddr") or os.environ.get("PGHOST") or "localhost"
    port = told.get("port") or os.environ.get("PGPORT") or "5432"
    user = told.get("user") or os.environ.get("PGUSER") or ""
    database = told.get("dbname") or os.environ.get("PGDATABASE") or user
    if service := told.get("service"):
        return f"postgresql://?service={service}"
    if host.startswith("/"):
        return f"postgresql:///{database}?host={host}&port={port}"
    return f"postgresql://{host}:{port}/{database}"


def parameters(url: str) -> Mapping[str, str]:
    """Return what a URL says, as libpq reads it.

    Raises:
        UsageError: it is none, or psycopg is not installed. What it holds is not quoted: it may hold a password.
    """
    psycopg = _psycopg()
    try:
        return {name: str(value) for name, value in psycopg.conninfo.conninfo_to_dict(url).items()}
    except psycopg.Error:
        raise UsageError(
            "the ledger's URL cannot be read; write postgresql://user@host:port/database (BILLING_LEDGER), with % "
            "before two hexadecimal digits for what a URL cannot hold"
        ) from None


def require_driver() -> None:
    """Say in words that psycopg is missing, before anything is loaded that needs it.

    Raises:
        UsageError: it is not installed.
    """
    _psycopg()


def first_line(error: BaseException) -> str:
    """Return the first line of an error: the others hold rows, or where in the program of the server it happened."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _psycopg() -> "Any":  # noqa: ANN401 - a module
    try:
        import psycopg
        import psycopg.conninfo
    except ImportError as error:
        raise UsageError(
            "a ledger in PostgreSQL needs psycopg: pip install 'connect-billing[postgres]', or name a file "
            "(BILLING_LEDGER=sqlite:///ledger.db)"
        ) from error
    # What it warns of is raised as well, and told in words of ours; printed it would tell the server's.
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)
    return psycopg


def _opened(url: str, purpose: str) -> "Connection":
    told, psycopg = parameters(url), _psycopg()
    options = {name: value for name, value in _KEPT_ALIVE.items() if name not in told}
    try:
        conn: Connection = psycopg.connect(
            url, autocommit=True, application_name=f"billing {purpose}".strip()[:63], **options
        )
    except psycopg.Error as error:
        raise LedgerError(f"{named(url)}: cannot be reached ({_reason(error)}); {_hint(str(error))}") from None
    return conn


def _reason(error: Exception) -> str:
    """Return why no connection came about, without who asked for it: that may be a person."""
    told = first_line(error)
    return told.rpartition("failed: ")[2].removeprefix("FATAL: ").strip() or "no answer"


def _hint(text: str) -> str:
    """Return what helps where a connection was refused."""
    if "password" in text or "authentication" in text:
        return "the password is taken from PGPASSWORD, ~/.pgpass (chmod 600) or the service file"
    if "does not exist" in text and "database" in text:
        return "make it first: createdb --encoding=UTF8 --template=template0 NAME"
    if "certificate" in text or "SSL" in text:
        return "see to sslmode and sslrootcert of the URL"
    return "see to the server and to host and port of the URL (BILLING_LEDGER), then run the same command again"


def _set(conn: "Connection", settings: Mapping[str, str]) -> None:
    sql = ", ".join(["set_config(%s, %s, false)"] * len(settings))
    conn.execute(f"SELECT {sql}", [text for pair in settings.items() for text in pair])


def _fault(conn: "Connection", *, write: bool) -> str:
    """Return why this database cannot keep a ledger, or an empty text."""
    asked = ", ".join(f"current_setting('{name}')" for name in _ASKED)
    row = conn.execute(f"SELECT pg_is_in_recovery(), {asked}").fetchone()
    standby, *told = row or (False,)
    found = dict(zip(_ASKED, told, strict=True))
    if int(found["server_version_num"]) < OLDEST_SERVER * 10_000:
        return f"PostgreSQL {int(found['server_version_num']) // 10_000} is too old, {OLDEST_SERVER} is needed"
    if found["server_encoding"] != "UTF8":
        return f"its encoding is {found['server_encoding']}; make the database with --encoding=UTF8"
    if not write:
        return ""
    if standby:
        return "is a standby, which takes no writes; name the primary (host, or target_session_attrs=read-write)"
    for name in ("fsync", "full_page_writes"):
        if found[name] != "on":
            return f"its server has {name} off: a power cut would lose payments that it has confirmed; turn it on"
    if found["synchronous_commit"] not in _STRONG:
        _set(conn, {"synchronous_commit": "on"})
    return ""
