"""The words of every kind: one table of events each, and the notes that all kinds share."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from billing.core.entries import Note
from billing.core.items import Kind
from billing.core.stories import cancellation, charge, payer, refund, subscription, sync
from billing.core.stories.notes import NOTES
from billing.core.stories.words import Words


class Telling(NamedTuple):
    """How the entries of a kind are told: ``events``, and ``after`` by the state before where that says more."""

    events: Mapping[StrEnum, Words]
    after: Mapping[tuple[StrEnum, StrEnum], Words]

    def of(self, name: StrEnum, before: StrEnum) -> Words:
        """Return the words of an event or a note."""
        if isinstance(name, Note):
            return NOTES[name]
        return self.after.get((before, name)) or self.events[name]


TELLINGS: Mapping[Kind, Telling] = {
    Kind.CHARGE: Telling(charge.EVENTS, charge.AFTER),
    Kind.REFUND: Telling(refund.EVENTS, refund.AFTER),
    Kind.PAYER: Telling(payer.EVENTS, payer.AFTER),
    Kind.SUBSCRIPTION: Telling(subscription.EVENTS, subscription.AFTER),
    Kind.CANCELLATION: Telling(cancellation.EVENTS, cancellation.AFTER),
    Kind.SYNC: Telling(sync.EVENTS, sync.AFTER),
}
