"""One computer on virtual time, with runners as an operating system has them: started, stopped, continued, killed.

Each runner has an event loop of its own, and the machine decides which loop takes its next turn. A turn is what one
coroutine does between two awaits, so "killed after turn n", for every n, is "killed at every await". A killed runner's
coroutines are never touched again: no ``finally`` of theirs runs, as after SIGKILL.
"""

import asyncio
import heapq
import random
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any

TICK = 1e-6
# Seconds a turn takes: a limiter that waits for the last fraction of a token must see it come.


class _Loop(asyncio.SelectorEventLoop):
    """The loop of one runner: the machine's time, signals without an operating system, one callback at a time.

    What waits, and for when, has no public name in asyncio; `_run_once` is its own step with two differences: it never
    sleeps, and it runs one callback instead of all that are ready.
    """

    def __init__(self, machine: "Machine") -> None:
        super().__init__()
        self.machine = machine
        self.asleep = 0.0
        self.handlers: dict[int, Callable[[], object]] = {}

    def time(self) -> float:
        return self.machine.now - self.asleep

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: Any) -> None:
        self.handlers[sig] = lambda: callback(*args)

    def remove_signal_handler(self, sig: int) -> bool:
        return self.handlers.pop(sig, None) is not None

    def _run_once(self) -> None:
        while self._scheduled and self._scheduled[0].when() <= self.time():
            timer = heapq.heappop(self._scheduled)
            timer._scheduled = False
            self._timer_cancelled_count -= timer.cancelled()
            self._ready.append(timer)
        if self._ready and not (handle := self._ready.popleft()).cancelled():
            handle._run()

    @property
    def due(self) -> float:
        """When it wants its next turn, in the machine's time; infinity if nothing but an answer can wake it."""
        if self._ready:
            return self.machine.now
        return self._scheduled[0].when() + self.asleep if self._scheduled else float("inf")


class Process:
    """One runner. It lives from ``Machine.start`` until its main coroutine ends or it is killed."""

    def __init__(self, machine: "Machine", main: Callable[["Process"], Coroutine[Any, Any, Any]]) -> None:
        self._machine = machine
        self.loop = _Loop(machine)
        self.turns = 0
        self.killed = False
        self._stopped_at: float | None = None
        self._main = self.loop.create_task(main(self))

    @property
    def alive(self) -> bool:
        """It may still do something, now or when it is continued."""
        return not self.killed and not self._main.done()

    @property
    def due(self) -> float:
        """When it wants its next turn."""
        return self.loop.due if self.alive and self._stopped_at is None else float("inf")

    @property
    def result(self) -> Any:
        """What main returned; raises what main raised, and None for a runner that was killed or goes on."""
        return self._main.result() if self._main.done() and not self.killed else None

    def turn(self) -> None:
        """Run one callback that is ready. (A loop that is told to stop before it runs takes one step.)"""
        self.turns += 1
        self.loop.stop()
        self.loop.run_forever()

    def kill(self) -> None:
        """SIGKILL: it never runs again. What it had sent is the network's business."""
        self.killed = True

    def stop(self) -> None:
        """SIGSTOP: it stands still until ``resume``."""
        self._stopped_at = self._machine.now

    def resume(self, *, noticed: bool) -> None:
        """SIGCONT. Unless ``noticed``, its clock stood still with it, as in a suspended virtual machine."""
        if self._stopped_at is not None and not noticed:
            self.loop.asleep += self._machine.now - self._stopped_at
        self._stopped_at = None

    def signal(self, number: int) -> None:
        """Deliver a signal that has a handler; without one it does nothing here."""
        if (handler := self.loop.handlers.get(number)) is not None and self.alive:
            self.loop.call_soon(handler)

    def bury(self) -> None:
        """Let go of what a dead runner held, when nobody looks any more."""
        self._stopped_at, self.killed = None, True
        while tasks := asyncio.all_tasks(self.loop):
            while self.loop.due <= self._machine.now:
                self.turn()  # a task that never began could not be told that it is cancelled
            for task in tasks:
                task.cancel()
        if not self._main.cancelled():
            self._main.exception()
        self.loop.close()


class Machine:
    """Time, events, and the runners on it. The same seed takes the same turns in the same order."""

    def __init__(self, seed: int) -> None:
        self.now = 0.0
        self.chance = random.Random(f"machine-{seed}")
        self.processes: list[Process] = []
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = count()

    def start(self, main: Callable[[Process], Coroutine[Any, Any, Any]]) -> Process:
        """Start a runner; ``main`` gets the process it is."""
        process = Process(self, main)
        self.processes.append(process)
        return process

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Let something happen that no runner does: an arrival at the provider, an answer."""
        heapq.heappush(self._events, (self.now + seconds, next(self._number), do))

    def run(self, until: Callable[[], bool]) -> None:
        """Give turns until ``until`` holds.

        Raises:
            RuntimeError: nothing is left that could ever happen.
        """
        while not until():
            self._step()

    def finish(self, *processes: Process) -> None:
        """Give turns until these runners have ended."""
        self.run(lambda: not any(process.alive for process in processes))

    def pass_time(self, seconds: float) -> None:
        """Let time go by in which no runner gets a turn; what was under way arrives meanwhile."""
        until = self.now + seconds
        while self._events and self._events[0][0] <= until:
            self.now, _, do = heapq.heappop(self._events)
            do()
        self.now = until

    def _step(self) -> None:
        at = self._events[0][0] if self._events else float("inf")
        due = [(process.due, process) for process in self.processes if process.alive]
        first = min((when for when, _ in due), default=float("inf"))
        if min(at, first) == float("inf"):
            raise RuntimeError("nothing is left that could ever happen: a deadlock")
        self.now = max(self.now, min(at, first)) + TICK
        if at <= first:
            heapq.heappop(self._events)[2]()
            return
        ready = [process for when, process in due if when <= self.now]
        (ready[0] if len(ready) == 1 else self.chance.choice(ready)).turn()

    def bury(self) -> None:
        """End everything, when the verdict is given."""
        for process in self.processes:
            process.bury()
