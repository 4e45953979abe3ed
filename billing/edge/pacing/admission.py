"""Who may send next: all or nothing, those who finish before those who start, the longest waiting first.

Requests that wait for the same limiters stand in one line; only its head is looked at. A line waits at its account
while that is not free, else at its endpoint, so a turn costs the logarithm of the lines, however many requests wait.
"""

import asyncio
import math
from collections import deque
from heapq import heappop, heappush
from itertools import count, islice
from operator import itemgetter
from types import TracebackType
from typing import Protocol

from billing.edge.pacing.concurrency_limit import Slots
from billing.edge.pacing.pacer import Pacer
from billing.edge.pacing.shared.pace import SharedPace

Pace = Pacer | SharedPace
SENT_BACK = -math.inf
# The time of a turn that is none: the request looks anew whether it may go at all.
SOON_SECONDS, SLICE_SECONDS = 0.05, 0.1
# An account whose own token is there so soon has tokens of the shared limiters asked for, as many as it may use in the
# time that a slice lasts: what it cannot use when it is due is lost to all.


class Supply(Protocol):
    """Where the tokens of shared limiters come from."""

    def expire(self, now: float) -> None:
        """Throw away tokens whose time has passed."""

    def look(self, now: float) -> None:
        """Ask for more if more are wanted."""


class Limiter:
    """One limiter of each sort, and the lines that wait at it: at an account any, at an endpoint those it must pick."""

    __slots__ = ("alarm", "finishing", "lines", "pacer", "parked", "slots", "starting")

    def __init__(self, pacer: Pace, slots: Slots) -> None:
        self.pacer = pacer
        self.slots = slots
        self.finishing: list[tuple[int, WaitQueue]] = []
        self.starting: list[tuple[int, WaitQueue]] = []
        self.parked: list[WaitQueue] = []
        self.alarm = math.inf

    def free(self, now: float) -> bool:
        """Tell whether a token and a slot are there."""
        return self.pacer.due <= now and self.slots.in_flight < self.slots.room

    def room(self, now: float) -> int:
        """Return how many requests may go within the time that a slice lasts."""
        if self.pacer.due > now + SOON_SECONDS:
            return 0
        return max(0, min(1 + int(SLICE_SECONDS * self.pacer.rate), self.slots.room - self.slots.in_flight))

    def take(self, now: float) -> None:
        self.pacer.take(now)
        self.slots.enter(now)


class WaitQueue:
    """Requests that wait for the same limiters, in the order they came: their numbers, and what wakes them."""

    __slots__ = ("account", "endpoint", "first", "waiting")

    def __init__(self, endpoint: Limiter, account: Limiter, *, first: bool) -> None:
        self.endpoint = endpoint
        self.account = account
        self.first = first
        self.waiting: deque[tuple[int, asyncio.Future[float]]] = deque()

    def gone(self) -> bool:
        """Drop requests that were cancelled; tell whether nobody is left."""
        while self.waiting and self.waiting[0][1].done():
            self.waiting.popleft()
        return not self.waiting

    def queue(self) -> None:
        """Stand at the endpoint, by the number of the head."""
        heap = self.endpoint.starting if self.first else self.endpoint.finishing
        heappush(heap, (self.waiting[0][0], self))


class Admission:
    """One request's turn: entered when it may be sent, left when its slots are free again. Yields when it was given."""

    __slots__ = ("_account", "_endpoint", "_first", "_turns")

    def __init__(self, turns: "Turns", endpoint: Limiter, account: Limiter, *, first: bool) -> None:
        self._turns = turns
        self._endpoint = endpoint
        self._account = account
        self._first = first

    async def __aenter__(self) -> float:
        now = asyncio.get_running_loop().time()
        if self._turns.free(self._endpoint, self._account, now):
            self._turns.take(self._endpoint, self._account, now)
            return now
        return await self._turns.wait(self._endpoint, self._account, now, first=self._first)

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._turns.leave(self._endpoint, self._account)


