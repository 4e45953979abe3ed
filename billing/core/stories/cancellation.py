"""The end of a subscription in words: what each of its events means to a person. No money moves by it."""

from collections.abc import Mapping
from enum import StrEnum

from billing.core.kinds.cancellation import Event, State
from billing.core.stories.words import WARN, Words, detail, lead, turn, when
from billing.core.tones import Tone

EVENTS: Mapping[StrEnum, Words] = {
    Event.ITEM_SKIPPED: turn(("Left out: {why}", "Left out"), "Nothing was ended by this run.", tone=Tone.SKIP),
    Event.FOUND_OVER: turn(
        ("Nothing to do: {why}", "Nothing to do"), "A look shows the subscription as it was to become; nothing was "
        "sent.", tone=Tone.SKIP,
    ),
    Event.CANCEL_STARTED: lead(
        "End sent", "No answer is on record with it; the subscription is read before anything else is sent."
    ),
    Event.ROUND_ANSWERED: detail(
        "Asked to end", when("invoices", "Open invoices are made void: {invoices}."), "Every request was answered; a "
        "look tells what came of them."
    ),
    Event.VOID_REFUSED: turn(
        "Over, with an invoice left", "The subscription is over, and an invoice of it cannot be made void yet: a bank "
        "has its payment.", tone=Tone.WAY,
    ),
    Event.SUBSCRIPTION_OVER: turn(
        ("Ended on {ends_day}", "Ended"), "A look shows the subscription over, with nothing left to collect.",
        when("cleared", "Our percentage was taken off before."), tone=Tone.PAID,
    ),
    Event.END_SET: turn(
        ("Ends on {ends_day}", "Ends with its period"), "A look shows that the subscription ends with the period that "
        "is paid for.", tone=Tone.PAID,
    ),
    Event.CANCEL_REFUSED: turn(
        ("Not ended: {why}", "Not ended"), "The subscription runs on, and no request of ours can still arrive.",
        tone=Tone.FINAL,
    ),
}  # fmt: skip

AFTER: Mapping[tuple[StrEnum, StrEnum], Words] = {
    (State.CANCELLING, Event.CANCEL_STARTED): turn(
        "No answer from Stripe",
        "An answer was lost. A look has shown what is left to do, and that was sent again.",
        tone=WARN,
    ),
}
