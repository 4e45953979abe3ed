"""Did the request leave? Asked of real sockets that refuse, hang, cut, reset, redirect and pretend."""

import asyncio
import base64
import contextlib
import gzip
import shutil
import socket
import ssl
import struct
import subprocess
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from billing.core.policies import Notification
from billing.core.replies import WireFault
from billing.core.wire import AnswerLost, NeverSent, WireRequest, WireResponse
from billing.edge.notify import notify
from billing.edge.route import Route, tls_context
from billing.edge.stripe.transport import (
    LARGEST_ANSWER,
    NetworkWire,
    RequestWriter,
    exchange,
    failure,
    ignored_variables,
)

KEY = "sk_test_canary51H8xQ2eZvKYlo2C9k7TtRw4Vb"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nRequest-Id: req_1\r\n\r\n{}"

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """A server on a real socket that counts the requests it has read."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.requests: list[bytes] = []
        self.asked = asyncio.Event()


@asynccontextmanager
async def serving(handler: Callable[[Server], Handler], tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Serve until left; connections that are still open then are dropped."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        server = Server(sock.getsockname()[1])
        tasks: set[asyncio.Task[None]] = set()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            try:
                await handler(server)(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass
            finally:
                writer.close()
                tasks.discard(task)

        running = await asyncio.start_server(handle, sock=sock, ssl=tls)
        try:
            yield server
        finally:
            running.close()
            for task in list(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def one_request(server: Server, reader: asyncio.StreamReader) -> bytes:
    """Read one request, head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-l")), 0
    )
    body = await reader.readexactly(length)
    server.requests.append(head + body)
    server.asked.set()
    return head + body


def answering(*answers: bytes) -> Callable[[Server], Handler]:
    """Answer the requests of one connection with these bytes, one after the other, then close."""

    def handler(server: Server) -> Handler:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for answer in answers:
                await one_request(server, reader)
                writer.write(answer)
                await writer.drain()

        return handle

    return handler


def hanging(server: Server) -> Handler:
    """Read a request and never answer."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await one_request(server, reader)
        await asyncio.sleep(60)

    return handle


def resetting(server: Server) -> Handler:
    """Read a request, then reset the connection."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await one_request(server, reader)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return handle


def closing(server: Server) -> Handler:
    """Close the connection before anything is read."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader

    return handle


def silent(server: Server) -> Handler:
    """Say nothing, read nothing."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    return handle


def talkative(server: Server) -> Handler:
    """Answer before anything was asked."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await writer.drain()

    return handle


@asynccontextmanager
async def wired(**settings: object) -> AsyncIterator[NetworkWire]:
    """A wire with short time-outs, closed afterwards."""
    wire = NetworkWire(**{"connect_seconds": 2.0, "total_seconds": 2.0, **settings})
    try:
        yield wire
    finally:
        await wire.aclose()


def post(url: str, body: bytes = b"amount=1") -> WireRequest:
    """A POST with a key in it."""
    return WireRequest("POST", url, {"Authorization": f"Bearer {KEY}"}, body)


def get(url: str) -> WireRequest:
    """A GET with a key in it."""
    return WireRequest("GET", url, {"Authorization": f"Bearer {KEY}"})


async def test_an_answer_comes_back_whole_with_lower_case_headers():
    async with serving(answering(OK)) as server, wired() as wire:
        response = await wire.send(post(f"{server.url}/v1/x"))
    assert response == WireResponse(200, {"content-length": "2", "request-id": "req_1"}, b"{}")
    assert server.requests[0].endswith(b"\r\n\r\namount=1")


async def test_a_query_goes_out_as_it_was_written():
    async with serving(answering(OK)) as server, wired() as wire:
        await wire.send(get(f"{server.url}/v1/x?created[gte]=1&a=b%2Bc"))
    assert server.requests[0].startswith(b"GET /v1/x?created[gte]=1&a=b%2Bc HTTP/1.1")


def refused_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@pytest.mark.parametrize("request_to", [post, get])
async def test_a_refused_connection_was_never_sent(request_to):
    async with wired() as wire:
        with pytest.raises(NeverSent, match="ClientConnectorError"):
            await wire.send(request_to(f"http://127.0.0.1:{refused_port()}/"))


async def test_a_name_that_does_not_resolve_was_never_sent():
    async with wired() as wire:
        with pytest.raises(NeverSent):
            await wire.send(post("http://nowhere.invalid/"))


async def test_no_free_connection_in_time_was_never_sent():
    async with serving(hanging) as server, wired(connections=1, connect_seconds=0.2) as wire:
        first = asyncio.create_task(wire.send(post(server.url)))
        await server.asked.wait()
        with pytest.raises(NeverSent, match="ConnectionTimeoutError"):
            await wire.send(post(server.url))
        first.cancel()
        assert len(server.requests) == 1


async def test_a_server_that_speaks_no_tls_was_never_sent():
    async with serving(talkative) as server, wired() as wire:
        with pytest.raises(NeverSent, match="SSL"):
            await wire.send(post(f"https://127.0.0.1:{server.port}/"))


async def test_a_handshake_that_hangs_was_never_sent():
    async with serving(silent) as server, wired(connect_seconds=0.2) as wire:
        with pytest.raises(NeverSent, match="ConnectionTimeoutError"):
            await wire.send(post(f"https://127.0.0.1:{server.port}/"))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost that nobody signed, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-out", str(cert), "-keyout", str(key)]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


def server_tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    """The server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


