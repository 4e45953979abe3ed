"""A refund in words: what each of its events means to a person, and where that depends on what was so before."""

from collections.abc import Mapping
from enum import StrEnum

from billing.core.kinds.refund import Event, State
from billing.core.stories.words import Words, detail, lead, turn, when
from billing.core.tones import Tone

_BANK = "The customer's bank shows it within days."
_FEE = "{fee_back} of our application fee went back with it."

EVENTS: Mapping[StrEnum, Words] = {
    Event.ITEM_SKIPPED: turn(("Left out: {why}", "Left out"), "This run gave nothing back.", tone=Tone.SKIP),
    Event.REFUND_STARTED: lead(
        "Refund sent", "{price} is to go back. No answer is on record with it; it is looked up before anything else "
        "is sent.", tone=Tone.UNK,
    ),
    Event.REFUND_UNSENT: detail(
        "Refund held up", "Stripe did not take the request in, so nothing was given back; it waits to be sent."
    ),
    Event.REFUND_LOST: turn(
        "{lost_title}", "{lost_says}", "The refunds of the charge are listed first, so that nothing goes back twice.",
        tone=Tone.UNK,
    ),
    Event.REFUND_REFUSED: detail(
        ("Refund refused: {why}", "Refund refused"), "The refunds of the charge add up, and none of them is ours."
    ),
    Event.REFUND_ABSENT: turn(
        "Looked up: nothing was given back", "The charge has no refund of ours. The same request may be sent again."
    ),
    Event.REFUND_PENDING: turn(
        ("Being given back: {back}", "Being given back"), "Stripe has accepted the refund; the money is on its way.",
        tone=Tone.WAY,
    ),
    Event.REFUND_SUCCEEDED: turn(
        ("Given back: {back}", "Given back"), "Stripe has taken it from the account's balance.", _FEE, _BANK,
        tone=Tone.PAID,
    ),
    Event.REFUND_RETURNED: turn(
        "The refund came back", "The customer's bank did not take it: the money is on the account again.",
        tone=Tone.FINAL,
    ),
    Event.RETURN_PERIOD_OVER: turn(
        "Given back for good", "The refund stands, and it is too old for a bank to return it."
    ),
    Event.GIVEN_UP: turn(
        ("Not given back: {why}", "Not given back"), "Nothing of ours was given back, and nothing can still arrive.",
        tone=Tone.FINAL,
    ),
    Event.NOTHING_LEFT: turn(
        ("Nothing left to give back: {why}", "Nothing left to give back"),
        "Others have given all of it back; this run sent nothing that counts.", tone=Tone.SKIP,
    ),
    Event.LEFT_IN_DOUBT: turn(
        ("A person looks: {why}", "A person looks"), when("loose", "A request of ours has no answer and may still "
        "arrive, so it is not called closed."), tone=Tone.UNK,
    ),
}  # fmt: skip

AFTER: Mapping[tuple[StrEnum, StrEnum], Words] = {
    (State.UNKNOWN, Event.REFUND_SUCCEEDED): turn(
        ("Looked up: given back, {back}", "Looked up: given back"), "Stripe lists the refund.", _FEE, _BANK,
        tone=Tone.PAID,
    ),
    (State.UNKNOWN, Event.REFUND_PENDING): turn(
        ("Looked up: being given back, {back}", "Looked up: being given back"),
        "Stripe lists the refund; the money is on its way.", tone=Tone.WAY,
    ),
    (State.PARKED, Event.REFUND_SUCCEEDED): turn(
        ("Looked up: given back, {back}", "Looked up: given back"), "Stripe lists the refund.", _FEE, _BANK,
        tone=Tone.PAID,
    ),
    (State.UNSETTLED, Event.REFUND_SUCCEEDED): turn(
        ("Given back: {back}", "Given back"), "The refund that was on its way has arrived.", _FEE, tone=Tone.PAID
    ),
}  # fmt: skip
