"""Measure one rate budget shared by processes: ``python -m tests.bench.shared_budget [--workers N] [--limit R]``.

Real processes with the shipped throttle, a real PostgreSQL, and a server on a real socket that counts what arrives in
every second, wherever it begins, and answers 429 above its limit. Every figure is taken at the server.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import psycopg
import uvloop

from billing.edge.ledger.postgres.names import SCHEMA
from billing.edge.pacing.pacer import START_RPS
from billing.edge.pacing.shared.budget import Budget
from billing.edge.pacing.shared.rows import LimitRows
from billing.edge.pacing.throttle import Rates, Throttle
from billing.sandbox.limiters import Bucket
from tests.postgres import a_database

OWNER = "test acct_bench"
ANSWER_SECONDS, REFUSAL_SECONDS = 0.15, 0.05
BUSY, IDLE = 32, 1
ACCOUNTS = 3
# Connected accounts of a worker; another one's never.
ALONE = 8
# Times the callers and the accounts of one worker that a process has which does the work of all.
# Callers of a worker that has plenty to do, and of one that has hardly anything; that one rests between two requests.
REST_SECONDS = 1.0
WARM_SECONDS = 2.0
# At the beginning, before use is counted.
FOUND_SECONDS = 10.0
# The same where the limit has to be found.
UNKNOWN_CAP = 2.0
# Times the limit: the cap of whoever has not been told it.
SINGLE = ("open",)
THREE = ("open", "clone", "confirm")
TABLE = f"""
CREATE SCHEMA IF NOT EXISTS {SCHEMA};
CREATE TABLE IF NOT EXISTS {SCHEMA}.limits (name text PRIMARY KEY, state jsonb NOT NULL, at timestamptz NOT NULL)
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """One measurement.

    Attributes:
        name: of it.
        seconds: how long it lasts.
        cap: of each worker, as a multiple of the limit.
        start: requests a second where it begins; None: the cap.
        endpoints: the operations that are called in turn; each has this share of the limit for itself.
        share: of an endpoint.
        busy: workers that have plenty to do; None: all of them.
        changes: the limit as a share of the first one, from a second on.
        deeds: what is done to a worker at a second: its number and the signal.
        counted: the seconds from which on use is counted.
        alone: one process does the work of all, with pacers of its own: what sharing is compared with.
    """

    name: str
    seconds: float = 30.0
    cap: float = 1.0
    start: float | None = None
    endpoints: Sequence[str] = SINGLE
    share: float = 1.0
    busy: int | None = None
    changes: Sequence[tuple[float, float]] = ()
    deeds: Sequence[tuple[float, int, signal.Signals]] = ()
    counted: float = WARM_SECONDS
    alone: bool = False


SCENES = (
    Scene("limit known"),
    Scene("three endpoints, a quarter each", endpoints=THREE, share=0.25),
    Scene("one busy, the others nearly idle", busy=1),
    Scene("limit unknown", 60.0, UNKNOWN_CAP, START_RPS, counted=FOUND_SECONDS),
    Scene("unknown, one process alone", 60.0, UNKNOWN_CAP, START_RPS, counted=FOUND_SECONDS, alone=True),
    Scene("limit halves", 60.0, changes=((20.0, 0.5),)),
    Scene("halves, one process alone", 60.0, changes=((20.0, 0.5),), alone=True),
    Scene("one killed, one frozen for 5 s", deeds=(
        (8.0, 0, signal.SIGKILL), (12.0, 1, signal.SIGSTOP), (17.0, 1, signal.SIGCONT),
    )),
)  # fmt: skip


class Seen(NamedTuple):
    """One request: its arrival, when it was sent, both of the machine's clock; by whom; whether it was refused."""

    at: float
    sent_at: float
    worker: str
    refused: bool


