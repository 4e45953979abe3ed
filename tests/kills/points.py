"""Where a runner can be struck from outside, as a table: every request of the money path, every commit, any moment."""

import itertools
import random
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from billing.sandbox.faults import FaultKind

MONEY_PATH = {
    "open": "payment_intents.create",
    "clone": "payment_methods.create",
    "confirm": "payment_intents.confirm",
    "read": "payment_intents.retrieve",
    "cancel": "payment_intents.cancel",
    "list": "payment_intents.list",
}

REFUND_PATH = {
    "charge": "payment_intents.retrieve",
    "refund": "refunds.create",
    "refunds": "refunds.list",
}
RECURRING_PATH = {
    name: name
    for name in (
        "customers.create", "customers.update", "setup_intents.create", "setup_intents.confirm",
        "payment_methods.create", "payment_methods.attach", "payment_methods.detach", "subscriptions.create",
        "invoices.pay", "subscriptions.update", "subscriptions.cancel", "invoices.void",
    )
}  # fmt: skip
OPERATIONS = MONEY_PATH | REFUND_PATH | RECURRING_PATH
# What the sandbox calls each request at which a runner can be struck.

BAITS = {
    # what makes a runner send it: a read follows a lost confirm, a list an open whose key keeps a 500, or a lost refund
    "read": (MONEY_PATH["confirm"], FaultKind.LOST_AFTER),
    "list": (MONEY_PATH["open"], FaultKind.STORED_500_DONE),
    "refunds": (REFUND_PATH["refund"], FaultKind.LOST_AFTER),
}


class Phase(StrEnum):
    """What the sandbox, or whoever watches the folder, has seen when the blow falls."""

    ARRIVED = "arrived"  # read whole and not carried out yet
    DONE = "done"  # carried out, the key still in use, not a byte of the answer written
    ANSWERED = "answered"  # the answer has been written
    COMMITTED = "committed"  # the ledger's log has just grown: the runner is between two commits
    ANY = "any"  # a moment drawn from a clock


WIRE = (Phase.ARRIVED, Phase.DONE, Phase.ANSWERED)
LEDGER, CLOCK = "ledger", "clock"
PLACES = (*itertools.product(MONEY_PATH, WIRE), (LEDGER, Phase.COMMITTED), (CLOCK, Phase.ANY))


@dataclass(frozen=True, slots=True)
class Point:
    """One blow.

    Attributes:
        what: a request of the money path, the ledger or the clock.
        signal: SIGKILL or SIGSTOP.
        runners: whether another process works on the same ledger at the time.
    """

    what: str
    phase: Phase
    signal: signal.Signals
    runners: int

    def __str__(self) -> str:
        return f"{self.signal.name} {self.what} {self.phase} ({self.runners})"


def points(blow: signal.Signals, runners: int, at: str = "") -> list[Point]:
    """Every point of one signal with this many runners; ``at`` leaves those of one request."""
    return [Point(what, phase, blow, runners) for what, phase in PLACES if at in ("", what)]


def refund_points(blow: signal.Signals) -> list[Point]:
    """Every point of one signal at which a runner that gives money back can be struck."""
    places = (*itertools.product(REFUND_PATH, WIRE), (LEDGER, Phase.COMMITTED), (CLOCK, Phase.ANY))
    return [Point(what, phase, blow, 1) for what, phase in places]


POINTS = [
    point
    for blow, runners in itertools.product((signal.SIGKILL, signal.SIGSTOP), (1, 2))
    for point in points(blow, runners)
]


class Helper(StrEnum):
    """What the second process does while the first one is stopped."""

    RESOLVE = "resolve"  # looks what became of what the first one had begun, and moves no money
    SOME = "some"  # takes up a few items, those of the first one before new ones
    ALL = "all"  # finishes the whole run


