"""Where a ledger is copied from and to: what lies there already, and how both are opened and held."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path
from typing import NamedTuple

from billing.core.errors import LedgerError, UsageError
from billing.edge.ledger.copying.asked import Copying
from billing.edge.ledger.copying.ends import Source, Target
from billing.edge.ledger.copying.sqlite_end import SqliteSource, SqliteTarget
from billing.edge.ledger.custody.known_ledgers import Making
from billing.edge.ledger.custody.location import check_file_system, check_folder, ledger_path, mounts
from billing.edge.ledger.custody.lock import acquire
from billing.edge.ledger.moving import LAST_ENTRY, Moved, moved
from billing.edge.ledger.postgres.connecting import named, require_driver
from billing.edge.ledger.sqlite import opening as sqlite
from billing.edge.ledger.sqlite.connection import connect
from billing.edge.ledger_url import is_postgres

PURPOSE = "ledger copy"
_SAYS = ("SELECT value FROM meta WHERE name = 'ledger'", "SELECT count(*) FROM entries", "SELECT count(*) FROM items")


class Found(NamedTuple):
    """A ledger that is there: its id, where it went if it did, and how much it has."""

    ledger: str
    moved: Moved | None
    entries: int
    items: int


def place_of(url: str) -> str:
    """Return how messages and entries call a place.

    Raises:
        UsageError: the URL names no ledger.
    """
    if not is_postgres(url):
        return str(ledger_path(url))
    require_driver()
    return named(url)


def found_at(url: str) -> Found | None:
    """Return what is at a place; None where a ledger can be copied to.

    Raises:
        UsageError: something else is there.
        LedgerError: the server or the file cannot be asked.
    """
    return _in_database(url) if is_postgres(url) else _in_file(ledger_path(url))


def _in_file(path: Path) -> Found | None:
    if not path.exists() or (path.is_file() and not path.stat().st_size):
        return None
    try:
        with closing(connect(path, write=False)) as conn:
            says, last = [conn.execute(sql).fetchone() for sql in _SAYS], conn.execute(LAST_ENTRY).fetchone()
            return Found(says[0][0], moved(last), says[1][0], says[2][0])
    except (sqlite3.Error, TypeError) as error:
        raise UsageError(f"{path}: is there, and cannot be read as a ledger ({error}); name another file") from error


def _in_database(url: str) -> Found | None:
    from billing.edge.ledger.copying.postgres_end import heard
    from billing.edge.ledger.postgres.connecting import connect as connected
    from billing.edge.ledger.postgres.names import COPYING
    from billing.edge.ledger.postgres.tables import said_of_schema, version

    place = place_of(url)
    with closing(connected(url, write=False, purpose=PURPOSE)) as conn, heard(place):
        try:
            if said_of_schema(conn) == COPYING or version(conn) is None:
                return None
        except UsageError as error:
            raise UsageError(f"{place}: {error}") from None
        says, last = [conn.execute(sql).fetchone() for sql in _SAYS], conn.execute(LAST_ENTRY).fetchone()
    ledger, entries, items = ((row or ("",))[0] for row in says)
    return Found(ledger, moved(last), entries, items)


async def open_source(asked: Copying, key: bytes) -> Source:
    """Open the ledger that is copied; nobody else writes to it until it is closed.

    Raises:
        LedgerHeld: somebody does.
        LedgerError: it cannot be trusted, or not be opened.
    """
    if not is_postgres(asked.source):
        file = await sqlite.open_ledger(
            asked.source, key_file=asked.key_file, clock=asked.clock, wait=asked.wait, purpose=PURPOSE,
            making=Making.NEVER, moved=True, environ=asked.environ,
        )  # fmt: skip
        return SqliteSource(file, asked.heads, key)
    from billing.edge.ledger.copying.postgres_end import PostgresSource
    from billing.edge.ledger.postgres import opening as postgres
    from billing.edge.ledger.postgres.locks import Claim

    database = await postgres.open_ledger(
        asked.source, key_file=asked.key_file, clock=asked.clock, wait=asked.wait, making=Making.NEVER, moved=True,
        environ=asked.environ, claim=Claim(PURPOSE, whole=True),
    )  # fmt: skip
    return PostgresSource(database, asked.source)


def open_target(asked: Copying) -> AbstractAsyncContextManager[Target]:
    """Open the place where the ledger goes, and hold it until the context ends; a copy that fails leaves nothing there.

    Raises:
        LedgerHeld: somebody else holds it.
        UsageError: something lies there.
        LedgerError: it cannot be written to.
    """
    return _new_database(asked) if is_postgres(asked.target) else _new_file(asked)


@asynccontextmanager
async def _new_file(asked: Copying) -> AsyncIterator[Target]:
    path = ledger_path(asked.target)
    check_folder(path, write=True)
    check_file_system(path, mounts())
    lock = await acquire(path, purpose=PURPOSE, since=asked.clock(), wait=asked.wait)
    target = SqliteTarget(path)
    try:
        _require_free(asked)
        yield target
    finally:
        target.discard()
        lock.release()


@asynccontextmanager
async def _new_database(asked: Copying) -> AsyncIterator[Target]:
    from billing.edge.ledger.copying.postgres_end import PostgresTarget
    from billing.edge.ledger.postgres import locks
    from billing.edge.ledger.postgres.connecting import connect as connected

    place = place_of(asked.target)
    conn = connected(asked.target, write=True, purpose=PURPOSE)
    try:
        await locks.acquire(conn, place, locks.Claim(PURPOSE, whole=True), asked.wait)
        _require_free(asked)
        target = PostgresTarget(conn, asked.target, place)
        try:
            yield target
        finally:
            target.discard()
    finally:
        conn.close()


def _require_free(asked: Copying) -> None:
    """Look again, now that nobody else can put anything there.

    Raises:
        LedgerError: somebody just did.
    """
    if found_at(asked.target) is not None:
        raise LedgerError(f"{place_of(asked.target)}: somebody else has just made a ledger there; nothing was changed")
