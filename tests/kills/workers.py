"""A world of several workers: one ledger in PostgreSQL, one run, and whatever can befall processes and their network.

Workers are killed, stopped for longer than others wait for a sign of life, and doubled; the server is stopped as if its
machine had failed, backends are ended, connections cut. Afterwards the provider's books, the ledger, the report and the
history of all workers (`tests.kills.history`) are held against each other.
"""

import json
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from billing.core.exits import Exit
from billing.sandbox.config import Latency, Limits, SandboxConfig
from billing.sandbox.scenario import Scenario, ScenarioSpec, build
from billing.sandbox.server import ticking
from tests.kills.assertions import hold
from tests.kills.history import STARTS, Call, Fence, History, Told, told_by, writes_of
from tests.kills.processes import ENDS, Crew
from tests.kills.provider import Door, Provider
from tests.kills.proxy import Proxy
from tests.kills.verdict import Asked, Verdict
from tests.postgres import Server, private_server

RUN_ID = "coaching-2026-11"
MIX = {"succeeds": 0.8, "insufficient_funds": 0.08, "stolen_card": 0.06, "debit_succeeds": 0.06}
LIMITS = Limits(platform_rate=60.0, endpoint_rate=25.0)
LONGER_THAN_ANYBODY_WAITS = 11.0
PATIENCE = 240.0
BEFORE_A_RESTART = (0.0, 3.0)
BETWEEN_BLOWS = (0.5, 2.0)
BEGAN = ("worker_started", "worker_recovered")


@dataclass(slots=True)
class Worker:
    """One process under a worker id.

    Attributes:
        door: its own address at the provider.
        wakes: when it is to go on, if it is stopped.
        returns: when the next process takes its place, if it was killed.
    """

    name: str
    process: subprocess.Popen[bytes]
    door: Door
    log: Path
    wakes: float | None = None
    returns: float | None = None


@dataclass(slots=True)
class Shop(Crew):
    """Starts commands on a ledger in PostgreSQL, behind a network that can be cut."""

    ledger: str = ""

    def environ(self, door: Door) -> dict[str, str]:
        """An environment in which only these decide."""
        return Crew.environ(self, door) | {"BILLING_LEDGER": self.ledger}


Blow = Callable[["Floor", float], None]


