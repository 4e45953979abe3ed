"""A webhook hears how a run ended, and can never change it."""

import asyncio
import json

import pytest

from billing.core.policies import Notification
from billing.edge.notify import notify, one_a_second


class Receiver:
    """A real HTTP server that answers with the given statuses, one after the other, the last for ever."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.bodies: list[dict] = []

    async def __aenter__(self) -> "Receiver":
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self.server.sockets[0].getsockname()[1]
        self.address = f"http://127.0.0.1:{port}/secret-path"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        await self.server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        self.bodies.append(json.loads(await reader.readexactly(length)))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        writer.write(f"HTTP/1.1 {status} X\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()


class Listener:
    """Remembers what was logged."""

    def __init__(self) -> None:
        self.events: list[dict] = []

    def __call__(self, event: str, **facts: object) -> None:
        self.events.append({"event": event, **facts})


async def tell(address: str, occasion: str = "finished", on: tuple[str, ...] = ("finished",)) -> tuple[int, Listener]:
    log = Listener()
    hooks = [Notification("env:HOOK", on)]
    summary = {"run": "r-2026-11", "items": 3}
    taken = await notify(hooks, occasion, summary, environ={"HOOK": address}, log=log, pause=0)
    return taken, log


async def test_one_message_is_posted_a_second_and_none_is_let_through_beside_it():
    pace = one_a_second()
    async with Receiver(200) as receiver:
        hooks = [Notification("env:HOOK", ("finished",))]
        assert pace.has_capacity()
        await notify(hooks, "stopped", {}, environ={"HOOK": receiver.address}, log=Listener(), pause=0, pace=pace)
        assert pace.has_capacity()
        await notify(hooks, "finished", {}, environ={"HOOK": receiver.address}, log=Listener(), pause=0, pace=pace)
        assert not pace.has_capacity()
    assert pace.time_period == 1.0


async def test_the_summary_is_posted_with_its_occasion():
    async with Receiver(200) as receiver:
        assert (await tell(receiver.address))[0] == 1
    assert receiver.bodies == [{"event": "run_finished", "run": "r-2026-11", "items": 3}]


async def test_a_receiver_that_fails_twice_is_asked_a_third_time():
    async with Receiver(500, 503, 204) as receiver:
        taken, log = await tell(receiver.address)
    assert (taken, len(receiver.bodies), log.events) == (1, 3, [])


@pytest.mark.parametrize("status", [500, 404, 302])
async def test_a_receiver_that_never_takes_it_is_a_warning_without_its_address(status):
    async with Receiver(status) as receiver:
        taken, log = await tell(receiver.address)
    assert (taken, len(receiver.bodies)) == (0, 3)
    assert [event["event"] for event in log.events] == ["notify_failed"]
    assert "secret-path" not in str(log.events)


@pytest.mark.parametrize(
    "address", ["", "http://example.com/x", "ftp://127.0.0.1/x", "https://", "nonsense", "http://127.0.0.1:1/x"]
)
async def test_an_address_that_must_not_or_cannot_be_used_is_a_warning(address):
    taken, log = await tell(address)
    assert taken == 0
    assert len(log.events) == 1


async def test_an_occasion_nobody_asked_for_is_not_told():
    async with Receiver(200) as receiver:
        assert (await tell(receiver.address, "stopped"))[0] == 0
    assert receiver.bodies == []
