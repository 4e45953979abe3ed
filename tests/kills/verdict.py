"""Which world is asked for, and what it came to."""

import signal
from collections import Counter
from dataclasses import asdict, dataclass, field

from tests.kills.assertions import Findings
from tests.kills.points import Point


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is in a world of payers who are saved, subscribed, changed and renewed.

    Attributes:
        strikes: how often each of its commands is killed.
    """

    payers: int = 6
    lines: int = 10
    accounts: int = 3
    strikes: int = 2

    def __str__(self) -> str:
        return " --recurring" + "".join(f" --{name} {size}" for name, size in asdict(self).items())


@dataclass(frozen=True, slots=True)
class Asked:
    """Which world to live.

    Attributes:
        bug: planted in every runner; empty for the shipped code.
        at: the one request at which runners are struck; empty for everywhere.
        lives: play only the first few; None plays all.
        machines: 1, or 2 with a ledger of its own each.
        edits: whether the file of the run is edited, and lines of it are cancelled.
        refunds: whether the run is given back, on two machines.
        workers: so many processes that share one ledger in PostgreSQL; 0 for other worlds.
        items: of such a world.
        calm: nothing befalls them.
        recurring: payers are saved, subscribed, changed, brought in step and renewed; so many of each.
    """

    seed: int
    bug: str = ""
    at: str = ""
    lives: int | None = None
    machines: int = 1
    edits: bool = False
    refunds: bool = False
    workers: int = 0
    items: int = 120
    calm: bool = False
    recurring: Sizes | None = None

    def __str__(self) -> str:
        machines = self.machines if self.machines > 1 else 0
        options = {"--bug": self.bug, "--at": self.at, "--lives": self.lives, "--machines": machines}
        said = "".join(f" {name} {value}" for name, value in options.items() if value)
        said += f" --workers {self.workers} --items {self.items}" * bool(self.workers) + " --calm" * self.calm
        said += " --edits" * self.edits + " --refunds" * self.refunds + str(self.recurring or "")
        return f"python -m tests.kills --worlds 1 --first {self.seed}{said}"


@dataclass(slots=True)
class Verdict:
    """What a world came to.

    Attributes:
        hits: the points at which a living process was struck, and how often.
        missed: points that were not reached.
        problems: what else went wrong, in words.
        figures: what else was counted, by name.
        waits: seconds from each kill of a worker until somebody took a shard that it had in hand.
    """

    asked: Asked
    hits: Counter[Point] = field(default_factory=Counter)
    missed: list[Point] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)
    problems: list[str] = field(default_factory=list)
    figures: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)

    def count(self, blow: signal.Signals) -> int:
        """Living processes that were struck by this signal."""
        return sum(count for point, count in self.hits.items() if point.signal is blow)

    @property
    def sound(self) -> bool:
        """Whether report, ledger and books agree and every process behaved."""
        return not self.findings and not self.problems

    def __str__(self) -> str:
        said = [str(self.findings)] if self.findings else []
        return f"world {self.asked.seed}: {'; '.join(said + self.problems) or 'sound'}\n  {self.asked}"
