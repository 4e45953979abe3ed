"""What a seed holds in store for a run: drawn once, before anything happens."""

import math
import random
from dataclasses import dataclass
from enum import StrEnum

from billing.sandbox.config import Behaviour, CloneSpentOn

FAULTS = (
    "refused", "lost_before", "lost_after", "late", "stored_500_done", "stored_500_undone", "bad_gateway_done",
    "bad_gateway_undone", "cut_body", "rate_limited", "lock_timeout", "throttled_400", "key_in_use", "unavailable_503",
    "dependency_424", "wrong_object", "empty_200", "html_200", "redirect", "hang", "slow",
)  # fmt: skip
MIX = {
    "succeeds": 0.55, "insufficient_funds": 0.12, "stolen_card": 0.08, "authentication_required": 0.06,
    "debit_succeeds": 0.08, "debit_fails": 0.05, "not_clonable": 0.06,
}  # fmt: skip
HOUR = 3600.0
DAY = 24 * HOUR
TURNS_PER_ITEM = 40
# Turns within which a doomed runner meets its fate: about what an undisturbed item takes, and half as much again.


class How(StrEnum):
    """How a runner comes to grief."""

    KILL = "kill"  # SIGKILL: it never runs again
    STOP = "stop"  # SIGSTOP: it stands still while others finish, and wakes long after
    DRAIN = "drain"  # SIGTERM: it finishes what is in flight and leaves
    DRAIN_TWICE = "drain_twice"  # SIGTERM, and again before it has left
    CUT = "cut"  # its disk refuses one commit and every one after it


@dataclass(frozen=True, slots=True)
class Doom:
    """The fate of one runner.

    Attributes:
        how: what happens to it.
        turn: after which turn of its loop, or, for a disk, at which commit.
        company: another runner works on the same ledger meanwhile, and lives.
        jump: seconds the provider's clock moves afterwards; more than a day forgets every key.
        skew: seconds by which its machine's wall clock is wrong.
    """

    how: How
    turn: int
    company: bool
    jump: float
    skew: float


@dataclass(frozen=True, slots=True)
class Fate:
    """What a seed holds in store.

    Attributes:
        items: of the run.
        faults: probability per request of each fault.
        latency: median seconds of an answer.
        travel: the longest a request takes to arrive.
        habits: what Stripe does not document, decided one way or another.
        dooms: what becomes of the runners, one after another, before one is left in peace.
        noticed: whether a clock of a stopped runner counts the time it stood still.
        ledgers: how many ledgers know nothing of each other.
    """

    items: int
    faults: dict[str, float]
    latency: float
    travel: float
    habits: Behaviour
    dooms: tuple[Doom, ...]
    noticed: bool
    ledgers: int = 1

    @property
    def pairs(self) -> bool:
        """Whether two runners ever share the ledger."""
        return any(doom.company or doom.how is How.STOP for doom in self.dooms)


def fate_of(seed: int, items: int) -> Fate:
    """Draw a fate; small seeds and large ones are equally wild."""
    chance = random.Random(f"fate-{seed}")
    kinds = chance.sample(FAULTS, chance.randint(0, len(FAULTS)))
    return Fate(
        items=items,
        faults=dict.fromkeys(kinds, chance.choice([0.005, 0.01, 0.02, 0.04])),
        latency=chance.choice([0.0, 0.1, 0.6]),
        travel=chance.choice([0.0, 0.05, 1.0]),
        habits=Behaviour(
            clone_spent_on=chance.choice(list(CloneSpentOn)),
            carry_intent=chance.random() < 0.5,
            cancel_processing=chance.random() < 0.2,
            lock_customers=chance.random() < 0.3,
        ),
        dooms=tuple(_doom(chance, items) for _ in range(chance.randint(0, 4))),
        noticed=chance.random() < 0.5,
    )


def _doom(chance: random.Random, items: int) -> Doom:
    how = chance.choices(list(How), weights=[5, 3, 1, 1, 1])[0]
    turn = int(math.exp(chance.uniform(0, math.log(TURNS_PER_ITEM * items))))
    return Doom(
        how=how,
        turn=chance.randint(1, 3 * items) if how is How.CUT else turn,
        company=chance.random() < 0.3,
        jump=chance.choice([0.0, 60.0, 10 * HOUR, 25 * HOUR, 70 * HOUR]),
        skew=chance.choice([0.0, 0.0, -DAY, 2 * DAY]),
    )
