"""The life of an item, as a table. What is not in the table cannot happen.

The table below is the life of a *charge*. Other kinds of items bring a table of the same shape; the ledger enforces
whichever table an item's kind names.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from billing.core.items import Kind


class State(StrEnum):
    """What is known of an item. A state ending in ``-ing`` means that a request may be in flight."""

    PLANNED = "planned"
    PREPARING = "preparing"
    READY = "ready"
    CONFIRMING = "confirming"
    UNKNOWN = "unknown"
    PARKED = "parked"
    UNSETTLED = "unsettled"
    UNPAID = "unpaid"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


class Event(StrEnum):
    """What happened to an item, in the past tense."""

    ITEM_SKIPPED = "item_skipped"
    PREPARE_STARTED = "prepare_started"
    PREPARED = "prepared"
    CLONE_REFUSED = "clone_refused"
    OPEN_REFUSED = "open_refused"
    CONFIRM_STARTED = "confirm_started"
    CANCEL_STARTED = "cancel_started"
    CHARGE_UNSENT = "charge_unsent"
    CHARGE_REFUSED = "charge_refused"
    CHARGE_LOST = "charge_lost"
    CHARGE_DECLINED = "charge_declined"
    INTENT_UNCONFIRMED = "intent_unconfirmed"
    RESOLVE_EXHAUSTED = "resolve_exhausted"
    CHARGE_SUCCEEDED = "charge_succeeded"
    CHARGE_UNSETTLED = "charge_unsettled"
    INTENT_CANCELLED = "intent_cancelled"


class Group(StrEnum):
    """How a report groups states; the keys of ``counts`` in the summary of a run, in its order."""

    SUCCEEDED = "succeeded"
    PROCESSING = "processing"
    DECLINED = "declined"
    NEEDS_CUSTOMER = "needs_customer"
    UNKNOWN = "unknown"
    FAILED = "failed"
    SKIPPED = "skipped"
    PENDING = "pending"
    PARKED = "parked"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a state means and what continuing a run does with an item found in it."""

    means: str
    group: str
    continues: str


MEANINGS: dict[State, Meaning] = {
    State.PLANNED: Meaning("accepted by a plan, nothing sent", "waiting", "prepare"),
    State.PREPARING: Meaning("open or clone may be in flight", "in flight, harmless", "send again what is missing"),
    State.READY: Meaning("intent and clone on record, nothing known to be in flight", "waiting", "confirm"),
    State.CONFIRMING: Meaning("the confirm may be in flight", "in flight, money", "note the lost answer, then look"),
    State.UNKNOWN: Meaning("the confirm's answer was lost; Stripe knows", "looking", "read the intent"),
    State.PARKED: Meaning("Stripe would not say within the budget; a person looks", "resting", "read on `resolve`"),
    State.UNSETTLED: Meaning("Stripe accepted, the bank answers in days", "settling", "read on `settle`"),
    State.UNPAID: Meaning("this attempt took nothing; the intent is open", "resting", "the next attempt, or the fence"),
    State.CANCELLING: Meaning("the cancel may be in flight", "in flight, harmless", "cancel again"),
    State.SUCCEEDED: Meaning("paid", "final", "nothing"),
    State.FAILED: Meaning("not paid and never will be", "final", "nothing"),
    State.SKIPPED: Meaning("never started", "final", "nothing"),
}

FINAL = frozenset({State.SUCCEEDED, State.FAILED, State.SKIPPED})
HOLDING_INTENT = frozenset(
    {
        State.PREPARING,  # later attempts, or an intent found by list and recorded in the same commit
        State.READY,
        State.CONFIRMING,
        State.UNKNOWN,
        State.PARKED,
        State.UNSETTLED,
        State.UNPAID,
        State.CANCELLING,
    }
)


@dataclass(frozen=True, slots=True)
class Edge:
    """One transition and the reason it is sound. Whoever reads the intent may report a sighting, at any time."""

    to: State
    reason: str
    sighting: bool = False


