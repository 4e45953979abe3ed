"""What a report says of each kind of run: one row each, so that no sentence knows a kind."""

from collections.abc import Mapping
from dataclasses import dataclass

from billing.core.items import Kind
from billing.core.kinds import LIVES
from billing.core.life import Group
from billing.flow.outturn import ROWS


@dataclass(frozen=True, slots=True)
class KindWords:
    """The words of a kind.

    Attributes:
        title: of what a run makes.
        noun, plural: one of it, and several.
        done: what several are when all went well, after their number.
        done_one: of one.
        done_short: as a column has it.
        to_do: what all of them are that are not left out.
        missing: of money that is not there yet.
    """

    title: str
    noun: str
    plural: str
    done: str
    done_one: str
    done_short: str
    to_do: str
    missing: str = "Still missing"


WORDS: Mapping[Kind, KindWords] = {
    Kind.CHARGE: KindWords("Charges", "payment", "payments", "have arrived", "has arrived", "paid", "To charge"),
    Kind.REFUND: KindWords(
        "Refunds", "refund", "refunds", "have been made", "has been made", "refunded", "To refund", "Still to refund"
    ),
    Kind.PAYER: KindWords("Payers", "payer", "payers", "have saved how they pay", "has saved how to pay", "saved",
                          "To ask"),
    Kind.SUBSCRIPTION: KindWords("Subscriptions", "subscription", "subscriptions", "have begun", "has begun",
                                 "subscribed", "To subscribe", "Not yet subscribed"),
    Kind.CANCELLATION: KindWords("Cancellations", "subscription", "subscriptions", "are cancelled", "is cancelled",
                                 "cancelled", "To cancel"),
    Kind.SYNC: KindWords("Subscribed customers", "customer", "customers", "are in step", "is in step", "in step",
                         "To bring in step"),
}  # fmt: skip


def row_words(kind: Kind, row: str) -> str:
    """Return what a person reads for a row of an outturn of this kind."""
    label = ROWS[row][0]
    return LIVES[kind].word(label) if isinstance(label, Group) else label


def first_up(text: str) -> str:
    """Return a sentence with its first letter as a capital one; an id at its beginning stays what it is."""
    return text[:1].upper() + text[1:] if text.partition(" ")[0].strip(",.:;").isalpha() else text
