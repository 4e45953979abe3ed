"""Intents that a list shows under an item's name: which one is the item's, and which are somebody else's.

A ledger knows only itself. What another one has opened (another machine, the ledger that a backup was made of) it
learns from the intents of the account, which carry the item id. But that id can be computed by whoever knows a
reference, and an account may create intents of its own. So the name alone proves nothing: an intent is the item's only
if it equals the item in everything that was asked for, and was made by the application that makes ours.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from billing.core.entries import ItemRecord
from billing.core.items import Mode
from billing.core.keys import item_id
from billing.core.records import NewItem

PAID = frozenset({"succeeded", "processing"})
CANCELLED = "canceled"
DIGEST_LETTERS = 16
# As many letters of an item's digest as its intent carries.
GENERATIONS = 8
# How many later generations of a reference are looked for: each is a correction that a person made.


class Listed(NamedTuple):
    """One intent as a list shows it, cut down to what decides whose it is: a run may meet a million of them.

    Attributes:
        id: the intent's.
        status: Stripe's word for where it stood.
        created: when it was opened, epoch seconds.
        confirmed: whether it was ever tried: nothing but an intent on record is.
        declined: whether its last attempt took nothing, so that a ledger which takes it over lets it rest.
        amount: minor units.
        currency: lower case.
        fee: the platform's share in minor units, 0 for none.
        digest: the beginning of the digest of the item that it was opened for.
        application: the one that made it, as Stripe says, or empty when Stripe names none.
    """

    id: str
    status: str
    created: int
    confirmed: bool
    declined: bool
    amount: int
    currency: str
    fee: int
    digest: str
    application: str

    @property
    def paid(self) -> bool:
        """Whether money moved by it or is on its way."""
        return self.status in PAID

    def rank(self) -> tuple[bool, bool, int, str]:
        """Return a sort key: the first one is the intent that every ledger has on record.

        A paid one before all, then one that was tried, then the oldest, cancelled or not. All ledgers must come to the
        same one, whenever they look: an open is answered with the intent that its key made before, so a second one is
        at least a day younger, and whoever records it has a list that shows the first.
        """
        return not self.paid, not self.confirmed, self.created, self.id


def listed(shown: Mapping[str, Any]) -> tuple[str, Listed] | None:
    """Return the item id an intent carries and what is kept of it; None for one that carries none."""
    metadata = shown.get("metadata")
    item = metadata.get("billing_item") if isinstance(metadata, Mapping) else None
    if not isinstance(metadata, Mapping) or not isinstance(item, str):
        return None
    return item, Listed(
        id=str(shown["id"]),
        status=str(shown.get("status")),
        created=_whole(shown.get("created")),
        confirmed=bool(shown.get("latest_charge") or shown.get("last_payment_error")),
        declined=_declined(shown),
        amount=_whole(shown.get("amount")),
        currency=str(shown.get("currency")),
        fee=_whole(shown.get("application_fee_amount")),
        digest=str(metadata.get("billing_digest")),
        application=application_of(shown),
    )


def _declined(shown: Mapping[str, Any]) -> bool:
    """Tell whether an open intent shows an attempt that took nothing, as `core.objects.intent` reads it."""
    failed = shown.get("status") == "requires_payment_method" and isinstance(shown.get("last_payment_error"), Mapping)
    return failed or shown.get("status") == "requires_action"


def application_of(shown: Mapping[str, Any]) -> str:
    """Return the application that made an intent, or an empty text."""
    application = shown.get("application")
    if isinstance(application, Mapping):
        application = application.get("id")
    return application if isinstance(application, str) else ""


def _whole(value: object) -> int:
    return value if type(value) is int else 0


class Origin(StrEnum):
    """Whether an intent was made by the application that makes ours."""

    OURS = "ours"
    FOREIGN = "foreign"
    UNTOLD = "untold"  # Stripe has named none so far, of whatever intent


def origin(intent: Listed, ours: str | None) -> Origin:
    """Return who made an intent.

    Args:
        intent: as listed.
        ours: the application that made what is on record; empty while none of that was seen, but Stripe does name
            applications; None while it has named none at all.
    """
    if not intent.application:
        return Origin.UNTOLD if ours is None else Origin.FOREIGN
    return Origin.FOREIGN if ours and ours != intent.application else Origin.OURS


class Verdict(NamedTuple):
    """What the lists of an account say of one item.

    Attributes:
        adopt: the intent that is the item's, or None.
        instead: ours beyond doubt, and opened for the same obligation with other content or as another generation: the
            item must not be opened beside it. None when there is none.
        strangers: intents under the item's name that are not the item's.
    """

    adopt: Listed | None = None
    instead: Listed | None = None
    strangers: tuple[str, ...] = ()

    @property
    def yields_to(self) -> Listed | None:
        """The intent for which the item is left alone, or None: beside it another one would be a second charge."""
        return self.instead if self.adopt is None or (self.instead is not None and self.instead.paid) else None

    @property
    def row(self) -> str | None:
        """The row of a plan in which the item's money stands; None when it is this ledger's to charge."""
        if self.yields_to is not None:
            return yielding(self.yields_to)
        return None if self.adopt is None else taken_over(self.adopt)


def yielding(other: Listed) -> str:
    """Return why an item is left alone for an intent of another ledger (a code of `core.skips.SKIPS`)."""
    return "paid_elsewhere" if other.paid else "opened_elsewhere"


def taken_over(intent: Listed) -> str | None:
    """Return where a plan counts an item whose intent another ledger has opened; None when it can still be charged."""
    return "declined_elsewhere" if intent.declined else BY_ANOTHER.get(intent.status)


BY_ANOTHER = {"succeeded": "paid_elsewhere", "processing": "processing_elsewhere", CANCELLED: "closed_elsewhere"}
# What another ledger has brought so far that nothing is left to charge, by Stripe's word for it.


NOTHING = Verdict()


def equals(intent: Listed, item: ItemRecord | NewItem) -> bool:
    """Tell whether an intent asks for exactly what the item asks for."""
    asked = (item.amount, item.currency, item.content.get("application_fee") or 0, item.digest[:DIGEST_LETTERS])
    return (intent.amount, intent.currency, intent.fee, intent.digest) == asked


def judge(item: ItemRecord | NewItem, same: Iterable[Listed], others: Iterable[Listed], ours: str | None) -> Verdict:
    """Return what to make of the intents that carry an item's name, and of those of its other generations.

    Args:
        item: the item.
        same: intents of this very item that the ledger does not have on record.
        others: the same of other generations of its reference.
        ours: see ``origin``.
    """
    mine, instead, strangers = [], [], []
    for intent in same:
        made_by = origin(intent, ours)
        if equals(intent, item) and made_by is not Origin.FOREIGN:
            mine.append(intent)
        elif made_by is Origin.OURS and intent.status != CANCELLED:
            instead.append(intent)
        else:
            strangers.append(intent.id)
    for intent in others:
        made_by = origin(intent, ours)
        same_content = intent.digest == item.digest[:DIGEST_LETTERS]
        if intent.status != CANCELLED and (made_by is Origin.OURS or (made_by is Origin.UNTOLD and same_content)):
            instead.append(intent)
    return Verdict(
        min(mine, key=Listed.rank, default=None), min(instead, key=Listed.rank, default=None), tuple(strangers)
    )


def other_generations(item: ItemRecord | NewItem, mode: Mode, platform: str, period: str) -> list[str]:
    """Return the item ids of the generations of a reference that another ledger may have come to."""
    numbers = (number for number in range(item.generation + GENERATIONS + 1) if number != item.generation)
    return [item_id(mode, platform, period, item.reference, number, item.kind) for number in numbers]