@dataclass(slots=True)
class Server:
    """Admits so many requests a second, and remembers every one.

    Attributes:
        limit: requests in any second, wherever it begins.
        bucket: takes the place of that where the limit is to be found: the provider's own limiter.
        seen: every request.
        limits: (second, limit) as they were set.
    """

    limit: float
    bucket: Bucket | None
    seen: list[Seen] = field(default_factory=list)
    limits: list[tuple[float, float]] = field(default_factory=list)
    _admitted: deque[float] = field(default_factory=deque)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection, one after another."""
        try:
            while line := await reader.readline():
                now = time.monotonic()
                refused = self._refuses(now)
                worker, sent_at = line.decode().split()
                self.seen.append(Seen(now, float(sent_at), worker, refused))
                await asyncio.sleep(REFUSAL_SECONDS if refused else ANSWER_SECONDS)
                writer.write(b"429\n" if refused else b"200\n")
        except OSError:
            pass
        finally:
            writer.close()

    def set(self, limit: float) -> None:
        """Admit so many from now on."""
        self.limit, self.bucket = limit, Bucket(limit, 1.0, time.monotonic())

    def _refuses(self, now: float) -> bool:
        if self.bucket is not None:
            if admits := self.bucket.ready(now):
                self.bucket.take()
            return not admits
        while self._admitted and self._admitted[0] <= now - 1.0:
            self._admitted.popleft()
        if len(self._admitted) >= self.limit:
            return True
        self._admitted.append(now)
        return False


async def work(told: Mapping[str, Any]) -> dict[str, float]:
    """Send requests until the standard input ends; return what it cost."""
    worker, busy, names, accounts = told["worker"], told["busy"], told["names"], told["accounts"]
    start = told["start"]
    throttle, counts = Throttle(Rates(*told["rates"]), start=start), Counter[str]()
    rows = LimitRows(os.environ["BENCH_LEDGER"], OWNER)
    if not told["alone"]:
        throttle.share(Budget(rows, worker, sys.exit))
    loop = asyncio.get_running_loop()
    stdin = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    callers = told["callers"]
    lines = [await asyncio.open_connection("127.0.0.1", told["port"]) for _ in range(callers)]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await stdin.readline()
    cpu = time.process_time()

    async def call(number: int) -> None:
        reader, writer = lines[number]
        endpoint, account = names[number % len(names)], f"acct_{worker}_{number % accounts}"
        while True:
            async with throttle.turn(endpoint, account) as sent_at:
                writer.write(f"{worker} {time.monotonic()}\n".encode())
                answer = await reader.readline()
            counts[answer.decode().strip()] += 1
            if answer.startswith(b"429"):
                throttle.limited("global-rate", endpoint, account, None, sent_at)
            if not busy:
                await asyncio.sleep(REST_SECONDS)

    tasks = [loop.create_task(call(number)) for number in range(callers)]
    await stdin.read()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await throttle.aclose()
    return {"transactions": rows.transactions, "cpu": time.process_time() - cpu, "requests": sum(counts.values())}


@dataclass(frozen=True, slots=True)
class Figures:
    """What one scene came to: shares of the limit, of requests refused, of transactions a request; seconds of CPU.

    Attributes:
        scene: its name.
        use: of the limit, once it is found.
        most: requests that arrived in any second, over the limit of then.
        refused: share of requests answered 429.
        settled: seconds after the last change of the limit until two seconds with hardly a refusal.
        jain: how evenly the busy workers were served; 1 is even.
        transactions: for each request.
        cpu_ms: of the workers, for each request.
    """

    scene: str
    use: float
    most: float
    refused: float
    settled: float
    jain: float
    transactions: float
    cpu_ms: float


def jain(shares: Sequence[float]) -> float:
    """Return Jain's index of shares."""
    return sum(shares) ** 2 / (len(shares) * sum(each * each for each in shares)) if any(shares) else 0.0


def most_in_any_second(times: Sequence[float]) -> int:
    """Return the most arrivals in any second, wherever it begins."""
    first = most = 0
    for last, at in enumerate(times):
        while times[first] <= at - 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most


def figures(scene: Scene, server: Server, began: float, told: Sequence[dict[str, float]], workers: int) -> Figures:
    """Work out the figures of what the server has seen."""
    seen = [(at - began, worker, refused) for at, _, worker, refused in server.seen]
    first = server.limits[0][1]
    marks = [*scene.changes, (scene.seconds, 0.0)]
    allowed = [(0.0, 1.0), *scene.changes]
    room = sum(
        (end - max(start, scene.counted)) * first * share * min(1.0, scene.share * len(scene.endpoints))
        for (start, share), (end, _) in zip(allowed, marks, strict=True)
    )
    admitted = sum(not refused and at >= scene.counted for at, _, refused in seen)
    over = [
        most_in_any_second([at for at, _, _ in seen if start + (2.0 if start else 0.0) <= at < end]) / (first * share)
        for (start, share), (end, _) in zip(allowed, marks, strict=True)
    ]
    gone = {str(number) for _, number, _ in scene.deeds}
    busy = {str(number) for number in range(workers if scene.busy is None else scene.busy)} - gone
    shares = Counter(worker for at, worker, _ in seen if at >= scene.counted)
    requests = sum(each["requests"] for each in told)
    return Figures(
        scene.name,
        admitted / room,
        max(over),
        sum(refused for *_, refused in seen) / max(1, len(seen)),
        _settled(seen, scene.changes[-1][0], scene.seconds) if scene.changes else 0.0,
        jain([shares[worker] for worker in busy]),
        sum(each["transactions"] for each in told) / max(1, requests),
        1000 * sum(each["cpu"] for each in told) / max(1, requests),
    )