_STEPS: dict[tuple[State, Event], Edge] = {
    (State.PLANNED, Event.ITEM_SKIPPED): Edge(State.SKIPPED, "the plan, a dead account or a card rule said so"),
    (State.PLANNED, Event.PREPARE_STARTED): Edge(State.PREPARING, "attempt 1: open and clone"),
    (State.PREPARING, Event.PREPARED): Edge(State.READY, "intent set once, clone set once per attempt, one commit"),
    (State.PREPARING, Event.CLONE_REFUSED): Edge(State.UNPAID, "the intent is on record, so the fence can follow"),
    (State.PREPARING, Event.OPEN_REFUSED): Edge(State.FAILED, "no intent on record: nothing can ever be confirmed"),
    (State.READY, Event.CONFIRM_STARTED): Edge(State.CONFIRMING, "intent and clone as recorded"),
    (State.READY, Event.CANCEL_STARTED): Edge(State.CANCELLING, "a guard or the operator wants no charge"),
    (State.CONFIRMING, Event.CHARGE_UNSENT): Edge(State.READY, "this send touched nothing"),
    (State.CONFIRMING, Event.CHARGE_REFUSED): Edge(State.UNPAID, "the request was wrong, and a read shows no charge"),
    # Never "failed": a lost answer is not a no.
    (State.CONFIRMING, Event.CHARGE_LOST): Edge(State.UNKNOWN, "time-out, 5xx, cut connection, kill"),
    (State.CONFIRMING, Event.CHARGE_DECLINED): Edge(State.UNPAID, "a certain no to this attempt"),
    (State.UNKNOWN, Event.CHARGE_DECLINED): Edge(State.UNPAID, "a read whose last error names this attempt's clone"),
    (State.PARKED, Event.CHARGE_DECLINED): Edge(State.UNPAID, "a read whose last error names this attempt's clone"),
    (State.UNSETTLED, Event.CHARGE_DECLINED): Edge(State.UNPAID, "the bank said no: the intent is open again"),
    (State.UNKNOWN, Event.INTENT_UNCONFIRMED): Edge(State.READY, "no trace of this clone: same intent, same clone"),
    (State.PARKED, Event.INTENT_UNCONFIRMED): Edge(State.READY, "no trace of this clone: same intent, same clone"),
    (State.UNKNOWN, Event.RESOLVE_EXHAUSTED): Edge(State.PARKED, "the budget of sends and reads told nothing"),
    (State.UNPAID, Event.PREPARE_STARTED): Edge(State.PREPARING, "the next attempt: clone only"),
    (State.UNPAID, Event.CANCEL_STARTED): Edge(State.CANCELLING, "no remedy, or attempts spent"),
}


def _sightings() -> dict[tuple[State, Event], Edge]:
    """Return the three rows that hold in every state with an intent on record."""
    rows: dict[tuple[State, Event], Edge] = {}
    for state in sorted(HOLDING_INTENT):
        rows[state, Event.CHARGE_SUCCEEDED] = Edge(State.SUCCEEDED, "the intent was seen paid", sighting=True)
        rows[state, Event.INTENT_CANCELLED] = Edge(State.FAILED, "the intent was seen cancelled", sighting=True)
        if state is not State.UNSETTLED:
            rows[state, Event.CHARGE_UNSETTLED] = Edge(State.UNSETTLED, "the intent was seen processing", sighting=True)
    return rows


TRANSITIONS: dict[tuple[State, Event], Edge] = _STEPS | _sightings()
TABLES: dict[Kind, dict[tuple[State, Event], Edge]] = {Kind.CHARGE: TRANSITIONS}


class ImpossibleTransition(Exception):
    """The program tried what the table does not know: a broken promise, never an operating error."""


def advance(kind: Kind, state: State, event: Event) -> State:
    """Return the state that ``event`` leads to.

    Raises:
        ImpossibleTransition: the table of ``kind`` has no such row.
    """
    edge = TABLES[kind].get((state, event))
    if edge is None:
        raise ImpossibleTransition(f"{kind}: {event} in state {state}")
    return edge.to


def is_sighting(kind: Kind, state: State, event: Event) -> bool:
    """Tell whether ``event`` merely reports what was seen on the intent, so that no attempt need be named."""
    edge = TABLES[kind].get((state, event))
    return edge is not None and edge.sighting


def table_as_markdown(states: Iterable[State] = State) -> str:
    """Return the table of states as the README shows it."""
    rows = ["| state | means | group | continuing a run |", "|---|---|---|---|"]
    rows += [f"| {s} | {(m := MEANINGS[s]).means} | {m.group} | {m.continues} |" for s in states]
    return "\n".join(rows)


def diagram() -> str:
    """Return the transitions as a Mermaid state diagram; the three sightings are left out, a note tells of them."""
    lines = ["stateDiagram-v2", "    [*] --> planned"]
    lines += [f"    {state} --> {edge.to}: {event}" for (state, event), edge in _STEPS.items()]
    lines += [f"    {state} --> [*]" for state in State if state in FINAL]
    return "\n".join(lines)
