"""A charge in words: what each of its events means to a person, and where that depends on what was so before."""

from collections.abc import Mapping
from enum import StrEnum

from billing.core.kinds.charge import Event, State
from billing.core.stories.words import Words, detail, lead, turn, when
from billing.core.tones import Tone

_NOTHING = "No money was taken."
_NEXT = "A further try was set for {next_day}."
_FENCE = when("fence", "No further try is due: the payment is closed now.")
_CLOSED = "The payment is closed: Stripe takes no second payment on it."
_NEVER = "Nothing was taken on it, and nothing can be any more."

EVENTS: Mapping[StrEnum, Words] = {
    Event.ITEM_SKIPPED: turn(
        ("Left out: {why}", "Left out"), "This run sent nothing for it and charged nothing.", tone=Tone.SKIP
    ),
    Event.PREPARE_STARTED: detail(
        "{Nth} try begun",
        when("first", "A payment of {price} is being opened at Stripe, and the saved {means} copied for this account."),
        when("later", "The saved {means} is being copied anew for the same payment."),
        "No money moves by that.",
    ),
    Event.PREPARED: detail(
        "{Nth} try prepared",
        when("first", "A payment of {price} is open at Stripe, and the saved {means} was copied for this account."),
        when("later", "Same payment, with a fresh copy of the {means}."),
        "No money moves yet.",
    ),
    Event.CLONE_REFUSED: turn(
        ("Refused: {why}", "Refused"), "Stripe would not copy the saved {means} for this account.", _NOTHING, _FENCE,
        tone=Tone.FINAL,
    ),
    Event.OPEN_REFUSED: turn(
        ("Refused: {why}", "Refused"), "Stripe would not open the payment, so nothing can ever be taken on it.",
        tone=Tone.FINAL,
    ),
    Event.CONFIRM_STARTED: lead(
        "{Nth} try sent", "No answer is on record with it; it is looked up before anything else is sent.",
        tone=Tone.UNK,
    ),
    Event.CHARGE_UNSENT: detail(
        "{Nth} try held up", "Stripe did not take the request in, so nothing was taken; the same try waits to be sent."
    ),
    Event.CHARGE_REFUSED: turn(
        ("Refused: {why}", "Refused"), "Stripe would not take the request, and a look at the payment shows no charge.",
        when("dead", "This copy of the {means} cannot be used: a fresh one comes first."), _FENCE, tone=Tone.FINAL,
    ),
    Event.CHARGE_LOST: turn(
        "{lost_title}", "{lost_says}", "It is looked up first and not just sent again, so that nobody pays twice.",
        tone=Tone.UNK,
    ),
    Event.CHARGE_DECLINED: turn(("Declined: {why}", "Declined"), _NOTHING, _NEXT, _FENCE, tone=Tone.FINAL),
    Event.INTENT_UNCONFIRMED: turn(
        "Looked up: nothing was taken", "Stripe shows no trace of the {nth} try.",
        "The same try may be sent again, on the same payment.",
    ),
    Event.RESOLVE_EXHAUSTED: turn(
        "Stripe did not say what became of it", "Nothing more is sent by itself: a person looks at the payment.",
        tone=Tone.UNK,
    ),
    Event.CHARGE_SUCCEEDED: turn(
        ("Paid: {got}", "Paid"), "Stripe shows the payment as paid.", _CLOSED, tone=Tone.PAID,
    ),
    Event.CHARGE_UNSETTLED: turn(
        "On its way", "Stripe has accepted the payment, and the bank answers within days.", "No money has arrived yet.",
        tone=Tone.WAY,
    ),
    Event.CANCEL_STARTED: lead(
        "Being closed", "The payment is being closed, so that nothing can be taken on it any more.",
        "No answer is on record with that.",
    ),
    Event.INTENT_CANCELLED: turn(
        ("Closed, not paid: {closed_why}", "Closed, not paid"), "Stripe shows the payment as closed.", _NEVER,
        tone=Tone.FINAL,
    ),
    Event.PAYMENT_RETURNED: turn(
        "Taken back by the bank: {price}", "{sentence}", "The money has left the account again.",
        "Stripe took {return_fee} for that.", _NEXT, tone=Tone.FINAL,
    ),
}  # fmt: skip

AFTER: Mapping[tuple[StrEnum, StrEnum], Words] = {
    (State.CONFIRMING, Event.CHARGE_SUCCEEDED): turn(
        ("Paid: {got}", "Paid"), "The {nth} try went through.", _CLOSED, tone=Tone.PAID
    ),
    **{
        (state, Event.CHARGE_SUCCEEDED): turn(
            ("Looked up: paid, {got}", "Looked up: paid"), "Stripe shows that the {nth} try went through.", _CLOSED,
            tone=Tone.PAID,
        )
        for state in (State.UNKNOWN, State.PARKED)
    },
    (State.UNSETTLED, Event.CHARGE_SUCCEEDED): turn(
        ("Arrived: {got}", "Arrived"), "The bank has paid the {nth} try.", _CLOSED, tone=Tone.PAID
    ),
    **{
        (state, Event.CHARGE_UNSETTLED): turn(
            "Looked up: on its way", "Stripe shows that the {nth} try was accepted, and the bank answers within days.",
            "No money has arrived yet.", tone=Tone.WAY,
        )
        for state in (State.UNKNOWN, State.PARKED)
    },
    **{
        (state, Event.CHARGE_DECLINED): turn(
            ("Looked up: declined, {why}", "Looked up: declined"), "Stripe shows the {nth} try as declined.", _NOTHING,
            _NEXT, _FENCE, tone=Tone.FINAL,
        )
        for state in (State.UNKNOWN, State.PARKED)
    },
    (State.UNSETTLED, Event.CHARGE_DECLINED): turn(
        ("The bank did not pay: {why}", "The bank did not pay"), "The {nth} try came to nothing: no money arrived.",
        _NEXT, _FENCE, tone=Tone.FINAL,
    ),
    (State.CANCELLING, Event.INTENT_CANCELLED): turn(
        ("Closed, not paid: {closed_why}", "Closed, not paid"), "The payment was closed at Stripe.", _NEVER,
        tone=Tone.FINAL,
    ),
}  # fmt: skip
