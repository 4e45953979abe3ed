"""Who may write a ledger in PostgreSQL at once: one who runs alone, or several workers, each under its own name.

The locks belong to the writing connection: they end with it, however that ends, and whoever has lost them cannot write
any more. What they say of their holder is a courtesy; what keeps a chain whole is that its end moves only from where
its writer believes it to be.
"""

import asyncio
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from billing.core.errors import LedgerError, LedgerHeld
from billing.edge.ledger.custody.lock import GRACE_SECONDS, POLL_SECONDS, Holder
from billing.edge.ledger.postgres.connecting import first_line
from billing.edge.ledger.postgres.names import SCHEMA

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

Key = tuple[int, int]
# Of an advisory lock: what it stands for, and whose it is.
WHOLE_CLASS, ALONE_CLASS, WORKER_CLASS = 0x62696C32, 0x62696C33, 0x62696C34
WHOLE: Key = (WHOLE_CLASS, 0)
# Shared by everybody who writes; alone by whoever copies the ledger or gives it another form.

# ruff: noqa: S608 - the only text put into these statements is the constant name of the schema
_TAKE: Mapping[bool, str] = {
    False: "SELECT pg_try_advisory_lock(%s, %s)",
    True: "SELECT pg_try_advisory_lock_shared(%s, %s)",
}
_GIVE: Mapping[bool, str] = {
    False: "SELECT pg_advisory_unlock(%s, %s)",
    True: "SELECT pg_advisory_unlock_shared(%s, %s)",
}
_HELD = """SELECT classid::bigint, objid::bigint, mode = 'ExclusiveLock' FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 2 AND granted AND classid::bigint = ANY (%s)
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
_WORKERS = f"SELECT worker, platform, purpose, pid, host, since FROM {SCHEMA}.workers ORDER BY since, worker"
_ENTER = f"""INSERT INTO {SCHEMA}.workers (worker, host, pid, purpose, platform, since, seen, backends)
    VALUES (%s, %s, %s, %s, %s, clock_timestamp(), clock_timestamp(), ARRAY[pg_backend_pid()])
    ON CONFLICT (worker) DO UPDATE SET host = excluded.host, pid = excluded.pid, purpose = excluded.purpose,
    platform = excluded.platform, since = excluded.since, seen = excluded.seen, backends = excluded.backends"""
_LEAVE = f"DELETE FROM {SCHEMA}.workers WHERE worker = %s AND pg_backend_pid() = ANY (backends)"


def alone_key(platform: str) -> Key:
    """Return the lock of whoever charges a platform alone; the workers of the platform share it."""
    return ALONE_CLASS, _hashed(platform)


def worker_key(worker: str) -> Key:
    """Return the lock of a worker."""
    return WORKER_CLASS, _hashed(worker)


def _hashed(name: str) -> int:
    return int.from_bytes(sha256(name.encode()).digest()[:4], "big", signed=True)


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody wants to do with a ledger.

    Attributes:
        purpose: for the other runner's message, such as ``run coaching-2026-11``.
        worker: the id of one of several; empty for whoever runs alone.
        platform: whose items, where the settings name several; else empty.
        whole: the whole ledger is copied or given another form: nobody else may write meanwhile.
    """

    purpose: str
    worker: str = ""
    platform: str = ""
    whole: bool = False

    @property
    def chain(self) -> str:
        """Return what its chain, and its row among those at work, is called: no worker's id has a blank."""
        if self.worker:
            return self.worker
        return f"of {self.platform}" if self.platform else ""

    @property
    def keys(self) -> tuple[tuple[Key, bool], ...]:
        """Return the locks it takes, each with whether it is shared."""
        if self.whole:
            return ((WHOLE, False),)
        # Whoever names no platform may charge for any: that lock is shared by all who name theirs.
        unnamed = ((alone_key(""), True),) if self.platform else ()
        if self.worker:
            return ((WHOLE, True), *unnamed, (alone_key(self.platform), True), (worker_key(self.worker), False))
        return ((WHOLE, True), *unnamed, (alone_key(self.platform), False))


