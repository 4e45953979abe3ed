"""Which workers are there: each says so every second, and holds a lock of its server for as long as it lives.

A worker is dead when its lock is free: a server frees it as soon as the process is gone. A process that is frozen, or
cut off so that nothing of it arrives, holds its lock on and says nothing; its sessions are ended first, so that it can
write nothing when it wakes, and then its lock is free as well.

Rows here are no evidence, and the clock is the database's throughout. Ending a session needs no right beyond being
the same role, which workers of one ledger are.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from os import getpid
from socket import gethostname
from threading import Lock
from typing import TYPE_CHECKING, Any

from billing.core.errors import LedgerError
from billing.edge.engines.dbos_storage import SESSION
from billing.edge.ledger.custody.lock import Holder
from billing.edge.ledger.postgres.locks import share, unshare, worker_key

if TYPE_CHECKING:
    from psycopg import Connection

FROZEN_SECONDS = 6.0
# A worker that said nothing for so long, and holds its lock, is ended: so what it held is taken up within ten.
BLIND_SECONDS = 5.0
# Who could not look for so long knows nothing of the others' silence: it may have been the server that stood still.
FREED_SECONDS = 3.0
# How long a session that was ended may take to go.

BEAT = """
INSERT INTO billing.workers (worker, host, pid, purpose, platform, since, seen, backends)
VALUES (%(worker)s, %(host)s, %(pid)s, %(purpose)s, %(platform)s, clock_timestamp(), clock_timestamp(),
        ARRAY(SELECT pid FROM pg_stat_activity WHERE application_name = %(named)s))
ON CONFLICT (worker) DO UPDATE
SET host = excluded.host, pid = excluded.pid, purpose = excluded.purpose, platform = excluded.platform,
    seen = excluded.seen, backends = excluded.backends,
    since = CASE WHEN (workers.host, workers.pid) = (excluded.host, excluded.pid) THEN workers.since
                 ELSE excluded.since END
RETURNING EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted
                  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                  AND classid::bigint = %(class)s AND objid::bigint = %(name)s)
"""
LEAVE = "DELETE FROM billing.workers WHERE (worker, host, pid) = (%(worker)s, %(host)s, %(pid)s)"
LOOK = """
SELECT asked.worker, workers.seen::text AS seen,
       EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
               AND classid::bigint = asked.class AND objid::bigint = asked.name) AS held
FROM unnest(%(workers)s::text[], %(classes)s::bigint[], %(names)s::bigint[]) AS asked (worker, class, name)
LEFT JOIN billing.workers USING (worker)
"""
END = """
SELECT count(pg_terminate_backend(session.pid))
FROM billing.workers JOIN pg_stat_activity AS session ON session.pid = ANY (backends)
WHERE worker = %(worker)s AND seen < clock_timestamp() - make_interval(secs => %(frozen)s) AND backend_start <= seen
"""


@dataclass(slots=True)
class _Silence:
    """What was last heard of a worker, and since when nothing else was, on this process's own clock."""

    seen: str
    since: float


