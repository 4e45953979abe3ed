"""What a worker has in hand: shards that DBOS delivers on its own loop, worked by tasks on the process's loop."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import CancelledError as FutureCancelled
from contextlib import suppress
from functools import partial
from typing import Any

import anyio

from billing.edge.engines import Placed
from billing.edge.engines import dbos_process as process

Execute = Callable[[Placed], Awaitable[None]]


class Hands:
    """One stretch of work, from its start until it is stopped; made on the loop that works shards.

    Attributes:
        workflows: what is being worked, by DBOS's ids.
        failed: has the exception of the first shard that raised one.
    """

    def __init__(self, execute: Execute) -> None:
        self._execute = execute
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self.workflows: set[str] = set()
        self.failed: asyncio.Future[None] = self._loop.create_future()

    async def deliver(self, workflow: str, placed: Sequence[Mapping[str, Any]]) -> None:
        """Work the shards of a workflow one after another; DBOS calls this on its loop.

        Raises:
            CancelledError: not all are done; the workflow stays this worker's until it is put back.
        """
        self.workflows.add(workflow)
        try:
            for each in placed:
                await process.once(str(each["number"]), partial(self._bridged, Placed(**each)))
        finally:
            self.workflows.discard(workflow)

    async def _bridged(self, shard: Placed) -> None:
        """Have a shard worked on the process's loop.

        Raises:
            CancelledError: it is not done. Any other exception DBOS would keep as what became of it.
        """
        if not self._stopping.is_set():
            ending = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._worked(shard), self._loop))
            with suppress(FutureCancelled, asyncio.CancelledError):
                if await ending:
                    return
        raise asyncio.CancelledError

    async def _worked(self, shard: Placed) -> bool:
        """Work a shard; tell whether it is done.

        One that failed is held until work stops: let go at once, it would make room for the next to fail. One that was
        cancelled, by itself or from outside, is no failure.
        """
        task = asyncio.create_task(_as_task(self._execute(shard)))
        self._tasks.add(task)
        try:
            await task
        except Exception as error:  # noqa: BLE001  whatever it is, the shard is not done
            if not self.failed.done():
                self.failed.set_exception(error)
        else:
            return True
        finally:
            self._tasks.discard(task)
        await self._stopping.wait()
        return False

    async def stop(self, grace: int) -> None:
        """Take no more, and let what is in hand end within ``grace`` seconds; after a failure, at once."""
        self._stopping.set()
        broken = self.failed.done() and not self.failed.cancelled()
        if self._tasks and grace and not broken:
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.to_thread.run_sync, process.stop, grace)
                await asyncio.wait(self._tasks, timeout=grace)
                self._cancel()
        self._cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await anyio.to_thread.run_sync(process.stop, 0)

    def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()


async def _as_task(execution: Awaitable[None]) -> None:
    await execution
