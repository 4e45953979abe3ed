"""The endpoint over a real socket: what it takes, what it refuses, and what it lets nobody do to it."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest

from billing.core.items import Mode
from billing.edge.hooks import site
from billing.edge.hooks.envelope import Notice
from billing.edge.hooks.signature import Secrets
from billing.edge.hooks.site import MOST_BODY, Endpoint, Taken, serve
from tests.hooks.events import NOW, OTHER, SECRET, event, signed


@dataclass
class Taker:
    """Somebody who takes what there is room for."""

    room: int = 1000
    notices: list[Notice] = field(default_factory=list)

    def take(self, notice):
        if len(self.notices) >= self.room:
            return Taken.FULL
        self.notices.append(notice)
        return Taken.QUEUED


@dataclass
class Door:
    """An endpoint that is served, and a sender."""

    taker: Taker
    lines: list[dict]
    port: int
    client: aiohttp.ClientSession

    async def send(self, body=None, header=None, path="/", method="POST"):
        body = event() if body is None else body
        headers = {"Stripe-Signature": signed(body) if header is None else header}
        url = f"http://127.0.0.1:{self.port}{path}"
        async with self.client.request(method, url, data=body, headers=headers, allow_redirects=False) as answer:
            return answer.status, dict(answer.headers)

    async def raw(self, text: bytes) -> bytes:
        """Send bytes as they are, and return the first line that comes back."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(text)
        await writer.drain()
        line = await asyncio.wait_for(reader.readline(), 10)
        writer.close()
        return line

    def told(self, name):
        return [line for line in self.lines if line["event"] == name]


@asynccontextmanager
async def served(**options):
    lines: list[dict] = []
    taker = Taker(**options)
    endpoint = Endpoint(
        Secrets([SECRET, OTHER]), Mode.TEST, taker, lambda event, **facts: lines.append({"event": event, **facts}),
        now=lambda: NOW,
    )  # fmt: skip
    async with serve(endpoint, "127.0.0.1", 0) as port, aiohttp.ClientSession() as client:
        yield Door(taker, lines, port, client)


@pytest.fixture
async def door():
    async with served() as door:
        yield door


async def test_what_stripe_signs_is_taken_on_either_path_and_with_either_secret(door):
    body = event()
    assert [(await door.send(path=path))[0] for path in ("/", "/stripe")] == [200, 200]
    assert (await door.send(body, signed(body, OTHER)))[0] == 200
    assert [notice.named for notice in door.taker.notices] == ["pi_1Mine"] * 3


async def test_what_is_not_believed_is_refused_and_reaches_nobody(door):
    body = event()
    forged = [signed(body, "whsec_notOurs"), signed(body, at=NOW - 301), "", "t=1", signed(event(named="pi_1Other"))]
    assert [(await door.send(body, header))[0] for header in forged] == [400] * 5
    assert door.taker.notices == []


async def test_what_nobody_needs_is_answered_and_forgotten(door):
    for body in (event(livemode=True), event("charge.updated"), b'{"object": "v2.core.event"}', b"no json"):
        assert (await door.send(body))[0] == 200
    assert door.taker.notices == []


async def test_where_there_is_no_room_stripe_is_asked_to_come_back():
    async with served(room=1) as door:
        assert (await door.send())[0] == 200
        status, headers = await door.send()
        assert (status, headers["Retry-After"]) == (503, str(site.PAUSE_SECONDS))


async def test_whoever_asks_for_anything_else_is_sent_away(door):
    assert (await door.send(path="/stripe/more"))[0] == 404
    assert (await door.send(path="/healthz", method="GET"))[0] == 200
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        status, headers = await door.send(method=method)
        assert (status, headers["Allow"]) == (405, "POST")


async def test_a_body_larger_than_any_event_is_not_read_whether_its_length_is_told_or_not(door):
    large = event(padding="x" * MOST_BODY)

    async def in_parts():
        yield large

    assert (await door.send(large, signed(large)))[0] == 413
    assert (await door.send(in_parts(), signed(large)))[0] == 413
    assert (await door.send(event(padding="x" * 400_000)))[0] == 200
    assert len(door.taker.notices) == 1


async def test_a_body_is_not_waited_for_without_a_signature_and_not_for_ever_with_one(door, monkeypatch):
    monkeypatch.setattr(site, "BODY_SECONDS", 0.05)
    body = event()
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n%s\r\n\r\n"
    assert await door.raw(head % (len(body), b"X: y")) == b"HTTP/1.1 400 Bad Request\r\n"
    signature = b"Stripe-Signature: " + signed(body).encode()
    assert b" 413 " in await door.raw(head % (MOST_BODY + 1, signature))
    assert await door.raw(head % (len(body), signature) + body[:10]) == b"HTTP/1.1 408 Request Timeout\r\n"
    assert door.taker.notices == []


async def test_slow_senders_take_no_more_than_their_places(door, monkeypatch):
    monkeypatch.setattr(site, "AT_ONCE", 1)
    body = event()
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\nStripe-Signature: %s\r\n\r\n"
        % (len(body), signed(body).encode())
    )
    await writer.drain()
    async with asyncio.timeout(10):
        while (await door.send())[0] != 503:
            pass
    writer.write(body)
    await writer.drain()
    assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
    writer.close()


@pytest.mark.parametrize("lines", [
    b"Stripe-Signature: %(good)s\r\nStripe-Signature: %(good)s", b"Stripe-Signature : %(good)s",
    b"Stripe-Signature: t=1\r\n %(good)s", b"X-Stripe-Signature: %(good)s", b"Stripe-Signature: \x00%(good)s",
    b"Stripe-Signature: " + b"%(good)s," * 100, b"X: " + b"a" * 100_000,
])  # fmt: skip
async def test_a_header_that_is_played_with_is_no_signature(door, lines):
    body = event()
    head = lines % {b"good": signed(body).encode()}
    line = await door.raw(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n%s\r\n\r\n%s" % (len(body), head, body))
    assert line.split(maxsplit=1)[1] == b"400 Bad Request\r\n"
    assert door.taker.notices == []


async def test_a_flood_of_forgeries_is_told_in_one_line_and_does_not_keep_stripe_out(door):
    forged = [door.send(header=signed(event(), "whsec_notOurs")) for _ in range(300)]
    answers = await asyncio.gather(*forged, door.send())
    assert [status for status, _ in answers] == [400] * 300 + [200]
    assert len(door.told("hook_refused")) == 1


async def test_the_log_holds_ids_and_never_what_the_body_says(door):
    shown = {"id": "pi_1Mine", "receipt_email": "jane@payer.example", "client_secret": "pi_1Mine_secret_abc"}
    await door.send(event(data={"object": shown}))
    assert door.told("hook_event") == [{
        "event": "hook_event", "came_to": Taken.QUEUED, "stripe_event": "evt_1First", "account": "acct_1Mine",
        "type": "payment_intent.succeeded", "object": "pi_1Mine",
    }]  # fmt: skip
    assert "jane" not in str(door.lines)
    assert "secret" not in str(door.lines)