async def test_a_certificate_nobody_signed_was_never_sent(certificate):
    async with serving(answering(OK), server_tls(certificate)) as server, wired() as wire:
        with pytest.raises(NeverSent, match="Certificate"):
            await wire.send(post(f"https://localhost:{server.port}/"))
    assert server.requests == []


async def test_a_certificate_for_another_host_was_never_sent(certificate):
    async with (
        serving(answering(OK), server_tls(certificate)) as server,
        wired(route=Route(authorities=certificate[0].read_text())) as wire,
    ):
        with pytest.raises(NeverSent, match="Certificate"):
            await wire.send(post(f"https://127.0.0.1:{server.port}/"))
    assert server.requests == []


async def test_an_authority_given_on_purpose_is_trusted(certificate, monkeypatch, tmp_path):
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    async with (
        serving(answering(OK), server_tls(certificate)) as server,
        wired(route=Route(authorities=certificate[0].read_text())) as wire,
    ):
        assert (await wire.send(post(f"https://localhost:{server.port}/"))).status == 200
    assert not (tmp_path / "keys").exists()


def test_old_tls_is_not_spoken():
    context = tls_context()
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


class Proxy:
    """An HTTP proxy on loopback that makes tunnels, or refuses to; it sees who asks and for what."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[bytes] = []

    def address(self, login: str = "") -> str:
        return f"http://{login}127.0.0.1:{self.port}"


@asynccontextmanager
async def proxying(refusal: bytes = b"") -> AsyncIterator[Proxy]:
    """Serve a proxy; with ``refusal`` it answers so instead of connecting."""
    tasks: list[asyncio.Task[None]] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            while part := await reader.read(1 << 16):
                writer.write(part)
                await writer.drain()
        writer.close()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        proxy.asked.append(head)
        if refusal or not head.startswith(b"CONNECT "):
            writer.write(refusal or b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            writer.close()
            return
        host, _, port = head.split(b" ")[1].decode().partition(":")
        there, back = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        tasks.append(asyncio.create_task(pump(reader, back)))
        tasks.append(asyncio.create_task(pump(there, writer)))

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    proxy = Proxy(server.sockets[0].getsockname()[1])
    try:
        yield proxy
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def through(proxy: Proxy, certificate: tuple[Path, Path], login: str = "") -> Route:
    return Route(proxy.address(login), certificate[0].read_text())


async def test_what_is_https_goes_through_the_proxy_and_the_proxy_sees_none_of_it(certificate):
    async with (
        serving(answering(OK), server_tls(certificate)) as server,
        proxying() as proxy,
        wired(route=through(proxy, certificate, "us%65r:p%40ss@")) as wire,
    ):
        request = post(f"https://localhost:{server.port}/v1/x")
        assert (await wire.send(request)).status == 200
    assert len(server.requests) == 1
    (asked,) = proxy.asked
    assert asked.startswith(f"CONNECT localhost:{server.port} ".encode())
    assert base64.b64encode(b"user:p@ss") in asked
    assert b"roxy-" not in server.requests[0]
    assert not any(value.encode() in asked for name, value in request.headers.items() if name != "Host" and value)


async def test_plain_http_stays_on_this_machine_and_needs_no_proxy(certificate):
    async with serving(answering(OK)) as server, proxying() as proxy, wired(route=through(proxy, certificate)) as wire:
        assert (await wire.send(post(server.url))).status == 200
    assert proxy.asked == []


@pytest.mark.parametrize("status", ["407 Proxy Authentication Required", "403 Forbidden", "502 Bad Gateway"])
async def test_what_the_proxy_would_not_connect_was_never_sent(certificate, status):
    refusal = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()
    async with (
        serving(answering(OK), server_tls(certificate)) as server,
        proxying(refusal) as proxy,
        wired(route=through(proxy, certificate, "user:secret@")) as wire,
    ):
        with pytest.raises(NeverSent) as error:
            await wire.send(post(f"https://localhost:{server.port}/"))
    assert server.requests == []
    assert "secret" not in "".join(traceback.format_exception(error.value))


async def test_a_proxy_that_is_not_there_was_never_sent_to(certificate):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        route = Route(f"http://127.0.0.1:{free.getsockname()[1]}", certificate[0].read_text())
        async with serving(answering(OK), server_tls(certificate)) as server, wired(route=route) as wire:
            with pytest.raises(NeverSent):
                await wire.send(post(f"https://localhost:{server.port}/"))
    assert server.requests == []


async def test_a_certificate_nobody_signed_is_not_believed_behind_a_proxy_either(certificate):
    async with (
        serving(answering(OK), server_tls(certificate)) as server,
        proxying() as proxy,
        wired(route=Route(proxy.address())) as wire,
    ):
        with pytest.raises(NeverSent):
            await wire.send(post(f"https://localhost:{server.port}/"))
    assert server.requests == []


async def test_a_tunnel_that_breaks_after_the_request_is_a_lost_answer(certificate):
    """The handshake passes; then the server reads the request and nothing comes back."""
    async with (
        serving(closing_after_reading, server_tls(certificate)) as server,
        proxying() as proxy,
        wired(route=through(proxy, certificate)) as wire,
    ):
        with pytest.raises(AnswerLost):
            await wire.send(post(f"https://localhost:{server.port}/"))
    assert len(server.requests) == 1


async def test_a_notification_takes_the_same_way(certificate):
    async with serving(answering(OK), server_tls(certificate)) as server, proxying() as proxy:
        hooks, environ = [Notification("env:HOOK", ("finished",))], {"HOOK": f"https://localhost:{server.port}/hook"}
        route = through(proxy, certificate)
        told = await notify(hooks, "finished", {}, environ=environ, log=lambda *_, **__: None, pause=0, route=route)
        assert told == 1
        assert len(proxy.asked) == len(server.requests) == 1
        failed: list[object] = []
        for unsure in (Route(proxy.address()), Route("http://me:s3cret@127.0.0.1:1")):
            log: Callable[..., None] = lambda event, **facts: failed.append((event, facts))  # noqa: E731
            assert await notify(hooks, "finished", {}, environ=environ, log=log, pause=0, route=unsure) == 0
    assert len(failed) == 2
    assert "s3cret" not in str(failed)
    assert len(server.requests) == 1


def closing_after_reading(server: Server) -> Handler:
    """Read a request, then close without a word."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await one_request(server, reader)

    return handle


