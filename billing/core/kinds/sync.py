"""A sync, one link brought up to date with its platform customer: its life and its requests.

A link is a customer of a connected account with the attached copy that its subscriptions are paid with. The instrument
is the copy that this attempt has made; there is no object. No request of it moves money, and none can be made
conditional: so each is harmless on its own, the last read comes after the last write, and only copies older than one's
own are ever detached.
"""

from collections.abc import Mapping
from enum import StrEnum

from billing.core.calls import Op
from billing.core.items import Kind
from billing.core.life import Edge, Edges, Group, Life, Meaning, OnRecord, Phase, Scope
from billing.core.objects.link import Follows


class State(StrEnum):
    """What is known of a sync. A state ending in ``-ing`` means that a request may be in flight."""

    PLANNED = "planned"
    UPDATING = "updating"
    CLONING = "cloning"
    ATTACHING = "attaching"
    REPOINTING = "repointing"
    MOVING = "moving"
    MOVED = "moved"
    DETACHING = "detaching"
    DETACHED = "detached"
    PARKED = "parked"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


class Event(StrEnum):
    """What happened to a sync, in the past tense."""

    ITEM_SKIPPED = "item_skipped"
    UPDATE_STARTED = "update_started"
    CLONE_STARTED = "clone_started"
    CLONE_REFUSED = "clone_refused"
    ATTACH_STARTED = "attach_started"
    ATTACH_REFUSED = "attach_refused"
    REPOINT_STARTED = "repoint_started"
    MOVE_STARTED = "move_started"
    MOVED = "moved"
    DETACH_STARTED = "detach_started"
    DETACHED = "detached"
    LEFT_AS_IT_IS = "left_as_it_is"
    IN_STEP = "in_step"


_MEANINGS: dict[StrEnum, Meaning] = {
    State.PLANNED: Meaning("accepted by a plan, nothing sent", Phase.WAITING, Group.PENDING, "read the platform"),
    State.UPDATING: Meaning(
        "name, e-mail or address may be on their way; nothing else differs",
        Phase.PREPARING,
        Group.PENDING,
        "read both, send again what differs",
    ),
    State.CLONING: Meaning(
        "the clone may be in flight", Phase.PREPARING, Group.PENDING, "read the platform, clone again"
    ),
    State.ATTACHING: Meaning(
        "the copy is on record, its attach may be in flight", Phase.PREPARING, Group.PENDING, "attach again"
    ),
    State.REPOINTING: Meaning(
        "the customer's default may be on its way to the copy", Phase.PREPARING, Group.PENDING, "repoint again"
    ),
    State.MOVING: Meaning(
        "subscriptions may be on their way to the copy", Phase.PREPARING, Group.PENDING, "read them, move what is left"
    ),
    State.MOVED: Meaning(
        "all was sent; a read must show it before anything is detached", Phase.WAITING, Group.PENDING, "read everything"
    ),
    State.DETACHING: Meaning(
        "older copies of ours may be on their way out", Phase.CLOSING, Group.PENDING, "detach again, then read"
    ),
    State.DETACHED: Meaning(
        "older copies are gone; a last read must show all in step", Phase.WAITING, Group.PENDING, "read everything"
    ),
    State.PARKED: Meaning(
        "left with a copy that works, and not in step; a person looks", Phase.PARKED, Group.PARKED, "read on `resolve`"
    ),
    State.SUCCEEDED: Meaning(
        "in step with the platform when read last, after the last write", Phase.FINAL, Group.SUCCEEDED, "nothing"
    ),
    State.FAILED: Meaning("refused before anything named the new copy", Phase.FINAL, Group.FAILED, "nothing"),
    State.SKIPPED: Meaning("never started", Phase.FINAL, Group.SKIPPED, "nothing"),
}

