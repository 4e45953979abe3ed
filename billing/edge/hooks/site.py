"""The endpoint over HTTP: what a delivery must be, what it is answered, and an end that leaves nobody waiting.

2xx means: it is queued here, or nothing needs it; not that anything was done. So a process that dies with a full queue
loses time and nothing else: `billing settle` reads the same objects.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from aiohttp import web

from billing.core.items import Mode
from billing.edge.hooks.envelope import Notice, Unneeded, read_event
from billing.edge.hooks.signature import Doubt, Secrets, Signed, doubt_of, read_header
from billing.edge.logs import Log

MOST_BODY = 512 * 1024
# Bytes. An event holds one object; the largest, an invoice with all its lines, takes a fifth of this.
BODY_SECONDS = 10.0
# A body must be here by then. Stripe sends its own at once.
AT_ONCE = 64
# Deliveries that are read at once; who comes then is told to come back.
LAST_REQUESTS = 5.0
IDLE = 30.0
PAUSE_SECONDS = 30
# What `Retry-After` says. Stripe's own pauses are longer.
PATHS = ("/", "/stripe")
TOLD_EVERY = 60.0
# Seconds in which what is not believed is told once: whoever sends a flood of it must not fill a disk with our log.

SILENT = logging.getLogger("billing.hooks.http")
SILENT.disabled = True  # the server logs lines it cannot read
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Taken(StrEnum):
    """What became of a notice."""

    QUEUED = "queued"
    KNOWN = "known"  # this event was taken before
    UNKNOWN_ACCOUNT = "unknown_account"  # nothing of ours is there
    FULL = "full"  # no room, or no ledger to write to: to be sent again


class Taker(Protocol):
    """Who is told."""

    def take(self, notice: Notice) -> Taken:
        """Take a notice, at once; what is to be done about it is done later."""
        ...


@dataclass(slots=True)
class Endpoint:
    """What a delivery is checked against.

    Attributes:
        secrets: that sign.
        mode: whose events are taken.
        taker: who is told.
        log: of the program.
        now: the machine's clock, seconds since 1970.
        ticks: seconds of a clock that never goes back.
    """

    secrets: Secrets
    mode: Mode
    taker: Taker
    log: Log
    now: Callable[[], float] = time.time
    ticks: Callable[[], float] = time.monotonic
    _reading: int = 0
    _refused: Counter[str] = field(default_factory=Counter)
    _told: float = float("-inf")

    async def deliver(self, request: web.Request) -> web.Response:
        """Answer one delivery."""
        signed = read_header(request.headers.getall("Stripe-Signature", []), self.now())
        if isinstance(signed, Doubt):
            return self._doubted(signed)
        if (request.content_length or 0) > MOST_BODY:
            raise web.HTTPRequestEntityTooLarge(MOST_BODY, request.content_length or 0)
        if self._reading >= AT_ONCE:
            return _come_back()
        self._reading += 1
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await request.read()
        finally:
            self._reading -= 1
        return self._answered(signed, body)

    def _answered(self, signed: Signed, body: bytes) -> web.Response:
        """Answer a delivery whose bytes are here; nothing is awaited from here on."""
        doubt = doubt_of(signed, body, self.secrets)
        if doubt is not None:
            return self._doubted(doubt)
        found = read_event(body, self.mode)
        if isinstance(found, Unneeded):
            self.log("hook_unneeded", level="debug", why=str(found))
            return web.Response(text="not needed\n")
        taken = self.taker.take(found)
        self.log("hook_event", came_to=str(taken), **told_of(found))
        return _come_back() if taken is Taken.FULL else web.Response(text=f"{taken}\n")

    def _doubted(self, doubt: Doubt) -> web.Response:
        """Refuse what may be anybody's, and tell how many of them there were, now and then."""
        self._refused[str(doubt)] += 1
        if self.ticks() - self._told >= TOLD_EVERY:
            self._told = self.ticks()
            self.log("hook_refused", level="warning", latest=str(doubt), **self._refused)
            self._refused.clear()
        return web.Response(status=400, text=f"{doubt}\n")


def told_of(notice: Notice) -> dict[str, str]:
    """Return what a log may say of an event: ids and its type."""
    return {"stripe_event": notice.event, "type": notice.type, "account": notice.account, "object": notice.named}


def _come_back() -> web.Response:
    return web.Response(status=503, headers={"Retry-After": str(PAUSE_SECONDS)}, text="come back\n")


def application(endpoint: Endpoint) -> web.Application:
    """Return the application: the endpoint, and whether it is there."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            found = await handler(request)
        except web.HTTPException as problem:
            found = web.Response(status=problem.status, text=f"{problem.reason}\n")
            if isinstance(problem, web.HTTPMethodNotAllowed):
                found.headers["Allow"] = ", ".join(sorted(problem.allowed_methods))
        except (TimeoutError, web.RequestPayloadError):
            found = web.Response(status=408, text="too slow\n")
        except Exception as bug:  # noqa: BLE001  whatever it is, the sender is told nothing of it
            endpoint.log("hook_failed", level="error", reason=type(bug).__name__)
            found = web.Response(status=500, text="failed\n")
        found.headers["Cache-Control"] = "no-store"
        return found

    async def health(_request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    app = web.Application(middlewares=[guarded], client_max_size=MOST_BODY)
    for path in PATHS:
        app.router.add_post(path, endpoint.deliver)
    app.router.add_get("/healthz", health)
    return app


@contextlib.asynccontextmanager
async def serve(endpoint: Endpoint, host: str, port: int) -> AsyncIterator[int]:
    """Listen while the context lasts, and give the port; then what has arrived is answered, and nobody let in.

    Raises:
        OSError: it cannot listen there.
    """
    runner = web.AppRunner(
        application(endpoint), access_log=None, logger=SILENT, shutdown_timeout=LAST_REQUESTS,
        keepalive_timeout=IDLE, handler_cancellation=False,
    )  # fmt: skip
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
