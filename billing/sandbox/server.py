"""The sandbox over HTTP: the same model behind a socket, connections that really break, and a control plane."""

import asyncio
import contextlib
import ipaddress
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from billing.core.wire import WireRequest
from billing.sandbox.config import SandboxConfig
from billing.sandbox.control import PREFIX, ControlProblem, command
from billing.sandbox.faults import Ending
from billing.sandbox.model import Reaction, Sandbox

SHUTDOWN_SECONDS = 1.0  # a withheld answer must not hold up the end of a rehearsal
LOOPBACK_NAMES = frozenset({"localhost"})
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


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
        application(sandbox, any_host=beyond_loopback), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        bound = runner.addresses[0][1]
        yield Served(f"http://{f'[{host}]' if ':' in host else host}:{bound}", sandbox)
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
            return web.json_response({"error": "this host is not served here"}, status=421)
        return await handler(request)

    async def api(request: web.Request) -> web.StreamResponse:
        return await _carry(sandbox, request)

    async def control(request: web.Request) -> web.StreamResponse:
        return await _command(sandbox, request)

    app = web.Application(middlewares=[guard])
    app.router.add_route("*", f"{PREFIX}{{name}}", control)
    app.router.add_route("*", "/{path:.*}", api)
    return app


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
