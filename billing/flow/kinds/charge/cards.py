"""Cards that were declined for good: no item of any account tries one again for a month."""

from collections.abc import Iterable

from billing.core.entries import ItemRecord
from billing.edge.ledger import Ledger
from billing.edge.stripe.clock import ProviderClock

BLOCKED = "blocked_card"
DAYS = 30
# Trying a lost, stolen or closed card again costs a fee each time (Visa category 1, Mastercard advice 03 and 21).


class Blocks:
    """The blocks on record, asked for by the page: one question to the ledger for each item took a 20th of a charge."""

    def __init__(self, ledger: Ledger, clock: ProviderClock) -> None:
        """Begin with nothing looked up."""
        self._ledger = ledger
        self._clock = clock
        self._looked_up: dict[str, str] = {}

    def look_up(self, items: Iterable[ItemRecord]) -> None:
        """Find out about the payment methods of items that will be started soon."""
        self._looked_up |= self._declines({_method(item) for item in items})

    def why(self, item: ItemRecord) -> str:
        """Return the decline that blocks the payment method of an item, or an empty text; asked once for each item.

        Forgotten afterwards, because runs have no size: for another item with this method the ledger is asked again.
        """
        method = _method(item)
        if method not in self._looked_up:
            self.look_up([item])
        return self._looked_up.pop(method)

    async def remember(self, item: ItemRecord, code: str) -> None:
        """Block the payment method of an item for the decline ``code``: the platform's, not the clone.

        Raises:
            LedgerError: the commit failed.
        """
        method = _method(item)
        await self._ledger.keep_lookups(BLOCKED, {method: {"reason_code": code}})
        if method in self._looked_up:
            self._looked_up[method] = code

    def _declines(self, methods: set[str]) -> dict[str, str]:
        blocks = self._ledger.lookups(BLOCKED, sorted(methods), self._clock.days_ago(DAYS))
        return {method: str(blocks[method]["reason_code"]) if method in blocks else "" for method in methods}


def _method(item: ItemRecord) -> str:
    return str(item.content.get("payment_method", ""))
