"""Opening the ledger that a URL names: a SQLite file, or a database of a PostgreSQL server."""

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from billing.core.errors import UsageError
from billing.edge.ledger.custody.known_ledgers import Making
from billing.edge.ledger.custody.location import ledger_path
from billing.edge.ledger.database import DatabaseLedger
from billing.edge.ledger.postgres.connecting import require_driver
from billing.edge.ledger.sqlite import opening as sqlite
from billing.edge.ledger_url import is_postgres, shown

Clock = Callable[[], datetime]


async def open_ledger(
    url: str,
    *,
    key_file: Path | None,
    clock: Clock,
    write: bool = True,
    wait: float | None = None,
    live: bool = False,
    purpose: str = "",
    lock: bool = True,
    making: Making = Making.FIRST,
    inline: bool = False,
    upgrade: bool = False,
    environ: Mapping[str, str] = os.environ,
    worker: str = "",
    platform: str = "",
    standing: bool = False,
) -> DatabaseLedger:
    """Open the ledger a URL names; to write, make it if there is none, and check it if there is one.

    Args:
        url: ``sqlite:///path`` or ``postgresql://user@host:port/database``.
        key_file: the key of the chain; None means the user's own, made on first use.
        clock: provider time, aware of its zone; the ``at`` of every entry.
        write: False opens it read-only: no lock, no check, a damaged one too.
        wait: seconds to wait for another runner to end; None refuses at once.
        live: real money: what is warned of in test mode is refused.
        purpose: who holds the lock, for the other runner's message.
        lock: False leaves the lock of a file alone; nothing but the message depends on it.
        making: whether one may be made, and where.
        inline: commit on the calling thread, without any thread of our own.
        upgrade: take one that lacks a kind of this program, to give it that kind.
        environ: where HOME and XDG_CONFIG_HOME are looked up.
        worker: the id of one of several that write at once; empty for whoever runs alone.
        platform: the name of the platform that is charged, where the settings name several.
        standing: a worker that stands ready: somebody may run alone until it has work in hand.

    Raises:
        UsageError: the URL names no ledger, or, in live mode, one that would be made beside others unasked; or its
            database takes one writer only and a worker is named.
        LedgerMissing: there is none to read, and none was ever seen there; or there is no such place.
        LedgerHeld: another runner holds it.
        LedgerDamaged: it does not agree with itself, is older than what was last seen, or is gone altogether.
        LedgerError: the place, the database or the key cannot be used; the message says what helps.
    """
    if is_postgres(url):
        require_driver()
        from billing.edge.ledger.postgres import opening as postgres
        from billing.edge.ledger.postgres.locks import Claim

        return await postgres.open_ledger(
            url, key_file=key_file, clock=clock, write=write, wait=wait, live=live, making=making, inline=inline,
            upgrade=upgrade, environ=environ, claim=Claim(purpose, worker, platform, standing=standing),
        )  # fmt: skip
    if worker:
        raise UsageError(
            f"{ledger_path(url)}: a SQLite ledger has one writer; several workers need a PostgreSQL ledger "
            "(billing ledger copy makes one of this)"
        )
    return await sqlite.open_ledger(
        url, key_file=key_file, clock=clock, write=write, wait=wait, live=live, purpose=purpose, lock=lock,
        making=making, inline=inline, upgrade=upgrade, environ=environ,
    )  # fmt: skip


def files_of(url: str) -> tuple[Path, ...]:
    """Return the files that are the ledger: no output may replace one. A ledger on a server has none here."""
    if is_postgres(url):
        return ()
    path = ledger_path(url)
    return tuple(path.with_name(path.name + end) for end in ("", "-wal", "-shm", ".lock"))


def resolved(url: str) -> str:
    """Return the URL of a ledger as it may be shown: where it really lies, and never with a password.

    Raises:
        UsageError: it names no ledger.
    """
    return shown(url) if is_postgres(url) else f"sqlite:///{ledger_path(url)}"
