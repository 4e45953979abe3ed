"""Shards worked in this process alone: nothing is kept, so a process that ends leaves the rest to another round."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from billing.core.errors import BillingError
from billing.edge.engines import Placed
from billing.edge.logs import Log

AGAIN_SECONDS = 1.0
# How long a shard rests whose worker broke off, before it is delivered again.


class InProcess:
    """An `Engine` for one worker, in one process.

    Attributes:
        waiting: shards that nobody works, by name.
    """

    def __init__(self, log: Log, at_once: int = 4) -> None:
        """Work so many shards at once."""
        self._log, self._at_once = log, at_once
        self.waiting: dict[str, Placed] = {}
        self._working: dict[str, Placed] = {}
        self._known: set[str] = set()
        self._changed = asyncio.Event()

    async def submit(self, shards: Sequence[Placed]) -> None:
        """Take these, each once."""
        for shard in shards:
            if shard.name not in self._known:
                self._known.add(shard.name)
                self.waiting[shard.name] = shard
        self._changed.set()

    async def work(self, execute: Callable[[Placed], Awaitable[None]]) -> None:
        """Have ``execute`` work shards until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._changed.clear()
                while len(self._working) < self._at_once and (shard := self._next()) is not None:
                    self._working[shard.name] = self.waiting.pop(shard.name)
                    group.create_task(self._execute(shard, execute))
                await self._changed.wait()

    async def _execute(self, shard: Placed, execute: Callable[[Placed], Awaitable[None]]) -> None:
        try:
            await execute(shard)
        except BillingError as error:
            self._log("shard_broken_off", shard=shard.name, reason=str(error))
            await asyncio.sleep(AGAIN_SECONDS)
            self.put_back(shard)
        finally:
            del self._working[shard.name]
            self._changed.set()

    def put_back(self, shard: Placed) -> None:
        """Have a shard delivered again: whoever took it is not done with it."""
        self.waiting[shard.name] = shard
        self._changed.set()

    def _next(self) -> Placed | None:
        """Return the shard whose turn it is, of those whose partition nobody is at."""
        busy = {shard.partition for shard in self._working.values()}
        free = (shard for shard in self.waiting.values() if shard.partition not in busy)
        return min(free, key=lambda shard: (shard.priority, shard.number), default=None)

    async def recover(self) -> tuple[str, ...]:
        """Nobody else is there."""
        return ()

    async def left(self, run_id: str) -> int:
        """Return how many shards of a run are not done."""
        return sum(shard.run_id == run_id for shard in self._all())

    async def cancel(self, run_id: str) -> None:
        """Take back the shards of a run that were not begun."""
        self.waiting = {name: shard for name, shard in self.waiting.items() if shard.run_id != run_id}

    async def aclose(self) -> None:
        """Nothing is held."""

    def _all(self) -> Iterable[Placed]:
        return (*self.waiting.values(), *self._working.values())
