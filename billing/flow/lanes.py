"""Which item next: the account with the most left, one item of a payer at a time, nobody held up by a slow account."""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from billing.core.entries import Known

PAGE = 32
# Items of one account held in memory at a time. A million items therefore cost no more memory than a thousand.

Fetch = Callable[[str, int, int], list[Known]]


@dataclass(slots=True)
class Lane:
    """The items of one connected account that this process still has to work on.

    Attributes:
        account: the connected account.
        order: its place in the file, which settles ties.
        remaining: items not finished, fetched or not.
        waiting: items fetched and not started, in order.
        cursor: the last row fetched.
        in_flight: items started and not finished.
        proven: whether an item of this account came to an end without the account itself being refused.
        queued: whether the lane stands in the heap.
    """

    account: str
    order: int
    remaining: int
    waiting: deque[Known] = field(default_factory=deque)
    cursor: int = 0
    exhausted: bool = False
    in_flight: int = 0
    proven: bool = False
    queued: bool = False


class Lanes:
    """Hands out items: longest remaining account first, ties in file order, payers one at a time.

    An account that has not answered yet gets one item, so that a dead account costs a handful of requests and not its
    whole backlog; a proven one gets ``per_account`` at once, and more when no other account could use the slots.
    """

    def __init__(self, fetch: Fetch, workload: dict[str, int], per_account: int) -> None:
        self._fetch = fetch
        self._per_account = per_account
        self._lanes = {account: Lane(account, n, left) for n, (account, left) in enumerate(workload.items())}
        self._heap: list[tuple[int, int, str]] = []
        self._busy: set[str] = set()
        # Dicts in the place of sets: their order is that of the run, so the same run takes the same course.
        self._blocked: dict[str, dict[str, None]] = {}
        self._capped: dict[str, None] = {}
        for lane in self._lanes.values():
            self._queue(lane)

    @property
    def remaining(self) -> int:
        """Items not finished."""
        return sum(lane.remaining for lane in self._lanes.values())

    def next(self) -> Known | None:
        """Return an item to start now, or None when every item left waits for one in flight."""
        while self._heap:
            lane = self._lanes[heapq.heappop(self._heap)[2]]
            lane.queued = False
            known = self._take(lane)
            if known is not None:
                return known
        return self._take_capped()

    def done(self, known: Known, *, alive: bool) -> None:
        """Note that a started item has ended (or rests); ``alive`` says its account did not refuse us."""
        lane = self._lanes[known.account]
        lane.in_flight -= 1
        lane.remaining -= 1
        lane.proven = lane.proven or alive
        self._release(known.lane)
        self._queue(lane)

    def put_back(self, known: Known) -> None:
        """Return a started item to the head of its lane: it was certainly not executed."""
        lane = self._lanes[known.account]
        lane.in_flight -= 1
        lane.waiting.appendleft(known)
        self._release(known.lane)
        self._queue(lane)

    def _take(self, lane: Lane) -> Known | None:
        if lane.in_flight >= (self._per_account if lane.proven else 1):
            if lane.proven:
                self._capped[lane.account] = None
            return None
        return self._start(lane)

    def _take_capped(self) -> Known | None:
        """Lift the cap: nobody else can use the slot."""
        for account in sorted(self._capped, key=lambda name: -self._lanes[name].remaining):
            known = self._start(self._lanes[account])
            if known is not None:
                return known
            self._capped.pop(account, None)
        return None

    def _start(self, lane: Lane) -> Known | None:
        """Start the first item of the lane whose payer is free; later pages wait until this one has moved on."""
        if not lane.waiting:
            self._fill(lane)
        for index, known in enumerate(lane.waiting):
            if known.lane not in self._busy:
                del lane.waiting[index]
                self._busy.add(known.lane)
                lane.in_flight += 1
                self._queue(lane)
                return known
            self._blocked.setdefault(known.lane, {})[lane.account] = None
        return None

    def _fill(self, lane: Lane) -> None:
        if lane.exhausted:
            return
        page = self._fetch(lane.account, lane.cursor, PAGE)
        lane.exhausted = not page
        if page:
            lane.cursor = page[-1].id
            lane.waiting.extend(page)

    def _release(self, payer: str) -> None:
        self._busy.discard(payer)
        for account in self._blocked.pop(payer, ()):
            self._queue(self._lanes[account])

    def _queue(self, lane: Lane) -> None:
        if not lane.queued and (lane.waiting or not lane.exhausted):
            self._capped.pop(lane.account, None)
            heapq.heappush(self._heap, (-lane.remaining, lane.order, lane.account))
            lane.queued = True
