"""A charge, one direct charge on a connected account: its life and its requests.

Its object is an intent, its instrument a clone of the payment method.
"""

from enum import StrEnum

from billing.core.calls import Op
from billing.core.items import Kind
from billing.core.life import Edge, Edges, Group, Life, Meaning, OnRecord, Phase, sightings


class State(StrEnum):
    """What is known of a charge. A state ending in ``-ing`` means that a request may be in flight."""

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
    RETURNED = "returned"
    FAILED = "failed"
    SKIPPED = "skipped"


class Event(StrEnum):
    """What happened to a charge, in the past tense."""

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
    PAYMENT_RETURNED = "payment_returned"


_MEANINGS: dict[StrEnum, Meaning] = {
    State.PLANNED: Meaning("accepted by a plan, nothing sent", Phase.WAITING, Group.PENDING, "prepare"),
    State.PREPARING: Meaning(
        "open or clone may be in flight", Phase.PREPARING, Group.PENDING, "send again what is missing"
    ),
    State.READY: Meaning(
        "intent and clone on record, nothing known to be in flight", Phase.WAITING, Group.PENDING, "confirm"
    ),
    State.CONFIRMING: Meaning(
        "the confirm may be in flight", Phase.MONEY, Group.UNKNOWN, "note the lost answer, then look"
    ),
    State.UNKNOWN: Meaning(
        "the confirm's answer was lost; Stripe knows", Phase.LOOKING, Group.UNKNOWN, "read the intent"
    ),
    State.PARKED: Meaning(
        "Stripe would not say within the budget; a person looks", Phase.PARKED, Group.PARKED, "read on `resolve`"
    ),
    State.UNSETTLED: Meaning(
        "Stripe accepted, the bank answers in days", Phase.SETTLING, Group.PROCESSING, "read on `settle`"
    ),
    State.UNPAID: Meaning(
        "this attempt took nothing; the intent is open", Phase.RESTING, Group.DECLINED, "the next attempt, or the fence"
    ),
    State.CANCELLING: Meaning("the cancel may be in flight", Phase.CLOSING, Group.PENDING, "cancel again"),
    State.SUCCEEDED: Meaning("paid", Phase.FINAL, Group.SUCCEEDED, "nothing"),
    State.RETURNED: Meaning("paid, and the bank took it back for good", Phase.FINAL, Group.DECLINED, "nothing"),
    State.FAILED: Meaning("not paid and never will be", Phase.FINAL, Group.FAILED, "nothing"),
    State.SKIPPED: Meaning("never started", Phase.FINAL, Group.SKIPPED, "nothing"),
}

_NEEDS, _FORBIDS = OnRecord.NEEDS, OnRecord.FORBIDS
_STEPS: Edges = {
    (State.PLANNED, Event.ITEM_SKIPPED): Edge(
        State.SKIPPED, "the plan, a dead account or a card rule said so", object=_FORBIDS
    ),
    (State.PLANNED, Event.PREPARE_STARTED): Edge(State.PREPARING, "attempt 1: open and clone", attempt=True),
    (State.PREPARING, Event.PREPARED): Edge(
        State.READY, "intent set once, clone set once per attempt, one commit", object=_NEEDS
    ),
    (State.PREPARING, Event.CLONE_REFUSED): Edge(
        State.UNPAID, "the intent is on record, so the fence can follow", object=_NEEDS
    ),
    (State.PREPARING, Event.OPEN_REFUSED): Edge(
        State.FAILED, "no intent on record: nothing can ever be confirmed", object=_FORBIDS
    ),
    (State.READY, Event.CONFIRM_STARTED): Edge(State.CONFIRMING, "intent and clone as recorded", object=_NEEDS),
    (State.READY, Event.CANCEL_STARTED): Edge(
        State.CANCELLING, "a guard or the operator wants no charge", object=_NEEDS
    ),
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
    (State.UNPAID, Event.PREPARE_STARTED): Edge(State.PREPARING, "the next attempt: clone only", attempt=True),
    (State.UNPAID, Event.CANCEL_STARTED): Edge(State.CANCELLING, "no remedy, or attempts spent", object=_NEEDS),
    (State.SUCCEEDED, Event.PAYMENT_RETURNED): Edge(
        State.RETURNED, "a debit came back: its dispute was born lost", object=_NEEDS
    ),
}

_HOLDING = (
    State.CANCELLING,
    State.CONFIRMING,
    State.PARKED,
    State.PREPARING,  # later attempts, or an intent found by list and recorded in the same commit
    State.READY,
    State.UNKNOWN,
    State.UNPAID,
    State.UNSETTLED,
)

CHARGE_LIFE = Life(
    kind=Kind.CHARGE,
    states=State,
    events=Event,
    edges={
        **_STEPS,
        **sightings(_HOLDING, Event.CHARGE_SUCCEEDED, State.SUCCEEDED, "the intent was seen paid"),
        **sightings(_HOLDING, Event.INTENT_CANCELLED, State.FAILED, "the intent was seen cancelled"),
        **sightings(_HOLDING[:-1], Event.CHARGE_UNSETTLED, State.UNSETTLED, "the intent was seen processing"),
    },
    meanings=_MEANINGS,
    reopens=frozenset({State.FAILED, State.SKIPPED, State.RETURNED}),
    takes_back=frozenset({Event.PAYMENT_RETURNED}),
    words={Group.SUCCEEDED: "paid", Group.FAILED: "not paid, closed"},
    recurs=True,
)

OPEN = Op("open", starts=True, single=True)
CLONE = Op("clone", per_attempt=True, starts=True)
CONFIRM = Op("confirm", per_attempt=True, decisive=True, looks=True)
CANCEL = Op("cancel", looks=True)
READ = Op("read", changes=False)
OPS = (OPEN, CLONE, CONFIRM, CANCEL, READ)
