"""A subscription on a connected account, its first payment included: its life and its requests.

Its object is the subscription that was recorded first. It has no instrument: the copy of the payment method belongs to
the link of a payer with an account, and pays every line of it.
"""

from collections.abc import Mapping
from enum import StrEnum

from billing.core.calls import Op
from billing.core.items import Kind
from billing.core.life import Edge, Edges, Group, Life, Meaning, OnRecord, Phase, sightings
from billing.core.objects.subscription import Standing


class State(StrEnum):
    """What is known of a subscription. A state ending in ``-ing`` means that a request may be in flight."""

    PLANNED = "planned"
    LINKING = "linking"
    CLONING = "cloning"
    ATTACHING = "attaching"
    DEFAULTING = "defaulting"
    OPENING = "opening"
    READY = "ready"
    PAYING = "paying"
    STARTING = "starting"
    UNKNOWN = "unknown"
    PARKED = "parked"
    UNSETTLED = "unsettled"
    UNPAID = "unpaid"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ENDED = "ended"
    ELSEWHERE = "elsewhere"
    SKIPPED = "skipped"


class Event(StrEnum):
    """What happened to a subscription, in the past tense."""

    ITEM_SKIPPED = "item_skipped"
    LINK_STARTED = "link_started"
    CLONE_STARTED = "clone_started"
    ATTACH_STARTED = "attach_started"
    DEFAULT_STARTED = "default_started"
    LINK_REFUSED = "link_refused"
    OPEN_STARTED = "open_started"
    OPENED = "opened"
    OPEN_REFUSED = "open_refused"
    PAY_STARTED = "pay_started"
    PAY_UNSENT = "pay_unsent"
    PAY_LOST = "pay_lost"
    PAY_DECLINED = "pay_declined"
    PAY_REFUSED = "pay_refused"
    INVOICE_UNTRIED = "invoice_untried"
    START_STARTED = "start_started"
    CANCEL_STARTED = "cancel_started"
    RESOLVE_EXHAUSTED = "resolve_exhausted"
    INVOICE_PAID = "invoice_paid"
    PAYMENT_PROCESSING = "payment_processing"
    FUSE_CLEARED = "fuse_cleared"
    SUBSCRIPTION_OVER = "subscription_over"
    OVER_AFTER_PAYMENT = "over_after_payment"
    FOUND_ELSEWHERE = "found_elsewhere"


_MEANINGS: dict[StrEnum, Meaning] = {
    State.PLANNED: Meaning("accepted by a plan, nothing sent", Phase.WAITING, Group.PENDING, "list the account, link"),
    State.LINKING: Meaning(
        "the customer on the account may be being made", Phase.PREPARING, Group.PENDING, "make it again, same key"
    ),
    State.CLONING: Meaning(
        "the copy of the payment method may be being made", Phase.PREPARING, Group.PENDING, "copy again"
    ),
    State.ATTACHING: Meaning("the copy may be being attached", Phase.PREPARING, Group.PENDING, "attach again"),
    State.DEFAULTING: Meaning(
        "the copy may be becoming the customer's default", Phase.PREPARING, Group.PENDING, "make it the default again"
    ),
    State.OPENING: Meaning(
        "the subscription may be being opened, unpaid or under a fuse",
        Phase.PREPARING,
        Group.PENDING,
        "list, take over, or open again under its first key",
    ),
    State.READY: Meaning(
        "the subscription is on record, nothing known to be in flight", Phase.WAITING, Group.PENDING, "pay, or start"
    ),
    State.PAYING: Meaning(
        "the payment of the first invoice may be in flight",
        Phase.MONEY,
        Group.UNKNOWN,
        "note the lost answer, then look",
    ),
    State.STARTING: Meaning(
        "the fuse may be being cleared: from then on it renews by itself", Phase.MONEY, Group.UNKNOWN, "clear it again"
    ),
    State.UNKNOWN: Meaning(
        "what became of the payment is not known here; Stripe knows",
        Phase.LOOKING,
        Group.UNKNOWN,
        "read the subscription, then its invoices",
    ),
    State.PARKED: Meaning(
        "Stripe would not say within the budget; a person looks", Phase.PARKED, Group.PARKED, "read on `resolve`"
    ),
    State.UNSETTLED: Meaning(
        "Stripe accepted the payment, the bank answers in days", Phase.SETTLING, Group.PROCESSING, "read on `settle`"
    ),
    State.UNPAID: Meaning(
        "this attempt took nothing; the invoice is open",
        Phase.RESTING,
        Group.DECLINED,
        "the next attempt, or the fence",
    ),
    State.CANCELLING: Meaning(
        "the cancel, or the void after it, may be in flight", Phase.CLOSING, Group.PENDING, "both again, then read"
    ),
    State.SUCCEEDED: Meaning("its first invoice is paid, or it has started", Phase.FINAL, Group.SUCCEEDED, "nothing"),
    State.FAILED: Meaning("not paid and never will be", Phase.FINAL, Group.FAILED, "nothing"),
    State.ENDED: Meaning(
        "it was paid or started, and it is over: a person refunds or begins anew", Phase.FINAL, Group.PARKED, "nothing"
    ),
    State.ELSEWHERE: Meaning(
        "another ledger's subscription of this line lives; ours is dead", Phase.FINAL, Group.SKIPPED, "nothing"
    ),
    State.SKIPPED: Meaning("never started", Phase.FINAL, Group.SKIPPED, "nothing"),
}

