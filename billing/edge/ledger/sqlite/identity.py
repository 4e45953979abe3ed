"""Is this file a ledger, of this program's version, with this key? What is not is refused, with what helps."""

import shlex
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from billing.core.errors import BillingError, LedgerDamaged, LedgerError, LedgerMissing, UsageError
from billing.core.keys import SCHEME
from billing.edge.ledger.chain import key_check
from billing.edge.ledger.custody.keyfile import heads_folder, read_key
from billing.edge.ledger.custody.witness import traces_at
from billing.edge.ledger.kind_rows import VERSION
from billing.edge.ledger.sqlite.schema import APPLICATION
from billing.edge.ledger.sqlite.tables import kinds_found

SELF_DESCRIPTION = frozenset({"ledger", "key_check", "scheme", "seal"})
# What every ledger says about itself; one that does not has been damaged.

FAULTS_SHOWN = 3


class Place(NamedTuple):
    """Where a ledger is, links resolved, and its key."""

    path: Path
    key_file: Path


def check_meta(
    conn: sqlite3.Connection, place: Place, key: bytes, versions: tuple[int, ...] = (VERSION,)
) -> dict[str, str]:
    """Return what the ledger says about itself.

    Args:
        conn: to read.
        place: of the ledger.
        key: of its chain.
        versions: that are taken.

    Raises:
        UsageError: it is no ledger.
        LedgerError: it is of another version or scheme, or its key is another.
    """
    path = place.path
    require_version(conn, place, versions)
    meta: dict[str, str] = dict(conn.execute("SELECT name, value FROM meta"))
    if absent := sorted(SELF_DESCRIPTION - meta.keys()):
        raise LedgerDamaged(
            f"{path}: does not say its {' and '.join(absent)}; restore the newest copy. Nothing is sent"
        )
    if meta["key_check"] != key_check(key):
        raise LedgerError(
            f"{path}: {place.key_file} is not its key; set BILLING_LEDGER_KEY_FILE to the one it was made with"
        )
    if meta["scheme"] != str(SCHEME):
        raise LedgerError(f"{path}: its keys follow scheme {meta['scheme']}, this program's {SCHEME}")
    return meta


def require_version(conn: sqlite3.Connection, place: Place, versions: tuple[int, ...]) -> int:
    """Return the version of a ledger.

    Raises:
        UsageError: it is no ledger.
        LedgerError: it is none of those that are taken.
    """
    path = place.path
    (application,) = conn.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION:
        raise _no_ledger(conn, place)
    (version,) = conn.execute("PRAGMA user_version").fetchone()
    if version in versions:
        return int(version)
    if 0 < version < VERSION:
        raise LedgerError(
            f"{path}: its schema is version {version}, this program's is {VERSION}. {asks_for_upgrade(path)}"
        )
    raise LedgerError(
        f"{path}: its schema is version {version}, this program knows {VERSION}; install the release that wrote it"
    )


CARRIED_OVER = "carries it over and keeps the old file"


def asks_for_upgrade(path: Path, does: str = CARRIED_OVER) -> str:
    """Return the command that makes a ledger this program's, and what it does once it has checked it."""
    return f"Type: {upgrade_command(path)}. It checks the ledger, {does}; nothing was sent"


def upgrade_command(path: Path) -> str:
    """Return the command that upgrades the ledger at ``path``, as a shell takes it."""
    return f"billing ledger upgrade --ledger {shlex.quote(f'sqlite:///{path}')}"


def check_kinds(conn: sqlite3.Connection, path: Path, *, write: bool) -> None:
    """Refuse a ledger whose kinds of items are not this program's. What cannot be read is left to the full check.

    Args:
        conn: to read.
        path: of the ledger.
        write: also refuse one that lacks a kind, or has one otherwise; what it holds can still be read.

    Raises:
        LedgerDamaged: a kind is not what this program knows under its name.
        LedgerError: a newer release wrote it, or it lacks a kind.
    """
    with suppress(sqlite3.DatabaseError):
        found = kinds_found(conn)
        if found.newer:
            raise LedgerError(
                f"{path}: was written by a newer release, which knows {' and '.join(found.newer)}; install that one"
            )
        if found.changed and write:
            raise LedgerDamaged(
                f"{path}: {' and '.join(found.changed)} has not the table of states of this program. "
                "Nothing is sent; it can still be read"
            )
        if found.missing and write:
            kinds = " and ".join(found.missing)
            raise LedgerError(
                f"{path}: does not know {kinds} yet. {asks_for_upgrade(path, f'then adds {kinds} to it')}"
            )


def kept_as(path: Path, version: int) -> Path:
    """Return under which name the file of an earlier version stays beside the ledger."""
    return path.with_name(f"{path.name}.v{version}")


def require_whole(path: Path) -> None:
    """Refuse a ledger whose upgrade was cut off at its very end, with the file under its old and its new name.

    Raises:
        LedgerError: it is to be finished.
    """
    for version in range(1, VERSION):
        with suppress(OSError):
            if kept_as(path, version).samefile(path):
                raise LedgerError(f"{path}: its upgrade was cut off. {asks_for_upgrade(path)}")


def missing(path: Path) -> LedgerMissing:
    """Return that there is no ledger."""
    return LedgerMissing(f"{path}: there is no ledger yet; billing plan or billing run makes one")


def _no_ledger(conn: sqlite3.Connection, place: Place) -> BillingError:
    """Return what a database is that does not call itself a ledger: a damaged one, one being made, or somebody's."""
    path = place.path
    tables = {name for (name,) in conn.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if traces_at(heads_folder(place.key_file), path) or {"meta", "entries"} <= tables:
        return LedgerDamaged(f"{path}: does not say any more that it is a ledger; restore the newest copy")
    if not tables:
        return missing(path)
    return UsageError(f"{path}: is a database, but not a ledger; name another file (BILLING_LEDGER)")


def key_of(place: Place, *, live: bool) -> tuple[bytes, list[str]]:
    """Return the key of a ledger, and warnings about who else can read it.

    Raises:
        LedgerError: there is none, or it cannot be used.
    """
    try:
        return read_key(place.key_file, live=live)
    except FileNotFoundError:
        hint = "set BILLING_LEDGER_KEY_FILE or restore it"
        raise LedgerError(f"{place.path}: the key of this ledger, {place.key_file}, is not there; {hint}") from None


def first_faults(faults: tuple[str, ...]) -> str:
    """Return the first faults of a check, as one sentence."""
    shown = "; ".join(faults[:FAULTS_SHOWN])
    return shown + (f"; and {len(faults) - FAULTS_SHOWN} more" if len(faults) > FAULTS_SHOWN else "")


def unusable(path: Path, error: sqlite3.Error, hint: str = "") -> LedgerError:
    """Return what a person can do about what SQLite found; ``hint`` stands for what is said of a file it cannot use."""
    text = str(error)
    if "not a database" in text:
        return LedgerDamaged(f"{path}: is not a SQLite database; restore the newest copy, or name another file")
    if "malformed" in text or "corrupt" in text:
        return LedgerDamaged(f"{path}: {text}; restore the newest copy")
    hint = hint or "the file and its folder must be readable, and writable to run"
    return LedgerError(f"{path}: cannot be opened ({text}); {hint}")
