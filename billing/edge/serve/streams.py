"""Runs under way, told to whoever looks on: one look at the ledger for all of them, however many they are.

A look costs the machine that a run goes on something. So there is at most one a second, none while nobody looks on, and
after a look that took long the ledger is left alone for so many times as long.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from billing.core.errors import BillingError
from billing.edge.logs import Log
from billing.edge.serve.desk import Desk, Nodes, Seen

LOOK_SECONDS = 1.0
CALM = 20.0
# So many times as long as a look took the next one waits: no more than a twentieth of one core.
BEAT_SECONDS = 10.0
# After so long without news a watcher is told that the server is still there.
MOST_WATCHERS = 64


@dataclass(slots=True)
class _Watched:
    """A run that is looked at: what was seen of it last, how often it was news, and how many look on."""

    seen: Seen | None = None
    number: int = 0
    watchers: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, seen: Seen) -> None:
        """Take what was seen, and wake who waits for it."""
        self.seen, self.number = seen, self.number + 1
        self.news.set()
        self.news = asyncio.Event()


@dataclass(slots=True)
class Streams:
    """All that look on.

    Attributes:
        desk: who looks.
        log: of the program.
        ticks: seconds of a clock that never goes back.
        looks: how often the ledger was looked at.
    """

    desk: Desk
    log: Log
    ticks: Callable[[], float]
    looks: int = 0
    _places: int = 0
    _watched: dict[str, _Watched] = field(default_factory=lambda: defaultdict(_Watched))
    _closed: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    @property
    def watchers(self) -> int:
        """How many look on."""
        return sum(watched.watchers for watched in self._watched.values())

    @property
    def full(self) -> bool:
        """Whether nobody more may look on."""
        return max(self.watchers, self._places) >= MOST_WATCHERS or self._closed.is_set()

    def take_place(self) -> bool:
        """Take a place before anything is waited for, so that those who come at once are counted too; False if full."""
        if self.full:
            return False
        self._places += 1
        return True

    def give_place_back(self) -> None:
        """Give it to somebody else."""
        self._places -= 1

    async def of(self, run_id: str) -> AsyncGenerator[bytes]:
        """Yield what a browser's ``EventSource`` reads, until the run or the server ends. (HTML standard, 9.2.6)"""
        watched = self._watched[run_id]
        watched.watchers += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look_on())
        number = 0
        try:
            yield b"retry: 3000\n\n"
            while not self._closed.is_set():
                if watched.seen is not None and watched.number != number:
                    number = watched.number
                    yield _event("over" if watched.seen.over else "seen", watched.seen.nodes)
                    if watched.seen.over:
                        return
                elif not await self._news(watched.news):
                    yield b": still here\n\n"
        finally:
            watched.watchers -= 1
            if not watched.watchers and self._watched.get(run_id) is watched:
                del self._watched[run_id]
                self.desk.forget(run_id)

    async def _news(self, news: asyncio.Event) -> bool:
        """Wait for news or the end; False after a while without either."""
        waits = [asyncio.ensure_future(each.wait()) for each in (news, self._closed)]
        try:
            done, _ = await asyncio.wait(waits, timeout=BEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return bool(done)

    async def _look_on(self) -> None:
        """Look for all who look on, until nobody does."""
        while self._watched and not self._closed.is_set():
            began = self.ticks()
            try:
                found = await self.desk.seen(tuple(self._watched))
            except BillingError as error:
                self.log("serve_unavailable", level="warning", reason=type(error).__name__)
                found = {}
            self.looks += 1
            for run_id, seen in found.items():
                if run_id in self._watched:
                    self._watched[run_id].take(seen)
            pause = max(LOOK_SECONDS, CALM * (self.ticks() - began))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), pause)

    async def aclose(self) -> None:
        """Let everybody go, at once."""
        self._closed.set()
        if self._task is not None:
            await self._task


def _event(name: str, nodes: Nodes) -> bytes:
    return f"event: {name}\ndata: {json.dumps(nodes)}\n\n".encode()
