"""A sync in words: what each event of bringing a copied customer up to date means to a person. No money moves by it."""

from collections.abc import Mapping
from enum import StrEnum

from billing.core.kinds.sync import Event, State
from billing.core.stories.words import Words, lead, turn
from billing.core.tones import Tone

EVENTS: Mapping[StrEnum, Words] = {
    Event.ITEM_SKIPPED: turn(("Left out: {why}", "Left out"), "Nothing was changed.", tone=Tone.SKIP),
    Event.UPDATE_STARTED: lead(
        "Details being sent", "Name, e-mail or address on the account differ from the platform's: they are sent."
    ),
    Event.CLONE_STARTED: lead(
        "Copy being made", "The payment method that the platform has now is being copied for the account."
    ),
    Event.CLONE_REFUSED: turn(
        ("Refused: {why}", "Refused"), "Stripe would not copy the payment method; the account keeps what it had.",
        tone=Tone.FINAL,
    ),
    Event.ATTACH_STARTED: lead("Copy being attached", "The new copy is being given to the customer on the account."),
    Event.ATTACH_REFUSED: turn(
        ("Refused: {why}", "Refused"), "Stripe would not attach the copy; the account keeps what it had.",
        tone=Tone.FINAL,
    ),
    Event.REPOINT_STARTED: lead("Default being changed", "The new copy is to be the customer's default there."),
    Event.MOVE_STARTED: lead("Subscriptions being moved", "What still names an older copy is given the new one."),
    Event.MOVED: lead(
        "Everything sent", "A look must still show that it holds."
    ),
    Event.DETACH_STARTED: lead("Older copies being let go", "Only copies of ours that are older than this change."),
    Event.DETACHED: lead(
        "Older copies let go", "A last look must still show all in step."
    ),
    Event.LEFT_AS_IT_IS: turn(
        ("Left as it is: {why}", "Left as it is"), "What works stays as it is, and it is not in step; a person looks.",
        tone=Tone.UNK,
    ),
    Event.IN_STEP: turn(
        "In step", "A look after the last change shows on the account what the platform has.",
        "{moved} moved to the new copy.", "{detached} let go.", tone=Tone.PAID,
    ),
}  # fmt: skip

AFTER: Mapping[tuple[StrEnum, StrEnum], Words] = {
    (State.PARKED, Event.MOVED): turn("Looked at again", "A person has asked: what is left to do is read anew."),
}
