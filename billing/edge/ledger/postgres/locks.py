"""Who may write a ledger in PostgreSQL at once: one who runs alone, or several workers, each under its own name.

The locks belong to the writing connection: they end with it, however that ends, and whoever has lost them cannot write
any more. What they say of their holder is a courtesy; what keeps a chain whole is that its end moves only from where
its writer believes it to be.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator, Mapping
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
Locks = tuple[tuple[Key, bool], ...]
# Keys, each with whether it is shared.
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
_HELD = """SELECT classid::bigint, objid::bigint, mode = 'ExclusiveLock', pid FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 2 AND granted AND classid::bigint = ANY (%s)
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
_WORKERS = f"SELECT worker, platform, purpose, pid, host, since, backends FROM {SCHEMA}.workers ORDER BY since, worker"
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
        standing: a worker that stands ready: somebody may have the ledger alone until it has work in hand (`share`).
    """

    purpose: str
    worker: str = ""
    platform: str = ""
    whole: bool = False
    standing: bool = False

    @property
    def chain(self) -> str:
        """Return what its chain, and its row among those at work, is called: no worker's id has a blank."""
        if self.worker:
            return self.worker
        return f"of {self.platform}" if self.platform else ""

    @property
    def keys(self) -> Locks:
        """Return the locks it takes, each with whether it is shared."""
        if self.whole:
            return ((WHOLE, False),)
        if self.worker:
            shared = () if self.standing else shared_keys(self.platform)
            return ((WHOLE, True), *shared, (worker_key(self.worker), False))
        return ((WHOLE, True), *shared_keys(self.platform)[:-1], (alone_key(self.platform), False))


def shared_keys(platform: str) -> Locks:
    """Return the locks of those who charge a platform together: while one of them has these, nobody has it alone."""
    # Whoever names no platform may charge for any: that lock is shared by all who name theirs.
    unnamed = ((alone_key(""), True),) if platform else ()
    return (*unnamed, (alone_key(platform), True))


@dataclass(frozen=True, slots=True)
class _Lock:
    """A lock that a session of the server has."""

    key: Key
    alone: bool
    session: int


@dataclass(frozen=True, slots=True)
class _Present:
    """Somebody who has said that they are there: the locks that prove it, and the sessions that are theirs."""

    worker: str
    platform: str
    purpose: str
    pid: int
    host: str
    since: str
    sessions: frozenset[int]

    @property
    def proofs(self) -> tuple[Key, ...]:
        if self.worker == Claim("", platform=self.platform).chain:
            return alone_key(self.platform), WHOLE
        return (worker_key(self.worker),)

    @property
    def is_worker(self) -> bool:
        return self.purpose == f"worker {self.worker}"


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
        while not _taken(conn, claim.keys):
            if loop.time() >= deadline:
                found = _holder(conn, _against(claim.keys), claim.platform) or Holder()
                raise LedgerHeld(f"{named}: held by {found}; {_what_helps(found, claim)}")
            await asyncio.sleep(POLL_SECONDS)
    except psycopg.Error as error:
        raise LedgerError(f"{named}: {first_line(error)}") from error


def _what_helps(found: Holder, claim: Claim) -> str:
    """Say what helps: workers let go of a ledger as soon as they have nothing in hand, but not of their ids."""
    if found.workers and not found.purpose and not claim.worker:
        return "wait until they have done what is handed out (--wait SECONDS), or hold it back: billing pause RUN"
    return "wait for that to end (--wait SECONDS), or stop it"


def enter(conn: "Connection", claim: Claim) -> None:
    """Say who is there, where the tables are; it goes with the connection's end at the latest, as the locks do."""
    conn.execute(_ENTER, (claim.chain, socket.gethostname(), os.getpid(), claim.purpose, claim.platform))


def leave(conn: "Connection", claim: Claim) -> None:
    """Say that nobody is there any more, and give the locks back; if that fails, they go with the connection."""
    import psycopg

    with suppress(psycopg.Error):
        conn.execute(_LEAVE, (claim.chain,))
        conn.execute("SELECT pg_advisory_unlock_all()")  # a server notices a moment later that a connection is gone


