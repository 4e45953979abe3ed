"""Reading by the hundred: the objects of many items come from one list of their account, instead of a read each.

What a list shows of an item's object is taken for the answer to the first read of it, and understood by the same rules;
so nothing is believed that a read would not have told. What a list does not show, or a second look, is read by itself.
A list is as good as a read that is slow: what it shows may have changed meanwhile, which every kind allows for.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio

from billing.core.calls import Call, Op
from billing.core.entries import ItemRecord
from billing.core.life import Life
from billing.core.listing import Search
from billing.edge.stripe.found import LookupFailed
from billing.edge.stripe.gateway import Gateway
from billing.flow.engine.goals import Goal, taken_up
from billing.flow.services import Services

Page = list[dict[str, Any]]
Pages = AsyncIterator[Page | LookupFailed]
PAGE = 500
# Items asked of the ledger at once.
MARGIN_SECONDS = 300
# How far before the oldest object a list begins: it covers the skew between the provider's servers.
LOOKS = frozenset({Goal.RESOLVE, Goal.SETTLE})
# Goals that only look, so that nothing of theirs precedes a list which it would have to show.


@dataclass(frozen=True, slots=True)
class Listing:
    """How the objects of a kind's items are listed.

    Attributes:
        op: the read that a listed object answers.
        pages: lists an account from an epoch second on.
        named: the object that the read of an item shows, as its list names it; empty for none.
        born: epoch second at or after which that object was made; None where it is not known.
        answer: what the read would have shown, made of what the list shows; services may keep what it says beside that.
    """

    op: Op
    pages: Callable[[Gateway, str, int], Pages]
    named: Callable[[ItemRecord], str]
    born: Callable[[ItemRecord], float | None]
    answer: Callable[[Services, Mapping[str, Any]], Mapping[str, Any]]


@dataclass(slots=True)
class _Shelf:
    """What one list has shown and nobody has taken yet, by name; one list at a time."""

    shown: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    listed: bool = False
    lock: anyio.Lock = field(default_factory=anyio.Lock)


@dataclass(frozen=True, slots=True)
class Reader:
    """What one look through a run knows of its lists; every run that is looked through has one.

    Attributes:
        services: what the flow works with.
        life, listing: of the run's kind.
        run_id, goal: what is looked through, and how far.
        rests: whether an item is where the goal leaves it.
    """

    services: Services
    life: Life
    listing: Listing
    run_id: str
    goal: Goal
    rests: Callable[[Goal, ItemRecord], bool]
    _shelves: dict[str, _Shelf] = field(default_factory=dict)

    async def read(self, item: ItemRecord, call: Call) -> Mapping[str, Any] | None:
        """Return what a list shows that answers a read of an item, once; None where the read has to be sent.

        Raises:
            ProviderUnreachable: the provider has been away for longer than the budget.
        """
        name = self.listing.named(item)
        if call.op is not self.listing.op or not name:
            return None
        shelf = self._shelves.setdefault(item.account, _Shelf())
        async with shelf.lock:
            if not shelf.listed:
                shelf.listed = True
                await self._list(item.account, shelf)
        return shelf.shown.pop(name, None)

    async def _list(self, account: str, shelf: _Shelf) -> None:
        """List an account as long as that is cheaper than single reads; what breaks off is left to these."""
        wanted, since = self._wanted(account)
        search = Search(len(wanted), self._objects(account))
        if not search.begins:
            return
        pages = 0
        async for page in self.listing.pages(self.services.gateway, account, int(since)):
            if isinstance(page, LookupFailed):
                self.services.log("list_broken_off", account=account, code=page.code, request_id=page.request_id)
                return
            pages += 1
            shown = {name: row for row in page if (name := str(row.get("id"))) in wanted}
            shelf.shown |= {name: self.listing.answer(self.services, row) for name, row in shown.items()}
            if len(shelf.shown) == len(wanted) or not search.goes_on(pages, len(shelf.shown)):
                return

    def _wanted(self, account: str) -> tuple[set[str], float]:
        """Return what the items of an account are going to be read for, and since when that has been there."""
        wanted: set[str] = set()
        since, row = float("inf"), 0
        states = taken_up(self.life, self.goal)
        while page := self.services.ledger.work(self.run_id, states, account, row, PAGE):
            row = page[-1].id
            for item in page:
                born = self.listing.born(item)
                if born is not None and self.listing.named(item) and not self.rests(self.goal, item):
                    wanted.add(self.listing.named(item))
                    since = min(since, born - MARGIN_SECONDS)
        return wanted, since

    def _objects(self, account: str) -> int:
        """Return how many objects of the run's there are on an account, at most: the list is as long at least."""
        begun = set(self.life.states) - {self.life.planned, self.life.skipped}
        return self.services.ledger.workload(self.run_id, begun).get(account, 0)
