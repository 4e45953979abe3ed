"""One world with two machines: a folder, a HOME, a ledger and a key each. They share the run file and Stripe alone."""

import random
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from billing.edge.ledger.custody.keyfile import default_key_file
from billing.sandbox.scenario import Scenario, ScenarioSpec, build
from billing.sandbox.server import ticking
from tests.kills.assertions import OPEN, hold_both
from tests.kills.points import LEDGER, Point, points
from tests.kills.processes import RATE, Crew, Runner, is_cold
from tests.kills.provider import Provider, prune
from tests.kills.signals import trip_for
from tests.kills.verdict import Asked, Verdict
from tests.kills.watch import Watch
from tests.kills.world import LATE_SECONDS, MIX, RUN_ID, config

HOUR = 3600.0
LATER = 25 * HOUR
# Past every key, and past every list.
PAUSES = (0.0, 60.0, 5 * HOUR, 21 * HOUR, 23 * HOUR)
FAULTS = {
    # A gateway whose errors are kept under the key and one whose errors are not, and answers that are lost. An error
    # after the work is done is always kept, or nothing is: Stripe documents that a key executes once.
    "stored_500_done": 0.03, "stored_500_undone": 0.03, "passing_500_undone": 0.06, "bad_gateway_undone": 0.02,
    "unavailable_503": 0.02, "lost_after": 0.02, "late": 0.01,
}  # fmt: skip
ITEMS, ACCOUNTS = 30, 3
ROUNDS = 4
# Of both machines, a day apart, until nothing waits any more: an open that met a stored error may wait for a day.
STRUCK = ("open", "clone", "confirm", "list", LEDGER)


class Meeting(StrEnum):
    """How the two come together, in the order of the seeds."""

    RESTORED = "restored"  # the second one goes on from a copy of the first one's ledger and key, a day old
    AT_ONCE = "at_once"  # both at one time
    IN_TURN = "in_turn"  # one after the other, within a day
    DAY_LATER = "day_later"  # one after the other, 25 h apart: every key is forgotten


@dataclass(frozen=True, slots=True)
class Strike:
    """One or both machines start the run and are killed.

    Attributes:
        who: numbers of the machines.
        pause: seconds on the provider's clock before that.
        restored: whether the second machine gets what the first one has now, before the pause.
    """

    who: tuple[int, ...]
    pause: float
    restored: bool = False


def strikes_of(seed: int) -> list[Strike]:
    """Draw the strikes of a world; its seed says how the two meet."""
    chance = random.Random(f"strikes-{seed}")
    pauses = [chance.choice(PAUSES) for _ in range(6)]
    match _meeting(seed):
        case Meeting.AT_ONCE:
            return [Strike((0, 1), pause) for pause in (0.0, *pauses[:2])]
        case Meeting.IN_TURN:
            return [Strike((n % 2,), pause) for n, pause in enumerate(pauses)]
        case Meeting.DAY_LATER:
            return [Strike((n % 2,), LATER if n else 0.0) for n in range(6)]
        case Meeting.RESTORED:
            first = [Strike((0,), 0.0), Strike((0,), 0.0, restored=True), Strike((0,), 60.0)]
            return [*first, Strike((1,), LATER), Strike((0,), pauses[0]), Strike((1,), LATER)]


def _meeting(seed: int) -> Meeting:
    return list(Meeting)[seed % len(Meeting)]


