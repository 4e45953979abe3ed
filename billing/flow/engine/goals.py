"""How far a command takes an item: which phases of a life it takes up, and in which it leaves one, as tables."""

from enum import StrEnum

from billing.core.kinds import phase_of
from billing.core.life import Life, Phase


class Goal(StrEnum):
    """How far an item is taken. `resolve` and `settle` look, and end what a look shows ended; run and retry move money.

    ``sweep`` is a run's second time through what its first left open, parked items included. ``retry`` takes up what
    rests and whose time for another attempt has come, and what an earlier retry has left on its way.
    """

    RUN = "run"
    SWEEP = "sweep"
    RESOLVE = "resolve"
    SETTLE = "settle"
    CLOSE = "close"
    RETRY = "retry"


_DOUBTS = frozenset({Phase.MONEY, Phase.LOOKING, Phase.CLOSING})
_UNSENT = frozenset({Phase.WAITING, Phase.PREPARING})

TAKES: dict[Goal, frozenset[Phase]] = {
    Goal.RUN: _UNSENT | _DOUBTS | {Phase.RESTING},
    Goal.SWEEP: _UNSENT | _DOUBTS | {Phase.RESTING, Phase.PARKED},
    Goal.RESOLVE: _DOUBTS | {Phase.RESTING, Phase.PARKED},
    Goal.SETTLE: frozenset({Phase.SETTLING, Phase.RESTING, Phase.PREPARING}),
    Goal.CLOSE: _UNSENT | _DOUBTS | {Phase.RESTING, Phase.PARKED},
    Goal.RETRY: _UNSENT | _DOUBTS | {Phase.RESTING},
}
# Which items each goal takes up; `RESTS` says where it leaves them, and a kind's own rule which of those that rest.

RESTS: dict[Goal, frozenset[Phase]] = {
    Goal.RUN: frozenset({Phase.FINAL, Phase.PARKED, Phase.SETTLING}),
    Goal.SWEEP: frozenset({Phase.FINAL, Phase.SETTLING}),
    Goal.RESOLVE: _UNSENT | {Phase.FINAL, Phase.SETTLING},
    Goal.SETTLE: _UNSENT | {Phase.FINAL},
    Goal.CLOSE: frozenset({Phase.FINAL, Phase.SETTLING}),
    Goal.RETRY: frozenset({Phase.FINAL, Phase.PARKED, Phase.SETTLING}),
}
BEGINS = frozenset({Goal.RUN, Goal.RETRY})
# Goals that begin attempts, each with all its requests; the others look.


def taken_up(life: Life, goal: Goal) -> tuple[StrEnum, ...]:
    """Return the states that a goal takes up; a sweep begins nothing that a run has not begun."""
    states = life.within(*TAKES[goal]) - ({life.planned} if goal is Goal.SWEEP else set())
    return tuple(state for state in life.states if state in states)


def may_be_in_flight(state: StrEnum) -> bool:
    """Tell whether a draining process still follows an item up; everything else waits for the next one."""
    return phase_of(state) in _DOUBTS
