"""A payer, a platform customer with payment details saved: its life and its requests.

Its object is the customer (``cus_…``). Its instrument is the invitation of the attempt: what the payer completes to
save a method (``seti_…``, ``cs_…``, or ``pi_…`` for one that takes a first payment as well).
"""

from collections.abc import Mapping
from enum import StrEnum

from billing.core.calls import Op
from billing.core.items import Kind
from billing.core.life import Edge, Edges, Group, Life, Meaning, OnRecord, Phase, Scope, sightings
from billing.core.objects.setup import Standing


class State(StrEnum):
    """What is known of a payer. A state ending in ``-ing`` means that a request may be in flight."""

    PLANNED = "planned"
    CREATING = "creating"
    READY = "ready"
    INVITING = "inviting"
    INVITED = "invited"
    SAVED = "saved"
    DEFAULTING = "defaulting"
    CANCELLING = "cancelling"
    PARKED = "parked"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


class Event(StrEnum):
    """What happened to a payer, in the past tense."""

    ITEM_SKIPPED = "item_skipped"
    CREATE_STARTED = "create_started"
    CREATE_REFUSED = "create_refused"
    CUSTOMER_KNOWN = "customer_known"
    INVITE_STARTED = "invite_started"
    INVITE_LOST = "invite_lost"
    INVITE_REFUSED = "invite_refused"
    INVITATION_OPENED = "invitation_opened"
    INVITATION_EXPIRED = "invitation_expired"
    METHOD_SAVED = "method_saved"
    METHOD_GONE = "method_gone"
    PAID_AND_GONE = "paid_and_gone"
    DEFAULT_STARTED = "default_started"
    DEFAULT_UNCERTAIN = "default_uncertain"
    DEFAULT_SET = "default_set"
    CANCEL_STARTED = "cancel_started"
    CANCEL_REFUSED = "cancel_refused"
    INVITATION_OVER = "invitation_over"
    GIVEN_UP = "given_up"


_MEANINGS: dict[StrEnum, Meaning] = {
    State.PLANNED: Meaning("accepted by a plan, nothing sent", Phase.WAITING, Group.PENDING, "look for the customer"),
    State.CREATING: Meaning(
        "the customer may be in flight; one that nobody refers to harms nobody",
        Phase.PREPARING,
        Group.PENDING,
        "look, then the same request again",
    ),
    State.READY: Meaning(
        "the customer is on record, and no invitation is open",
        Phase.RESTING,
        Group.PROCESSING,
        "wait for the payer's click, or invite",
    ),
    State.INVITING: Meaning(
        "an invitation may be in flight; nobody has seen its secret",
        Phase.PREPARING,
        Group.PROCESSING,
        "the same request again",
    ),
    State.INVITED: Meaning(
        "an open invitation is on record: the payer's turn, or the bank's",
        Phase.RESTING,
        Group.PROCESSING,
        "read it",
    ),
    State.SAVED: Meaning(
        "a method is saved, and not known to be the default", Phase.RESTING, Group.PROCESSING, "make it the default"
    ),
    State.DEFAULTING: Meaning(
        "the default may be in flight; it may be sent again", Phase.PREPARING, Group.PROCESSING, "read, send again"
    ),
    State.CANCELLING: Meaning(
        "the end of the invitation may be in flight", Phase.CLOSING, Group.PENDING, "send it again, then read"
    ),
    State.PARKED: Meaning(
        "the first payment was taken, and its method is gone; a person looks",
        Phase.PARKED,
        Group.PARKED,
        "read the customer on `resolve`",
    ),
    State.SUCCEEDED: Meaning(
        "the newest saved method was the default when read last", Phase.FINAL, Group.SUCCEEDED, "nothing"
    ),
    State.FAILED: Meaning("nothing is saved, and nothing of ours can save it", Phase.FINAL, Group.FAILED, "nothing"),
    State.SKIPPED: Meaning("never started", Phase.FINAL, Group.SKIPPED, "nothing"),
}

