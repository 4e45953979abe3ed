"""What a state is made of: the world everybody shares, a runner between two steps, and a step."""

from typing import NamedTuple

from billing.core.kinds.charge import Event
from tests.model.book import Book, Write, write
from tests.model.provider import Stripe

Net = tuple[tuple[str, int, int], ...]
# Requests on their way whose sender waits no longer: what, intent, clone.


class World(NamedTuple):
    """What everybody shares."""

    book: Book = Book()
    stripe: Stripe = Stripe()
    net: Net = ()


class Runner(NamedTuple):
    """One runner between two steps.

    Attributes:
        at: ``idle`` (also: dead), ``prepare``, ``confirm``, ``cancel`` (the request may be under way), ``look``,
            ``refused``, ``fence`` (a read comes next), ``write`` (an outcome in hand, not yet durable).
        fresh: nobody wrote since it last saw the row.
        seen: the row as it saw it.
        hold: what it is about to write, or what became of its open.
        then: what follows that write: ``idle``, or ``confirm``.
    """

    at: str = "idle"
    fresh: bool = True
    seen: Book = Book()
    hold: tuple[Write, ...] = ()
    then: str = "idle"


class Step(NamedTuple):
    """One step: what a person would say, the world and the runner after it.

    Attributes:
        wrote: the row changed, so what the other runner holds is no longer the latest.
        fault: nothing may depend on it to end: a loss, a kill, a limiter, a stale read, a late arrival, another person.
    """

    says: str
    world: World
    runner: Runner = Runner()
    wrote: bool = False
    fault: bool = False


IDLE = Runner()
SIGHTINGS = {
    "paid": write(Event.CHARGE_SUCCEEDED),
    "processing": write(Event.CHARGE_UNSETTLED),
    "cancelled": write(Event.INTENT_CANCELLED),
}
SIGHTED = frozenset(SIGHTINGS.values())
LOST = write(Event.CHARGE_LOST)