LOST_ANSWERS = {
    "never answered": hanging,
    "closed before reading": closing,
    "closed after reading": answering(b""),
    "reset after reading": resetting,
    "head cut": answering(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "body cut": answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"),
    "chunk cut": answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n{}"),
    "not HTTP": answering(b"SSH-2.0-OpenSSH\r\n\r\n"),
    "bad encoding": answering(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"),
}


@pytest.mark.parametrize("request_to", [post, get])
@pytest.mark.parametrize("name", LOST_ANSWERS)
async def test_whatever_fails_after_connecting_is_a_lost_answer(name, request_to):
    async with serving(LOST_ANSWERS[name]) as server, wired(total_seconds=0.5) as wire:
        with pytest.raises(AnswerLost):
            await wire.send(request_to(server.url))
    assert len(server.requests) <= 1


@pytest.mark.parametrize("request_to", [post, get])
async def test_a_used_connection_that_drops_is_a_lost_answer_and_nothing_is_sent_again(request_to):
    async with serving(answering(OK, b"")) as server, wired() as wire:
        await wire.send(request_to(server.url))
        with pytest.raises(AnswerLost):
            await wire.send(request_to(server.url))
        await asyncio.sleep(0.05)
        assert len(server.requests) == 2


async def test_an_answer_in_pieces_comes_back_whole():
    pieces = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\n{}\r\n", b"1\r\n \r\n", b"0\r\n\r\n"]

    def handler(server: Server) -> Handler:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0.02)

        return handle

    async with serving(handler) as server, wired() as wire:
        assert (await wire.send(get(server.url))).body == b"{} "


async def test_an_answer_that_unpacks_to_more_than_any_is_lost():
    packed = gzip.compress(bytes(LARGEST_ANSWER + 1))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    async with serving(answering(head + packed)) as server, wired(total_seconds=20.0) as wire:
        with pytest.raises(AnswerLost, match="AnswerTooLarge"):
            await wire.send(get(server.url))


async def test_an_answer_larger_than_any_is_lost():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (LARGEST_ANSWER + 1)
    async with serving(answering(head + b"x" * (LARGEST_ANSWER + 1))) as server, wired(total_seconds=20.0) as wire:
        with pytest.raises(AnswerLost, match="AnswerTooLarge"):
            await wire.send(get(server.url))


async def test_a_cancelled_send_ends_as_cancelled():
    async with serving(hanging) as server, wired() as wire:
        task = asyncio.create_task(wire.send(post(server.url)))
        await server.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("request_to", [post, get])
async def test_a_redirect_is_an_answer_and_is_not_followed(status, request_to):
    async with serving(answering(OK)) as elsewhere:
        moved = b"HTTP/1.1 %d Moved\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % (status, elsewhere.url.encode())
        async with serving(answering(moved)) as server, wired() as wire:
            assert (await wire.send(request_to(server.url))).status == status
    assert elsewhere.requests == []


async def test_proxies_of_the_environment_are_ignored(monkeypatch):
    async with serving(answering(OK)) as proxy, serving(answering(OK)) as server, wired() as wire:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        await wire.send(post(server.url))
    assert (len(proxy.requests), len(server.requests)) == (0, 1)


def test_what_is_ignored_is_named():
    assert ignored_variables({"https_proxy": "http://x", "SSLKEYLOGFILE": "/k", "PATH": "/bin"}) == (
        "HTTPS_PROXY",
        "SSLKEYLOGFILE",
    )


async def test_a_cookie_is_never_sent_back():
    cookie = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\n{}"
    async with serving(answering(cookie, OK)) as server, wired() as wire:
        await wire.send(get(f"http://localhost:{server.port}/"))
        await wire.send(get(f"http://localhost:{server.port}/"))
    assert b"cookie" not in server.requests[1].lower()


async def test_a_hundred_requests_share_their_connections():
    accepted = 0

    def counting(server: Server) -> Handler:
        nonlocal accepted
        accepted += 1
        return answering(*[OK] * 100)(server)

    async with serving(counting) as server, wired(connections=4, connect_seconds=5.0, total_seconds=10.0) as wire:
        await asyncio.gather(*(wire.send(post(server.url)) for _ in range(100)))
    assert accepted <= 4


async def test_no_failure_shows_the_key():
    async with wired() as wire:
        with pytest.raises(NeverSent) as caught:
            await wire.send(post(f"http://127.0.0.1:{refused_port()}/"))
    assert KEY not in "".join(traceback.format_exception(caught.value)) + repr(caught.value)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (aiohttp.InvalidURL("x"), NeverSent),
        (aiohttp.ConnectionTimeoutError(), NeverSent),
        (aiohttp.ServerDisconnectedError(), AnswerLost),
        (aiohttp.ClientOSError(104, "reset"), AnswerLost),
        (aiohttp.ClientPayloadError(), AnswerLost),
        (aiohttp.SocketTimeoutError(), AnswerLost),
        (aiohttp.ClientConnectionError(), AnswerLost),
        (TimeoutError(), AnswerLost),
        (BrokenPipeError(), AnswerLost),
        (ssl.SSLError(), AnswerLost),
    ],
)
def test_only_what_fails_before_the_first_byte_was_never_sent(error, kind):
    assert type(failure(error)) is kind