@dataclass(slots=True)
class Floor:
    """The workers of a world, and what befalls them.

    Attributes:
        kills: worker and moment of each kill.
        blows: how many of each kind fell.
    """

    shop: Shop
    server: Server
    proxy: Proxy
    chance: random.Random
    verdict: Verdict
    workers: dict[str, Worker] = field(default_factory=dict)
    gone: list[Worker] = field(default_factory=list)
    doubles: list[Worker] = field(default_factory=list)
    kills: list[tuple[str, float]] = field(default_factory=list)
    blows: Counter[str] = field(default_factory=Counter)

    def start(self, name: str) -> Worker:
        """Start a process under a worker id."""
        door = self.shop.provider.door()
        log = self.shop.folder / f"{name}-{len(self.shop.started)}.log"
        how = ("--until-done", RUN_ID, "--log-level", "debug", "--log-format", "json")
        with log.open("wb") as file:
            process = self.shop.process(["worker", "--id", name, *how], door, stdout=subprocess.DEVNULL, stderr=file)
        self.shop.started.append(process)
        return Worker(name, process, door, log)

    def open(self, count: int) -> None:
        """Start so many workers."""
        self.workers = {f"w{n}": self.start(f"w{n}") for n in range(count)}

    def run(self, blows: Iterator[Blow]) -> None:
        """Let them work until each has come to its own end, while blows fall for as long as there are any."""
        until = time.monotonic() + PATIENCE
        due = 0.0
        while self._at_work():
            now = time.monotonic()
            if now > until:
                self.verdict.problems.append(f"not over after {PATIENCE:g} s: {self._told()}")
                return
            self._tend(now)
            if self._working() and now >= due and (blow := next(blows, None)):
                blow(self, now)
                due = time.monotonic() + self.chance.uniform(*BETWEEN_BLOWS)
            time.sleep(0.05)
        self._see_doubles_out()

    def _at_work(self) -> bool:
        """Tell whether somebody is still there, or has ended as nobody may and is to be replaced."""
        return any(one.returns is not None or one.process.poll() not in ENDS for one in self.workers.values())

    def _working(self) -> list[Worker]:
        """Return who is awake and has begun to charge: the first blow waits for that, and kills fall on these."""
        return [one for one in self._awake() if any(operation in STARTS for _, operation, *_ in one.door.arrivals)]

    def _tend(self, now: float) -> None:
        """Wake who has slept long enough, put a new process in the place of a dead one, and note who ended badly."""
        for name, worker in self.workers.items():
            if worker.wakes is not None and now >= worker.wakes:
                worker.wakes = None
                worker.process.send_signal(signal.SIGCONT)
            if worker.returns is not None and now >= worker.returns:
                self.gone.append(worker)
                self.workers[name] = self.start(name)
            elif worker.returns is None and worker.process.poll() not in (None, *ENDS):
                self._died(worker)

    def _died(self, worker: Worker) -> None:
        """Note an end that nobody ordered; whoever looks after processes starts the next one.

        Who cannot open the ledger in the first place, because the server is away, ends with that; so does whose id a
        double has taken over.
        """
        code = worker.process.poll()
        taken = code == Exit.HELD and any(double.name == worker.name for double in self.doubles)
        if taken or (code == Exit.STOPPED and self.blows):
            self.blows["begun in vain"] += 1
        else:
            self.verdict.problems.append(f"{worker.name} ended with {code}: {_end_of(worker.log)}")
        worker.returns = time.monotonic() + 0.5

    def _see_doubles_out(self) -> None:
        for double in self.doubles:
            if double.process.wait(60) not in (*ENDS, Exit.HELD, Exit.STOPPED):
                said = f"the double of {double.name} ended with {double.process.poll()}: {_end_of(double.log)}"
                self.verdict.problems.append(said)

    def _told(self) -> str:
        return "; ".join(f"{name}: {_end_of(worker.log)}" for name, worker in self.workers.items())

    def _awake(self) -> list[Worker]:
        return [one for one in self.workers.values() if one.wakes is None and one.returns is None and _lives(one)]

    # -- the blows

    def kill(self, now: float) -> None:
        """SIGKILL to one of them; another process of the same id comes a little later."""
        if working := self._working():
            worker = self.chance.choice(working)
            worker.process.kill()
            worker.process.wait()
            self.kills.append((worker.name, time.time()))
            worker.returns = now + self.chance.uniform(*BEFORE_A_RESTART)
            self.blows["SIGKILL"] += 1

    def stop(self, now: float) -> None:
        """SIGSTOP to one of them, for longer than the others wait; somebody is always awake."""
        if len(self._awake()) > 1 and (working := self._working()):
            worker = self.chance.choice(working)
            worker.process.send_signal(signal.SIGSTOP)
            worker.wakes = now + LONGER_THAN_ANYBODY_WAITS
            self.blows["SIGSTOP"] += 1

    def double(self, now: float) -> None:
        """A second process under an id that is taken."""
        if len(self.doubles) < len(self.workers) and (awake := self._awake()):
            self.doubles.append(self.start(self.chance.choice(awake).name))
            self.blows["doubled"] += 1

    def crash(self, now: float) -> None:
        """The server stops as if its machine had failed, and comes back."""
        if self.blows["server stopped"] < 2:
            self.server.stop("immediate")
            time.sleep(self.chance.uniform(0, 1.5))
            self.server.start()
            self.blows["server stopped"] += 1

    def end_backends(self, now: float) -> None:
        """The database ends some of the connections of billing."""
        import psycopg

        with psycopg.connect(self.server.url(), autocommit=True) as connection:
            found = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            ).fetchall()
            for (pid,) in found:
                if self.chance.random() < 0.4:
                    connection.execute("SELECT pg_terminate_backend(%s)", (pid,))
                    self.blows["backends ended"] += 1

    def cut(self, now: float) -> None:
        """The network drops some connections."""
        self.blows["connections cut"] += self.proxy.cut(self.chance.choice([0.3, 1.0]), self.chance)

    @property
    def all(self) -> list[Worker]:
        """Every process that ever was."""
        return [*self.workers.values(), *self.gone, *self.doubles]


BLOWS: tuple[Blow, ...] = (
    Floor.kill, Floor.kill, Floor.kill, Floor.stop, Floor.double, Floor.crash, Floor.end_backends, Floor.cut,
)  # fmt: skip


