"""The deliveries of a served sandbox: real requests, that wait for an answer and follow no redirect."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import aiohttp

from billing.sandbox.model import Sandbox
from billing.sandbox.webhook_deliveries import Delivery

AT_ONCE = 8
GLANCE_SECONDS = 0.2
# How often the clock is asked what has fallen due, while there are endpoints: nobody else may ask the sandbox anything.


@contextlib.asynccontextmanager
async def sending(sandbox: Sandbox) -> AsyncIterator[None]:
    """Send what is due while the context lasts."""
    sender = asyncio.create_task(_send_all(sandbox))
    try:
        yield
    finally:
        sender.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sender


async def _send_all(sandbox: Sandbox) -> None:
    deliveries, due = sandbox.world.deliveries, asyncio.Event()
    deliveries.due = due.set
    places = asyncio.Semaphore(AT_ONCE)
    timeout = aiohttp.ClientTimeout(total=deliveries.habits.timeout_seconds)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as session, asyncio.TaskGroup() as group:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(due.wait(), GLANCE_SECONDS if deliveries.endpoints else None)
            due.clear()
            sandbox.tick()
            for delivery in deliveries.take():
                await places.acquire()
                sent = group.create_task(_send(sandbox, session, delivery))
                sent.add_done_callback(lambda _: places.release())


async def _send(sandbox: Sandbox, session: aiohttp.ClientSession, delivery: Delivery) -> None:
    """Make one delivery, and say whether it was taken."""
    deliveries = sandbox.world.deliveries
    headers, body = deliveries.signed(delivery, time.time())
    answered = False
    with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError, ValueError):
        if not deliveries.down:
            url = delivery.endpoint.row["url"]
            async with session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                answered = 200 <= answer.status < 300
    deliveries.ended(delivery, answered=answered)
