"""One charge, from whatever the ledger shows to an end: decide, write, send, write. The only loop that moves money."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from billing.core.entries import Known
from billing.core.states import FINAL, Group, State
from billing.edge.ledger import LostRace
from billing.flow.engine.context import LeftAsItIs, PutBack, Trip, skipped
from billing.flow.kinds.charge import adopt, cards, confirm, licence, prepare
from billing.flow.kinds.charge import cancel as fence

Step = Callable[[Trip, Known], Awaitable[Known]]


class Goal(StrEnum):
    """How far an item is taken. Only a run moves money; `resolve` and `settle` look, and end what a look shows ended.

    ``sweep`` is a run's second time through what its first left open, parked items included.
    """

    RUN = "run"
    SWEEP = "sweep"
    RESOLVE = "resolve"
    SETTLE = "settle"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where a trip ended: what is known, and why it goes on later if it does.

    Attributes:
        known: the item as the ledger holds it.
        put_back: the answer of a limiter, when the item belongs at the head of its lane again.
        dead_account: why the item's account refuses everything, when an answer said so: Stripe's code.
        dead_words: the same in Stripe's words.
        alive: whether nothing speaks against starting the account's next items.
    """

    known: Known
    put_back: PutBack | None = None
    dead_account: str = ""
    dead_words: str = ""
    alive: bool = True


async def begin(trip: Trip, known: Known) -> Known:
    """Take over what another ledger has opened; else start, unless the payment method was declined for good lately."""
    await licence.licence(trip, known)
    found = await adopt.taken_over(trip, known)
    if found is not None:
        return found
    decline = trip.desk.blocks.why(known)
    if decline:
        reason = f"this payment method was declined for good ({decline}) less than {cards.DAYS} days ago"
        return await trip.record(known, skipped("card_blocked", reason))
    return await prepare.start_attempt(trip, known)


def wants_new_clone(known: Known) -> bool:
    """Tell whether Stripe would not take a clone that no attempt of ours shows on: that allows one more, once."""
    return bool(known.facts.get("dead_clone")) and not known.facts.get("recloned")


async def after_attempt(trip: Trip, known: Known) -> Known:
    """Go on from an attempt that took nothing and must not rest: a new clone for a dead one, else the fence."""
    if wants_new_clone(known):
        return await prepare.start_attempt(trip, known, recloned=True, fence=None)
    return await fence.start_cancel(trip, known)


async def look_again(trip: Trip, known: Known) -> Known:
    """Go on from an attempt that took nothing without another one: the fence if it is due, else a look."""
    if known.facts.get("fence"):
        return await fence.start_cancel(trip, known)
    return await confirm.revisit(trip, known)


STEPS: dict[State, Step] = {
    State.PLANNED: begin,
    State.PREPARING: prepare.prepare,
    State.READY: licence.pay,
    State.CONFIRMING: confirm.note_lost,  # found so: the process that sent it is gone
    State.UNKNOWN: confirm.look,
    State.PARKED: confirm.look,
    State.UNSETTLED: confirm.look,
    State.UNPAID: after_attempt,
    State.CANCELLING: fence.cancel,
}

LOOKS: dict[State, Step] = {
    State.CONFIRMING: confirm.note_lost,
    State.UNKNOWN: confirm.look,
    State.PARKED: confirm.look,
    State.UNSETTLED: confirm.look,
    State.UNPAID: look_again,
    State.CANCELLING: fence.cancel,
}
# What a command may do that only looks: nothing in this table can lead to a confirm.

TAKEN: dict[Goal, dict[State, Step]] = {
    Goal.RUN: STEPS,
    Goal.SWEEP: STEPS,
    Goal.RESOLVE: LOOKS,
    Goal.SETTLE: LOOKS,
}

WAITING = frozenset({State.PLANNED, State.PREPARING, State.READY})
# Only a run goes on from here.

RESTING: dict[Goal, frozenset[State]] = {
    Goal.RUN: FINAL | {State.PARKED, State.UNSETTLED},
    Goal.SWEEP: FINAL | {State.UNSETTLED},
    Goal.RESOLVE: FINAL | WAITING | {State.UNSETTLED},
    Goal.SETTLE: FINAL | WAITING,
    Goal.CLOSE: FINAL | {State.UNSETTLED},
}

STARTS_NOTHING = frozenset({State.CONFIRMING, State.UNKNOWN, State.CANCELLING})
# What a draining process still follows up: requests that may be in flight. Everything else waits for the next one.


def rests(goal: Goal, known: Known) -> bool:
    """Tell whether an item is where ``goal`` leaves it."""
    if known.state is not State.UNPAID or goal is Goal.CLOSE:
        return known.state in RESTING[goal]
    fenced = bool(known.facts.get("fence"))
    if TAKEN[goal] is STEPS:
        return not fenced
    if fenced:
        return wants_new_clone(known)  # an attempt more: the run's
    return goal is Goal.SETTLE and not waits_for_customer(known)


def waits_for_customer(known: Known) -> bool:
    """Tell whether an item rests until its customer does something: who has done it has perhaps paid already."""
    return known.facts.get("group") == Group.NEEDS_CUSTOMER


async def charge(trip: Trip, known: Known, goal: Goal = Goal.RUN, steps: Mapping[State, Step] | None = None) -> Arrival:
    """Take one item as far as ``goal`` says, from whatever the ledger shows.

    Every turn of the loop decides by the state on record alone, so a killed process is continued by simply calling this
    again; a lost race begins anew from what the other runner wrote.

    Raises:
        Halted: an answer that stops the whole run.
        LedgerError: a commit failed; nothing more may be sent.
        ProviderUnreachable: the provider has been away for longer than the budget.
    """
    while not rests(goal, known):
        if trip.desk.draining and known.state not in STARTS_NOTHING:
            break
        try:
            known = await (steps or TAKEN[goal])[known.state](trip, known)
        except LostRace as race:
            known = race.known
        except LeftAsItIs as left:
            return _arrival(trip, left.known)
        except PutBack as back:
            return _arrival(trip, back.known, back)
    return _arrival(trip, known)


def _arrival(trip: Trip, known: Known, back: PutBack | None = None) -> Arrival:
    return Arrival(known, back, trip.dead_account, trip.dead_words, trip.alive and not trip.dead_account)
