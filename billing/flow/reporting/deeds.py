"""What helps a line that is not paid, as a heading for people: many sentences of many tables, a few deeds.

A deed is found by what the line is told to do, in the words of our own tables; a text that none of them has is its own
heading.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Deed(StrEnum):
    """What helps. The names are those of groups in files and addresses."""

    CONFIRM = "confirm"
    METHOD = "method"
    SPEAK = "speak"
    ACCOUNT = "account"
    SHEET = "sheet"
    LOOK = "look"
    OTHER_RUN = "other_run"
    WAIT = "wait"
    RUN = "run"
    NOTHING = "nothing"
    OTHER = "other"


class Help(NamedTuple):
    """One row.

    Attributes:
        title: the heading.
        means: what a person reads below it.
        words: by which it is told, in small letters: the first deed with one of them in a sentence has it.
    """

    title: str
    means: str
    words: tuple[str, ...]


DEEDS: Mapping[Deed, Help] = {
    Deed.ACCOUNT: Help(
        "Put the connected accounts right in Stripe",
        "They take no payments as they are. Afterwards the same command charges these lines.",
        ("account put right", "onboarding", "activate the capability", "see the account in stripe"),
    ),
    Deed.RUN: Help(
        "Run it again",
        "Nothing has to be mended: the same command goes on with these lines.",
        ("same command", "ask again", "write the refunds anew"),
    ),
    Deed.CONFIRM: Help(
        "Ask the customer to confirm with the bank",
        "The bank wants the customer to take part. Nothing else helps.",
        ("pay on session", "confirm with the bank", "send the link"),
    ),
    Deed.SPEAK: Help(
        "Speak with the customer first",
        "Nothing more is charged before somebody has spoken with them.",
        ("speak with the customer", "contact the customer", "call the bank", "correct the payment details"),
    ),
    Deed.WAIT: Help(
        "Wait: they are tried again",
        "billing retry tries them when their time has come.",
        ("try again in", "try once more"),
    ),
    Deed.METHOD: Help(
        "Ask for another way to pay",
        "The bank will not take this one.",
        ("another payment method", "another card", "card details", "customer for a card", "another method",
         "another bank account", "another account", "another one", "customer save one", "another way to be paid"),
    ),
    Deed.SHEET: Help(
        "Correct the sheet",
        "Something in these lines cannot be as it is. Correct them and add them with --amend.",
        ("correct it", "correct the line", "correct the customer", "correct the account id", "correct the amount",
         "correct one of", "correct the payment method id", "name the connected account", "name a recurring price",
         "shorten the", "under a new reference", "one mode", "with --amend", "return_url", "let it start later"),
    ),
    Deed.OTHER_RUN: Help(
        "See the other run",
        "Another run, or another ledger, holds these lines.",
        ("that run", "that ledger", "takes the decline over", "follow it there"),
    ),
    Deed.LOOK: Help(
        "Look in Stripe",
        "What became of them, or what may follow, has to be seen there.",
        ("in stripe", "dashboard", "a person", "see why in the report", "before charging again", "see the reason",
         "cancel what is paid"),
    ),
    Deed.NOTHING: Help(
        "Nothing to do",
        "They go on by themselves.",
        ("nothing",),
    ),
}  # fmt: skip
# In the order in which their words are looked for: a sentence that begins with "Nothing was taken" goes on.


def deed_of(what_to_do: str, row: str) -> Deed:
    """Return the deed that a sentence of ours asks for, of lines in a row of the outturn.

    What is over is not tried again, whatever the decline advised: only another method helps.
    """
    said = what_to_do.casefold()
    found = next((deed for deed, each in DEEDS.items() if any(words in said for words in each.words)), Deed.OTHER)
    return Deed.METHOD if found is Deed.WAIT and row == "declined_for_good" else found


def title_of(what_to_do: str, row: str) -> str:
    """Return the heading over lines that are told to do this; a text of no table stands for itself."""
    deed = deed_of(what_to_do, row)
    return DEEDS[deed].title if deed in DEEDS else what_to_do
