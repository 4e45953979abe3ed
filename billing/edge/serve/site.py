"""The pages over HTTP: what a request must be, what an answer carries, and an end that leaves nothing open."""

import asyncio
import contextlib
import errno
import logging
import socket
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from billing.core.errors import BillingError
from billing.edge.logs import Log
from billing.edge.serve.access import METHODS, Access, Asking, refusal_of
from billing.edge.serve.desk import Desk, Page
from billing.edge.serve.streams import Streams

HOST = "127.0.0.1"
# This machine, and nobody else's.
LONGEST = 60.0
# Seconds for one page; the report of a million lines takes less.
LAST_REQUESTS = 0.5
# Seconds that a page has to end in when the server is stopped: nothing is lost with it.
IDLE = 15.0
# Seconds a connection may stay without a whole request.
MOST_CONNECTIONS = 256
MOST_LINE = 8_190
# Bytes of a request line, and of one header; aiohttp answers 400 to more.
MOST_QUERY = 20
EVENTS = "/live/events"
PATHS = frozenset(
    {"/", "/run", "/run/lines", "/run/differences", "/live", "/item", "/account", "/customer", "/search"}
)  # fmt: skip
HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Robots-Tag": "noindex, nofollow",
    "Server": "billing",
}
# Of every answer. There is no header that lets another origin read one.
NOTHING = "default-src 'none'; frame-ancestors 'none'"
# The policy of what is no page.

SILENT = logging.getLogger("billing.serve.http")
SILENT.disabled = True  # the server logs lines it cannot read, and the token stands in such lines
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Told:
    """What a page says to whoever is not given what was asked for."""

    heading: str
    says: str


REFUSALS: Mapping[int, Told] = {
    400: Told("That is no address", "Open one of the pages by a link."),
    403: Told(
        "This page needs its key",
        "Copy the whole address that billing serve has printed, with its token, into the address line of the browser.",
    ),
    404: Told("There is no such page", "What it is about is not in this ledger, or the address was cut short."),
    405: Told("This page only shows", "Nothing can be changed here."),
    408: Told("That took too long", "Try again, or look at a part of it: one account, one state."),
    421: Told("This server has another name", "Open it by the address that billing serve has printed."),
    500: Told("Something went wrong here", "The log of billing serve says what it was. The ledger was only read."),
    503: Told("Not now", "Too many are looking on, or the ledger cannot be read at this moment. Try again."),
}


def listen(port: int, *, or_free: bool = False) -> socket.socket:
    """Listen on this machine; port 0 takes a free one, and so does one that is taken where that may be.

    Raises:
        OSError: it cannot listen there.
    """
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        if or_free and error.errno == errno.EADDRINUSE:
            return socket.create_server((HOST, 0))
        raise


@contextlib.asynccontextmanager
async def serve(desk: Desk, access: Callable[[int], Access], log: Log, sock: socket.socket) -> AsyncIterator[Access]:
    """Serve while the context lasts, and give what lets in; ``access`` makes that by the port of ``sock``."""
    granted = access(sock.getsockname()[1])
    streams = Streams(desk, log, time.monotonic)
    guard = _Guard(granted, log)
    runner = web.AppRunner(
        application(desk, guard, streams), access_log=None, logger=SILENT, shutdown_timeout=LAST_REQUESTS,
        keepalive_timeout=IDLE, max_line_size=MOST_LINE, max_field_size=MOST_LINE, handler_cancellation=True,
    )  # fmt: skip
    await runner.setup()
    guard.connections = lambda: len(runner.server.connections) if runner.server else 0
    try:
        await web.SockSite(runner, sock).start()
        yield granted
    finally:
        await streams.aclose()
        await runner.cleanup()


def application(desk: Desk, guard: "_Guard", streams: Streams) -> web.Application:
    """Return the application."""
    pages = _Pages(desk, streams)

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await guard(request, handler)

    app = web.Application(middlewares=[guarded], client_max_size=0)
    for path in sorted(PATHS):
        app.router.add_get(path, pages.page)
    app.router.add_get(EVENTS, pages.events, allow_head=False)
    return app