def share(conn: "Connection", platform: str) -> Holder | None:
    """Have a part in the ledger, so that nobody has it alone; return who has, or None: then it came about.

    Raises:
        psycopg.Error: the database does not answer.
    """
    keys = shared_keys(platform)
    return None if _taken(conn, keys) else _holder(conn, _against(keys), platform) or Holder()


def unshare(conn: "Connection", platform: str) -> None:
    """Give back what `share` has taken.

    Raises:
        psycopg.Error: the database does not answer.
    """
    _give(conn, shared_keys(platform))


def _taken(conn: "Connection", keys: Locks) -> bool:
    """Take all of these locks, or none of them."""
    for number, (key, shared) in enumerate(keys):
        if conn.execute(_TAKE[shared], key).fetchone() != (True,):
            _give(conn, keys[:number])
            return False
    return True


def _give(conn: "Connection", keys: Locks) -> None:
    for key, shared in keys:
        conn.execute(_GIVE[shared], key)


def holder(conn: "Connection", named: str, platform: str = "") -> Holder | None:
    """Return who charges from the ledger now, or None: then nobody does. A worker does while it has work in hand.

    Args:
        conn: outside a transaction, so that it sees who is there now.
        named: what messages call the ledger.
        platform: whose holder is meant first, where several are charged.

    Raises:
        LedgerError: the database does not answer.
    """
    import psycopg

    try:
        return _holder(conn, _charges, platform)
    except psycopg.Error as error:
        raise LedgerError(f"{named}: {first_line(error)}") from error


Counts = Callable[[_Lock], bool]


def _charges(lock: _Lock) -> bool:
    """Tell whether whoever has this lock charges from the ledger, or keeps all others from it."""
    return lock.key[0] == ALONE_CLASS or (lock.key == WHOLE and lock.alone)


def _against(keys: Locks) -> Counts:
    """Return whether a lock keeps others from taking these."""
    wanted = dict(keys)
    return lambda lock: lock.key in wanted and (lock.alone or not wanted[lock.key])


def _holder(conn: "Connection", counts: Counts, platform: str) -> Holder | None:
    held = _held(conn)
    sessions = {lock.session for lock in held if counts(lock)}
    if not sessions:
        return None
    own = {(lock.key, lock.session) for lock in held if lock.alone}
    found = [
        each
        for each in _present(conn)
        if each.sessions & sessions and own & {(key, session) for key in each.proofs for session in each.sessions}
    ]
    return _together(sorted(found, key=lambda each: (each.is_worker, each.platform != platform)))


def _together(found: list[_Present]) -> Holder:
    """Return those who have a ledger as one: whoever began something is named first, and the workers by their ids."""
    if not found:
        return Holder()
    first, begun = found[0], [each.purpose for each in found if not each.is_worker]
    workers = tuple(sorted(each.worker for each in found if each.is_worker))
    purposes = " and ".join(dict.fromkeys(begun))
    if not begun and len(workers) > 1:
        return Holder(workers=workers)
    return Holder(purposes, first.pid, first.host, first.since, workers)


def _held(conn: "Connection") -> list[_Lock]:
    rows = conn.execute(_HELD, ([WHOLE_CLASS, ALONE_CLASS, WORKER_CLASS],)).fetchall()
    return [_Lock((int(group), _signed(int(name))), alone, int(session)) for group, name, alone, session in rows]


def _present(conn: "Connection") -> Iterator[_Present]:
    """Yield whoever has said that they are there."""
    if conn.execute("SELECT to_regclass(%s)", (f"{SCHEMA}.workers",)).fetchone() == (None,):
        return
    for worker, platform, purpose, pid, host, since, sessions in conn.execute(_WORKERS).fetchall():
        yield _Present(worker, platform, purpose, pid, host, since.isoformat("T", "seconds"), frozenset(sessions or ()))


def _signed(name: int) -> int:
    """Return a key of four bytes as it was given; ``pg_locks`` shows it without a sign."""
    return name - (1 << 32) if name >= 1 << 31 else name
