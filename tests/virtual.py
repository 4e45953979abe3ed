"""An event loop whose time jumps to the next timer: hours of pauses pass in milliseconds, the same every time."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import anyio

TICK = 1e-6
# Added at every turn of the loop: a limiter that waits for the last fraction of a token must see it come.


class _Jumping(selectors.DefaultSelector):
    """Never waits: moves the loop's clock to where the loop wanted to sleep."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return super().select(timeout=5.0) or self._stuck()
        self.loop.now += max(timeout, 0.0) + TICK
        return super().select(0)

    def _stuck(self) -> list[Any]:
        raise RuntimeError("nothing is left that could ever happen: a deadlock")


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop. ``now`` are seconds since it began."""

    def __init__(self) -> None:
        selector = _Jumping()
        self.now = 0.0
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now


def run_virtually(main: Callable[..., Awaitable[Any]], *args: Any) -> Any:
    """Run ``main`` to its end on virtual time."""
    return anyio.run(main, *args, backend_options={"loop_factory": VirtualLoop})


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """Run one coroutine to its end on virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
