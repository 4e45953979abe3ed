"""The items of a shard, held in memory: read when it is claimed, so that nothing is read while its items go on."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from operator import attrgetter
from typing import Any

from billing.core.entries import ItemRecord
from billing.edge.ledger import Ledger
from billing.flow.workers.shard import Part

PAGE = 500
# Items asked of the ledger at once.
Apart = Callable[..., Awaitable[Any]]
# Calls a function with these arguments where it holds up nobody, and returns what it returned.

_row = attrgetter("id")


class OfShard:
    """What a shard has to do: a `Worklist` that asks the ledger nothing."""

    def __init__(
        self, ledger: Ledger, run_id: str, parts: Sequence[Part], states: Iterable[StrEnum], apart: Apart
    ) -> None:
        """Hold nothing yet; ``states`` are all that any pass through the shard takes up."""
        self._ledger, self._run_id, self._parts = ledger, run_id, parts
        self._states, self._apart = tuple(states), apart
        self._items: dict[str, list[ItemRecord]] = {}

    async def refresh(self) -> None:
        """Read where the items stand now.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        self._items = await self._apart(self._read)

    def workload(self, states: Iterable[StrEnum]) -> dict[str, int]:
        """Count items in these states per connected account."""
        wanted = set(states)
        counts = Counter({account: sum(i.state in wanted for i in items) for account, items in self._items.items()})
        return dict(+counts)

    def work(self, states: Iterable[StrEnum], account: str, after: int, limit: int) -> list[ItemRecord]:
        """Return items of an account in these states, ascending."""
        wanted, items = set(states), self._items.get(account, [])
        found = (item for item in items[bisect_right(items, after, key=_row) :] if item.state in wanted)
        return [item for item, _ in zip(found, range(limit), strict=False)]

    def everything(self) -> Iterator[ItemRecord]:
        """Yield the items as they were read last."""
        for items in self._items.values():
            yield from items

    def _read(self) -> dict[str, list[ItemRecord]]:
        return {part.account: list(self._part(part)) for part in self._parts}

    def _part(self, part: Part) -> Iterator[ItemRecord]:
        row, wanted = part.first_row - 1, None if part.rows is None else frozenset(part.rows)
        while page := self._ledger.work(self._run_id, self._states, part.account, row, min(PAGE, part.items + 1)):
            row = page[-1].id
            yield from (item for item in page if item.id <= part.last_row and (wanted is None or item.id in wanted))
            if row >= part.last_row:
                return
