"""How a command of a world of payers is struck, in which weather, and how it is then brought to its end."""

import random
import signal
import time
from collections.abc import Collection, Sequence

from billing.core.life import Group
from billing.sandbox.model import Sandbox
from tests.kills.assertions import UNPAID, Line
from tests.kills.points import CLOCK, LEDGER, WIRE, Phase, Point
from tests.kills.processes import RATE
from tests.kills.recurring_crew import Office
from tests.kills.signals import Trip, trip_for
from tests.kills.verdict import Sizes, Verdict
from tests.kills.watch import Watch
from tests.kills.world import LATE_SECONDS

FAULTS = {
    "lost_before": 0.01, "lost_after": 0.02, "late": 0.01, "stored_500_done": 0.005, "stored_500_undone": 0.005,
    "bad_gateway_done": 0.01, "cut_body": 0.01, "rate_limited": 0.01, "lock_timeout": 0.01, "unavailable_503": 0.01,
}  # fmt: skip
HOUR, DAY = 3_600, 86_400
SEARCHABLE = 90
# Seconds after which a search knows of what was written; keys are never forgotten sooner.
FORGOTTEN = 0.3
# How often every key is forgotten between two strikes.
MONTH = time.strftime("%Y-%m")
AGAIN = 3
# How often a command is typed again for what it had to leave open.
OVER = UNPAID | {Group.SUCCEEDED, Group.PROCESSING}
SAVED = UNPAID | {Group.SUCCEEDED}
# When a line is over for a day: a bank debit is, a payer who may still answer is not.
Words = Sequence[str]


class Blows:
    """Strikes commands, and finishes what they were at.

    Attributes:
        office: who starts them.
        verdict: where all that is found is written.
        sizes: how much is in the world.
        watch: waits for them.
        chance: from the seed of the world.
    """

    def __init__(self, office: Office, verdict: Verdict, sizes: Sizes) -> None:
        self.office, self.verdict, self.sizes, self.watch = office, verdict, sizes, Watch(verdict)
        self.chance = random.Random(f"recurring-{verdict.asked.seed}")
        self._weather = office.provider.ask(lambda sandbox: sandbox.faults)

    def bad_weather(self) -> None:
        """Let requests meet faults again."""
        self.office.provider.ask(lambda sandbox: setattr(sandbox, "faults", self._weather))

    def struck(self, verb: Words, path: Words, lines: int, part: int = 1) -> None:
        """Type a command on so many lines again and again, and kill it each time, in any weather.

        ``part``: it is one of so many commands of its stage, which share the strikes.
        """
        self.bad_weather()
        times = -(-self.sizes.strikes // part)
        for _ in range(times):
            self.watch.await_(self.office.start(verb, self.trip(path, lines // (2 * times))))
            if self.chance.random() < FORGOTTEN:
                self.office.provider.ask(lambda sandbox: (sandbox.advance(SEARCHABLE), sandbox.keys.prune()))

    def trip(self, path: Words, most: int) -> Trip:
        """A blow at one of these requests, the first to the ``most``-th, or at a commit, or at any moment."""
        at = self.verdict.asked.at
        what = at if at in path else self.chance.choice([LEDGER, CLOCK, *path])
        phase = {LEDGER: Phase.COMMITTED, CLOCK: Phase.ANY}.get(what) or self.chance.choice(WIRE)
        nth = self.chance.randint(1, max(2, most) * (3 if what in (LEDGER, CLOCK) else 1))
        lag = self.chance.choice([0.0, 0.005, 0.4])
        return trip_for(Point(what, phase, signal.SIGKILL, 1), nth, lag, self.office.log)

    def clear(self, seconds: float = 2 * LATE_SECONDS) -> None:
        """Let the weather clear, everything late arrive, and so much time pass."""
        self.office.provider.ask(lambda sandbox: _let_pass(sandbox, seconds))
        self.watch.until(lambda: self.office.provider.quiet)

    def finished(self, run_id: str, *verbs: Words, over: Collection[str] = OVER) -> list[Line]:
        """Type commands in fair weather until all lines are ``over``; a day passes for keys that kept an error."""
        self.clear()
        report: list[Line] = []
        for _ in range(AGAIN):
            for verb in verbs:
                self.office.ask(*verb, *RATE)
                report = list(self.office.report(run_id))
                if all(line["status"] in over for line in report):
                    return report
            self.clear(25 * HOUR)
            self.verdict.figures["days waited"] += 1
        return report


def _let_pass(sandbox: Sandbox, seconds: float) -> None:
    sandbox.faults.clear()
    sandbox.advance(seconds)
