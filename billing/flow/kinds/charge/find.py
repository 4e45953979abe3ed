"""Every account is listed once before anything is opened on it: what another ledger opened there is found by that list.

Why a list of the last 22 hours closes the gap between two ledgers that know nothing of each other: what was opened
before the list is in it; what was opened after it is younger than its idempotency key, so that our own open is answered
with that very intent. Neither a lock nor an agreement between the machines is needed.

Reads are rationed, so a look costs pages per account and not per item: all items share the list, whoever comes while
one is being read waits for it, and a later one begins where the last one ended. Lists, unlike Search, do not lag behind
what was created. What is on record already is dropped at once, so a continued run keeps nothing of it.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

import anyio

from billing.core.entries import ItemRecord
from billing.core.kinds.charge import CHARGE_LIFE
from billing.core.listed import NOTHING, Listed, Verdict, application_of, judge, listed, other_generations
from billing.core.objects.intent import FINAL_STATUSES
from billing.core.periods import first_day
from billing.core.records import NewItem
from billing.edge.stripe.found import LookupFailed
from billing.flow.services import Services

Pages = AsyncIterator[list[dict[str, Any]] | LookupFailed]
# A list by the page; why it broke off comes last.
LIST_SECONDS = 22 * 3600.0
# How old a list may be when something is opened or confirmed on its strength. Stripe keeps a key for 24 h at least, so
# two hours are left for a request that is on its way. (docs.stripe.com/api/idempotent_requests)
MARGIN_SECONDS = 300
# How far before a moment a list begins: it covers the skew between the provider's servers.
EARLIER_DAYS = 32
# How long before its period a run may have been charged (in advance): a month, and a day for the time zone.


@dataclass(slots=True)
class Shelf:
    """What one account's lists have shown so far.

    Attributes:
        intents: item id -> intent id -> what is kept of it, without those on record in this ledger; what the list is
            of says what that is.
        ended: intent id -> what is kept of it, of those on record that ended while their item here does not know it.
        since: epoch second from which on the lists are complete; None before the first.
        listed_at: when the last complete list was begun, on the provider's clock.
        begun: how many lists were begun.
        complete: the number of the last one that was read to its end.
        failed: why the account cannot be listed; it is not asked again by this process.
        lock: one list of an account at a time.
    """

    intents: dict[str, dict[str, Any]] = field(default_factory=dict)
    ended: dict[str, Listed] = field(default_factory=dict)
    since: float | None = None
    listed_at: float = float("-inf")
    begun: int = 0
    complete: int = 0
    failed: LookupFailed | None = None
    lock: anyio.Lock = field(default_factory=anyio.Lock)


class Finder:
    """Lists accounts, and tells which of the intents there are an item's.

    Attributes:
        born: the fact that says when the first open of an item left.
    """

    born = "open_born"

    def __init__(self, services: Services) -> None:
        """Begin with nothing listed: what another process saw is no licence for this one. A process has one.

        ``counted_out`` are the ids of items that a plan of this process counted among what another ledger has: whatever
        is learnt later, they are not charged by what was agreed to.
        """
        self._gateway = services.gateway
        self._clock = services.clock
        self._ledger = services.ledger
        self._shelves: dict[str, Shelf] = {}
        self._periods: dict[str, str] = {}
        self._windows: dict[str, float] = {}
        self._ours: str | None = None
        self.counted_out: frozenset[str] = frozenset()

    def may_start(self, item: ItemRecord) -> bool:
        """Tell whether the account was listed lately enough to open or to confirm something there."""
        shelf = self._shelves.get(item.account)
        return shelf is not None and self._is_fresh(shelf, self._since(item))

    async def look(self, item: ItemRecord, *, anew: bool = False) -> LookupFailed | None:
        """Have a list of the item's account that is young enough, or say why there is none.

        Args:
            item: the item.
            anew: only a list that begins now will do: something may have been opened until this very moment.

        Raises:
            ProviderUnreachable: the provider has been away for longer than the budget.
            LedgerError: the ledger failed.
        """
        return await self.list(item.account, self._since(item), anew=anew)

    async def list(self, account: str, since: float, *, anew: bool = False) -> LookupFailed | None:
        """Have a list of an account from an epoch second on; see ``look``."""
        shelf = self._shelves.setdefault(account, Shelf())
        wanted = shelf.begun + 1 if anew else 0  # a list under way may have passed by before it was created
        async with shelf.lock:
            if shelf.failed is None and (shelf.complete < wanted or not self._is_fresh(shelf, since)):
                shelf.failed = await self._read(account, shelf, since)
        return shelf.failed

    def verdict(self, item: ItemRecord) -> Verdict:
        """Return what the lists of its account say of an item."""
        return self.verdict_of(item, self._period(item.run_id), item.object_id)

    def verdict_of(self, item: ItemRecord | NewItem, period: str, own: str | None = None) -> Verdict:
        """Return the same of an item that need not be on record, given its period and the intent on its record."""
        shelf = self._shelves.get(item.account)
        if shelf is None or not shelf.intents:
            return NOTHING
        same = [one for one in shelf.intents.get(item.item_id, {}).values() if one.id != own]
        ids = other_generations(item, self._gateway.mode, self._gateway.platform, period)
        others = [one for other in ids for one in shelf.intents.get(other, {}).values()]
        return judge(item, same, others, self._ours) if same or others else NOTHING

    def ended(self, item: ItemRecord) -> Listed | None:
        """Return the intent on an item's record if a list showed it paid or cancelled, which it stays; else None."""
        shelf = self._shelves.get(item.account)
        return None if shelf is None else shelf.ended.get(item.object_id or "")

    def opened_by_us(self, shown: Mapping[str, Any] | None) -> None:
        """Learn from an intent that this process opened, or has on record, which application makes ours."""
        self._ours = self._ours or application_of(shown or {}) or self._ours

    def forgive(self, account: str) -> None:
        """Forget that an account could not be listed: whoever only wanted to know decides nothing for a run."""
        self._shelves[account].failed = None

    def shows(self, account: str) -> bool:
        """Tell whether the lists of an account have shown anything that this ledger does not know."""
        shelf = self._shelves.get(account)
        return shelf is not None and bool(shelf.intents or shelf.ended)

    def window(self, period: str) -> float:
        """Return the epoch second from which on the intents of a period are listed; a later one is never right.

        A run may be charged before its period, and long after it: both lie behind this moment.
        """
        begins = datetime.combine(first_day(period), time(), UTC)
        return (min(begins, self._clock.now()) - timedelta(days=EARLIER_DAYS)).timestamp()

    def _is_fresh(self, shelf: Shelf, since: float) -> bool:
        covered = shelf.since is not None and shelf.since <= since
        return covered and self._clock.epoch() - shelf.listed_at <= LIST_SECONDS

    def _since(self, item: ItemRecord) -> float:
        """Return from when on the intents of an item are needed: its run's window, or its own first send."""
        since = self._windows.get(item.run_id)
        if since is None:
            since = self._windows[item.run_id] = self.window(self._period(item.run_id))
        born = item.facts.get(self.born)
        return since if born is None else min(since, float(born) - MARGIN_SECONDS)

    def _period(self, run_id: str) -> str:
        if run_id not in self._periods:
            record = self._ledger.run(run_id)
            assert record is not None  # noqa: S101  an item on record has a run
            self._periods[run_id] = record.period
        return self._periods[run_id]

    async def _read(self, account: str, shelf: Shelf, since: float) -> LookupFailed | None:
        """Bring a shelf up to now; only what the last list cannot have shown is read again."""
        shelf.begun += 1
        begun_at = self._clock.epoch() if self._clock.learned else float("inf")
        covered = shelf.since is not None and shelf.since <= since
        start = max(since, shelf.listed_at - MARGIN_SECONDS) if covered else since
        async for page in self._pages(account, int(start)):
            if isinstance(page, LookupFailed):
                return page
            begun_at = min(begun_at, self._clock.epoch())
            self._put(shelf, page)
        shelf.since = since if shelf.since is None else min(since, shelf.since)
        shelf.listed_at, shelf.complete = begun_at, shelf.begun
        return None

    def _pages(self, account: str, since: int) -> Pages:
        return self._gateway.intent_pages(account, since)

    def _put(self, shelf: Shelf, page: Iterable[Mapping[str, Any]]) -> None:
        """Keep what a page shows under an item's name and this ledger does not have on record."""
        on_record = self._ledger.on_record([str(intent["id"]) for intent in page])
        for intent in page:
            if self._ours is None and application_of(intent):
                self._ours = ""
            found = listed(intent)
            state = on_record.get(str(intent["id"]))
            if state is not None:
                self.opened_by_us(intent)
                if found is not None and state not in CHARGE_LIFE.final and found[1].status in FINAL_STATUSES:
                    shelf.ended[found[1].id] = found[1]
            elif found is not None:
                shelf.intents.setdefault(found[0], {})[found[1].id] = found[1]