_NEEDS, _FORBIDS = OnRecord.NEEDS, OnRecord.FORBIDS
_GONE = "a read shows that the saved method is attached to nobody"
_STEPS: Edges = {
    (State.PLANNED, Event.ITEM_SKIPPED): Edge(State.SKIPPED, "the plan said so", object=_FORBIDS),
    (State.PLANNED, Event.CREATE_STARTED): Edge(State.CREATING, "a list of customers comes first", object=_FORBIDS),
    (State.CREATING, Event.CUSTOMER_KNOWN): Edge(State.READY, "listed, or made: the oldest of ours", object=_NEEDS),
    (State.CREATING, Event.CREATE_REFUSED): Edge(State.FAILED, "refused, and none of ours listed", object=_FORBIDS),
    (State.CREATING, Event.GIVEN_UP): Edge(State.FAILED, "a late customer is referred to by nobody", object=_FORBIDS),
    (State.READY, Event.INVITE_STARTED): Edge(State.INVITING, "no other one is open", attempt=True, object=_NEEDS),
    (State.INVITING, Event.INVITATION_OPENED): Edge(State.INVITED, "on record before the payer sees it", object=_NEEDS),
    (State.INVITING, Event.INVITE_LOST): Edge(State.READY, "nobody has its secret: it stays unused", object=_NEEDS),
    (State.INVITING, Event.INVITE_REFUSED): Edge(State.READY, "refused: none was made by it", object=_NEEDS),
    (State.INVITED, Event.INVITATION_EXPIRED): Edge(State.READY, "read: over, and nothing saved", object=_NEEDS),
    (State.INVITED, Event.METHOD_GONE): Edge(State.READY, f"{_GONE}: another invitation may follow", object=_NEEDS),
    (State.SAVED, Event.METHOD_GONE): Edge(State.READY, _GONE, object=_NEEDS),
    (State.DEFAULTING, Event.METHOD_GONE): Edge(State.READY, _GONE, object=_NEEDS),
    # Never ready again: another invitation would take a second payment.
    (State.READY, Event.PAID_AND_GONE): Edge(State.PARKED, f"{_GONE}, another ledger took a payment", object=_NEEDS),
    (State.INVITED, Event.PAID_AND_GONE): Edge(State.PARKED, f"{_GONE}, and a payment was taken", object=_NEEDS),
    (State.SAVED, Event.PAID_AND_GONE): Edge(State.PARKED, f"{_GONE}, and a payment was taken", object=_NEEDS),
    (State.DEFAULTING, Event.PAID_AND_GONE): Edge(State.PARKED, f"{_GONE}, and a payment was taken", object=_NEEDS),
    (State.SAVED, Event.DEFAULT_STARTED): Edge(State.DEFAULTING, "of the customer's methods the newest", object=_NEEDS),
    (State.DEFAULTING, Event.DEFAULT_UNCERTAIN): Edge(
        State.SAVED, "no answer, or a newer one was saved: again, under another key", object=_NEEDS
    ),
    (State.DEFAULTING, Event.DEFAULT_SET): Edge(
        State.SUCCEEDED, "read after the last write: the newest saved is the default", object=_NEEDS
    ),
    (State.READY, Event.GIVEN_UP): Edge(State.FAILED, "nothing is open that could be completed", object=_NEEDS),
    (State.INVITED, Event.CANCEL_STARTED): Edge(State.CANCELLING, "given up, or its last day is over", object=_NEEDS),
    (State.CANCELLING, Event.CANCEL_REFUSED): Edge(State.INVITED, "read: not over, or completed", object=_NEEDS),
    (State.CANCELLING, Event.INVITATION_OVER): Edge(State.FAILED, "read: cancelled, or expired", object=_NEEDS),
}

_SEEN = (State.READY, State.INVITED, State.CANCELLING, State.PARKED)

PAYER_LIFE = Life(
    kind=Kind.PAYER,
    states=State,
    events=Event,
    edges={
        **_STEPS,
        **sightings(_SEEN, Event.METHOD_SAVED, State.SAVED, "a method saved for this payer was seen attached"),
    },
    meanings=_MEANINGS,
    reopens=frozenset({State.FAILED, State.SKIPPED}),
    words={Group.SUCCEEDED: "saved", Group.PROCESSING: "asked"},
    verb="save",
    awaits="send each its link, which the report has; look every day who has answered",
    scope=Scope.ALWAYS,
)

CONCLUDES: Mapping[Standing, Event] = {
    Standing.SAVED: Event.METHOD_SAVED,
    Standing.GONE: Event.METHOD_GONE,
    Standing.PAID_AND_GONE: Event.PAID_AND_GONE,
    Standing.OVER: Event.INVITATION_EXPIRED,
}
# What is written when a read of the invitation shows where it stands; of an open one nothing follows.


def gone(*, paid: bool) -> Event:
    """Return what is written of a saved method that is attached to nobody any more."""
    return Event.PAID_AND_GONE if paid else Event.METHOD_GONE


def object_of(customer: str, generation: int) -> str:
    """Return what stands on record as an item's object: the customer, marked in a later generation of its line.

    In a ledger one object belongs to one item. A payer who is asked anew stays the same customer all the same.
    """
    return f"{customer}:{generation}" if generation else customer


def customer_of(object_id: str | None) -> str:
    """Return the customer (``cus_…``) that stands on record as an item's object, or empty."""
    return (object_id or "").partition(":")[0]


CREATE = Op("customer", starts=True)
INVITE = Op("invite", per_attempt=True)
PAY = Op("first_payment")
CONFIRM = Op("confirm_setup", per_attempt=True)
DEFAULT = Op("default")
CANCEL = Op("cancel_invitation", per_attempt=True)
READ_INVITATION = Op("read_invitation", changes=False)
READ_CUSTOMER = Op("read_customer", changes=False)
LIST_SAVED = Op("list_saved", changes=False)
OPS = (CREATE, INVITE, PAY, CONFIRM, DEFAULT, CANCEL, READ_INVITATION, READ_CUSTOMER, LIST_SAVED)
