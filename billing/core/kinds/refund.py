"""A refund, what is left of one direct charge given back: its life and its requests.

Its object is the first refund of ours that was seen. It has no instrument, and is sent once for each durable entry.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from billing.core.calls import Op
from billing.core.items import Kind
from billing.core.life import Edge, Edges, Group, Life, Meaning, OnRecord, Phase, sightings
from billing.core.objects.refund import Standing


class State(StrEnum):
    """What is known of a refund. A state ending in ``-ing`` means that a request may be in flight."""

    PLANNED = "planned"
    REFUNDING = "refunding"
    READY = "ready"
    UNKNOWN = "unknown"
    UNREFUNDED = "unrefunded"
    PARKED = "parked"
    UNSETTLED = "unsettled"
    SUCCEEDED = "succeeded"
    SETTLED = "settled"
    FAILED = "failed"
    MOOT = "moot"
    SKIPPED = "skipped"


class Event(StrEnum):
    """What happened to a refund, in the past tense."""

    ITEM_SKIPPED = "item_skipped"
    REFUND_STARTED = "refund_started"
    REFUND_UNSENT = "refund_unsent"
    REFUND_LOST = "refund_lost"
    REFUND_REFUSED = "refund_refused"
    REFUND_ABSENT = "refund_absent"
    REFUND_PENDING = "refund_pending"
    REFUND_SUCCEEDED = "refund_succeeded"
    REFUND_RETURNED = "refund_returned"
    RETURN_PERIOD_OVER = "return_period_over"
    GIVEN_UP = "given_up"
    NOTHING_LEFT = "nothing_left"
    LEFT_IN_DOUBT = "left_in_doubt"


_MEANINGS: dict[StrEnum, Meaning] = {
    State.PLANNED: Meaning("accepted by a plan, nothing sent", Phase.WAITING, Group.PENDING, "read the charge, send"),
    State.REFUNDING: Meaning(
        "the refund may be in flight", Phase.MONEY, Group.UNKNOWN, "note the lost answer, then look"
    ),
    State.READY: Meaning(
        "nothing of ours was listed, nothing known to be in flight", Phase.WAITING, Group.PENDING, "look, send again"
    ),
    State.UNKNOWN: Meaning(
        "what became of the refund is not known here; Stripe knows", Phase.LOOKING, Group.UNKNOWN, "list the refunds"
    ),
    State.UNREFUNDED: Meaning(
        "refused, or returned by the bank: nothing of ours stands",
        Phase.RESTING,
        Group.FAILED,
        "failed, or parked while a send has no answer",
    ),
    State.PARKED: Meaning(
        "not given back when last read, but a send of ours has no answer; a person looks",
        Phase.PARKED,
        Group.PARKED,
        "read on `resolve`",
    ),
    State.UNSETTLED: Meaning(
        "Stripe accepted, the money is on its way for days", Phase.SETTLING, Group.PROCESSING, "read on `settle`"
    ),
    State.SUCCEEDED: Meaning(
        "given back; the bank may still return it", Phase.SETTLING, Group.SUCCEEDED, "read on `settle`"
    ),
    State.SETTLED: Meaning("given back, and too old to be returned", Phase.FINAL, Group.SUCCEEDED, "nothing"),
    State.FAILED: Meaning(
        "not given back by us, and nothing of ours can still arrive", Phase.FINAL, Group.FAILED, "nothing"
    ),
    State.MOOT: Meaning("others gave it back: nothing was left", Phase.FINAL, Group.SKIPPED, "nothing"),
    State.SKIPPED: Meaning("never started", Phase.FINAL, Group.SKIPPED, "nothing"),
}

_NEEDS, _FORBIDS = OnRecord.NEEDS, OnRecord.FORBIDS
_NONE_OF_OURS = "the refunds add up, and none is ours"
_ALL_RETURNED = "the refunds add up, and every one of ours came back"
_STEPS: Edges = {
    (State.PLANNED, Event.ITEM_SKIPPED): Edge(
        State.SKIPPED, "the plan, a dispute or what others gave back said so", object=_FORBIDS
    ),
    (State.PLANNED, Event.REFUND_STARTED): Edge(
        State.REFUNDING, "the charge is untouched and in no open dispute", attempt=True
    ),
    (State.READY, Event.REFUND_STARTED): Edge(State.REFUNDING, "the same, and no refund of ours is listed"),
    (State.REFUNDING, Event.REFUND_UNSENT): Edge(State.READY, "this send touched nothing"),
    # Never "failed": a lost answer is not a no, and what was sent can arrive at any later time.
    (State.REFUNDING, Event.REFUND_LOST): Edge(
        State.UNKNOWN, "time-out, 5xx, kill, or an answer that a list must bear out"
    ),
    (State.UNKNOWN, Event.REFUND_ABSENT): Edge(State.READY, f"{_NONE_OF_OURS}: the same key again"),
    (State.REFUNDING, Event.REFUND_REFUSED): Edge(State.UNREFUNDED, _NONE_OF_OURS, object=_FORBIDS),
    (State.UNKNOWN, Event.REFUND_REFUSED): Edge(
        State.UNREFUNDED, f"{_NONE_OF_OURS}; a dispute, or others' refunds", object=_FORBIDS
    ),
    (State.READY, Event.REFUND_REFUSED): Edge(
        State.UNREFUNDED, "the same, or nobody wants it any more", object=_FORBIDS
    ),
    (State.REFUNDING, Event.REFUND_RETURNED): Edge(State.UNREFUNDED, _ALL_RETURNED, object=_NEEDS),
    (State.UNKNOWN, Event.REFUND_RETURNED): Edge(State.UNREFUNDED, _ALL_RETURNED, object=_NEEDS),
    (State.READY, Event.REFUND_RETURNED): Edge(State.UNREFUNDED, _ALL_RETURNED, object=_NEEDS),
    (State.UNSETTLED, Event.REFUND_RETURNED): Edge(State.UNREFUNDED, _ALL_RETURNED, object=_NEEDS),
    (State.SUCCEEDED, Event.REFUND_RETURNED): Edge(State.UNREFUNDED, _ALL_RETURNED, object=_NEEDS),
    (State.UNREFUNDED, Event.GIVEN_UP): Edge(State.FAILED, "every send of ours was answered: nothing can still arrive"),
    (State.UNREFUNDED, Event.NOTHING_LEFT): Edge(State.MOOT, "the same, and others gave back all of it"),
    (State.UNREFUNDED, Event.LEFT_IN_DOUBT): Edge(State.PARKED, "a send of ours has no answer and may still arrive"),
    **{
        (state, Event.LEFT_IN_DOUBT): Edge(State.PARKED, "a refund of ours stands that is not what was approved")
        for state in (State.READY, State.UNKNOWN, State.UNSETTLED, State.SUCCEEDED)
    },
}

_SEEN = (
    State.REFUNDING,
    State.READY,
    State.UNKNOWN,
    State.PARKED,
    State.UNSETTLED,
)

REFUND_LIFE = Life(
    kind=Kind.REFUND,
    states=State,
    events=Event,
    edges={
        **_STEPS,
        **sightings(_SEEN, Event.REFUND_SUCCEEDED, State.SUCCEEDED, "a refund of ours was seen to stand"),
        **sightings(_SEEN[:-1], Event.REFUND_PENDING, State.UNSETTLED, "a refund of ours was seen pending"),
        **sightings(
            (State.SUCCEEDED,), Event.RETURN_PERIOD_OVER, State.SETTLED, "seen to stand, older than banks return one"
        ),
    },
    meanings=_MEANINGS,
    reopens=frozenset({State.FAILED, State.SKIPPED}),
    words={Group.SUCCEEDED: "refunded"},
)

CONCLUDES: Mapping[Standing, tuple[Event, ...]] = {
    Standing.SUCCEEDED: (Event.REFUND_SUCCEEDED,),
    Standing.PENDING: (Event.REFUND_PENDING,),
    Standing.RETURNED: (Event.REFUND_RETURNED, Event.GIVEN_UP),
    Standing.TOUCHED: (Event.REFUND_REFUSED, Event.GIVEN_UP),
    Standing.NOTHING_LEFT: (Event.REFUND_REFUSED, Event.NOTHING_LEFT),
}
# What is written when a look shows where the refund stands; of an untouched charge, and of a list that does not add up,
# nothing follows by itself. The second event is another while a send has no answer (`ends`).

_ENDS = frozenset({Event.GIVEN_UP, Event.NOTHING_LEFT})


def ends(events: Iterable[Event], *, loose: bool) -> tuple[Event, ...]:
    """Return the events with the end that an item may have: in doubt, while a send of ours has no answer."""
    return tuple(Event.LEFT_IN_DOUBT if loose and event in _ENDS else event for event in events)


REFUND = Op("refund", single=True, decisive=True, looks=True)
READ_CHARGE = Op("read_charge", changes=False, starts=True)
LIST_REFUNDS = Op("list_refunds", changes=False)
OPS = (REFUND, READ_CHARGE, LIST_REFUNDS)