_NEEDS, _FORBIDS = OnRecord.NEEDS, OnRecord.FORBIDS
_UNLINKED = "nothing was opened: whatever was made counts for nothing"
_LINK: Edges = {
    (State.PLANNED, Event.ITEM_SKIPPED): Edge(
        State.SKIPPED, "the plan, a dead account or another ledger said so", object=_FORBIDS
    ),
    (State.PLANNED, Event.LINK_STARTED): Edge(State.LINKING, "the payer has no customer on the account", attempt=True),
    (State.PLANNED, Event.CLONE_STARTED): Edge(State.CLONING, "its customer is known, without a copy", attempt=True),
    (State.PLANNED, Event.OPEN_STARTED): Edge(State.OPENING, "the link has a living copy already", attempt=True),
    (State.LINKING, Event.CLONE_STARTED): Edge(State.CLONING, "the customer is on record"),
    (State.LINKING, Event.OPEN_STARTED): Edge(State.OPENING, "another line has made the link meanwhile"),
    (State.CLONING, Event.ATTACH_STARTED): Edge(State.ATTACHING, "the copy is on record"),
    (State.CLONING, Event.OPEN_STARTED): Edge(State.OPENING, "another line has made the link meanwhile"),
    (State.ATTACHING, Event.CLONE_STARTED): Edge(State.CLONING, "the copy cannot be attached any more: another one"),
    (State.ATTACHING, Event.DEFAULT_STARTED): Edge(State.DEFAULTING, "the copy is the customer's"),
    (State.ATTACHING, Event.OPEN_STARTED): Edge(State.OPENING, "the customer has another default, which stays"),
    (State.DEFAULTING, Event.OPEN_STARTED): Edge(State.OPENING, "the copy is the default; the account was listed"),
    **{
        (state, Event.LINK_REFUSED): Edge(State.FAILED, _UNLINKED, object=_FORBIDS)
        for state in (State.LINKING, State.CLONING, State.ATTACHING, State.DEFAULTING)
    },
}
_STEPS: Edges = {
    (State.OPENING, Event.OPENED): Edge(
        State.READY, "from an answer or a list; the first recorded wins", object=_NEEDS
    ),
    (State.OPENING, Event.OPEN_REFUSED): Edge(
        State.FAILED, "none on record: nothing can ever be paid", object=_FORBIDS
    ),
    (State.READY, Event.PAY_STARTED): Edge(State.PAYING, "due, and the account was listed lately", object=_NEEDS),
    (State.READY, Event.START_STARTED): Edge(State.STARTING, "nothing due; the account was listed", object=_NEEDS),
    (State.PAYING, Event.PAY_UNSENT): Edge(State.READY, "this send touched nothing"),
    # Never "failed": a lost answer is not a no.
    (State.PAYING, Event.PAY_LOST): Edge(State.UNKNOWN, "time-out, 5xx, cut connection, kill"),
    (State.PAYING, Event.PAY_REFUSED): Edge(State.UNPAID, "the request was wrong, and a read shows nothing taken"),
    (State.UNKNOWN, Event.INVOICE_UNTRIED): Edge(State.READY, "open, without a trace of an attempt"),
    (State.PARKED, Event.INVOICE_UNTRIED): Edge(State.READY, "open, without a trace of an attempt"),
    (State.UNKNOWN, Event.RESOLVE_EXHAUSTED): Edge(State.PARKED, "the budget of sends and reads told nothing"),
    (State.UNPAID, Event.PAY_STARTED): Edge(State.PAYING, "the next attempt at the same invoice", attempt=True),
    **{
        (state, Event.PAY_DECLINED): Edge(State.UNPAID, "a certain no: a 402, or a read of the open invoice")
        for state in (State.PAYING, State.UNKNOWN, State.PARKED, State.UNSETTLED)
    },
    **{
        (state, Event.CANCEL_STARTED): Edge(
            State.CANCELLING, "given up; or seen half over: dead with an open invoice, alive with a void one"
        )
        for state in (State.READY, State.STARTING, State.UNKNOWN, State.PARKED, State.UNSETTLED, State.UNPAID)
    },
}