_FRESH = "the platform has another method, or this attempt's copy is dead: always a fresh copy, never an older one"
_ASTRAY = "a read shows a default that is not the copy"
_BEGUN = (State.ATTACHING, State.REPOINTING, State.MOVING, State.MOVED, State.DETACHED)
_STEPS: Edges = {
    (State.PLANNED, Event.ITEM_SKIPPED): Edge(
        State.SKIPPED, "the plan said so, or the platform has no method to copy", object=OnRecord.FORBIDS
    ),
    (State.PLANNED, Event.UPDATE_STARTED): Edge(
        State.UPDATING, "the copy is in step; fields of the customer are not", attempt=True
    ),
    (State.UPDATING, Event.IN_STEP): Edge(State.SUCCEEDED, "a read shows the platform's fields"),
    (State.UPDATING, Event.CLONE_STARTED): Edge(State.CLONING, _FRESH, attempt=True),
    (State.UPDATING, Event.LEFT_AS_IT_IS): Edge(State.PARKED, "the customer is gone, or takes no change"),
    (State.PLANNED, Event.CLONE_STARTED): Edge(State.CLONING, "attempt 1: what was just read is cloned", attempt=True),
    (State.CLONING, Event.MOVED): Edge(
        State.MOVED, "the platform has another method by now: a read says so once more, and a fresh copy follows"
    ),
    **{(state, Event.CLONE_STARTED): Edge(State.CLONING, _FRESH, attempt=True) for state in _BEGUN},
    (State.CLONING, Event.ATTACH_STARTED): Edge(State.ATTACHING, "the copy is on record, once per attempt"),
    (State.CLONING, Event.CLONE_REFUSED): Edge(State.FAILED, "and nothing of this line was ever a default"),
    (State.ATTACHING, Event.ATTACH_REFUSED): Edge(State.FAILED, "the same; the copy is attached nowhere"),
    (State.ATTACHING, Event.REPOINT_STARTED): Edge(State.REPOINTING, "the copy is attached: it may be named"),
    (State.REPOINTING, Event.MOVE_STARTED): Edge(State.MOVING, "the customer first: what names none follows it"),
    (State.MOVING, Event.MOVED): Edge(State.MOVED, "every subscription that named another copy of ours was moved"),
    (State.MOVED, Event.REPOINT_STARTED): Edge(State.REPOINTING, _ASTRAY),
    (State.MOVED, Event.DETACH_STARTED): Edge(State.DETACHING, "a read shows every default on the copy"),
    (State.MOVED, Event.IN_STEP): Edge(State.SUCCEEDED, "the same, and no older copy of ours is left"),
    (State.DETACHING, Event.DETACHED): Edge(State.DETACHED, "older copies of another change only"),
    # Never straight to success: a request that was late may have made an older copy a default just before it went.
    (State.DETACHED, Event.REPOINT_STARTED): Edge(State.REPOINTING, _ASTRAY),
    (State.DETACHED, Event.DETACH_STARTED): Edge(State.DETACHING, "a copy was attached late"),
    (State.DETACHED, Event.IN_STEP): Edge(State.SUCCEEDED, "a read after the last detach shows all in step"),
    **{
        (state, Event.LEFT_AS_IT_IS): Edge(State.PARKED, "refused, and the line was begun: what works stays as it is")
        for state in (State.CLONING, *_BEGUN)
    },
    (State.PARKED, Event.MOVED): Edge(State.MOVED, "a person asks: a read says what is to be done"),
}

SYNC_LIFE = Life(
    kind=Kind.SYNC,
    states=State,
    events=Event,
    edges=_STEPS,
    meanings=_MEANINGS,
    reopens=frozenset({State.FAILED, State.SKIPPED}),
    words={Group.SUCCEEDED: "in step", Group.FAILED: "not brought in step"},
    scope=Scope.ALWAYS,
    noun="links",
)

NEXT: Mapping[Follows, Event] = {
    Follows.CLONE: Event.CLONE_STARTED,
    Follows.REPOINT: Event.REPOINT_STARTED,
    Follows.DETACH: Event.DETACH_STARTED,
    Follows.NOTHING: Event.IN_STEP,
}
# What is written when a read of a link shows what must follow (`billing.core.objects.link.follows`).

CLONE = Op("clone", per_attempt=True, starts=True)
ATTACH = Op("attach", per_attempt=True)
REPOINT = Op("repoint", per_attempt=True)
MOVE = Op("move", per_attempt=True)
DETACH = Op("detach", per_attempt=True)
READ_PAYER = Op("read_payer", changes=False, starts=True)
READ_CUSTOMER = Op("read_customer", changes=False)
LIST_SUBSCRIPTIONS = Op("list_subscriptions", changes=False)
LIST_METHODS = Op("list_methods", changes=False)
OPS = (CLONE, ATTACH, REPOINT, MOVE, DETACH, READ_PAYER, READ_CUSTOMER, LIST_SUBSCRIPTIONS, LIST_METHODS)
