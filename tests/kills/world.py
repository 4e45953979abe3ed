"""One world: one ledger, one sandbox, and runners that are struck one after the other until no point is left."""

import random
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from billing.sandbox.config import Behaviour, Chances, CloneSpentOn, Latency, Limits, SandboxConfig
from billing.sandbox.scenario import Scenario, ScenarioSpec, build
from billing.sandbox.server import ticking
from tests.kills.assertions import hold
from tests.kills.points import MONEY_PATH, Helper, Life, again, lives_of
from tests.kills.processes import RATE, Crew, is_cold
from tests.kills.provider import Provider, prune
from tests.kills.signals import Trip, trip_for
from tests.kills.verdict import Asked, Verdict
from tests.kills.watch import Watch

RUN_ID = "coaching-2026-11"
ITEMS_PER_LIFE = 11
LIMIT = ("--limit", "12")  # for a runner that is to come to its own end while items are left for others
TURNS = 3
# How often points that were missed are tried again.
MIX = {
    "succeeds": 0.5, "insufficient_funds": 0.08, "stolen_card": 0.15, "authentication_required": 0.05,
    "debit_succeeds": 0.07, "not_clonable": 0.15,
}  # fmt: skip
FAULTS = {
    "lost_before": 0.01, "lost_after": 0.02, "late": 0.01, "stored_500_done": 0.005, "stored_500_undone": 0.005,
    "bad_gateway_done": 0.01, "cut_body": 0.01, "rate_limited": 0.01, "lock_timeout": 0.01, "unavailable_503": 0.01,
}  # fmt: skip
LATE_SECONDS = 0.7


class World:
    """The stage, and how a life is played on it."""

    def __init__(self, crew: Crew, scenario: Scenario, verdict: Verdict) -> None:
        self._crew = crew
        self._provider = crew.provider
        self._verdict = verdict
        self._watch = Watch(verdict)
        self._chance = random.Random(f"world-{verdict.asked.seed}")
        self._references = [row.reference for row in scenario.rows]
        (crew.folder / "run.csv").write_text(scenario.as_csv())
        (crew.folder / "home").mkdir()

    def play(self, life: Life) -> None:
        """Play one life to its end."""
        if life.stops:
            self._stopped(life)
        elif len(life.blows) == 1:
            self._watch.await_(self._crew.start(self._run(), self._trip(life, 0)))
        else:
            self._pair(life)
        if life.prune:
            self._provider.ask(prune)

    def _pair(self, life: Life) -> None:
        """Two runners side by side, each with its own blow; neither is answered before both have been heard."""
        runners = []
        for n in range(len(life.blows)):
            self._crew.unlock()
            runner = self._crew.start(self._run(), self._trip(life, n), closed=True)
            self._watch.heard(runner)
            runners.append(runner)
        for runner in runners:
            self._provider.admit(runner.door)
        self._watch.await_(*runners)

    def _stopped(self, life: Life) -> None:
        """One runner is stopped; perhaps another one works meanwhile; keys are forgotten; then the first goes on."""
        ends_itself = life.helper is not Helper.ALL and life.last_blow is None
        first = self._crew.start(self._run(*LIMIT if ends_itself else ()), self._trip(life, 0))
        self._watch.await_(first)
        if first.ended:
            return
        if life.blows[0].runners > 1:
            self._crew.out_of_commit(first)
            self._help(life)
        self._provider.ask(prune)
        first.door.heard.clear()
        first.lay(self._last_trip(life))
        first.process.send_signal(signal.SIGCONT)
        self._watch.await_(first)

    def _help(self, life: Life) -> None:
        """Another process works on the same ledger while the first one is stopped."""
        self._crew.unlock()
        if len(life.blows) > 1:
            self._watch.await_(self._crew.start(self._run(), self._trip(life, 1)))
            return
        verbs = {
            Helper.RESOLVE: ["resolve", RUN_ID],
            Helper.SOME: self._run(*LIMIT),
            Helper.ALL: self._run(wide=True),
        }
        self._watch.await_(self._crew.start(verbs[life.helper], None))

    def finish(self) -> None:
        """Continue the run, look once the weather has cleared, run what waited for that; hold all against the books."""
        ask = self._crew.ask
        ask(*self._run(*RATE, wide=True))
        self._provider.ask(lambda sandbox: (sandbox.faults.clear(), sandbox.advance(2 * LATE_SECONDS)))
        self._watch.until(lambda: self._provider.quiet)
        ask("resolve", RUN_ID, *RATE)
        ask(*self._run(*RATE, wide=True))
        ask("ledger", "verify")
        report, events = self._crew.report(RUN_ID), self._crew.events()
        books = self._provider.ask(lambda sandbox: (sandbox.advance(60), sandbox.books())[1])
        self._verdict.findings = hold(self._references, report, events, books)

    # -- runners and what waits for them

    def _run(self, *args: str, wide: bool = False) -> list[str]:
        """The command of a run; few items at a time, lest one life uses up what the others need."""
        concurrency = str(32 if wide else self._chance.choice([2, 4, 6]))
        return ["run", "run.csv", "--run", RUN_ID, "--yes", "--concurrency", concurrency, *args]

    def _trip(self, life: Life, n: int) -> Trip:
        return trip_for(life.blows[n], life.nths[n], life.lags[n], self._crew.log)

    def _last_trip(self, life: Life) -> Trip | None:
        return life.last_blow and trip_for(life.last_blow, life.nths[0], 0.0, self._crew.log)


