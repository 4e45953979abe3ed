"""The provider of the tests: the sandbox behind a real loopback socket, with a tripwire at every request."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from aiohttp import web

from billing.core.wire import WireRequest
from billing.sandbox import pages
from billing.sandbox.arrivals import arrival_of
from billing.sandbox.faults import Ending, Fault, Scripted
from billing.sandbox.model import Pending, Reaction, Sandbox
from tests.kills.points import BAITS, Phase
from tests.kills.signals import WireTrip

T = TypeVar("T")


class Door:
    """One runner's own address at the provider, so that whatever comes through it is known to be that runner's.

    Attributes:
        url: what it uses as its API base.
        trip: what waits for it at a request, if anything.
        heard: set at its first request; clear it to hear of the next one.
        arrivals: when each request was read whole: epoch seconds, operation, path and body.
    """

    def __init__(self, trip: WireTrip | None, *, closed: bool) -> None:
        self.url = ""
        self.trip = trip
        self.heard = threading.Event()
        self.admitted = asyncio.Event()
        self.arrivals: list[tuple[float, str, str, bytes]] = []
        if not closed:
            self.admitted.set()


class Provider:
    """A sandbox in a thread of its own, alive as long as the ``with`` block.

    Attributes:
        problems: what went wrong in here; there must be none.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="provider")
        self._servers: list[web.AppRunner] = []
        self._held = 0
        self.problems: list[str] = []

    def __enter__(self) -> "Provider":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._await(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _await(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def door(self, trip: WireTrip | None = None, *, closed: bool = False) -> Door:
        """Open a new address; ``closed`` holds its answers back until `admit`."""
        return self._await(self._open(Door(trip, closed=closed)))

    def admit(self, door: Door) -> None:
        """Let the answers of a door go out."""
        self.ask(lambda _: door.admitted.set())

    async def _open(self, door: Door) -> Door:
        app = web.Application()
        app.add_routes(pages.routes(self._sandbox))
        app.router.add_route("*", "/{path:.*}", partial(self._answer, door))
        server = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        self._servers.append(server)
        await server.setup()
        await web.TCPSite(server, "127.0.0.1", 0).start()
        door.url = f"http://127.0.0.1:{server.addresses[0][1]}"
        return door

    async def _close(self) -> None:
        for server in self._servers:
            await server.cleanup()

    def ask(self, question: Callable[[Sandbox], T]) -> T:
        """Use the sandbox between two requests, never during one."""
        answer: Future[T] = Future()

        def put() -> None:
            try:
                answer.set_result(question(self._sandbox))
            except Exception as failure:  # noqa: BLE001  whoever asked shall see it
                answer.set_exception(failure)

        self._loop.call_soon_threadsafe(put)
        return answer.result(10)

    @property
    def quiet(self) -> bool:
        """Whether nothing is held: no request arrived that is not carried out, no answer that is not written."""
        return self._held == 0

    async def _answer(self, door: Door, request: web.Request) -> web.StreamResponse:
        self._held += 1
        try:
            return await self._carry(door, request)
        except OSError:  # the runner is gone, and its socket with it
            return web.Response()
        except Exception as failure:
            self.problems.append(f"provider: {type(failure).__name__}: {failure}")
            raise
        finally:
            self._held -= 1

    async def _carry(self, door: Door, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        door.heard.set()
        await door.admitted.wait()
        wire = WireRequest(request.method, f"http://sandbox{request.raw_path}", dict(request.headers), body)
        operation, trip = arrival_of(wire).operation, door.trip
        door.arrivals.append((time.time(), operation, request.path, body))
        if trip and trip.springs(operation, Phase.ARRIVED):
            await asyncio.sleep(trip.lag)
        self._bait(trip, operation)
        pending = self._sandbox.begin(wire)
        clean = self._sandbox.log[-1].fault is None
        return await self._finish(request, pending, trip, operation, clean)

    async def _finish(
        self, request: web.Request, pending: Pending, trip: WireTrip | None, operation: str, clean: bool
    ) -> web.StreamResponse:  # fmt: skip
        """Answer; a request that met a fault was perhaps not carried out, so it springs no trip any more."""
        try:
            await asyncio.sleep(pending.reaction.delay)
            if trip and clean and trip.springs(operation, Phase.DONE):
                await asyncio.sleep(trip.lag)
        finally:
            reaction = self._sandbox.finish(pending)
        sent = await _send(request, reaction)
        if trip and clean and trip.aims_at(operation, Phase.ANSWERED):
            await asyncio.sleep(min(trip.lag, 0.005))
            trip.springs(operation, Phase.ANSWERED)
        return sent

    def _bait(self, trip: WireTrip | None, operation: str) -> None:
        """Let requests of the awaited runner meet what makes it send the one it is to be struck at."""
        wanted, kind = BAITS.get(trip.point.what, ("", None)) if trip and not trip.over.is_set() else ("", None)
        if kind is not None and operation == wanted:
            self._sandbox.faults.add(Scripted(Fault(kind), operation))


async def _send(request: web.Request, reaction: Reaction) -> web.StreamResponse:
    """Write the answer to its last byte, or break the connection the way the reaction says."""
    response = reaction.response
    if response is None or reaction.ending not in (Ending.ANSWERED, Ending.CUT):
        _hang_up(request)
        return web.Response()
    if reaction.ending is Ending.ANSWERED:
        whole = web.Response(status=response.status, headers=response.headers, body=response.body)
        await whole.prepare(request)
        await whole.write_eof()
        return whole
    part = web.StreamResponse(status=response.status, headers=response.headers)
    part.content_length = len(response.body)
    await part.prepare(request)
    await part.write(response.body[: len(response.body) // 2])
    _hang_up(request)
    return part


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        with contextlib.suppress(OSError):
            request.transport.close()


def prune(sandbox: Sandbox) -> Any:
    """Forget every idempotency key, as Stripe does after a day."""
    return sandbox.keys.prune()
