"""One world in which people change a run: amend and cancel are killed anywhere, typed again, with the same end."""

import random
import signal
from dataclasses import replace
from pathlib import Path

from billing.core.exits import Exit
from billing.core.money import parse_major
from billing.sandbox.scenario import Row, Scenario, ScenarioSpec, as_csv, build
from billing.sandbox.server import ticking
from tests.kills.assertions import PAID, hold_changed
from tests.kills.points import CLOCK, LEDGER, points
from tests.kills.processes import ENDS, RATE, Crew, is_cold
from tests.kills.provider import Provider
from tests.kills.signals import trip_for
from tests.kills.verdict import Asked, Verdict
from tests.kills.watch import Watch
from tests.kills.world import FAULTS, RUN_ID, config

MIX = {"succeeds": 0.8, "stolen_card": 0.2}
ITEMS, ACCOUNTS, STRIKES = 10, 2, 3
STRUCK = ("open", "confirm", "cancel", LEDGER, CLOCK)
TRIES = 6
Command = list[str]


class Editing:
    """The file, who changes it, and what befalls the commands."""

    def __init__(self, crew: Crew, scenario: Scenario, verdict: Verdict) -> None:
        self._crew, self._verdict = crew, verdict
        self._provider, self._watch = crew.provider, Watch(verdict)
        self._chance = random.Random(f"editing-{verdict.asked.seed}")
        self._rows = {row.reference: row for row in scenario.rows}
        self._versions: dict[tuple[str, int], Row] = {}
        self._gone: dict[str, Row] = {}
        self._cancelled: set[str] = set()
        (crew.folder / "home").mkdir()

    def play(self) -> None:
        """Kill one command after another, and type each again."""
        for n in range(STRIKES):
            command = self._cancel() if n and self._chance.random() < 0.4 else self._amend(edits=n > 0)
            self._strike(command)
            self._again(command)

    def _amend(self, *, edits: bool) -> Command:
        for _ in range(self._chance.randint(1, 4) if edits else 0):
            name = self._chance.choice(sorted(self._rows.keys() - self._cancelled))
            match self._chance.choice(["amount", "amount", "out", "back"]):
                case "amount":
                    row = self._rows[name]
                    self._rows[name] = replace(row, amount_minor=row.amount_minor + 100 * self._chance.randint(1, 9))
                case "out":
                    self._gone[name] = self._rows.pop(name)
                case "back" if self._gone:
                    back = self._chance.choice(sorted(self._gone))
                    self._rows[back] = self._gone.pop(back)
        self._write()
        # A few lines at a time stay open for the next change, which only a limit leaves behind.
        limit = ["--limit", str(self._chance.randint(2, 5))]
        return ["run", "run.csv", "--run", RUN_ID, "--amend", "--yes", "--concurrency", "2", *limit]

    def _cancel(self) -> Command:
        names = self._chance.sample(sorted(self._rows), 2)
        self._cancelled.update(names)
        only = [word for name in names for word in ("--only", name)]
        return ["cancel", RUN_ID, *only, "--reason", "a complaint", "--yes"]

    def _write(self) -> None:
        self._versions |= {(row.reference, row.amount_minor): row for row in self._rows.values()}
        (self._crew.folder / "run.csv").write_text(as_csv(self._rows.values()))

    def _strike(self, command: Command) -> None:
        deck = [point for point in points(signal.SIGKILL, 1) if point.what in STRUCK]
        point = self._chance.choice(deck)
        nth = self._chance.randint(1, 9 if point.what == LEDGER else 2)
        self._watch.await_(self._crew.start(command, trip_for(point, nth, 0.0, self._crew.log)))

    def _again(self, command: Command) -> None:
        """Type a command until it is not refused: what was paid meanwhile is restored, as the refusal says."""
        for _ in range(TRIES):
            if self._crew.ask(*command, *RATE).returncode != Exit.INVALID:
                return
            self._restore()
        self._verdict.problems.append(f"{command} is refused although everything paid was restored")

    def _restore(self) -> None:
        for line in self._crew.report(RUN_ID):
            if line["status"] in PAID:
                minor = parse_major(line["amount"], line["currency"].lower()).minor
                self._rows[line["reference"]] = self._versions[line["reference"], minor]
                self._gone.pop(line["reference"], None)
        self._write()

    def finish(self) -> None:
        """Clear the weather, carry out what the file says, and hold all against the books."""
        everything = ["run", "run.csv", "--run", RUN_ID, "--amend", "--yes"]
        self._write()
        self._again(everything)
        self._provider.ask(lambda sandbox: (sandbox.faults.clear(), sandbox.advance(25 * 3600)))
        self._watch.until(lambda: self._provider.quiet)
        self._crew.ask("resolve", RUN_ID, *RATE)
        self._again(everything)
        self._crew.ask("ledger", "verify")
        report, events = self._crew.report(RUN_ID), self._crew.events()
        books = self._provider.ask(lambda sandbox: sandbox.books())
        wanted = {
            row.reference: (row.amount_minor, row.outcome == "succeeds" and row.reference not in self._cancelled)
            for row in self._rows.values()
        }
        self._verdict.findings = hold_changed(wanted, report, events, books)


def live(asked: Asked, root: Path) -> Verdict:
    """Live one world whose file is edited to its end; whatever happens is in the verdict."""
    verdict = Verdict(asked)
    sandbox = ticking(config(asked.seed, FAULTS | {"late": 0.0}))
    scenario = build(sandbox, ScenarioSpec(seed=asked.seed, accounts=ACCOUNTS, items=ITEMS, mix=MIX))
    (folder := root / f"edited-{asked.seed}-{asked.bug or 'shipped'}").mkdir()
    with Provider(sandbox) as provider:
        crew = Crew(folder, provider, asked.bug, is_cold(asked.seed), verdict.problems, ends=ENDS | {Exit.INVALID})
        try:
            editing = Editing(crew, scenario, verdict)
            editing.play()
            editing.finish()
        except Exception as failure:  # noqa: BLE001  whatever it is, the seed is what the reader needs
            verdict.problems.append(f"{type(failure).__name__}: {failure}")
        finally:
            crew.dismiss()
        verdict.problems += provider.problems
    return verdict
