"""Several awaits side by side, with one plain exception instead of a group."""

from collections.abc import Awaitable, Callable

import anyio


async def together(*calls: Callable[[], Awaitable[None]]) -> None:
    """Await all ``calls`` concurrently; the first failure cancels the others and is raised as it is.

    Callers match on exceptions of the tree in `billing.core.errors`; a group around one of them would slip through. The
    last call needs no task of its own: it is awaited here. The tasks are anyio's, so that whatever stops a run stops
    them in the same moment; asyncio's own would hear of it a turn later, and might send in it.
    """
    failures: list[Exception] = []

    async def guarded(call: Callable[[], Awaitable[None]], scope: anyio.CancelScope) -> None:
        try:
            await call()
        except Exception as failure:  # noqa: BLE001  raised again below, outside of the group
            failures.append(failure)
            scope.cancel()

    async with anyio.create_task_group() as group:
        for call in calls[:-1]:
            group.start_soon(guarded, call, group.cancel_scope)
        for call in calls[-1:]:
            await guarded(call, group.cancel_scope)
    if failures:
        raise failures[0]
