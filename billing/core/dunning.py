"""What follows a decline: another attempt after a gap, a rest until a person acts, or the fence."""

from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never

from billing.core.card_limits import MOST_REPEATS
from billing.core.declines import Remedy
from billing.core.policies import Dunning


@dataclass(frozen=True, slots=True)
class Next:
    """What follows: wait ``gap`` and try again, or raise the ``fence``; neither means that a person must act first."""

    gap: timedelta | None = None
    fence: bool = False


NO_WAIT = timedelta(0)


def after_decline(dunning: Dunning, remedy: Remedy, declines: int, wait: timedelta | None = None) -> Next:
    """Return what follows the ``declines``-th decline (1 for the first) of an item.

    A decline is never repeated within a run: the gap counts from now, and only a later attempt takes it up.

    Args:
        dunning: the gaps of the run.
        remedy: what would help.
        declines: how many there were, this one included.
        wait: what the card's network asks for; it lengthens a gap and never shortens one.
    """
    match remedy:
        case Remedy.NEVER:
            return _scheduled(dunning.hard, declines, wait)
        case Remedy.LATER | Remedy.SOON:
            return _scheduled(dunning.soft, declines, wait)
        case Remedy.CUSTOMER | Remedy.CHECK | Remedy.REPORT:
            return Next()
        case _:
            assert_never(remedy)


def _scheduled(gaps: tuple[timedelta, ...], declines: int, wait: timedelta | None) -> Next:
    if declines > min(len(gaps), MOST_REPEATS):
        return Next(fence=True)
    return Next(gap=max(gaps[declines - 1], wait or NO_WAIT))