class Canned:
    """A wire that gives one answer, or one failure."""

    def __init__(self, answer: WireResponse | Exception) -> None:
        self.answer = answer
        self.requests: list[WireRequest] = []

    async def send(self, request: WireRequest) -> WireResponse:
        self.requests.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def aclose(self) -> None:
        pass


@pytest.mark.parametrize(
    ("error", "fault"), [(NeverSent("A"), WireFault.NEVER_SENT), (AnswerLost("B"), WireFault.ANSWER_LOST)]
)
async def test_why_no_answer_came_is_kept(error, fault):
    reply = await exchange(Canned(error), writer().post("/v1/x", {}, "acct_1", "key"))
    assert (reply.fault, reply.detail) == (fault, str(error))


async def test_an_exchange_is_one_request_whatever_comes_back():
    for status in (200, 302, 409, 429, 500):
        wire = Canned(WireResponse(status, {"stripe-should-retry": "true"}, b""))
        request = writer().get("/v1/account", {}, "")
        assert (await exchange(wire, request)).status == status
        assert wire.requests == [request]


def writer(base: str = "https://api.stripe.com") -> RequestWriter:
    return RequestWriter(KEY, "2026-10-28.endive", base)


class Overheard(stripe.HTTPClient):
    """The HTTP client of an SDK that is used the ordinary way: gives one answer and keeps the requests."""

    name = "connect-billing"

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[WireRequest] = []

    async def request_async(self, method, url, headers, post_data=None):
        self.requests.append(WireRequest(method.upper(), url, headers, (post_data or "").encode()))
        return b"{}", 200, {}


