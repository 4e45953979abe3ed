"""Subscriptions that a list shows under an item's name: which one is the item's, and which are somebody else's.

As for intents (`billing.core.listed`): the name alone proves nothing. A subscription is the item's only if it was
opened for equal content, by the application that makes ours. Dead ones count too: what has started is not begun anew.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from billing.core.entries import ItemRecord
from billing.core.listed import DIGEST_LETTERS
from billing.core.objects.subscription import DEAD
from billing.core.objects.subscription_answers import subscription_in
from billing.core.records import NewItem

PAYING = frozenset({"active", "past_due", "unpaid"})
# It was paid, or the bank has the payment; none is ever so without that, or without having started.


class ListedSubscription(NamedTuple):
    """One subscription as a list shows it, cut down to what decides whose it is.

    Attributes:
        id: the subscription's.
        status: Stripe's word for where it stood.
        created: when it was opened, epoch seconds.
        counted: whether it was paid or started, as far as a list tells.
        digest: the beginning of the digest of the item that it was opened for.
        application: the one that made it, as Stripe says, or empty when Stripe names none.
    """

    id: str
    status: str
    created: int
    counted: bool
    digest: str
    application: str

    @property
    def lives(self) -> bool:
        """Whether it is not over."""
        return self.status not in DEAD

    def rank(self) -> tuple[bool, int, str]:
        """Return a sort key: the first one is the subscription that every ledger has on record."""
        return not self.counted, self.created, self.id


class Verdict(NamedTuple):
    """What the lists of an account say of one item.

    Attributes:
        adopt: the subscription that is the item's, or None.
        instead: ours beyond doubt, opened for the same obligation with other content or as another generation, and
            alive or counted: none must be opened beside it. None when there is none.
        others: all that are the item's.
        strangers: subscriptions under the item's name that are not the item's.
    """

    adopt: ListedSubscription | None = None
    instead: ListedSubscription | None = None
    others: tuple[ListedSubscription, ...] = ()
    strangers: tuple[str, ...] = ()


NOTHING = Verdict()


def listed(shown: Mapping[str, Any]) -> tuple[str, ListedSubscription] | None:
    """Return the item id a subscription carries and what is kept of it; None for one that carries none."""
    seen = subscription_in(shown)
    if seen is None or not seen.item:
        return None
    invoice = shown.get("latest_invoice")
    paid = isinstance(invoice, Mapping) and invoice.get("status") == "paid" and bool(invoice.get("total"))
    counted = seen.marked or paid or seen.status in PAYING
    return seen.item, ListedSubscription(seen.id, seen.status, seen.created, counted, seen.digest, seen.application)


def judge(
    item: ItemRecord | NewItem,
    same: Iterable[ListedSubscription],
    others: Iterable[ListedSubscription],
    ours: str | None,
) -> Verdict:
    """Return what to make of the subscriptions that carry an item's name, and of those of its other generations.

    Args:
        item: the item.
        same: subscriptions of this very item that the ledger does not have on record for it.
        others: the same of other generations of its reference.
        ours: the application that made what is on record; empty or None while none of that was seen.
    """
    digest = item.digest[:DIGEST_LETTERS]
    mine, instead, strangers = [], [], []
    for one in same:
        foreign = bool(ours and one.application and one.application != ours)
        if one.digest == digest and not foreign:
            mine.append(one)
        elif not foreign and (one.lives or one.counted):
            instead.append(one)
        else:
            strangers.append(one.id)
    instead += [
        one for one in others if (one.lives or one.counted) and not (ours and one.application not in ("", ours))
    ]
    first = min(mine, key=ListedSubscription.rank, default=None)
    return Verdict(first, min(instead, key=ListedSubscription.rank, default=None), tuple(mine), tuple(strangers))
