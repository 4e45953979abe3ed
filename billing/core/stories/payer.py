"""A payer in words: what each event of saving payment details means to a person."""

from collections.abc import Mapping
from enum import StrEnum

from billing.core.kinds.payer import Event
from billing.core.stories.words import WARN, Words, detail, lead, turn, when
from billing.core.tones import Tone

_ASKED_ANEW = "The customer may be asked anew."

EVENTS: Mapping[StrEnum, Words] = {
    Event.ITEM_SKIPPED: turn(("Left out: {why}", "Left out"), "Nobody was asked for anything.", tone=Tone.SKIP),
    Event.CREATE_STARTED: lead("Customer looked for", "A customer of this line is looked for, and made if there is "
                                 "none."),
    Event.CREATE_REFUSED: turn(
        ("Refused: {why}", "Refused"), "Stripe would not make the customer; nothing was saved.", tone=Tone.FINAL
    ),
    Event.CUSTOMER_KNOWN: turn(
        "Ready to be asked", "The customer is on record at Stripe.", "The link is open until {link_day}.",
        tone=Tone.WAY,
    ),
    Event.INVITE_STARTED: lead(
        "Form being opened", when("hosted", "A page of Stripe's is being made on which to save payment details."),
        "Nobody has seen it yet, and nothing is charged by that.",
    ),
    Event.INVITE_LOST: turn(
        "No form was opened", "The answer was lost. Nobody has seen that form, so it stays unused.", tone=Tone.UNK
    ),
    Event.INVITE_REFUSED: turn(
        ("Refused: {why}", "Refused"), "Stripe would not open a form; nothing was saved.", tone=WARN
    ),
    Event.INVITATION_OPENED: turn(
        "Asked for payment details", "A form is open in which to save them; it is the customer's turn, or the bank's.",
        tone=Tone.WAY,
    ),
    Event.INVITATION_EXPIRED: turn(
        ("The form is over: {declined}", "The form is over"), "Nothing was saved on it.", _ASKED_ANEW, tone=Tone.AGAIN
    ),
    Event.METHOD_SAVED: turn(
        "Payment details saved", "Stripe shows a payment method saved for this customer.",
        when("paid", "A first payment was taken with it."), tone=Tone.PAID,
    ),
    Event.METHOD_GONE: turn(
        "The saved payment method is gone", "A look shows that it is attached to nobody any more.", _ASKED_ANEW,
        tone=WARN,
    ),
    Event.PAID_AND_GONE: turn(
        "Paid, and the payment method is gone", "A first payment was taken, and its payment method is attached to "
        "nobody any more. The customer is not asked again by itself, so that nobody pays twice.", tone=WARN,
    ),
    Event.DEFAULT_STARTED: lead("Being made the default", "The newest saved payment method is to be the customer's "
                                  "default."),
    Event.DEFAULT_UNCERTAIN: detail(
        "Not known to be the default", "The answer was lost, or a newer one was saved: it is done again."
    ),
    Event.DEFAULT_SET: turn(
        "Ready to be charged", "A look shows that the newest saved payment method is the customer's default.",
        tone=Tone.PAID,
    ),
    Event.CANCEL_STARTED: lead(
        ("Being given up: {why}", "Being given up"), "The open form is being ended. No answer is on record with that."
    ),
    Event.CANCEL_REFUSED: turn(
        "The form is not over", "It could not be ended: a look shows it open, or completed.", tone=WARN
    ),
    Event.INVITATION_OVER: turn(
        ("Given up: {why}", "Given up"), "The form is over, and nothing was saved.", tone=Tone.FINAL
    ),
    Event.GIVEN_UP: turn(
        ("Given up: {why}", "Given up"), "Nothing is open in which payment details could be saved.", tone=Tone.FINAL
    ),
}  # fmt: skip

AFTER: Mapping[tuple[StrEnum, StrEnum], Words] = {}