async def by_the_sdk(method: str, path: str, **params: Any) -> WireRequest:
    """The request that the SDK sends."""
    client = Overheard()
    sdk = stripe.StripeClient(KEY, stripe_version="2026-10-28.endive", max_network_retries=0, http_client=client)
    await sdk.raw_request_async(method, path, **params)
    (request,) = client.requests
    return request


NAMES = st.sampled_from(["amount", "currency", "description", "metadata", "payment_method", "off_session"])
LEAVES = st.text(st.characters(exclude_categories=["Cs"])) | st.integers()
KEYS = st.text(st.characters(exclude_categories=["Cs"]))
NESTED = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=8)
PARAMS = st.dictionaries(NAMES, NESTED | st.booleans())
IDS = st.text("abcXYZ019_", min_size=1)


@given(PARAMS, IDS | st.just(""), IDS)
def test_what_is_posted_is_to_the_byte_what_the_sdk_would_send(params, account, key):
    path = "/v1/payment_intents/pi_1/confirm"
    of_account = {"stripe_account": account} if account else {}
    theirs = by_the_sdk("post", path, **params, **of_account, idempotency_key=key)
    assert writer().post(path, params, account, key) == asyncio.run(theirs)


@pytest.mark.parametrize("account", ["acct_1", ""])
async def test_what_is_read_is_to_the_byte_what_the_sdk_would_send(account):
    params = {"limit": 100, "created": {"gte": 1}, "starting_after": "pi_1"}
    theirs = await by_the_sdk(
        "get", "/v1/payment_intents", **params, **({"stripe_account": account} if account else {})
    )
    assert writer().get("/v1/payment_intents", params, account) == theirs


@pytest.mark.parametrize("name", ["post", "get"])
def test_a_request_does_not_print_its_headers(name):
    scribe = writer()
    written = scribe.post("/v1/x", {}, "acct_1", "key") if name == "post" else scribe.get("/v1/x", {}, "acct_1")
    assert written.headers["Authorization"] == f"Bearer {KEY}"
    assert KEY not in repr(written) + str(written.headers) + repr(vars(scribe))


@pytest.mark.parametrize("value", [None, 1.5, b"x", {"a": {"b": None}}, ["a", [1.5]]])
def test_what_no_form_can_say_is_not_written(value):
    with pytest.raises(TypeError):
        writer().post("/v1/x", {"a": value}, "acct_1", "key")


def test_requests_written_one_after_another_do_not_mix():
    scribe = writer()
    written = [scribe.get(f"/v1/x/{n}", {}, f"acct_{n}") for n in range(3)]
    assert [(one.url[-1], one.headers["Stripe-Account"][-1]) for one in written] == [("0",) * 2, ("1",) * 2, ("2",) * 2]


def test_a_variable_that_the_proxy_setting_names_is_obeyed():
    environ = {"HTTPS_PROXY": "http://proxy:1", "HTTP_PROXY": "http://proxy:2"}
    assert ignored_variables(environ) == ("HTTP_PROXY", "HTTPS_PROXY")
    assert ignored_variables(environ, "env:HTTPS_PROXY") == ("HTTP_PROXY",)
    assert ignored_variables(environ, "http://proxy:3") == ("HTTP_PROXY", "HTTPS_PROXY")
