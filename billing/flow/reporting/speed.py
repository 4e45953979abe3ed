"""How fast a run went: as far as the ends of its commands have noted it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from billing.core.life import Life, Phase
from billing.core.run_pace import Counted, Series, joined
from billing.flow.reporting.proof import Invocation


@dataclass(frozen=True, slots=True)
class Speed:
    """How long a run took, and what it has sent.

    Attributes:
        seconds: that its commands took together, those without an end left out.
        commands: how many have an end.
        requests: what they sent; None where none of them has noted it.
        allowed: requests a second that the limits let through at most, of the last that noted it; 0 where none did.
        complete: whether each of them has noted what it sent: otherwise ``requests`` and ``series`` are of a part.
        noted_seconds: that those took which have noted it.
        series: requests over time; None where none has noted it.
        lost: answers that were lost, and looked up later.
    """

    seconds: float
    commands: int
    requests: Counted | None
    allowed: float
    complete: bool
    noted_seconds: float
    series: Series | None
    lost: int

    @property
    def rate(self) -> float:
        """Requests a second, over the time in which they were counted; 0 where they were not."""
        if self.requests is None or not self.noted_seconds:
            return 0.0
        return self.requests.sent / self.noted_seconds


def speed_of(invocations: Sequence[Invocation], counts: Mapping[str, int], life: Life) -> Speed | None:
    """Return how fast a run went; None for one that no command has carried to an end.

    Args:
        invocations: of the run, in order.
        counts: of its entries, by name.
        life: of its items.
    """
    over = [each for each in invocations if each.ended]
    noted = [each.pace for each in over if each.pace is not None]
    if not over:
        return None
    return Speed(
        seconds=sum(map(_seconds, over)),
        commands=len(over),
        requests=added(pace.total for pace in noted) if noted else None,
        allowed=noted[-1].allowed if noted else 0.0,
        complete=len(noted) == len(over),
        noted_seconds=sum(pace.took_ms for pace in noted) / 1000,
        series=joined(noted) if noted else None,
        lost=sum(counts.get(event, 0) for event in lost_events(life)),
    )


def added(totals: Iterable[Counted]) -> Counted:
    """Add up what several commands have sent."""
    each = list(totals)
    return Counted(sum(one.sent for one in each), sum(one.limited for one in each), sum(one.resent for one in each))


def lost_events(life: Life) -> frozenset[str]:
    """Return the events by which the answer to the request that counts was lost."""
    looking = life.within(Phase.LOOKING)
    return frozenset(str(event) for (_, event), edge in life.edges.items() if edge.to in looking)


def _seconds(invocation: Invocation) -> float:
    if invocation.pace is not None:
        return invocation.pace.took_ms / 1000
    took = datetime.fromisoformat(invocation.ended) - datetime.fromisoformat(invocation.started)
    return max(took.total_seconds(), 0.0)
