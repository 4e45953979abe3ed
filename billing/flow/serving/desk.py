"""The desk behind the server: pages read from the ledger at one moment, and runs that are looked at while they go on.

There are two readers, each with a thread of its own: a page that takes long does not hold up those who look on, and
neither holds up the server. Neither ever writes, nor holds the ledger's lock.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from billing.core.kinds import LIVES
from billing.core.records import RunRecord
from billing.edge.ledger import Ledger
from billing.edge.ledger.custody.attendance import Attendance
from billing.edge.serve.desk import Page, Seen
from billing.flow.serving.live import QUIET_SECONDS, Followed, Look, look_at, nodes_of
from billing.flow.serving.pages import PAGES, Reading

MOST_KEPT = 8
# Reports that are kept: the runs that somebody looks at.
T = TypeVar("T")
Clock = Callable[[], datetime]


@dataclass(slots=True)
class _Kept:
    """What a page shows of a run, and up to which entry of the ledger that holds."""

    values: dict[str, Any]
    seq: int
    revision: int


@dataclass(slots=True)
class _Watch:
    """A run that somebody looks at: what was read of it, and when that was told last."""

    followed: Followed
    told: datetime
    attendance: Attendance


@dataclass(slots=True)
class LedgerDesk:
    """Answers the server (`billing.edge.serve.desk.Desk`).

    Attributes:
        reader: for pages; nobody else reads from it.
        onlooker: for runs that go on; nobody else reads from it.
        now: the time.
    """

    reader: Ledger
    onlooker: Ledger
    now: Clock
    _kept: dict[tuple[str, str], _Kept] = field(default_factory=dict)
    _watched: dict[str, _Watch] = field(default_factory=dict)
    _version: int = -1
    _pages: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "pages"))
    _looks: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "looks"))

    async def page(self, path: str, query: Mapping[str, str]) -> Page | None:
        """Return the page of an address."""
        return await self._on(self._pages, lambda: self._page(path, query))

    async def knows(self, run_id: str) -> bool:
        """Tell whether there is such a run."""
        return await self._on(self._pages, lambda: self.reader.run(run_id) is not None)

    async def seen(self, runs: Collection[str]) -> Mapping[str, Seen]:
        """Return those of these runs of which something is otherwise than before."""
        return await self._on(self._looks, lambda: self._seen(runs))

    def forget(self, run_id: str) -> None:
        """Nobody looks at a run any more."""
        self._watched.pop(run_id, None)

    def close(self) -> None:
        """Let the threads end."""
        self._pages.shutdown(cancel_futures=True)
        self._looks.shutdown(cancel_futures=True)

    async def _on(self, thread: ThreadPoolExecutor, read: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(thread, read)

    def _page(self, path: str, query: Mapping[str, str]) -> Page | None:
        attendance = self.reader.attendance()
        with self.reader.at_one_moment():
            reading = Reading(
                self.reader, attendance, self.now(), query, self.kept,
                lambda record: look_at(self.reader, record, attendance, Followed(LIVES[record.kind]), self.now()),
            )  # fmt: skip
            return PAGES[path](reading)

    def kept(self, name: str, record: RunRecord, gather: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return what is shown of a run; it is gathered anew once an entry has been written about the run."""
        latest, kept = self.reader.onlooker.latest(), self._kept.pop((name, record.run_id), None)
        same = kept is not None and kept.revision == record.revision
        if kept is None or not same or self.reader.onlooker.touched(record.run_id, kept.seq):
            kept = _Kept(gather(), latest, record.revision)
        kept.seq = latest
        self._kept[name, record.run_id] = kept
        while len(self._kept) > MOST_KEPT:
            self._kept.pop(next(iter(self._kept)))
        return kept.values

    def _seen(self, runs: Collection[str]) -> dict[str, Seen]:
        """Look; nothing is read of the tables unless something was written, or a run has been quiet."""
        attendance, now, version = self.onlooker.attendance(), self.now(), self.onlooker.onlooker.version()
        changed, self._version = version != self._version, version
        found = {}
        for run_id in runs:
            watch = self._watched.get(run_id)
            quiet = watch is not None and (now - watch.told).total_seconds() >= QUIET_SECONDS
            if watch is not None and not changed and not quiet and watch.attendance == attendance:
                continue
            with self.onlooker.at_one_moment():
                look = self._look(run_id, watch, attendance, now)
            if look is not None:
                self._watched[run_id] = _Watch(look.followed, now, attendance)
                found[run_id] = Seen(nodes_of(look), over=look.over)
        return found

    def _look(self, run_id: str, watch: _Watch | None, attendance: Attendance, now: datetime) -> Look | None:
        record = self.onlooker.run(run_id)
        if record is None:
            return None
        followed = Followed(LIVES[record.kind]) if watch is None else watch.followed
        return look_at(self.onlooker, record, attendance, followed, now)