class Machines:
    """The two, and what befalls them."""

    def __init__(self, pair: tuple[Crew, Crew], scenario: Scenario, verdict: Verdict) -> None:
        self._pair = pair
        self._provider = pair[0].provider
        self._verdict = verdict
        self._watch = Watch(verdict)
        self._chance = random.Random(f"machines-{verdict.asked.seed}")
        self._references = [row.reference for row in scenario.rows]
        self._file = scenario.as_csv()
        self._deck = self._points(verdict.asked)
        for crew in pair:
            self._furnish(crew)

    def _furnish(self, crew: Crew) -> None:
        """Set a machine up with the run file and nothing else."""
        shutil.rmtree(crew.folder, ignore_errors=True)
        (crew.folder / "home").mkdir(parents=True)
        (crew.folder / "run.csv").write_text(self._file)

    @staticmethod
    def _points(asked: Asked) -> Iterator[Point]:
        """Deal points without end; seeds in a row begin at different ones."""
        deck = [point for point in points(signal.SIGKILL, 1, asked.at) if point.what in STRUCK]
        random.Random(f"deck-{asked.seed}").shuffle(deck)
        while True:
            yield from deck

    def play(self, strike: Strike) -> None:
        """Let time pass, start whoever is to be struck, and wait until it was."""
        if strike.restored:
            self._restore()
        self._pass(strike.pause)
        runners = [self._start(self._pair[n], closed=len(strike.who) > 1) for n in strike.who]
        for runner in runners:
            self._watch.heard(runner)
        for runner in runners:
            self._provider.admit(runner.door)
        self._watch.await_(*runners)

    def _start(self, crew: Crew, *, closed: bool) -> Runner:
        point = next(self._deck)
        nth, lag = self._chance.randint(1, 9 if point.what == LEDGER else 3), self._chance.choice([0.0, 0.005, 0.4])
        return crew.start(
            _run(self._chance.choice(["2", "4", "6"])), trip_for(point, nth, lag, crew.log), closed=closed
        )

    def _restore(self) -> None:
        """Put a copy of the first machine's ledger and key on the second: new disk, new HOME."""
        first, second = self._pair
        self._furnish(second)
        for ledger in first.folder.glob("billing.db*"):
            if ledger.suffix != ".lock":
                shutil.copy2(ledger, second.folder)
        old, new = (default_key_file({"HOME": str(crew.folder / "home")}) for crew in self._pair)
        new.parent.mkdir(parents=True, mode=0o700)
        shutil.copy2(old, new)

    def _pass(self, seconds: float) -> None:
        """Let time pass at the provider: keys older than a day are forgotten, debits are answered."""
        self._provider.ask(lambda sandbox: (sandbox.advance(seconds), seconds >= LATER and prune(sandbox)))

    def finish(self) -> None:
        """Clear the weather, run on both until nothing waits, and hold what both tell against the books."""
        self._provider.ask(lambda sandbox: (sandbox.faults.clear(), sandbox.advance(2 * LATE_SECONDS)))
        self._watch.until(lambda: self._provider.quiet)
        order, told = self._chance.sample(self._pair, 2), []
        apart = LATER if _meeting(self._verdict.asked.seed) is Meeting.DAY_LATER else 0.0
        for _ in range(2 if self._verdict.asked.bug else ROUNDS):
            for crew in order:
                self._pass(apart)
                crew.ask(*_run("32"), *RATE)
            told = [crew.report(RUN_ID) for crew in self._pair]
            if not any(line["status"] in OPEN for report in told for line in report):
                break
            self._pass(LATER)
        for crew in self._pair:
            crew.ask("ledger", "verify")
        events = [crew.events() for crew in self._pair]
        books = self._provider.ask(lambda sandbox: sandbox.books())
        self._verdict.findings = hold_both(self._references, list(zip(told, events, strict=True)), books)


def _run(concurrency: str) -> list[str]:
    return ["run", "run.csv", "--run", RUN_ID, "--yes", "--concurrency", concurrency]


def live(asked: Asked, root: Path) -> Verdict:
    """Live one world of two machines to its end, in folders below ``root``; whatever happens is in the verdict."""
    verdict, seed = Verdict(asked), asked.seed
    sandbox = ticking(config(seed, FAULTS))
    scenario = build(sandbox, ScenarioSpec(seed=seed, accounts=ACCOUNTS, items=ITEMS, mix=MIX))
    with Provider(sandbox) as provider:
        pair = tuple(
            Crew(root / f"{name}-{seed}-{asked.bug or 'shipped'}", provider, asked.bug, is_cold(seed), verdict.problems)
            for name in ("first", "second")
        )
        try:
            machines = Machines(pair, scenario, verdict)
            for strike in strikes_of(seed)[: asked.lives]:
                machines.play(strike)
            machines.finish()
        except Exception as failure:  # noqa: BLE001  whatever it is, the seed is what the reader needs
            verdict.problems.append(f"{type(failure).__name__}: {failure}")
        finally:
            for crew in pair:
                crew.dismiss()
        verdict.problems += provider.problems
    return verdict
