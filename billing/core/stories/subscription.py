"""A subscription in words: what each of its events means to a person, and where that depends on what was so before."""

from collections.abc import Mapping
from enum import StrEnum

from billing.core.kinds.subscription import Event, State
from billing.core.stories.words import WARN, Words, detail, lead, turn, when
from billing.core.tones import Tone

_NOTHING = "No money was taken."
_NEXT = "A further try was set for {next_day}."
_FENCE = when("fence", "No further try is due: it is ended now.")
_RENEWS = "From now on Stripe renews it by itself; its period ends on {period_day}."

EVENTS: Mapping[StrEnum, Words] = {
    Event.ITEM_SKIPPED: turn(("Left out: {why}", "Left out"), "Nothing was opened and nothing charged.",
                             tone=Tone.SKIP),
    Event.LINK_STARTED: detail("Customer being made", "The customer is being made on the account."),
    Event.CLONE_STARTED: detail("{Means} being copied", "The saved {means} is being copied for the account."),
    Event.ATTACH_STARTED: detail("Copy being attached", "The copy is being given to the customer on the account."),
    Event.DEFAULT_STARTED: detail("Copy being made the default", "It is to pay every subscription there."),
    Event.LINK_REFUSED: turn(
        ("Refused: {why}", "Refused"), "The customer could not be set up on the account; nothing was opened.",
        tone=Tone.FINAL,
    ),
    Event.OPEN_STARTED: detail("Subscription being opened", "It is opened unpaid: no money moves by that."),
    Event.OPENED: detail("Subscription opened", "It is on record, and not paid yet."),
    Event.OPEN_REFUSED: turn(
        ("Refused: {why}", "Refused"), "Stripe would not open the subscription, so nothing can ever be paid on it.",
        tone=Tone.FINAL,
    ),
    Event.PAY_STARTED: lead(
        "First payment sent", "No answer is on record with it; it is looked up before anything else is sent.",
        tone=Tone.UNK,
    ),
    Event.PAY_UNSENT: detail(
        "First payment held up", "Stripe did not take the request in, so nothing was taken; it waits to be sent."
    ),
    Event.PAY_LOST: turn(
        "{lost_title}", "{lost_says}", "It is looked up first and not just sent again, so that nobody pays twice.",
        tone=Tone.UNK,
    ),
    Event.PAY_DECLINED: turn(("Declined: {why}", "Declined"), _NOTHING, _NEXT, _FENCE, tone=Tone.FINAL),
    Event.PAY_REFUSED: turn(
        ("Refused: {why}", "Refused"), "Stripe would not take the request, and a look shows nothing taken.", _FENCE,
        tone=Tone.FINAL,
    ),
    Event.INVOICE_UNTRIED: turn(
        "Looked up: nothing was taken", "The first invoice is open, without a trace of a try. It may be sent again."
    ),
    Event.START_STARTED: lead(
        "Start sent", "Nothing is due now. No answer is on record with it.", tone=Tone.UNK
    ),
    Event.CANCEL_STARTED: lead(
        ("Being ended: {why}", "Being ended"), "No answer is on record with that."
    ),
    Event.RESOLVE_EXHAUSTED: turn(
        "Stripe did not say what became of it", "Nothing more is sent by itself: a person looks at it.", tone=Tone.UNK
    ),
    Event.INVOICE_PAID: turn("Subscribed", "Stripe shows its first invoice as paid.", _RENEWS, tone=Tone.PAID),
    Event.PAYMENT_PROCESSING: turn(
        "First payment on its way", "Stripe has accepted it, and the bank answers within days.", tone=Tone.WAY
    ),
    Event.FUSE_CLEARED: turn(
        "Subscribed", "Nothing was due at once; a look shows it alive and started.", _RENEWS, tone=Tone.PAID
    ),
    Event.SUBSCRIPTION_OVER: turn(
        ("Not subscribed, closed: {why}", "Not subscribed, closed"), "It is over, and nothing was taken on it.",
        tone=Tone.FINAL,
    ),
    Event.OVER_AFTER_PAYMENT: turn(
        "Over, after it was paid or had started", "A person gives the money back, or begins anew.", tone=WARN
    ),
    Event.FOUND_ELSEWHERE: turn(
        "Subscribed by another ledger", "Another subscription of this line lives; the one made here is over.",
        tone=Tone.SKIP,
    ),
}  # fmt: skip

AFTER: Mapping[tuple[StrEnum, StrEnum], Words] = {
    (State.PAYING, Event.INVOICE_PAID): turn("Subscribed", "The first payment went through.", _RENEWS, tone=Tone.PAID),
    (State.UNSETTLED, Event.INVOICE_PAID): turn("Subscribed", "The bank has paid.", _RENEWS, tone=Tone.PAID),
    **{
        (state, Event.INVOICE_PAID): turn(
            "Looked up: subscribed", "Stripe shows its first invoice as paid.", _RENEWS, tone=Tone.PAID
        )
        for state in (State.UNKNOWN, State.PARKED)
    },
    **{
        (state, Event.PAY_DECLINED): turn(
            ("Looked up: declined, {why}", "Looked up: declined"), "Stripe shows the invoice as open.", _NOTHING, _NEXT,
            _FENCE, tone=Tone.FINAL,
        )
        for state in (State.UNKNOWN, State.PARKED)
    },
    (State.UNSETTLED, Event.PAY_DECLINED): turn(
        ("The bank did not pay: {why}", "The bank did not pay"), "No money arrived.", _NEXT, _FENCE, tone=Tone.FINAL
    ),
}  # fmt: skip
