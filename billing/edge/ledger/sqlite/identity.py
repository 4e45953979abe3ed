"""Is this file a ledger, of this program's version, with this key? What is not is refused, with what helps."""

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from billing.core.errors import BillingError, LedgerDamaged, LedgerError, UsageError
from billing.edge.ledger.custody.keyfile import heads_folder
from billing.edge.ledger.custody.known_ledgers import url_of
from billing.edge.ledger.custody.witness import traces_at
from billing.edge.ledger.identity import asks_for_upgrade, missing, other_version, require_kinds, require_own
from billing.edge.ledger.kind_rows import VERSION
from billing.edge.ledger.sqlite.schema import APPLICATION
from billing.edge.ledger.sqlite.tables import kinds_found


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
    require_own(str(path), meta, key, place.key_file)
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
    raise other_version(str(path), url_of(str(path)), version)


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
        require_kinds(str(path), url_of(str(path)), kinds_found(conn), write=write)


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
                raise LedgerError(f"{path}: its upgrade was cut off. {asks_for_upgrade(url_of(str(path)))}")


def _no_ledger(conn: sqlite3.Connection, place: Place) -> BillingError:
    """Return what a database is that does not call itself a ledger: a damaged one, one being made, or somebody's."""
    path = place.path
    tables = {name for (name,) in conn.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if traces_at(heads_folder(place.key_file), path) or {"meta", "entries"} <= tables:
        return LedgerDamaged(f"{path}: does not say any more that it is a ledger; restore the newest copy")
    if not tables:
        return missing(path)
    return UsageError(f"{path}: is a database, but not a ledger; name another file (BILLING_LEDGER)")


def unusable(path: Path, error: sqlite3.Error, hint: str = "") -> LedgerError:
    """Return what a person can do about what SQLite found; ``hint`` stands for what is said of a file it cannot use."""
    text = str(error)
    if "not a database" in text:
        return LedgerDamaged(f"{path}: is not a SQLite database; restore the newest copy, or name another file")
    if "malformed" in text or "corrupt" in text:
        return LedgerDamaged(f"{path}: {text}; restore the newest copy")
    hint = hint or "the file and its folder must be readable, and writable to run"
    return LedgerError(f"{path}: cannot be opened ({text}); {hint}")
