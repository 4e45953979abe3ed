"""The sandbox over HTTP: the same model behind a socket, connections that really break, and a control plane."""

import asyncio
import contextlib
import ipaddress
import logging
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from billing.core.wire import WireRequest
from billing.sandbox import pages
from billing.sandbox.answers import CORS, encode
from billing.sandbox.config import SandboxConfig
from billing.sandbox.control import PREFIX, ControlProblem, command
from billing.sandbox.faults import Ending
from billing.sandbox.model import Reaction, Sandbox
from billing.sandbox.refusals import Refusal, refusal
from billing.sandbox.webhook_sender import sending

SHUTDOWN_SECONDS = 1.0  # a withheld answer must not hold up the end of a rehearsal
LOOPBACK_NAMES = frozenset({"localhost"})
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SILENT = logging.getLogger("billing.sandbox.http")
SILENT.disabled = True  # the server logs the line it could not read, and keys and e-mail addresses stand in such lines


@dataclass(frozen=True, slots=True)
class Served:
    """A running server.

    Attributes:
        url: what to use as the API base, without a slash at the end.
    """

    url: str
    sandbox: Sandbox


def ticking(config: SandboxConfig | None = None) -> Sandbox:
    """A sandbox whose clock is the machine's, for a server that people talk to."""
    return Sandbox(config, clock=time.time)


@contextlib.asynccontextmanager
async def serve(
    sandbox: Sandbox, *, host: str = "127.0.0.1", port: int = 0, beyond_loopback: bool = False
) -> AsyncIterator[Served]:  # fmt: skip
    """Serve a sandbox while the context lasts; port 0 takes a free one.

    Raises:
        ValueError: a host beyond this machine without ``beyond_loopback``.
        OSError: the port is taken.
    """
    if not beyond_loopback and not is_loopback(host):
        raise ValueError(
            f"{host} can be reached from other machines; the sandbox listens on loopback unless told otherwise"
        )
    runner = web.AppRunner(
        application(sandbox, any_host=beyond_loopback), access_log=None, logger=SILENT,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )  # fmt: skip
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        bound = runner.addresses[0][1]
        url = sandbox.world.origin = f"http://{f'[{host}]' if ':' in host else host}:{bound}"
        async with sending(sandbox):
            yield Served(url, sandbox)
    finally:
        await runner.cleanup()


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's alone."""
    if host in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def application(sandbox: Sandbox, *, any_host: bool = False) -> web.Application:
    """The aiohttp application. Unless ``any_host``, a ``Host`` that is not loopback answers 421 (DNS rebinding)."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not any_host and not is_loopback((request.url.host or "").lower()):
            return _no(refusal("This host is not served here.", status=421))
        try:
            return await handler(request)
        except web.HTTPException as problem:
            return _no(refusal(problem.reason, status=problem.status))
        except web.RequestPayloadError:
            return _no(refusal("The body cannot be read."))
        except Exception as bug:  # noqa: BLE001  whatever it is, it is told as an error object, without what was sent
            return _no(refusal(f"The sandbox failed: {_place_of(bug)}.", status=500, kind="api_error"))

    async def api(request: web.Request) -> web.StreamResponse:
        if request.method == "OPTIONS":
            return web.Response(status=200, headers=CORS)
        return await _carry(sandbox, request)

    async def control(request: web.Request) -> web.StreamResponse:
        return await _command(sandbox, request)

    app = web.Application(middlewares=[guard])
    app.router.add_route("*", f"{PREFIX}{{name}}", control)
    app.router.add_routes(pages.routes(sandbox))
    app.router.add_route("*", "/{path:.*}", api)
    return app


def _no(said: Refusal) -> web.Response:
    """An error of the HTTP layer, as an error object."""
    return web.json_response({"error": said.error}, status=said.status, dumps=encode)


def _place_of(bug: Exception) -> str:
    """The kind of an exception and where it was raised; its message may hold what a request held."""
    frame = traceback.extract_tb(bug.__traceback__)[-1]
    return f"{type(bug).__name__} at {Path(frame.filename).name}:{frame.lineno}"


async def _carry(sandbox: Sandbox, request: web.Request) -> web.StreamResponse:
    body = await request.read()
    wire = WireRequest(request.method, f"http://sandbox{request.raw_path}", dict(request.headers), body)
    pending = sandbox.begin(wire)
    try:
        if pending.reaction.delay:
            await asyncio.sleep(pending.reaction.delay)
    finally:
        reaction = sandbox.finish(pending)
    return await _send(request, reaction)


async def _send(request: web.Request, reaction: Reaction) -> web.StreamResponse:
    """Answer, or break the connection the way the reaction says. Over a socket, refused looks like dropped."""
    response = reaction.response
    if response is not None and reaction.ending is Ending.ANSWERED:
        return web.Response(status=response.status, headers=response.headers, body=response.body)
    if response is not None and reaction.ending is Ending.CUT:
        part = web.StreamResponse(status=response.status, headers=response.headers)
        part.content_length = len(response.body)
        await part.prepare(request)
        await part.write(response.body[: len(response.body) // 2])
        _hang_up(request)
        return part
    _hang_up(request)
    return web.Response()


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()


async def _command(sandbox: Sandbox, request: web.Request) -> web.StreamResponse:
    body = await request.read()
    try:
        answer = command(sandbox, request.method, request.match_info["name"], body)
    except ControlProblem as problem:
        return web.json_response({"error": str(problem)}, status=problem.status)
    return web.json_response(answer)