class _Pages:
    """What is answered to somebody who may see it."""

    def __init__(self, desk: Desk, streams: Streams) -> None:
        self._desk, self._streams = desk, streams

    async def page(self, request: web.Request) -> web.StreamResponse:
        """Answer with the page of an address."""
        found = await self._desk.page(request.path, _query(request))
        return await drawn(found) if found is not None else await told(404)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Tell how a run goes on, for as long as somebody looks on."""
        run_id = _query(request).get("id", "")
        if not self._streams.take_place():
            return await told(503)
        try:
            return await self._told_on(request, run_id)
        finally:
            self._streams.give_place_back()

    async def _told_on(self, request: web.Request, run_id: str) -> web.StreamResponse:
        if not await self._desk.knows(run_id):
            return await told(404)
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8", **plain_headers()})
        await stream.prepare(request)
        with contextlib.suppress(ConnectionError):
            async with contextlib.aclosing(self._streams.of(run_id)) as pieces:
                async for piece in pieces:
                    await stream.write(piece)
            await stream.write_eof()
        return stream


class _Guard:
    """What happens to each request before and after its handler."""

    def __init__(self, access: Access, log: Log) -> None:
        self._access, self._log = access, log
        self.connections: Callable[[], int] = lambda: 0

    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        begun = time.monotonic()
        asking = asking_of(request)
        status = refusal_of(asking, self._access) or (503 if self.connections() > MOST_CONNECTIONS else 0)
        if status:
            found: web.StreamResponse = await told(status)
        elif self._access.brings_token(asking):
            # Nobody is sent on to what is no page: "//evil.example" is an address elsewhere.
            found = self._let_in(request) if request.path in PATHS else await told(404)
        else:
            found = await self._answered(request, handler)
        path = request.path if request.path in {*PATHS, EVENTS} else "none"
        took = round((time.monotonic() - begun) * 1000)
        self._log("serve_request", path=path, method=request.method, status=found.status, milliseconds=took)
        return found

    def _let_in(self, request: web.Request) -> web.Response:
        """Give the pass, and send on to the same address without the token: it stays in no page, link or history."""
        rest = [(name, value) for name, value in request.query.items() if name != "token"]
        found = web.Response(status=303, headers={"Location": str(request.rel_url.with_query(rest)), **plain_headers()})
        found.set_cookie(self._access.cookie, self._access.passing, httponly=True, samesite="Strict", path="/")
        return found

    async def _answered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer, whatever happens; what went wrong is told without anything of the request."""
        try:
            if request.path == EVENTS:
                return await handler(request)
            async with asyncio.timeout(LONGEST):
                return await handler(request)
        except web.HTTPException:
            return await told(404)
        except TimeoutError:
            return await told(408)
        except BillingError as error:
            self._log("serve_unavailable", level="warning", reason=type(error).__name__)
            return await told(503)
        except Exception as bug:  # noqa: BLE001  whoever looks is shown a page, and nothing of what went wrong
            self._log("serve_failed", level="error", path=request.path, reason=_place_of(bug))
            return await told(500)


def asking_of(request: web.Request) -> Asking:
    """Return a request as far as it matters to who may see a page."""
    headers = request.headers
    return Asking(
        method=request.method,
        target=request.raw_path,
        hosts=headers.getall("Host", []),
        site=headers.get("Sec-Fetch-Site", ""),
        cookies=headers.get("Cookie", ""),
        token=request.query.get("token", ""),
    )


def _query(request: web.Request) -> dict[str, str]:
    """Return what stands behind the question mark; of two of one name the first."""
    found: dict[str, str] = {}
    for name, value in list(request.query.items())[:MOST_QUERY]:
        found.setdefault(name, value)
    return found


def plain_headers() -> dict[str, str]:
    """Return the headers of what is no page."""
    return {**HEADERS, "Content-Security-Policy": NOTHING}


async def drawn(page: Page) -> web.Response:
    """Draw a page, beside the event loop: a long one takes a while."""
    body = await asyncio.to_thread(page.body)
    headers = {**HEADERS, "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": page.policy()}
    return web.Response(status=page.status, body=body, headers=headers)


async def told(status: int) -> web.Response:
    """Answer with a page that says why there is nothing."""
    values = {"heading": REFUSALS[status].heading, "says": REFUSALS[status].says}
    found = await drawn(Page("serve/told.html", values, status))
    if status == 405:
        found.headers["Allow"] = ", ".join(METHODS)
    if status in (408, 421, 503):
        found.headers["Connection"] = "close"
    return found


def _place_of(bug: Exception) -> str:
    """Return the kind of an exception and where it was raised; its message may hold what a request held."""
    frame = traceback.extract_tb(bug.__traceback__)[-1]
    return f"{type(bug).__name__} at {Path(frame.filename).name}:{frame.lineno}"
