"""A cancellation, the end of one subscription: its life and its requests.

It has neither object nor instrument: the subscription is on record of the item that made it. Every request may be
repeated, and what a read shows decides. So requests leave in rounds: a durable entry, the round, and if all of it was
answered another entry; then a look says whether there is another round to come.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from billing.core.calls import Op
from billing.core.items import Kind, When
from billing.core.life import Edge, Edges, Group, Life, Meaning, Phase
from billing.core.objects.cancellation import DRAFT, EndSeen, Standing, Uncollected


class State(StrEnum):
    """What is known of a cancellation. A state ending in ``-ing`` means that a request may be in flight."""

    PLANNED = "planned"
    CANCELLING = "cancelling"
    READY = "ready"
    UNSETTLED = "unsettled"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    MOOT = "moot"
    SKIPPED = "skipped"


class Event(StrEnum):
    """What happened to a cancellation, in the past tense."""

    ITEM_SKIPPED = "item_skipped"
    FOUND_OVER = "found_over"
    CANCEL_STARTED = "cancel_started"
    ROUND_ANSWERED = "round_answered"
    VOID_REFUSED = "void_refused"
    SUBSCRIPTION_OVER = "subscription_over"
    END_SET = "end_set"
    CANCEL_REFUSED = "cancel_refused"


_MEANINGS: dict[StrEnum, Meaning] = {
    State.PLANNED: Meaning(
        "accepted by a plan, nothing sent", Phase.WAITING, Group.PENDING, "read the subscription, cancel"
    ),
    State.CANCELLING: Meaning(
        "a request of this round may be in flight", Phase.CLOSING, Group.UNKNOWN, "read, then what is left again"
    ),
    State.READY: Meaning(
        "every request so far was answered; a read tells what came of them",
        Phase.WAITING,
        Group.PENDING,
        "read, then what is left",
    ),
    State.UNSETTLED: Meaning(
        "it is over, and an invoice of it cannot be made void yet: a bank has its payment",
        Phase.RESTING,
        Group.PROCESSING,
        "read, then void again",
    ),
    State.SUCCEEDED: Meaning(
        "seen over with nothing left to collect, or seen to end with its period",
        Phase.FINAL,
        Group.SUCCEEDED,
        "nothing",
    ),
    State.FAILED: Meaning("it runs on, and no request of ours can still arrive", Phase.FINAL, Group.FAILED, "nothing"),
    State.MOOT: Meaning(
        "it was over, or about to end, before anything was sent", Phase.FINAL, Group.SKIPPED, "nothing"
    ),
    State.SKIPPED: Meaning("never started", Phase.FINAL, Group.SKIPPED, "nothing"),
}

_SENT = (State.CANCELLING, State.READY)
_LEFT = "a read shows what is left to do"
_STEPS: Edges = {
    (State.PLANNED, Event.ITEM_SKIPPED): Edge(State.SKIPPED, "the plan said so, or it is none of that run"),
    (State.PLANNED, Event.FOUND_OVER): Edge(State.MOOT, "a read shows it as it was to become"),
    (State.PLANNED, Event.CANCEL_STARTED): Edge(State.CANCELLING, f"{_LEFT}, and that it is ours", attempt=True),
    (State.READY, Event.CANCEL_STARTED): Edge(State.CANCELLING, _LEFT),
    (State.UNSETTLED, Event.CANCEL_STARTED): Edge(State.CANCELLING, "its invoice is open again"),
    # Never "failed": a lost answer is not a no. What was sent can be sent again, and may arrive at any later time.
    (State.CANCELLING, Event.CANCEL_STARTED): Edge(State.CANCELLING, f"an answer was lost, and {_LEFT}"),
    (State.CANCELLING, Event.ROUND_ANSWERED): Edge(State.READY, "nothing of this round is in flight"),
    (State.CANCELLING, Event.VOID_REFUSED): Edge(State.UNSETTLED, "over, and a read shows its invoice open still"),
    (State.CANCELLING, Event.CANCEL_REFUSED): Edge(
        State.FAILED, "refused, a read shows it running, and every send was answered"
    ),
    (State.READY, Event.CANCEL_REFUSED): Edge(
        State.FAILED, "nobody wants it any more, a read shows it running, and every send was answered"
    ),
    (State.UNSETTLED, Event.SUBSCRIPTION_OVER): Edge(
        State.SUCCEEDED, "the bank has spoken: nothing is left to collect"
    ),
    **{
        (state, Event.SUBSCRIPTION_OVER): Edge(State.SUCCEEDED, "seen over, with nothing left to collect")
        for state in _SENT
    },
    **{(state, Event.END_SET): Edge(State.SUCCEEDED, "seen to end with its period") for state in _SENT},
}

CANCELLATION_LIFE = Life(
    kind=Kind.CANCELLATION,
    states=State,
    events=Event,
    edges=_STEPS,
    meanings=_MEANINGS,
    reopens=frozenset({State.FAILED, State.SKIPPED}),
    words={Group.SUCCEEDED: "cancelled", Group.FAILED: "not cancelled, closed"},
    verb="cancel",
)

SHOWS: Mapping[Standing, Event] = {Standing.OVER: Event.SUBSCRIPTION_OVER, Standing.ENDING: Event.END_SET}
# What is written of an item whose requests have left when a read shows that nothing more is to be asked for.

CLEAR_FEE = Op("clear_fee", looks=True)
END_NOW = Op("end_now", ends=True, looks=True)
END_LATER = Op("end_later", looks=True)
FINALIZE = Op("finalize", looks=True)
VOID = Op("void", looks=True)
READ_END = Op("read_end", changes=False, starts=True)
LIST_COLLECTABLE = Op("list_collectable", changes=False)
OPS = (CLEAR_FEE, END_NOW, END_LATER, FINALIZE, VOID, READ_END, LIST_COLLECTABLE)

Request = tuple[Op, str]
# A request of a round, and the id of what it is about.


def left(
    when: When, seen: EndSeen, invoices: Sequence[Uncollected], standing: Standing, *, clear_fee: bool
) -> tuple[Request, ...]:
    """Return the next round: what is left to be asked for, in the order in which no half of it does harm.

    The share is cleared before the end, so that an end never stands with a percentage behind it. Invoices come after
    the subscription is seen over: what the voiding of one makes of a living subscription is not documented, and a
    living one may draw another.
    """
    if standing is Standing.COLLECTABLE:
        return tuple((op, one.id) for one in invoices for op in _void_of(one))
    if standing is not Standing.RUNNING:
        return ()
    first = ((CLEAR_FEE, seen.id),) if clear_fee and seen.fee else ()
    if when is When.NOW:
        return (*first, (END_NOW, seen.id))
    return first if seen.ends_with_period else (*first, (END_LATER, seen.id))


def _void_of(invoice: Uncollected) -> tuple[Op, ...]:
    """Return what makes an invoice void: a draft must be opened first. (docs.stripe.com/api/invoices/void)"""
    return (FINALIZE, VOID) if invoice.status == DRAFT else (VOID,)
