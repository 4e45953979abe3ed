"""Which item next: the account with the most time left, one item of a payer at a time, nobody held up by a slow one.

The order in which items are started is the order in which their tokens are spent. So nothing is started that the rate
of the run or of its account cannot carry yet: it would stand in the queue of the throttle, where who came first goes
first, and keep a slot from others.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from billing.core.entries import ItemRecord
from billing.flow.engine.ranks import Ranks

PAGE = 32
# Items of one account fetched at a time. A million items therefore cost no more memory than a thousand.
MOST_BEHIND = 8 * PAGE
# Items of one account that are kept waiting for their payers while later ones of it go on.
FAIR_EVERY = 10
# Every tenth start goes to the account that has waited longest. That bounds the wait and leaves the makespan as it is;
# "nobody waits longer than 2 s" would take every start and turn the order into round-robin.
# See edge/pacing/README.md, "Which item next".
AHEAD, RUN_AHEAD = 1.0, 4.0
# Items that an account and the whole run may be ahead of their rates: some must wait for a token, or one would be lost.
AHEAD_SECONDS = 0.01
# The least that this comes to in time: a loop's clock and timers are no finer, and items end by the commit.
SLOW, LATE = 2.0, 4.0
# An account that takes so many times the usual seconds for an item is slow, and held to its share of what is in flight;
# so is one with an item that has been out for so many times the usual. One that answers like the others may have as
# many in flight as its rate and its answers come to. With a dozen in flight the oldest is often twice the usual.
SOON = 1.0
# Seconds within which no item is late: where all answers come at once, the slower half of them is not slow.
SMOOTHING = 0.25
# Weight of the last item in what is known of an account's seconds per item.
STEP = 1.05
# How far one item moves the usual seconds per item towards itself; such steps end at the median, whatever a few do.

Fetch = Callable[[str, int, int], tuple[list[ItemRecord], bool]]
# Gives the next items of an account after a row, about as many as asked for, and whether they are its last ones.
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may be started.

    Attributes:
        run_rps: gives the items a second that the whole run may send now.
        rps: gives the items a second that a connected account allows now.
        per_account: items in flight on a slow account while others have work left.
        slots: items in flight in all.
    """

    run_rps: Callable[[], float]
    rps: Callable[[str], float]
    per_account: int = 8
    slots: int = 64


@dataclass(slots=True)
class AccountQueue:
    """The items of one connected account that this process still has to work on.

    Attributes:
        account: the connected account.
        order: its place in the file, which settles ties.
        remaining: items not finished, fetched or not.
        waiting: items fetched and not started, in order.
        cursor: the last row fetched.
        exhausted: whether nothing is left to fetch.
        flying: items started and not finished, with the second of their start, oldest first.
        proven: whether an item of this account came to an end without the account itself being refused.
        behind: items fetched that wait for their payers.
        stuck: whether all that is left waits for payers.
        due: second from which the account's rate allows its next item.
        last: number of its last start, 0 before the first.
        seconds: what an item takes, smoothed; 0 while nothing is known.
    """

    account: str
    order: int
    remaining: int
    waiting: deque[ItemRecord] = field(default_factory=deque)
    cursor: int = 0
    exhausted: bool = False
    flying: dict[int, float] = field(default_factory=dict)
    proven: bool = False
    behind: int = 0
    stuck: bool = False
    due: float = float("-inf")
    last: int = 0
    seconds: float = 0.0

    @property
    def empty(self) -> bool:
        """Whether nothing is left to start."""
        return self.exhausted and not self.waiting and not self.behind

    @property
    def unstarted(self) -> int:
        """Items that still have to be started."""
        return self.remaining - len(self.flying)

    def age(self, now: float) -> float:
        """Seconds that its oldest item has been out."""
        return now - next(iter(self.flying.values()), now)

    def learn(self, seconds: float) -> None:
        """Take the seconds of one more item into account."""
        self.seconds += (seconds - self.seconds) * (SMOOTHING if self.seconds else 1.0)


