"""Find intents whose ids were never learnt: list an account once for everybody who waits, and match our metadata.

Reads are rationed, so a look costs pages per account and not per item: whoever comes while a list is being read shares
the next one, and a list begins where the last one ended. Lists, unlike Search, do not lag behind what was created.
"""

from collections import defaultdict
from dataclasses import dataclass, field

import anyio

from billing.core.entries import Known
from billing.core.errors import BillingError
from billing.edge.clock import ProviderClock
from billing.edge.gateway import Gateway

MARGIN_SECONDS = 300
# How far before the first send a list begins: it covers the skew between the provider's servers.
PAID = frozenset({"succeeded", "processing"})


@dataclass(slots=True)
class _Shelf:
    """What one account's lists have shown so far.

    Attributes:
        intents: item id -> intent id -> status when it was last listed.
        since: epoch second from which on the lists are complete; None before the first.
        listed_at: when the last complete list was begun, on the provider's clock.
        begun: how many lists were begun.
        complete: the number of the last one that was read to its end.
        lock: one list of an account at a time.
    """

    intents: defaultdict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    since: int | None = None
    listed_at: float = 0.0
    begun: int = 0
    complete: int = 0
    lock: anyio.Lock = field(default_factory=anyio.Lock)


class Finder:
    """Looks for intents by their metadata, a list at a time."""

    def __init__(self, gateway: Gateway, clock: ProviderClock) -> None:
        self._gateway = gateway
        self._clock = clock
        self._shelves: dict[str, _Shelf] = {}

    async def find(self, known: Known, first_sent: int) -> list[str] | None:
        """Return the ids of an item's intents that are not cancelled, or None when the list could not be read.

        A paid one comes alone: there is nothing to choose then.

        Args:
            known: the item; its open may have been executed until this very moment.
            first_sent: epoch second of the first open under its present key; earlier keys were looked for before.
        """
        shelf = self._shelves.setdefault(known.account, _Shelf())
        fresh = shelf.begun + 1  # a list under way may have passed by before our intent was created
        async with shelf.lock:
            if shelf.complete < fresh or shelf.since is None or first_sent - MARGIN_SECONDS < shelf.since:
                try:
                    await self._list(known.account, shelf, first_sent - MARGIN_SECONDS)
                except BillingError:
                    return None
        found = shelf.intents.get(known.item, {})
        paid = [intent for intent, status in found.items() if status in PAID]
        return sorted(paid) or sorted(intent for intent, status in found.items() if status != "canceled")

    async def _list(self, account: str, shelf: _Shelf, since: int) -> None:
        """Bring a shelf up to now; only what the last list cannot have shown is read again.

        Raises:
            BillingError: a page could not be read; the shelf claims no more than before.
        """
        shelf.begun += 1
        begun_at = self._clock.epoch()
        covered = shelf.since is not None and shelf.since <= since
        start = max(since, int(shelf.listed_at) - MARGIN_SECONDS) if covered else since
        async for intent in self._gateway.list_intents(account, start):
            metadata = intent.get("metadata")
            item = metadata.get("billing_item") if isinstance(metadata, dict) else None
            if item is not None:
                shelf.intents[str(item)][str(intent["id"])] = str(intent.get("status"))
        shelf.since = since if shelf.since is None else min(since, shelf.since)
        shelf.listed_at, shelf.complete = begun_at, shelf.begun
