"""Signals belong to the process: the verbs hear them and tell the runner."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Protocol

import anyio

from billing.core.exits import Exit


class Stoppable(Protocol):
    """What a signal stops."""

    def stop(self, code: Exit, reason: str) -> None:
        """Start nothing more; what is in flight may come home."""

    def leave(self) -> None:
        """Wait for nothing any more."""


@asynccontextmanager
async def obeying_signals(runner: Stoppable) -> AsyncIterator[None]:
    """Drain on the first signal, leave at once on the second; the ledger is consistent either way."""
    listener = asyncio.create_task(_listen(runner))
    try:
        yield
    finally:
        listener.cancel()
        with suppress(asyncio.CancelledError):
            await listener


async def _listen(runner: Stoppable) -> None:
    asked = False
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for number in signals:
            if asked:
                runner.leave()
            asked = True
            code = Exit.INTERRUPTED if number == signal.SIGINT else Exit.TERMINATED
            runner.stop(code, f"{signal.Signals(number).name}: the state is saved, run again to continue")
