"""Workers as processes of their own, one server, and what became of the shards they were handed."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg

from billing.edge.engines import Placed
from tests.edge.engines.toy import Evidence, engine_at

ROOT = Path(__file__).parents[3]
PATIENCE = 90.0
# Nothing is asserted of how long a thing takes but where a test says so; this only ends a test that would never end.
TABLES = """
CREATE SCHEMA IF NOT EXISTS billing;
CREATE TABLE IF NOT EXISTS billing.workers (worker text PRIMARY KEY, host text, pid bigint, purpose text,
    platform text, since timestamptz, seen timestamptz, backends integer[])
"""


def placed(count: int, *, run: str = "run-2026-11", big: int = 0) -> list[Placed]:
    """Return shards of a run, the first ``big`` of one account."""
    return [
        Placed(run, 1, 1, number, "acct_1big" if number <= big else str(number), number, {"number": number})
        for number in range(1, count + 1)
    ]


class Fleet:
    """Workers of one server."""

    def __init__(self, url: str, folder: Path, seconds: float) -> None:
        self.url, self.seconds = url, seconds
        self.evidence = Evidence(folder / "evidence")
        self._processes: list[subprocess.Popen[bytes]] = []
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(TABLES)

    def start(self, worker: str) -> subprocess.Popen[bytes]:
        """Start a worker; it works as soon as it has said that it is open."""
        arguments = [self.url, worker, str(self.evidence.path), str(self.seconds)]
        process = subprocess.Popen([sys.executable, "-m", "tests.edge.engines.toy", *arguments], cwd=ROOT)
        self._processes.append(process)
        return process

    def all_open(self, *workers: str) -> list[subprocess.Popen[bytes]]:
        """Start workers, and wait until each of them is open."""
        started = [self.start(worker) for worker in workers]
        self.until(lambda: self.evidence.count("opened") >= len(workers))
        return started

    def end(self) -> None:
        """End every worker that is left."""
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()

    def until(self, so: Callable[[], bool]) -> None:
        """Wait until something is so."""
        last = time.monotonic() + PATIENCE
        while not so():
            assert time.monotonic() < last, self.told()
            time.sleep(0.05)

    def holds(self, worker: str) -> list[str]:
        """Return the shards that a worker has begun and not ended."""
        held: dict[str, None] = {}
        for _, who, happened, shard in self.evidence.read():
            if who == worker and happened == "begun":
                held[shard] = None
            elif who == worker and happened in ("done", "drained"):
                held.pop(shard, None)
        return list(held)

    def all_done(self, shards: Sequence[Placed]) -> bool:
        """Tell whether every shard was worked to its end by somebody."""
        done = {shard.partition("/")[0] for _, _, happened, shard in self.evidence.read() if happened == "done"}
        return {shard.name for shard in shards} <= done

    def taken_up(self, shards: Sequence[str], after: float) -> dict[str, float]:
        """Return when each of these was begun again after a moment."""
        begun = ((at, shard) for at, _, happened, shard in self.evidence.read() if happened == "begun")
        return {shard: at for at, shard in begun if shard in shards and at > after}

    def told(self) -> str:
        """Return the evidence as text."""
        lines = self.evidence.read()
        return "\n".join(f"{at:10.3f} {who:4} {happened:10} {shard}" for at, who, happened, shard in lines)

    def at_once(self, partition: str) -> int:
        """Return how many shards of a partition were being worked at the same time, at most; the dead work nothing."""
        most, held = 0, set()
        for _, who, happened, shard in self.evidence.read():
            if happened == "recovered":
                held = {(worker, each) for worker, each in held if worker != shard}
            elif shard.endswith(f"/{partition}"):
                (held.add if happened == "begun" else held.discard)((who, shard))
            most = max(most, len(held))
        return most


@contextmanager
def a_fleet(url: str, folder: Path, seconds: float) -> Iterator[Fleet]:
    """Have a fleet whose workers all end with the block."""
    fleet = Fleet(url, folder, seconds)
    try:
        yield fleet
    finally:
        fleet.end()


async def left(url: str, run: str = "run-2026-11") -> int:
    """Return how many shards of a run the engine has still to bring to an end."""
    engine = engine_at(url)
    try:
        return await engine.left(run)
    finally:
        await engine.aclose()


async def submit(url: str, shards: Sequence[Placed]) -> None:
    """Hand shards to the engine."""
    engine = engine_at(url)
    try:
        await engine.submit(shards)
    finally:
        await engine.aclose()