class Scheduler:
    """Hands out items: longest remaining time first, ties in file order, payers one at a time.

    The time an account still takes is what it has left over its rate: the one its limits allow, or what its answers
    allow where they are slow. An account that has not answered yet gets one item, so that a dead account costs a
    handful of requests and not its whole backlog. A slow one gets ``per_account`` at once, and more as soon as no other
    account can use the slots. Every step is O(log accounts).
    """

    def __init__(self, fetch: Fetch, workload: dict[str, int], bounds: Bounds, clock: Clock) -> None:
        """``workload`` counts items per account, in file order; ``clock`` gives seconds."""
        self._fetch = fetch
        self._bounds = bounds
        self._clock = clock
        self._queues = {account: AccountQueue(account, n, left) for n, (account, left) in enumerate(workload.items())}
        self._ready: Ranks[tuple[float, int]] = Ranks()
        self._longing: Ranks[tuple[int, int]] = Ranks()
        self._later: Ranks[tuple[float, int]] = Ranks()
        self._capped: Ranks[tuple[float, int]] = Ranks()
        self._unfinished: set[str] = set()
        self._busy: set[str] = set()
        self._behind: dict[str, dict[str, deque[ItemRecord]]] = {}
        self._in_flight = 0
        self._starts = 0
        self._due = float("-inf")
        self._usual = 0.0
        for queue in self._queues.values():
            self._place(queue)

    @property
    def remaining(self) -> int:
        """Items not finished."""
        return sum(queue.remaining for queue in self._queues.values())

    @property
    def pause(self) -> float | None:
        """Seconds until rates allow the next item; None when only the end of one in flight can bring one."""
        now = self._clock()
        if self._ready.first() is not None or self._liftable():
            return max(0.0, self._allowed_at - now)
        account = self._later.first()
        return None if account is None else max(0.0, self._allowed_at - now, self._later.rank(account)[0] - now)

    @property
    def _allowed_at(self) -> float:
        """When the rate of the run allows the next item."""
        return self._due - max(RUN_AHEAD / self._bounds.run_rps(), AHEAD_SECONDS)

    def next(self) -> ItemRecord | None:
        """Return an item to start now, or None: then see ``pause``, or wait for one in flight."""
        now = self._clock()
        if self._allowed_at > now:
            return None
        while (account := self._later.first()) is not None and self._later.rank(account)[0] <= now:
            self._place(self._queues[account])
        while (account := self._first()) is not None:
            queue = self._queues[account]
            if self._held(queue):
                self._place(queue)
            elif (item := self._start(queue)) is not None:
                return item
        while self._liftable() and (account := self._capped.first()) is not None:
            if (item := self._start(self._queues[account])) is not None:
                return item
        return None

    def done(self, item: ItemRecord, *, alive: bool, sent: bool = True) -> None:
        """Note that a started item has ended (or rests).

        Args:
            item: the item.
            alive: its account did not refuse us.
            sent: it cost requests; what cost none, such as an item found skipped, uses nothing of the account's rate.
        """
        queue, seconds = self._land(item)
        queue.remaining -= 1
        queue.proven = queue.proven or alive
        if sent:
            queue.learn(seconds)
            self._usual = self._usual * (STEP if seconds > self._usual else 1 / STEP) if self._usual else seconds
        else:
            queue.due -= 1 / self._bounds.rps(queue.account)
            self._due -= 1 / self._bounds.run_rps()
        self._place(queue)

    def put_back(self, item: ItemRecord) -> None:
        """Return a started item to the head of its queue: it was certainly not executed."""
        queue, _ = self._land(item)
        queue.waiting.appendleft(item)
        queue.stuck = False
        self._place(queue)

    def _land(self, item: ItemRecord) -> tuple[AccountQueue, float]:
        """Free the slot and the payer of an item; return its queue and the seconds it took."""
        queue = self._queues[item.account]
        self._in_flight -= 1
        self._busy.discard(item.payer)
        self._come_forward(item.payer)
        return queue, self._clock() - queue.flying.pop(item.id)

    def _first(self) -> str | None:
        """Return the account whose turn it is, of those that may send now."""
        return (self._longing if self._starts % FAIR_EVERY == FAIR_EVERY - 1 else self._ready).first()

    def _liftable(self) -> bool:
        """Tell whether a slow account may go beyond its cap: nobody else can use the slots.

        While others have work left, held up by their payers or by a first answer, half of the slots stay theirs.
        """
        if not self._capped:
            return False
        others = len(self._unfinished) > len(self._capped)
        return not others or not (self._ready or self._later or 2 * self._in_flight >= self._bounds.slots)

    def _start(self, queue: AccountQueue) -> ItemRecord | None:
        """Start the first item of the queue whose payer is free."""
        found = self._free_item(queue)
        queue.stuck = found is None and queue.behind > 0
        if found is not None:
            now = self._clock()
            self._busy.add(found.payer)
            self._in_flight += 1
            self._starts += 1
            queue.flying[found.id] = now
            queue.last = self._starts
            queue.due = max(queue.due, now) + 1 / self._bounds.rps(queue.account)
            self._due = max(self._due, now) + 1 / self._bounds.run_rps()
        self._place(queue)
        return found

    def _free_item(self, queue: AccountQueue) -> ItemRecord | None:
        """Take the first item whose payer has none in flight; those before it step behind their payers."""
        while True:
            if not queue.waiting and queue.behind < MOST_BEHIND:
                self._fill(queue)
            if not queue.waiting:
                return None
            item = queue.waiting.popleft()
            if item.payer not in self._busy:
                return item
            items = self._behind.setdefault(item.payer, {}).setdefault(queue.account, deque())
            queue.behind += 1
            if items and item.id < items[0].id:
                items.appendleft(item)  # it had come forward, and another account's item was quicker
            else:
                items.append(item)

    def _come_forward(self, payer: str) -> None:
        """A payer is free: the first item of each account that waited for it goes to the head of its queue."""
        behind = self._behind.pop(payer, {})
        for account, items in behind.items():
            queue = self._queues[account]
            queue.waiting.appendleft(items.popleft())
            queue.behind -= 1
            queue.stuck = False
            self._place(queue)
        if left := {account: items for account, items in behind.items() if items}:
            self._behind[payer] = left

    def _fill(self, queue: AccountQueue) -> None:
        if queue.exhausted:
            return
        page, queue.exhausted = self._fetch(queue.account, queue.cursor, PAGE)
        if page:
            queue.cursor = page[-1].id
            queue.waiting.extend(page)
        if queue.exhausted:  # what was counted and not wanted is not left either
            queue.remaining = len(queue.flying) + queue.behind + len(queue.waiting)

    def _place(self, queue: AccountQueue) -> None:
        """Put a queue where it belongs now: ready, to come later, capped, or nowhere until one of its items ends."""
        account = queue.account
        if not queue.waiting and queue.unstarted <= 0:
            self._fill(queue)  # by the count nothing is left: make sure, so that nobody holds a place for it
        for ranks in (self._ready, self._longing, self._later, self._capped):
            ranks.drop(account)
        if queue.empty:
            self._unfinished.discard(account)
            return
        self._unfinished.add(account)
        if queue.stuck or (queue.flying and not queue.proven):
            return
        allowed_at = queue.due - max(AHEAD / self._bounds.rps(account), AHEAD_SECONDS)
        if allowed_at > self._clock():
            self._later.put(account, (allowed_at, queue.order))
        elif self._held(queue):
            self._capped.put(account, self._urgency(queue))
        else:
            self._ready.put(account, self._urgency(queue))
            self._longing.put(account, (queue.last, queue.order))

    def _held(self, queue: AccountQueue) -> bool:
        """Tell whether a slow account has its share of what is in flight."""
        return len(queue.flying) >= self._bounds.per_account and self._slow(queue)

    def _slow(self, queue: AccountQueue) -> bool:
        """Tell whether an account takes far longer than the others; nobody is slow before the first answer."""
        usual, age = self._usual, queue.age(self._clock())
        return usual > 0 and (queue.seconds > max(SLOW * usual, SOON) or age > max(LATE * usual, SOON))

    def _urgency(self, queue: AccountQueue) -> tuple[float, int]:
        """Return what sorts the longest remaining time first."""
        rps = self._bounds.rps(queue.account)
        if self._slow(queue):
            rps = min(rps, self._bounds.per_account / max(queue.seconds, queue.age(self._clock())))
        return -queue.unstarted / rps, queue.order