class Presence:
    """This worker, for others to see, and the others for this one; every call waits for the server.

    Attributes:
        worker: its id.
        named: what its sessions are called in PostgreSQL, the ledger's own among them.
    """

    def __init__(self, url: str, worker: str, *, purpose: str, platform: str) -> None:
        """Take note of who this is.

        Args:
            url: of the ledger.
            worker: the stable id.
            purpose: for a person, and what every session of this worker is called behind ``billing``.
            platform: whose items it works.
        """
        self._url, self.worker, self._platform = url, worker, platform
        self.named = f"billing {purpose}"[:63]  # PostgreSQL keeps no more of it
        self._said: dict[str, object] = {"worker": worker, "host": gethostname(), "pid": getpid(), "purpose": purpose}
        group, name = worker_key(worker)
        self._said |= {"platform": platform, "named": self.named, "class": _unsigned(group), "name": _unsigned(name)}
        self._beating: Connection[Any] | None = None
        self._looking: Connection[Any] | None = None
        self._silences: dict[str, _Silence] = {}
        self._looked = 0.0
        self._one = Lock()

    def beat(self) -> None:
        """Say that this worker is there.

        Raises:
            LedgerError: the server does not answer, or the ledger's session has ended, and this worker's lock with it.
        """
        with _heard():
            locked = self._session().execute(BEAT, self._said).fetchone()
        if locked != (True,):
            raise LedgerError("the ledger's session was ended: whatever else it was about, its lock is gone")

    def share(self) -> Holder | None:
        """Keep everybody from having the ledger alone; return who has it alone, or None: then that came about.

        The lock belongs to the session that beats: whoever loses it is told so by the next beat.

        Raises:
            LedgerError: the server does not answer.
        """
        with _heard():
            return share(self._session(), self._platform)

    def unshare(self) -> None:
        """Let somebody have the ledger alone again.

        Raises:
            LedgerError: the server does not answer.
        """
        with _heard():
            unshare(self._session(), self._platform)

    def suspects(self, workers: Iterable[str]) -> list[str]:
        """Return who of these seems to be dead, so far as it can be told without touching their locks.

        Raises:
            LedgerError: the server does not answer.
        """
        now = time.monotonic()
        if now - self._looked > BLIND_SECONDS:
            self._silences.clear()
        keys = {worker: worker_key(worker) for worker in workers}
        asked = {
            "workers": list(keys),
            "classes": [_unsigned(group) for group, _ in keys.values()],
            "names": [_unsigned(name) for _, name in keys.values()],
        }
        with _heard():
            rows = self._look(LOOK, asked)
        self._looked = now
        return [worker for worker, seen, held in rows if not held or self._is_silent(worker, seen or "", now)]

    @contextmanager
    def seized(self, worker: str) -> Iterator[bool]:
        """Hold the lock of a worker that is dead, ending it if it is frozen; yield whether that came about.

        While it is held the worker cannot come back, and nobody else takes it for dead.

        Raises:
            LedgerError: the server does not answer.
        """
        with _heard(), self._one:
            key = worker_key(worker)
            got = self._locked(key) or (self._ended(worker) and self._locked_soon(key))
            try:
                yield got
            finally:
                if got:
                    self._silences.pop(worker, None)
                    self._look("DELETE FROM billing.workers WHERE worker = %s RETURNING worker", (worker,))
                    self._look("SELECT pg_advisory_unlock(%s, %s)", key)

    def close(self) -> None:
        """Say nothing more; who goes in good order takes its row along."""
        if self._beating is not None:
            with suppress(LedgerError), _heard():
                self._beating.execute(LEAVE, self._said)
        for connection in (self._beating, self._looking):
            if connection is not None:
                connection.close()
        self._beating = self._looking = None

    def _is_silent(self, worker: str, seen: str, now: float) -> bool:
        known = self._silences.get(worker)
        if known is None or known.seen != seen:
            self._silences[worker] = _Silence(seen, now)
            return False
        return now - known.since >= FROZEN_SECONDS

    def _locked(self, key: tuple[int, int]) -> bool:
        return bool(self._look("SELECT pg_try_advisory_lock(%s, %s)", key)[0][0])

    def _locked_soon(self, key: tuple[int, int]) -> bool:
        until = time.monotonic() + FREED_SECONDS
        while time.monotonic() < until:
            if self._locked(key):
                return True
            time.sleep(0.1)
        return False

    def _ended(self, worker: str) -> bool:
        """End the sessions of a worker that has been silent for too long; tell whether there were any."""
        silence = self._silences.get(worker)
        if silence is None or time.monotonic() - silence.since < FROZEN_SECONDS:
            return False
        return bool(self._look(END, {"worker": worker, "frozen": FROZEN_SECONDS})[0][0])

    def _session(self) -> "Connection[Any]":
        """Return the session that beats; the first beat opens it."""
        if self._beating is None:
            self._beating = self._connected()
        return self._beating

    def _look(self, question: str, asked: Any) -> Sequence[tuple[Any, ...]]:  # noqa: ANN401  what the driver takes
        if self._looking is None:
            self._looking = self._connected()
        return self._looking.execute(question, asked).fetchall()

    def _connected(self) -> "Connection[Any]":
        import psycopg

        session = {**SESSION, "options": f"{SESSION['options']} -c statement_timeout=5000"}
        return psycopg.connect(self._url, application_name=self.named, autocommit=True, **session)


@contextmanager
def _heard() -> Iterator[None]:
    """Say in words that the server does not answer.

    Raises:
        LedgerError: it does not.
    """
    import psycopg

    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise LedgerError(f"the database of the workers does not answer ({type(error).__name__})") from error


def _unsigned(key: int) -> int:
    """Return how ``pg_locks`` shows a key of four bytes."""
    return key & 0xFFFF_FFFF