@dataclass(frozen=True, slots=True)
class Life:
    """One or two runners, from their start until all of them are gone.

    Attributes:
        blows: who is struck where: the first runner, then the second one if it is struck at all.
        nths: at which request, or which commit, each blow falls.
        lags: seconds that a request is held at the point, so that it may outlive the next runner's look.
        helper: what the second process does while the first one is stopped.
        prune: whether Stripe has forgotten every key before the next runner, or the stopped one, goes on.
        last_blow: where a stopped runner is killed after it went on; None lets it run to its end.
    """

    blows: tuple[Point, ...]
    nths: tuple[int, ...]
    lags: tuple[float, ...]
    helper: Helper = Helper.SOME
    prune: bool = False
    last_blow: Point | None = None

    @property
    def stops(self) -> bool:
        """Whether the first runner is stopped rather than killed."""
        return self.blows[0].signal is signal.SIGSTOP


KILLS_ALONE, KILLS_IN_PAIRS, STOPS_ALONE, STOPS_WITH_HELPER = 9, 6, 3, 3
# Lives of one world by kind. Seeds in a row take the points in a row, so that a few worlds see every one of them.


def lives_of(seed: int, at: str = "") -> list[Life]:
    """Draw the lives of a world, struck anywhere or ``at`` one request only.

    The first one is killed while it charges, so that the run is on record before two can plan it at one time; the last
    one is stopped while another process finishes the run.
    """
    chance = random.Random(f"lives-{seed}")
    alone = sorted(_hand(points(signal.SIGKILL, 1, at), seed, KILLS_ALONE), key=lambda point: point.phase not in WIRE)
    gather = _hand(points(signal.SIGKILL, 2, at), seed, 2 * KILLS_IN_PAIRS + 2)
    helped = _hand(points(signal.SIGSTOP, 2, at), seed, STOPS_WITH_HELPER)
    first, *lives = [_life(chance, (point,)) for point in alone]
    lives += [_life(chance, pair) for pair in zip(gather[2::2], gather[3::2], strict=True)]
    lives += [_stopped(chance, (point,)) for point in _hand(points(signal.SIGSTOP, 1, at), seed, STOPS_ALONE)]
    lives.append(_stopped(chance, (helped[0], gather[0])))
    lives.append(_stopped(chance, (helped[1], gather[1]) if seed % 2 else (helped[1],)))
    chance.shuffle(lives)
    return [first, *lives, _stopped(chance, (helped[-1],), Helper.ALL)]


def again(seed: int, turn: int, missed: Sequence[Point]) -> list[Life]:
    """Lives for points that were not reached, because the run ended or a fault came first."""
    chance = random.Random(f"again-{seed}-{turn}")
    found = []
    for point in missed:
        if point.signal is signal.SIGSTOP:
            found.append(_stopped(chance, (point,)))
        else:
            found.append(_life(chance, (point,) * point.runners))
    return found


def _hand(deck: list[Point], seed: int, size: int) -> list[Point]:
    """Deal: seed after seed goes on where the last one ended, through a deck that is shuffled once."""
    random.Random("deck").shuffle(deck)
    return [deck[(seed * size + n) % len(deck)] for n in range(size)]


def _life(chance: random.Random, blows: tuple[Point, ...]) -> Life:
    nths = tuple(chance.randint(1, 12 if point.what == LEDGER else 3) for point in blows)
    lags = tuple(chance.choice([0.0, 0.0, 0.005, 0.4]) for _ in blows)
    return Life(blows, nths, lags, prune=chance.random() < 0.4)


def _stopped(chance: random.Random, blows: tuple[Point, ...], helper: Helper | None = None) -> Life:
    life = _life(chance, blows)
    helper = helper or chance.choice([Helper.RESOLVE, Helper.SOME])
    moments = [point for point in points(signal.SIGKILL, 1) if point.what in (LEDGER, CLOCK)]
    last = chance.choice(moments) if helper is not Helper.ALL and chance.random() < 0.85 else None
    return Life(blows, life.nths, life.lags, helper, prune=True, last_blow=last)
