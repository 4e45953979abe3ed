"""Several awaits side by side, with one plain exception instead of a group."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def gather(*calls: Callable[[], Coroutine[Any, Any, T]]) -> list[T]:
    """Await all ``calls`` concurrently and return their results; a failure cancels the others and is raised as it is.

    Callers match on exceptions of the tree in `billing.core.errors`; a group around one of them would slip through. The
    last call needs no task of its own: it is awaited here.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(call()) for call in calls[:-1]]
            last = [await call() for call in calls[-1:]]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks] + last
