"""Ending what takes too long, with one timer for all: hardly ever does one ring, and each costs when it is set."""

import asyncio
from types import TracebackType


class Deadlines:
    """The time that each of many pieces of work may take, the same for all. Use one per event loop."""

    def __init__(self, seconds: float) -> None:
        """Give every piece of work ``seconds``."""
        self._seconds = seconds
        self._running: dict[Deadline, None] = {}  # in the order they began, which is the order they are due
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> "Deadline":
        """Return a deadline to work under (``with``): when it passes, the task's work is cancelled there."""
        now = asyncio.get_running_loop().time()
        return Deadline(self, now + self._seconds)

    def close(self) -> None:
        """Forget the timer; what is still running has no deadline any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._running.clear()

    def add(self, deadline: "Deadline") -> None:
        """Watch one more."""
        self._running[deadline] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_at(deadline.due, self._ring)

    def drop(self, deadline: "Deadline") -> None:
        """Watch one less. The timer stays: it looks for the next one when it rings."""
        self._running.pop(deadline, None)

    def _ring(self) -> None:
        """End what is due, and come back for what is due next."""
        loop = asyncio.get_running_loop()
        self._timer = None
        while self._running:
            oldest = next(iter(self._running))
            if oldest.due > loop.time():
                self._timer = loop.call_at(oldest.due, self._ring)
                return
            self.drop(oldest)
            oldest.expire()


class Deadline:
    """One piece of work's deadline, as ``asyncio.timeout`` has one."""

    __slots__ = ("_all", "_cancelling", "_expired", "_task", "due")

    def __init__(self, all_of_them: Deadlines, due: float) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  a coroutine is run by a task
        self._all, self.due = all_of_them, due
        self._task, self._cancelling = task, task.cancelling()
        self._expired = False

    def expire(self) -> None:
        """Cancel the work."""
        self._expired = True
        self._task.cancel()

    def __enter__(self) -> None:
        self._all.add(self)

    def __exit__(
        self, exc_type: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """End the work.

        Raises:
            TimeoutError: the deadline has passed, and nobody else has cancelled the task.
        """
        self._all.drop(self)
        if self._expired and self._task.uncancel() <= self._cancelling and exc_type is asyncio.CancelledError:
            raise TimeoutError from error