def _settled(seen: Sequence[tuple[float, str, bool]], since: float, until: float) -> float:
    """Return the seconds until two seconds with at most 2 % refused."""
    at = since
    while at + 2.0 <= until:
        window = [refused for when, _, refused in seen if at <= when < at + 2.0]
        if window and sum(window) <= 0.02 * len(window):
            return at - since
        at += 0.1
    return float("inf")


async def perform(scene: Scene, url: str, workers: int, limit: float) -> Figures:
    """Play one scene."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(f"TRUNCATE {SCHEMA}.limits")
    workers = 1 if scene.alone else workers
    server = Server(limit, Bucket(limit, 1.0, time.monotonic()) if scene.start or scene.changes else None)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    running = [await _started(url, _told(scene, number, limit, port)) for number in range(workers)]
    for each in running:
        await _out(each).readline()
    began = time.monotonic()
    server.limits.append((0.0, limit))
    loop = asyncio.get_running_loop()
    for at, share in scene.changes:
        loop.call_later(at, server.set, limit * share)
    for at, number, what in scene.deeds:
        loop.call_later(at, running[number].send_signal, what)
    for each in running:
        _in(each).write(b"go\n")
    await asyncio.sleep(scene.seconds)
    for each in running:
        _in(each).close()
    told = [await _out(each).read() for each in running]
    for each in running:
        await each.wait()
    listening.close()
    return figures(scene, server, began, [json.loads(each) for each in told if each], workers)


def _in(process: asyncio.subprocess.Process) -> asyncio.StreamWriter:
    assert process.stdin is not None
    return process.stdin


def _out(process: asyncio.subprocess.Process) -> asyncio.StreamReader:
    assert process.stdout is not None
    return process.stdout


def _told(scene: Scene, number: int, limit: float, port: int) -> dict[str, Any]:
    """Return what a worker is told."""
    cap, busy, times = limit * scene.cap, scene.busy is None or number < scene.busy, ALONE if scene.alone else 1
    return {
        "port": port, "worker": str(number), "busy": busy, "names": scene.endpoints, "start": scene.start,
        "rates": [cap, cap * scene.share, cap, 256, 256, 256], "alone": scene.alone, "accounts": ACCOUNTS * times,
        "callers": (BUSY if busy else IDLE) * times,
    }  # fmt: skip


async def _started(url: str, told: Mapping[str, Any]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.shared_budget", "--as-worker", json.dumps(told),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=os.environ | {"BENCH_LEDGER": url},
    )  # fmt: skip


HEADS = ("scene", "use", "most/s", "429", "settled", "Jain", "tx/req", "CPU/req")


def row(found: Figures) -> tuple[str, ...]:
    """Write the figures of one scene."""
    return (
        found.scene, f"{100 * found.use:.1f}%", f"{100 * found.most:.1f}%", f"{100 * found.refused:.2f}%",
        f"{found.settled:.1f} s" if found.settled else "", f"{found.jain:.4f}", f"{found.transactions:.3f}",
        f"{found.cpu_ms:.2f} ms",
    )  # fmt: skip


def line(cells: Sequence[str]) -> str:
    """Write one line of the table."""
    return f"{cells[0]:34}" + "".join(f"{cell:>10}" for cell in cells[1:])


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.shared_budget", description=__doc__)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--limit", type=float, default=100.0)
    parser.add_argument("--only", default="", help="scenes whose name holds this")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--as-worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.as_worker:
        sys.stdout.write(json.dumps(uvloop.run(work(json.loads(options.as_worker)))))
        return
    scenes = [scene for scene in SCENES if options.only in scene.name]
    with a_database() as url:
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute(TABLE)
        _say(line(HEADS))
        for scene in scenes:
            found = uvloop.run(perform(scene, url, options.workers, options.limit))
            _say(json.dumps(asdict(found)) if options.json else line(row(found)))


if __name__ == "__main__":
    main()