def blows_of(asked: Asked, chance: random.Random) -> Iterator[Blow]:
    """Yield what befalls a world: one of each kind for every three workers, in any order, a kill first."""
    if asked.calm:
        return
    yield Floor.kill
    for _ in range(max(1, asked.workers // 3)):
        yield from chance.sample(BLOWS, len(BLOWS))


def _lives(worker: Worker) -> bool:
    return worker.process.poll() is None


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-400:]


# --- a world ------------------------------------------------------------------------------------------------------


def live(asked: Asked, root: Path) -> Verdict:
    """Live one world to its end; whatever happens is in the verdict."""
    verdict = Verdict(asked)
    (folder := root / f"workers-{asked.seed}").mkdir()
    sandbox = ticking(replace(SandboxConfig(seed=asked.seed), limits=LIMITS, latency=Latency(median_seconds=0.1)))
    scenario = build(sandbox, ScenarioSpec(seed=asked.seed, accounts=8, items=asked.items, mix=MIX))
    with (
        private_server(track_commit_timestamp="on") as server,
        Proxy(server.port) as proxy,
        Provider(sandbox) as provider,
    ):
        url = server.url().replace(str(server.port), str(proxy.port))
        shop = Shop(folder, provider, "", installed=False, problems=verdict.problems, ledger=url)
        floor = Floor(shop, server, proxy, random.Random(f"workers-{asked.seed}"), verdict)
        try:
            _play(floor, scenario)
        except Exception as failure:  # noqa: BLE001  whatever it is, the seed is what the reader needs
            verdict.problems.append(f"{type(failure).__name__}: {failure}")
        finally:
            shop.dismiss()
        verdict.problems += provider.problems
    return verdict


def _play(floor: Floor, scenario: Scenario) -> None:
    shop, verdict, asked = floor.shop, floor.verdict, floor.verdict.asked
    (shop.folder / "run.csv").write_text(scenario.as_csv())
    (shop.folder / "home").mkdir()
    shop.ask("run", "run.csv", "--run", RUN_ID, "--yes", "--detach")
    floor.open(asked.workers)
    floor.run(blows_of(asked, floor.chance))
    shop.ask("resolve", RUN_ID)
    shop.ask("ledger", "verify")
    references = [row.reference for row in scenario.rows]
    books = shop.provider.ask(lambda sandbox: (sandbox.advance(60), sandbox.books())[1])
    events = shop.events()
    verdict.findings = hold(references, shop.report(RUN_ID), events, books)
    history = history_of(floor, events)
    verdict.problems += history.broken()[:20]
    verdict.figures.update(floor.blows)
    verdict.figures["entries"] = len(history.writes)
    verdict.figures["acknowledged"] = len(history.told)
    verdict.figures["requests"] = sum(len(worker.door.arrivals) for worker in floor.all)
    verdict.waits = list(reattempts(floor.kills, floor.all))


def history_of(floor: Floor, events: Iterable[Mapping[str, Any]]) -> History:
    """Put the history of a world together, from outside."""
    references = _references(events)
    told: list[Told] = []
    calls: list[Call] = []
    begun: dict[str, list[float]] = {}
    lost: list[tuple[str, float]] = []
    for worker in floor.all:
        lines = list(_events(worker.log))
        told += told_by(worker.name, lines, _seconds)
        calls += _calls(worker, references)
        begun.setdefault(worker.name, []).extend(
            _seconds(each["timestamp"]) for each in lines if each["event"] in BEGAN
        )
        lost += [(each["worker"], _seconds(each["timestamp"])) for each in lines if each["event"] == "worker_lost"]
    return History(writes_of(floor.server.url()), told, calls, list(_fences(lost, begun)))


def _fences(lost: list[tuple[str, float]], begun: Mapping[str, list[float]]) -> Iterator[Fence]:
    """Yield since when a worker was dead for the others; who had begun anew a moment before was told of too late."""
    for worker, since in lost:
        begins = sorted(begun.get(worker, []))
        if not any(since - 2.0 <= at <= since for at in begins):
            yield Fence(worker, since, next((at for at in begins if at > since), float("inf")))


def _calls(worker: Worker, references: Mapping[str, str]) -> Iterator[Call]:
    for at, operation, path, body in worker.door.arrivals:
        named = parse_qs(body.decode()).get("metadata[billing_item]", [""])[0]
        intent = next((part for part in path.split("/") if part.startswith("pi_")), "")
        item = references.get(named) or references.get(intent)
        if item:
            yield Call(worker.name, operation, item, at)


def _references(events: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the reference of each item and of each intent on record."""
    found = {}
    for event in events:
        for name in (event["item"], event["facts"].get("object_id")):
            if name:
                found[name] = event["reference"]
    return found


def _events(log: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a log; the last one of a killed process may be half a line."""
    for line in log.read_text(errors="replace").splitlines():
        if line.startswith("{") and line.endswith("}"):
            yield json.loads(line)


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()


def reattempts(kills: Sequence[tuple[str, float]], workers: Iterable[Worker]) -> Iterator[float]:
    """Yield how long after each kill somebody took each shard that the dead one had in hand; infinity for nobody."""
    found = [
        (_seconds(line["timestamp"]), line["worker"], line["shard"], line["event"])
        for worker in workers
        for line in _events(worker.log)
        if line["event"].startswith("shard_")
    ]
    found.sort()
    for worker, at in kills:
        last = {shard: (who, event) for when, who, shard, event in found if when <= at}
        for shard in (shard for shard, fate in last.items() if fate == (worker, "shard_taken")):
            taken = (when for when, _, again, event in found if again == shard and event == "shard_taken" and when > at)
            yield next(taken, float("inf")) - at
