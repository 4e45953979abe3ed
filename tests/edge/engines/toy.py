"""A worker that works shards by waiting: what it begins and ends it writes to a file that all workers share."""

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import anyio
import psycopg

from billing.core.errors import LedgerError
from billing.edge.engines import Placed
from billing.edge.engines.dbos import DbosEngine
from billing.edge.engines.dbos_storage import Storage
from billing.edge.engines.presence import Presence
from billing.edge.ledger.postgres.locks import worker_key

QUEUE = "billing-test-acct_1toy"


class Evidence:
    """What workers wrote: lines of time, worker, what happened, name of the shard."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, worker: str, happened: str, shard: str) -> None:
        """Add a line; lines of many processes never mix."""
        line = f"{time.monotonic():.3f} {worker} {happened} {shard}\n".encode()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, line)
        os.close(descriptor)

    def read(self) -> list[tuple[float, str, str, str]]:
        """Return all lines."""
        found = (line.split() for line in self.path.read_text().splitlines()) if self.path.exists() else ()
        return [(float(at), worker, happened, shard) for at, worker, happened, shard in found]

    def count(self, happened: str) -> int:
        """Count what happened."""
        return sum(1 for line in self.read() if line[2] == happened)


def log(event: str, **facts: object) -> None:
    """Write what DBOS says when a test asks to see it."""
    if os.environ.get("TOY_LOG"):
        sys.stderr.write(f"{event} {facts}\n")


def engine_at(url: str, worker: str = "", *, at_once: int = 2, presence: Presence | None = None) -> DbosEngine:
    """Return an engine on the server."""
    named = presence.named if presence else f"billing toy {worker}"
    return DbosEngine(Storage(url, named), QUEUE, log, worker=worker, presence=presence, at_once=at_once, grace=5)


class Toy:
    """One worker: lock, heartbeat, watchdog and work, opened anew whenever the server went away."""

    def __init__(self, url: str, worker: str, evidence: Evidence, seconds: float) -> None:
        self.url, self.worker, self.evidence, self.seconds = url, worker, evidence, seconds
        self.draining = False

    async def run(self) -> None:
        """Work until told to stop."""
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(self._told, scope)
                while True:
                    try:
                        await self._open()
                    except* (LedgerError, psycopg.Error) as lost:
                        log("lost", errors=[f"{error!r} {error.__cause__!r}" for error in lost.exceptions])
                        await anyio.sleep(0.3)

    async def _told(self, scope: anyio.CancelScope) -> None:
        with anyio.open_signal_receiver(signal.SIGTERM) as told:
            async for _ in told:
                self.draining = True
                scope.cancel()
                return

    async def _open(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as ledger:
            ledger.execute("SET application_name = 'billing toy " + self.worker + "'")
            if not ledger.execute("SELECT pg_try_advisory_lock(%s, %s)", worker_key(self.worker)).fetchone()[0]:
                if self.draining:
                    return
                raise LedgerError("held")
            presence = Presence(self.url, self.worker, purpose=f"toy {self.worker}", platform="acct_1toy")
            engine = engine_at(self.url, self.worker, presence=presence)
            try:
                await anyio.to_thread.run_sync(presence.beat)
                self.evidence.write(self.worker, "opened", "-")
                async with anyio.create_task_group() as group:
                    group.start_soon(engine.work, self._execute)
                    group.start_soon(self._beat, presence, ledger)
                    group.start_soon(self._watch, engine)
            finally:
                with anyio.CancelScope(shield=True):
                    await engine.aclose()
                    await anyio.to_thread.run_sync(presence.close)

    async def _beat(self, presence: Presence, ledger: psycopg.Connection) -> None:
        while True:
            await anyio.sleep(1)
            await anyio.to_thread.run_sync(presence.beat)
            ledger.execute("SELECT 1")

    async def _watch(self, engine: DbosEngine) -> None:
        while True:
            for dead in await engine.recover():
                self.evidence.write(self.worker, "recovered", dead)
            await anyio.sleep(2)

    async def _execute(self, shard: Placed) -> None:
        self.evidence.write(self.worker, "begun", f"{shard.name}/{shard.partition}")
        until = time.monotonic() + self.seconds
        while time.monotonic() < until:
            await anyio.sleep(0.05)
            if self.draining:
                self.evidence.write(self.worker, "drained", f"{shard.name}/{shard.partition}")
                raise RuntimeError("draining")
        self.evidence.write(self.worker, "done", f"{shard.name}/{shard.partition}")


if __name__ == "__main__":
    url, worker, evidence, seconds = sys.argv[1:]
    with suppress(KeyboardInterrupt):
        anyio.run(Toy(url, worker, Evidence(Path(evidence)), float(seconds)).run)
