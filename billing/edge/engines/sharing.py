"""A worker's part in its ledger: it has one only while it has shards in hand, so that others may run alone meanwhile.

That is a courtesy to whoever runs alone, who finds nothing changed under their hands. What keeps money safe is the
charge protocol, not this.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio

from billing.edge.engines.presence import Presence
from billing.edge.logs import Log

ASK_SECONDS = 0.5
# Between two tries of a shard that waits for whoever runs alone.


class Sharing:
    """Counts the shards in hand; the first one takes the worker's part in the ledger, the last one gives it back."""

    def __init__(self, presence: Presence, log: Log) -> None:
        """Have no part in it yet; ``log(event, **facts)``."""
        self._presence, self._log = presence, log
        self._in_hand = 0
        self._shared = self._told = False
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def held(self, goes_on: Callable[[], Awaitable[bool]]) -> AsyncGenerator[None]:
        """Have a part in the ledger while a shard is in hand; before that, wait until nobody runs alone.

        A shard that does not go on waits no longer, and has none: its worker has nothing to send for it.

        Raises:
            LedgerError: the server does not answer.
        """
        self._in_hand += 1
        try:
            while not await self._taken():
                if not await goes_on():
                    break
                await anyio.sleep(ASK_SECONDS)
            yield
        finally:
            self._in_hand -= 1
            await self._given_back()

    async def _taken(self) -> bool:
        async with self._turn:
            if not self._shared:
                alone = await anyio.to_thread.run_sync(self._presence.share)
                self._shared = alone is None
                if alone is not None and not self._told:
                    self._log("waiting_for_ledger", worker=self._presence.worker, holder=str(alone))
                self._told = alone is not None
            return self._shared

    async def _given_back(self) -> None:
        async with self._turn:
            if self._in_hand:
                return
            self._told = False
            if self._shared:
                self._shared = False
                await anyio.to_thread.run_sync(self._presence.unshare)