def live(asked: Asked, root: Path) -> Verdict:
    """Live one world to its end, in a folder of its own below ``root``; whatever happens is in the verdict."""
    verdict, fate, seed = Verdict(asked), lives_of(asked.seed, asked.at)[: asked.lives], asked.seed
    sandbox = ticking(config(seed, FAULTS))
    scenario = build(sandbox, ScenarioSpec(seed=seed, accounts=4, items=ITEMS_PER_LIFE * len(fate), mix=MIX))
    (folder := root / f"world-{seed}-{asked.bug or 'shipped'}").mkdir()
    with Provider(sandbox) as provider:
        crew = Crew(folder, provider, asked.bug, is_cold(seed), verdict.problems)
        try:
            world = World(crew, scenario, verdict)
            _play(world, fate, verdict)
            world.finish()
        except Exception as failure:  # noqa: BLE001  whatever it is, the seed is what the reader needs
            verdict.problems.append(f"{type(failure).__name__}: {failure}")
        finally:
            crew.dismiss()
        verdict.problems += provider.problems
    return verdict


def _play(world: World, fate: Sequence[Life], verdict: Verdict) -> None:
    """Play the lives; missed points come again before the last life, which finishes the run.

    A bug may end the run before its points are reached: what it did until then is judged.
    """
    for life in fate[:-1]:
        world.play(life)
    for turn in range(0 if verdict.asked.bug else TURNS):
        missed, verdict.missed = verdict.missed, []
        for life in again(verdict.asked.seed, turn, missed):
            world.play(life)
    world.play(fate[-1])


def config(seed: int, faults: Mapping[str, float]) -> SandboxConfig:
    """A bad day at the provider: so many requests of the money path meet a fault."""
    chance = random.Random(f"config-{seed}")
    return replace(
        SandboxConfig(seed=seed),
        limits=Limits.off(),
        latency=Latency(median_seconds=chance.choice([0.002, 0.01, 0.02])),
        behaviour=Behaviour(clone_spent_on=chance.choice(list(CloneSpentOn))),
        chances=Chances(faults, operations=tuple(MONEY_PATH.values()), late_seconds=LATE_SECONDS),
    )


@contextmanager
def stage() -> Iterator[Path]:
    """A folder in memory where there is one: SIGKILL loses nothing that was written, and no disk is tested here."""
    memory = Path("/dev/shm")  # noqa: S108  a file system, not a file name
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None, prefix="billing-kills-") as folder:
        yield Path(folder)
