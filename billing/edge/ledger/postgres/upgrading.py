"""`billing ledger upgrade` in PostgreSQL: in place, in one transaction, while nobody else writes.

A ledger that only lacks a kind of items gets its rows. One of an earlier version takes one step after another to this
one: what is there is checked before the first, and all of it as a ledger of this version after the last; then it is
committed. Cut off, it is as it was.
"""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from billing.core.errors import LedgerDamaged, LedgerError
from billing.edge.ledger.custody.keyfile import default_key_file
from billing.edge.ledger.custody.known_ledgers import Making
from billing.edge.ledger.identity import first_faults, key_of, other_version
from billing.edge.ledger.kind_rows import VERSION
from billing.edge.ledger.postgres import locks
from billing.edge.ledger.postgres.connecting import connect, first_line, named
from billing.edge.ledger.postgres.locks import Claim
from billing.edge.ledger.postgres.names import COMMENT, SCHEMA
from billing.edge.ledger.postgres.opening import open_ledger
from billing.edge.ledger.postgres.tables import differences, making, version
from billing.edge.ledger.upgraded import Upgraded
from billing.edge.ledger_url import shown

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

Step = Sequence[str]
# Statements that make a ledger of one version one of the next.
STEPS: Mapping[int, Step] = {}
# Version before -> its step. A ledger in PostgreSQL has been of this version since there are any.
CLAIM = Claim("ledger upgrade", whole=True)


async def upgrade_ledger(
    url: str,
    *,
    key_file: Path | None,
    clock: Callable[[], datetime],
    wait: float | None = None,
    environ: Mapping[str, str] = os.environ,
    steps: Mapping[int, Step] = STEPS,
) -> Upgraded:
    """Make the ledger in a database one of this release.

    Args:
        url, key_file, clock, wait, environ: as for `billing.edge.ledger.opening.open_ledger`.
        steps: of earlier versions.

    Raises:
        LedgerMissing: there is none.
        LedgerHeld: a runner holds it.
        LedgerDamaged: it does not agree with itself; it was left as it is.
        LedgerError: another release wrote it, or the server, the database or the key cannot be used.
    """
    key_file = key_file or default_key_file(environ)
    before = await _carried_over(url, key_file, wait, steps)
    ledger = await open_ledger(
        url, key_file=key_file, clock=clock, wait=wait, making=Making.NEVER, upgrade=True, environ=environ, claim=CLAIM
    )
    try:
        kinds = await ledger.add_missing_kinds()
        entries, items = ledger.sizes()
        return Upgraded(ledger.named, before, VERSION, kinds, entries, items, ledger.head, None, ledger.warnings)
    finally:
        await ledger.aclose()


async def _carried_over(url: str, key_file: Path, wait: float | None, steps: Mapping[int, Step]) -> int:
    """Take the steps to this version, and return from which one; where none are to be taken nothing is locked."""
    with closing(await asyncio.to_thread(connect, url, write=True, purpose=CLAIM.purpose)) as conn:
        found = version(conn) or VERSION
        if found == VERSION:
            return found
        if found not in steps:
            raise _unknown(url, found)
        key_of(named(url), key_file, live=False)
        await locks.acquire(conn, named(url), CLAIM, wait)
        await asyncio.to_thread(_take, conn, url, found, steps)
        return found


def _unknown(url: str, found: int) -> LedgerError:
    """Return what is said of a version that no step leads on from."""
    if found > VERSION:
        return other_version(named(url), shown(url), found)
    return LedgerError(f"{named(url)}: its schema is version {found}, which this release cannot carry over")


def _take(conn: "Connection", url: str, found: int, steps: Mapping[int, Step]) -> None:
    """Take all steps in one transaction, which comes about only if the schema is this program's then.

    Raises:
        LedgerDamaged: it is not; the ledger is as it was.
        LedgerError: a step failed; the ledger is as it was.
    """
    import psycopg

    try:
        with making(conn):
            for number in range(found, VERSION):
                for sql in steps[number]:
                    conn.execute(sql)
            conn.execute(f"COMMENT ON SCHEMA {SCHEMA} IS '{COMMENT}'")
            if faults := tuple(differences(conn)):
                raise LedgerDamaged(f"{named(url)}: cannot be carried over: {first_faults(faults)}. It is as it was")
    except psycopg.Error as error:
        raise LedgerError(f"{named(url)}: cannot be carried over ({first_line(error)}); it is as it was") from error