async def acquire(conn: "Connection", named: str, claim: Claim, wait: float | None) -> None:
    """Take the locks of a claim on a connection, waiting up to ``wait`` seconds, and say who is there.

    Raises:
        LedgerHeld: somebody else still has one; the message names them.
        LedgerError: the database does not answer.
    """
    import psycopg

    loop = asyncio.get_running_loop()
    deadline = loop.time() + max(wait or 0, GRACE_SECONDS)
    try:
        while not _taken(conn, claim):
            if loop.time() >= deadline:
                found = _holder(conn, claim.platform) or Holder()
                raise LedgerHeld(f"{named}: held by {found}; wait for it to end, or stop it")
            await asyncio.sleep(POLL_SECONDS)
    except psycopg.Error as error:
        raise LedgerError(f"{named}: {first_line(error)}") from error


def enter(conn: "Connection", claim: Claim) -> None:
    """Say who is there, where the tables are; it goes with the connection's end at the latest, as the locks do."""
    conn.execute(_ENTER, (claim.chain, socket.gethostname(), os.getpid(), claim.purpose, claim.platform))


def leave(conn: "Connection", claim: Claim) -> None:
    """Say that nobody is there any more, and give the locks back; if that fails, they go with the connection."""
    import psycopg

    with suppress(psycopg.Error):
        conn.execute(_LEAVE, (claim.chain,))
        conn.execute("SELECT pg_advisory_unlock_all()")  # a server notices a moment later that a connection is gone


def _taken(conn: "Connection", claim: Claim) -> bool:
    """Take all locks of a claim, or none of them."""
    taken: list[tuple[Key, bool]] = []
    for key, shared in claim.keys:
        row = conn.execute(_TAKE[shared], key).fetchone()
        if row != (True,):
            for held, held_shared in taken:
                conn.execute(_GIVE[held_shared], held)
            return False
        taken.append((key, shared))
    return True


def holder(conn: "Connection", named: str, platform: str = "") -> Holder | None:
    """Return who charges from the ledger now, or None: then nobody does. Of several workers all purposes are named.

    Args:
        conn: outside a transaction, so that it sees who is there now.
        named: what messages call the ledger.
        platform: whose holder is meant first, where several are charged.

    Raises:
        LedgerError: the database does not answer.
    """
    import psycopg

    try:
        return _holder(conn, platform)
    except psycopg.Error as error:
        raise LedgerError(f"{named}: {first_line(error)}") from error


def _holder(conn: "Connection", platform: str) -> Holder | None:
    held = _held(conn)
    if not held:
        return None
    at_work = [found for key, found in _at_work(conn) if key in held]
    if not at_work:
        return Holder()
    at_work.sort(key=lambda found: found[0] != platform)
    first = at_work[0][1]
    purposes = " and ".join(dict.fromkeys(found.purpose for _, found in at_work))
    return Holder(purposes, first.pid, first.host, first.since)


def _held(conn: "Connection") -> set[Key]:
    """Return the locks that say who is at work: not those that several share, which say only that somebody is."""
    rows = conn.execute(_HELD, ([WHOLE_CLASS, ALONE_CLASS, WORKER_CLASS],)).fetchall()
    return {(int(group), _signed(int(name))) for group, name, alone in rows if alone}


def _at_work(conn: "Connection") -> Iterator[tuple[Key, tuple[str, Holder]]]:
    """Yield whoever has said that they are there: the lock that proves it, their platform, and who they are."""
    if conn.execute("SELECT to_regclass(%s)", (f"{SCHEMA}.workers",)).fetchone() == (None,):
        return
    for worker, platform, purpose, pid, host, since in conn.execute(_WORKERS).fetchall():
        found = platform, Holder(purpose, pid, host, since.isoformat("T", "seconds"))
        for key in _proofs(worker, platform):
            yield key, found


def _proofs(worker: str, platform: str) -> Iterable[Key]:
    if worker == Claim("", platform=platform).chain:
        return alone_key(platform), WHOLE
    return (worker_key(worker),)


def _signed(name: int) -> int:
    """Return a key of four bytes as it was given; ``pg_locks`` shows it without a sign."""
    return name - (1 << 32) if name >= 1 << 31 else name