class Turns:
    """The queue before the limiters of one key. Use one per event loop."""

    def __init__(self, key: Limiter) -> None:
        """Begin with nobody waiting."""
        self._key = key
        self._endpoints: list[Limiter] = []
        self._lines: dict[tuple[Limiter, Limiter, bool], WaitQueue] = {}
        self._waiting = 0
        self._number = count()
        self._alarms: list[tuple[float, int, Limiter]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = math.inf
        self._supply: Supply | None = None

    def supplied_by(self, supply: Supply) -> None:
        """Take the tokens of key and endpoints from a supply that tells when there are more (`serve`)."""
        self._supply = supply

    def add_endpoint(self, gate: Limiter) -> None:
        """Serve the lines of one more endpoint, too."""
        self._endpoints.append(gate)

    def free(self, endpoint: Limiter, account: Limiter, now: float) -> bool:
        """Tell whether a request that has just come may go at once: nobody waits, and everything is there."""
        if self._supply is not None:
            self._supply.expire(now)
        return not self._waiting and self._key.free(now) and endpoint.free(now) and account.free(now)

    def take(self, endpoint: Limiter, account: Limiter, now: float) -> None:
        """Take a token and a slot of each limiter, all in one step."""
        self._key.take(now)
        endpoint.take(now)
        account.take(now)

    async def wait(self, endpoint: Limiter, account: Limiter, now: float, *, first: bool) -> float:
        """Stand in line until a token and a slot of each limiter were taken; return the time of it."""
        turn: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._wait(endpoint, account, first, turn)
        self._serve(now)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting -= 1
            else:  # the turn was given in the very moment of the cancellation
                self.leave(endpoint, account)
            raise

    def leave(self, endpoint: Limiter, account: Limiter) -> None:
        """Give the slots back, and the turn to whoever waited for them."""
        self._key.slots.leave()
        endpoint.slots.leave()
        account.slots.leave()
        if self._waiting:
            now = asyncio.get_running_loop().time()
            if account.parked:
                self._reconsider(account, now)
            self._serve(now)

    def serve(self) -> None:
        """Give the turns for which there are tokens now."""
        if self._waiting:
            self._serve(asyncio.get_running_loop().time())

    def send_back(self) -> None:
        """Give everybody who waits a turn that is none."""
        now = asyncio.get_running_loop().time()
        for line in self._lines.values():
            for turn in [turn for _, turn in line.waiting if not turn.done()]:
                self._waiting -= 1
                for limiter in (self._key, line.endpoint, line.account):
                    limiter.slots.enter(now)
                turn.set_result(SENT_BACK)

    def wanted(self, now: float, most: int) -> list[Limiter]:
        """Return the endpoint of each request that could go if it had tokens, those who finish something first."""
        room = self._key.slots.room - self._key.slots.in_flight
        found: list[tuple[bool, int, Limiter]] = []
        for line in self._lines.values():
            numbers = (number for number, turn in line.waiting if not turn.done())
            found += [(line.first, number, line.endpoint) for number in islice(numbers, line.account.room(now))]
        found.sort(key=itemgetter(0, 1))
        return [endpoint for _, _, endpoint in found[: max(0, min(room, most))]]

    def ready(self, now: float) -> float:
        """Return when tokens are wanted next for an account that has none of its own now."""
        waiting = (line.account.pacer.due for line in self._lines.values() if line.waiting)
        return min((due - SOON_SECONDS for due in waiting if due > now + SOON_SECONDS), default=math.inf)

    def _wait(self, endpoint: Limiter, account: Limiter, first: bool, turn: asyncio.Future[float]) -> None:
        """Stand in the line of those who need the same."""
        line = self._lines.get((endpoint, account, first))
        if line is None:
            line = self._lines[endpoint, account, first] = WaitQueue(endpoint, account, first=first)
        line.waiting.append((next(self._number), turn))
        self._waiting += 1
        if len(line.waiting) == 1:
            line.queue()

    def _serve(self, now: float) -> None:
        """Give turns while there are tokens and slots; then come back when there may be more."""
        if self._supply is not None:
            self._supply.expire(now)
        while self._alarms and self._alarms[0][0] <= now:
            when, _, account = heappop(self._alarms)
            if account.alarm == when:
                account.alarm = math.inf
                self._reconsider(account, now)
        while self._waiting and self._key.free(now):
            line = self._next(now)
            if line is None:
                break
            self._give(line, now)
        if self._waiting:
            self._arm(now)
            if self._supply is not None:
                self._supply.look(now)

    def _next(self, now: float) -> WaitQueue | None:
        """Take out the line whose head may go: those who finish first, and of those who has waited longest."""
        for starting in (False, True):
            while heap := self._oldest(now, starting):
                number, line = heappop(heap)
                if self._emptied(line):
                    continue
                if line.waiting[0][0] != number:  # its head gave up, and the next one came later
                    line.queue()
                elif line.account.free(now):
                    return line
                else:
                    self._park(line, now)
        return None

    def _oldest(self, now: float, starting: bool) -> list[tuple[int, WaitQueue]] | None:
        """Return the lines of the endpoint that is free and whose first line has waited longest."""
        oldest = None
        for gate in self._endpoints:
            heap = gate.starting if starting else gate.finishing
            if heap and (oldest is None or heap[0][0] < oldest[0][0]) and gate.free(now):
                oldest = heap
        return oldest

    def _give(self, line: WaitQueue, now: float) -> None:
        """Give the head of a line its turn."""
        _, turn = line.waiting.popleft()
        self._waiting -= 1
        self.take(line.endpoint, line.account, now)
        turn.set_result(now)
        if not self._emptied(line):
            line.queue()

    def _emptied(self, line: WaitQueue) -> bool:
        if line.gone():
            del self._lines[line.endpoint, line.account, line.first]
            return True
        return False

    def _park(self, line: WaitQueue, now: float) -> None:
        """Let a line wait at its account until that has a token; for a slot, whoever leaves will look."""
        account = line.account
        account.parked.append(line)
        if now < account.pacer.due < account.alarm:
            account.alarm = account.pacer.due
            heappush(self._alarms, (account.alarm, next(self._number), account))

    def _reconsider(self, account: Limiter, now: float) -> None:
        """Let the lines of an account stand at their endpoints again, if the account has something to give."""
        parked, account.parked = account.parked, []
        for line in parked:
            if self._emptied(line):
                continue
            if account.free(now):
                line.queue()
            else:
                self._park(line, now)

    def _arm(self, now: float) -> None:
        """Come back when the next token is there; for slots, whoever leaves comes back."""
        if self._key.slots.in_flight >= self._key.slots.room:
            return
        if self._key.pacer.due > now:
            when = self._key.pacer.due
        else:
            tokens = (gate.pacer.due for gate in self._endpoints if gate.finishing or gate.starting)
            when = min((due for due in tokens if due > now), default=math.inf)
            when = min(when, self._alarms[0][0] if self._alarms else math.inf)
        if self._timer is not None:
            if self._rings_at <= when:  # not the handle's own time: uvloop's has none when it is due at once
                return
            self._timer.cancel()
            self._timer = None
        if when < math.inf:
            self._rings_at = when
            self._timer = asyncio.get_running_loop().call_at(when, self._ring, when)

    def _ring(self, when: float) -> None:
        """A token is there, though the loop's clock may be a rounding early."""
        self._timer = None
        self._serve(max(when, asyncio.get_running_loop().time()))
