"""One world in which a run is given back by two machines: a ledger and a key each, the same file of refunds."""

import random
import shutil
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from billing.core.life import Group
from billing.sandbox.books import Books
from billing.sandbox.scenario import ScenarioSpec, build
from billing.sandbox.server import ticking
from tests.kills.assertions import Findings, Line
from tests.kills.points import REFUND_PATH, Point, refund_points
from tests.kills.processes import RATE, Crew, Runner, is_cold
from tests.kills.provider import Provider, prune
from tests.kills.signals import trip_for
from tests.kills.verdict import Asked, Verdict
from tests.kills.watch import Watch
from tests.kills.world import LATE_SECONDS, RUN_ID, config

MIX = {"succeeds": 0.9, "stolen_card": 0.1}
ITEMS, ACCOUNTS, STRIKES = 36, 3, 6
FAULTS = {
    "lost_before": 0.02, "lost_after": 0.04, "late": 0.01, "stored_500_done": 0.01, "stored_500_undone": 0.01,
    "bad_gateway_done": 0.01, "cut_body": 0.01, "rate_limited": 0.01, "unavailable_503": 0.01,
}  # fmt: skip
UNDONE = "coaching-refunds-2026-11"
FORGOTTEN = 0.3
# How often every key is forgotten between two strikes.


class Refunding:
    """The two machines, and what befalls them."""

    def __init__(self, pair: tuple[Crew, Crew], verdict: Verdict) -> None:
        self._pair, self._verdict = pair, verdict
        self._provider, self._watch = pair[0].provider, Watch(verdict)
        self._chance = random.Random(f"refunding-{verdict.asked.seed}")
        self._deck = refund_points(signal.SIGKILL)
        self._chance.shuffle(self._deck)

    def charge(self, sheet: str) -> None:
        """Charge the month on the first machine, and give both the file that gives it back."""
        for crew in self._pair:
            (crew.folder / "home").mkdir(parents=True)
        first, second = self._pair
        (first.folder / "run.csv").write_text(sheet)
        first.ask("run", "run.csv", "--run", RUN_ID, "--yes", *RATE)
        first.ask("reverse", RUN_ID, "--fee", "refund", "-o", "undo.yaml")
        shutil.copy2(first.folder / "undo.yaml", second.folder)

    def play(self) -> None:
        """Kill one machine's runner after another, or both machines' at one time."""
        for n in range(STRIKES):
            who = self._pair if self._chance.random() < 0.5 else (self._pair[n % 2],)
            runners = [self._start(crew, closed=len(who) > 1) for crew in who]
            for runner in runners:
                self._watch.heard(runner)
            for runner in runners:
                self._provider.admit(runner.door)
            self._watch.await_(*runners)
            if self._chance.random() < FORGOTTEN:
                self._provider.ask(prune)

    def _start(self, crew: Crew, *, closed: bool) -> Runner:
        point: Point = self._deck.pop() if self._deck else self._chance.choice(refund_points(signal.SIGKILL))
        trip = trip_for(point, self._chance.randint(1, 4), self._chance.choice([0.0, 0.005, 0.4]), crew.log)
        return crew.start(_run(self._chance.choice(["2", "4"])), trip, closed=closed)

    def finish(self) -> None:
        """Clear the weather, let both go on to the end, and hold what both tell against the books."""
        self._provider.ask(lambda sandbox: (sandbox.faults.clear(), sandbox.advance(2 * LATE_SECONDS)))
        self._watch.until(lambda: self._provider.quiet)
        for verb in (_run("16"), ["resolve", UNDONE], _run("16"), ["ledger", "verify"]):
            for crew in self._pair:
                crew.ask(*verb, *(RATE if verb[0] != "ledger" else ()))
        told = [crew.report(UNDONE) for crew in self._pair]
        books = self._provider.ask(lambda sandbox: sandbox.books())
        self._verdict.findings = hold_refunds(told, books)


def hold_refunds(told: Sequence[Sequence[Line]], books: Books) -> Findings:
    """Hold what each machine tells of every line against what was really given back."""
    found = Findings(double=books.refunded_twice())
    back: Counter[str] = Counter()
    for refund in books.refunds:
        back[refund.intent] += refund.amount if refund.stands else 0
    taken = {intent.intent: intent.taken for intent in books.intents}
    found.double += [f"{intent} beyond its amount" for intent, minor in back.items() if minor > taken[intent]]
    found.other += [f"{intent} was not given back" for intent, minor in taken.items() if back[intent] < minor]
    for report in told:
        for line in report:
            whole = back[line["payment_intent"]] == taken[line["payment_intent"]]
            if line["status"] != Group.SUCCEEDED:
                (found.hidden if whole else found.open).append(f"{line['reference']} {line['status']}")
            elif not whole:
                found.false.append(line["reference"])
    return found


def _run(concurrency: str) -> list[str]:
    return ["run", "undo.yaml", "--yes", "--concurrency", concurrency]


def live(asked: Asked, root: Path) -> Verdict:
    """Live one world to its end, in folders below ``root``; whatever happens is in the verdict."""
    verdict, seed = Verdict(asked), asked.seed
    weather = config(seed, FAULTS)
    chances = replace(weather.chances, operations=tuple(REFUND_PATH.values()))
    sandbox = ticking(replace(weather, chances=chances))
    scenario = build(sandbox, ScenarioSpec(seed=seed, accounts=ACCOUNTS, items=ITEMS, mix=MIX))
    with Provider(sandbox) as provider:
        pair = tuple(
            Crew(root / f"refunds-{name}-{seed}", provider, asked.bug, is_cold(seed), verdict.problems)
            for name in ("first", "second")
        )
        try:
            refunding = Refunding(pair, verdict)
            refunding.charge(scenario.as_csv())
            refunding.play()
            refunding.finish()
        except Exception as failure:  # noqa: BLE001  whatever it is, the seed is what the reader needs
            verdict.problems.append(f"{type(failure).__name__}: {failure}")
        finally:
            for crew in pair:
                crew.dismiss()
        verdict.problems += provider.problems
    return verdict