PAYABLE = (State.READY, State.PAYING, State.UNKNOWN, State.PARKED, State.UNPAID, State.CANCELLING, State.UNSETTLED)
HOLDING = (*PAYABLE, State.STARTING)
# States with a subscription on record that is not over, with a first invoice or with a fuse: whoever reads it may tell
# what it shows.

SUBSCRIPTION_LIFE = Life(
    kind=Kind.SUBSCRIPTION,
    states=State,
    events=Event,
    edges={
        **_LINK,
        **_STEPS,
        **sightings(PAYABLE, Event.INVOICE_PAID, State.SUCCEEDED, "seen alive, with an invoice paid"),
        **sightings(PAYABLE[:-1], Event.PAYMENT_PROCESSING, State.UNSETTLED, "its payment was seen processing"),
        **sightings((State.STARTING,), Event.FUSE_CLEARED, State.SUCCEEDED, "seen alive and marked as started"),
        **sightings(
            HOLDING,
            Event.SUBSCRIPTION_OVER,
            State.FAILED,
            "dead, unmarked, no invoice paid and none open; no other one of the line is listed",
        ),
        **sightings(HOLDING, Event.OVER_AFTER_PAYMENT, State.ENDED, "dead, after it was paid or had started"),
        **sightings(HOLDING, Event.FOUND_ELSEWHERE, State.ELSEWHERE, "dead and unpaid, and another one has counted"),
    },
    meanings=_MEANINGS,
    reopens=frozenset({State.FAILED, State.SKIPPED}),
    words={Group.SUCCEEDED: "subscribed", Group.FAILED: "not subscribed, closed"},
    verb="subscribe",
)

SHOWS: Mapping[Standing, Event] = {
    Standing.PAID: Event.INVOICE_PAID,
    Standing.STARTED: Event.FUSE_CLEARED,
    Standing.PROCESSING: Event.PAYMENT_PROCESSING,
    Standing.DECLINED: Event.PAY_DECLINED,
    Standing.UNTRIED: Event.INVOICE_UNTRIED,
    Standing.HALF_OVER: Event.CANCEL_STARTED,
    Standing.OVER: Event.SUBSCRIPTION_OVER,
    Standing.OVER_AFTER_PAYMENT: Event.OVER_AFTER_PAYMENT,
}
# What is written when a read shows where a subscription stands, wherever the table has that row for the item's state.


def shows(state: State, standing: Standing) -> Event | None:
    """Return what is written of an item when a read shows where its subscription stands; None: nothing new.

    An open invoice after the bank was asked is one that it did not pay, whether or not Stripe tells the error.
    """
    if state is State.UNSETTLED and standing is Standing.UNTRIED:
        return Event.PAY_DECLINED
    event = SHOWS.get(standing)
    return event if event is not None and (state, event) in SUBSCRIPTION_LIFE.edges else None


CUSTOMER = Op("customer", starts=True, single=True, looks=True)
COPY = Op("copy", starts=True)
ATTACH = Op("attach", starts=True)
DEFAULT = Op("default", starts=True)
PRODUCT = Op("product", starts=True, single=True)
OPEN = Op("subscribe", starts=True, single=True, looks=True)
PAY = Op("pay", per_attempt=True, decisive=True, looks=True)
START = Op("start", single=True, looks=True)
END = Op("end", ends=True, looks=True)
VOID = Op("void", looks=True)
READ = Op("read_subscription", changes=False)
LIST_INVOICES = Op("list_invoices", changes=False)
READ_INVOICE = Op("read_invoice", changes=False)
OPS = (CUSTOMER, COPY, ATTACH, DEFAULT, PRODUCT, OPEN, PAY, START, END, VOID, READ, LIST_INVOICES, READ_INVOICE)
