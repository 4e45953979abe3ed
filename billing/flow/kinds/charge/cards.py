"""Cards that were declined for good: no item of any account tries one again for a month."""

from collections.abc import Iterable, Sequence

from billing.core.entries import ItemRecord, Move
from billing.core.kinds.charge_rules import BLOCK_DAYS, BLOCKED, method_used
from billing.edge.ledger import Kept
from billing.flow.kinds.charge.attempts import Attempts
from billing.flow.services import Services


class Blocks:
    """The blocks on record, asked for by the page: one question to the ledger for each item took a 20th of a charge."""

    def __init__(self, services: Services) -> None:
        """Begin with nothing looked up; a run has one (`Services.shared`)."""
        self._ledger = services.ledger
        self._clock = services.clock
        self._looked_up: dict[str, str] = {}

    def look_up(self, items: Iterable[ItemRecord]) -> None:
        """Find out about the payment methods of items that will be started soon."""
        self._looked_up |= self._declines({method_used(item) for item in items})

    def why(self, item: ItemRecord) -> str:
        """Return the decline that blocks the payment method of an item, or an empty text; asked once for each item.

        Forgotten afterwards, because runs have no size: for another item with this method the ledger is asked again.
        """
        method = method_used(item)
        if method not in self._looked_up:
            self.look_up([item])
        return self._looked_up.pop(method)

    def of(self, item: ItemRecord, moves: Sequence[Move]) -> Kept:
        """Return the block that ``moves`` put on the payment method of an item, to be kept with them, if they do.

        It is the platform's method, not the clone; what was looked up knows of it from now on.
        """
        codes = [str(move.facts.get("reason_code", "")) for move in moves if move.facts.get("blocks_card")]
        if not codes:
            return {}
        method = method_used(item)
        if method in self._looked_up:
            self._looked_up[method] = codes[-1]
        return {BLOCKED: {method: {"reason_code": codes[-1]}}}

    def _declines(self, methods: set[str]) -> dict[str, str]:
        blocks = self._ledger.lookups(BLOCKED, sorted(methods), self._clock.days_ago(BLOCK_DAYS))
        return {method: str(blocks[method]["reason_code"]) if method in blocks else "" for method in methods}


def keeps(services: Services, item: ItemRecord, moves: Sequence[Move]) -> Kept:
    """Return what is kept in the same commit as ``moves``: an attempt, and the block that a decline puts on a card."""
    return {**services.shared(Blocks).of(item, moves), **services.shared(Attempts).of(item, moves)}
