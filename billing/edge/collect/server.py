"""The page over HTTP: what a request must be, what an answer carries, and an end that finishes what has begun."""

import asyncio
import contextlib
import gzip
import logging
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from aiohttp import web

from billing.edge.collect.forwarded import Origin, origin_of
from billing.edge.collect.headers import of_every_answer
from billing.edge.collect.site import KEPT, TEXT, Arrival, Site, answer
from billing.edge.logs import Log

MOST_BODY = 1024
# Bytes; the form's script sends two.
LONGEST = 60.0
# Seconds for one request: Stripe's own limit for an answer is 80, and nobody looks at a page that long.
LAST_REQUESTS = 20.0
# Seconds that requests have to end in when the server is stopped; Kubernetes gives 30 in all.
IDLE = 30.0
# Seconds a connection may stay without a request.
LINK = "/s/{token:[A-Za-z0-9_-]{1,200}}"
# A mail program may have cut a link short or joined something to it: that is still a link, and no good one.
METHODS = frozenset({"GET", "HEAD", "POST"})
ORIGIN = web.RequestKey("origin", Origin)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SILENT = logging.getLogger("billing.collect.http")
SILENT.disabled = True  # the server logs lines it cannot read, and links and client secrets stand in such lines


@contextlib.asynccontextmanager
async def serve(site: Site, log: Log, host: str, port: int) -> AsyncIterator[int]:
    """Serve the page while the context lasts, and give its port; what has begun by then ends within `LAST_REQUESTS`.

    Raises:
        OSError: it cannot listen there.
    """
    runner = web.AppRunner(
        application(site, log), access_log=None, logger=SILENT, shutdown_timeout=LAST_REQUESTS,
        keepalive_timeout=IDLE, handler_cancellation=False,
    )  # fmt: skip
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def application(site: Site, log: Log) -> web.Application:
    """Return the application."""
    guard = _Guard(site, log)

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await guard(request, handler)

    app = web.Application(middlewares=[guarded], client_max_size=MOST_BODY)
    links, files = _Links(site), _Files(site)
    app.router.add_get(LINK, links.form, name="form")
    app.router.add_post(LINK + "/open", links.open, name="open")
    app.router.add_get(LINK + "/done", links.done, name="done")
    app.router.add_get("/static/{name}", files.static, name="static")
    app.router.add_get("/healthz", files.health, name="health")
    app.router.add_get("/robots.txt", files.robots, name="robots")
    return app


class _Links:
    """What is asked about a link."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def form(self, request: web.Request) -> web.StreamResponse:
        return await self._site.form(self._arrival(request))

    async def open(self, request: web.Request) -> web.StreamResponse:
        return await self._site.open(self._arrival(request))

    async def done(self, request: web.Request) -> web.StreamResponse:
        """Send away from what Stripe adds to the address, before anything is read."""
        arrival = self._arrival(request)
        address = self._site.done_address(arrival)
        if request.rel_url.raw_path_qs != address:
            return answer(303, "", TEXT, Location=address)
        return await self._site.done(arrival)

    def _arrival(self, request: web.Request) -> Arrival:
        return Arrival(
            request.match_info["token"],
            self._site.language_of(request.query.get("lang", "")),
            request.headers.get("Accept-Language", ""),
            request[ORIGIN].address,
        )


class _Files:
    """What is the same for everybody."""

    def __init__(self, site: Site) -> None:
        statics = site.pages.statics.items()
        self._files = {name: (kind, content, gzip.compress(content)) for name, (kind, content) in statics}

    async def static(self, request: web.Request) -> web.StreamResponse:
        found = self._files.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        kind, content, packed = found
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            return answer(200, packed, kind, Cache_Control=KEPT, Content_Encoding="gzip", Vary="Accept-Encoding")
        return answer(200, content, kind, Cache_Control=KEPT, Vary="Accept-Encoding")

    async def health(self, _request: web.Request) -> web.StreamResponse:
        return answer(200, "ok\n", TEXT)

    async def robots(self, _request: web.Request) -> web.StreamResponse:
        return answer(200, "User-agent: *\nDisallow: /\n", TEXT)


class _Guard:
    """What happens to each request before and after its handler."""

    def __init__(self, site: Site, log: Log) -> None:
        self._site, self._log = site, log
        self._headers = of_every_answer(site.options.stripe, https=site.options.https)

    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        begun = time.monotonic()
        route = request.match_info.route.name or "none"
        origin = origin_of(request.remote or "", request.headers, self._site.options.proxies)
        request[ORIGIN] = origin
        found = self._refused(request, origin, route) or await self._answered(request, handler, route)
        for name, value in self._headers.items():
            found.headers.setdefault(name, value)
        took = round((time.monotonic() - begun) * 1000)
        self._log("collect_request", route=route, method=request.method, status=found.status, milliseconds=took)
        return found

    def _refused(self, request: web.Request, origin: Origin, route: str) -> web.StreamResponse | None:
        """Return the answer to a request that no handler may see."""
        options = self._site.options
        if route == "health":
            return None
        if request.method not in METHODS:
            return self._page(request, "refused", Allow="GET, HEAD, POST")
        if options.https and not origin.https and request.method != "POST":
            return answer(308, "", TEXT, Location=options.public_url + request.rel_url.raw_path_qs)
        if request.method == "POST" and not self._is_ours(request, origin):
            return answer(403, "{}", "application/json")
        return None

    def _is_ours(self, request: web.Request, origin: Origin) -> bool:
        """Tell whether a POST comes from our own script on our own page.

        No other site's page can send the header or the type without asking first, and that is refused. (Fetch standard,
        CORS-safelisted request-header)
        """
        headers, options = request.headers, self._site.options
        return (
            request.content_type == "application/json"
            and headers.get("X-Collect") == "1"
            and headers.get("Origin") == options.public_url
            and headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
            and (origin.https or not options.https)
        )

    async def _answered(self, request: web.Request, handler: Handler, route: str) -> web.StreamResponse:
        """Answer, whatever happens; what went wrong is told without anything of the request."""
        try:
            async with asyncio.timeout(LONGEST):
                if request.method == "POST":
                    await request.read()
                return await handler(request)
        except web.HTTPMethodNotAllowed as problem:
            return self._page(request, "refused", Allow=", ".join(sorted(problem.allowed_methods)))
        except web.HTTPException as problem:
            return answer(problem.status, "", TEXT) if problem.status == 413 else self._page(request, "missing")
        except (TimeoutError, web.RequestPayloadError):
            self._log("collect_failed", level="warning", route=route, reason="timeout")
            return self._page(request, "later")
        except Exception as bug:  # noqa: BLE001  a payer is shown a page, and nothing of what went wrong
            self._log("collect_failed", level="error", route=route, reason=_place_of(bug))
            return self._page(request, "broken")

    def _page(self, request: web.Request, name: str, **headers: str) -> web.Response:
        found = self._site.without_link(name, request.headers.get("Accept-Language", ""))
        found.headers.update(headers)
        return found


def _place_of(bug: Exception) -> str:
    """Return the kind of an exception and where it was raised; its message may hold what a request held."""
    frame = traceback.extract_tb(bug.__traceback__)[-1]
    return f"{type(bug).__name__} at {Path(frame.filename).name}:{frame.lineno}"
