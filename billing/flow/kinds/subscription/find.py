"""The subscriptions of an account, listed once by each process and kept for 22 hours: whether one is there already."""

from collections.abc import Iterable, Mapping
from typing import Any

from billing.core.entries import ItemRecord
from billing.core.listed import application_of, other_generations
from billing.core.listed_subscriptions import NOTHING, Verdict, judge, listed
from billing.core.records import NewItem
from billing.flow.kinds.charge.find import Finder, Pages, Shelf


class Subscriptions(Finder):
    """Lists accounts, and tells which of the subscriptions there are an item's.

    The list, its age and who waits for it are those of charges (`billing.flow.kinds.charge.find`); what it is of, and
    whose each is, is not. What lived when it was listed may have counted since: whoever decides by it reads it again.
    """

    born = "subscribe_born"

    def verdict(self, item: ItemRecord) -> Verdict:  # type: ignore[override]
        """Return what the lists of its account say of an item, beside the subscription on its record."""
        return self.verdict_of(item, self._period(item.run_id), item.object_id)

    def verdict_of(  # type: ignore[override]
        self, item: ItemRecord | NewItem, period: str, own: str | None = None
    ) -> Verdict:
        """Return the same of an item that need not be on record, given its period and what is on its record."""
        shelf = self._shelves.get(item.account)
        if shelf is None or not shelf.intents:
            return NOTHING
        same = [one for one in shelf.intents.get(item.item_id, {}).values() if one.id != own]
        ids = other_generations(item, self._gateway.mode, self._gateway.platform, period)
        others = [one for other in ids for one in shelf.intents.get(other, {}).values()]
        return judge(item, same, others, self._ours) if same or others else NOTHING

    def _pages(self, account: str, since: int) -> Pages:
        return self._gateway.subscriptions_since(account, since)

    def _put(self, shelf: Shelf, page: Iterable[Mapping[str, Any]]) -> None:
        """Keep what a page shows under an item's name and this ledger does not have on record."""
        on_record = self._ledger.on_record([str(one["id"]) for one in page])
        for one in page:
            if self._ours is None and application_of(one):
                self._ours = ""
            if str(one["id"]) in on_record:
                self.opened_by_us(one)
            elif (found := listed(one)) is not None:
                shelf.intents.setdefault(found[0], {})[found[1].id] = found[1]
