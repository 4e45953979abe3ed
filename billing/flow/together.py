"""Several awaits side by side, with one plain exception instead of a group."""

import asyncio
from collections.abc import Awaitable, Callable


async def together(*calls: Callable[[], Awaitable[None]]) -> None:
    """Await all ``calls`` concurrently; the first failure cancels the others and is raised as it is.

    Callers match on exceptions of the tree in `billing.core.errors`; a group around one of them would slip through. The
    last call needs no task of its own: it is awaited here.
    """
    failures: list[Exception] = []

    async def guarded(call: Callable[[], Awaitable[None]]) -> None:
        try:
            await call()
        except Exception as failure:
            failures.append(failure)
            raise

    try:
        async with asyncio.TaskGroup() as group:
            for call in calls[:-1]:
                group.create_task(guarded(call))
            for call in calls[-1:]:
                await guarded(call)
    except BaseExceptionGroup:
        if not failures:
            raise  # something that no caller of ours handles
        raise failures[0] from None
