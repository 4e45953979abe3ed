"""The HTTP client under the SDK. Its one question: did the request leave?"""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import stripe
from aiohttp.client_middlewares import ClientHandlerType
from yarl import URL

from billing.core.replies import Reply, WireFault, no_reply, read_reply
from billing.core.wire import AnswerLost, NeverSent, Wire, WireError, WireRequest, WireResponse
from billing.edge.forms import form

CONNECT_SECONDS = 5.0
# For a free connection, the name, the socket and TLS together; until then nothing of the request has left.
TOTAL_SECONDS = 80.0
# The SDK's own limit for a whole request. A confirm can take tens of seconds at a slow issuer.
MOST_CONNECTIONS = 100
LARGEST_ANSWER = 16 * 1024 * 1024
# Bytes after decompression. A page of 100 intents is well below one megabyte.

NEVER_SENT: tuple[type[Exception], ...] = (
    aiohttp.ClientConnectorError,  # name not found, refused, unreachable, TLS handshake, certificate
    aiohttp.ConnectionTimeoutError,  # no connection, or no free one, within CONNECT_SECONDS
    aiohttp.InvalidURL,
)
# aiohttp raises these before it writes the first byte, and only then (aiohttp/connector.py). All else may have been
# executed, a connection that was dropped when it was used again included: the server may have read the request.

IGNORED_VARIABLES = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SSLKEYLOGFILE",
)
# Whoever sets one of these could read or redirect the traffic, so none has an effect; `doctor` says so (S13).


def ignored_variables(env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of set variables that other programs would obey and this one ignores."""
    return tuple(name for name in IGNORED_VARIABLES if env.get(name) or env.get(name.lower()))


class NetworkWire:
    """Carries requests over TLS: no proxy, no redirect, no cookie, no repeat, nothing taken from the environment."""

    def __init__(
        self,
        connections: int = MOST_CONNECTIONS,
        *,
        extra_ca: Path | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        """Prepare; the first request opens the pool.

        Args:
            connections: open at once, at most ``MOST_CONNECTIONS``.
            extra_ca: a file of further certificate authorities to trust, PEM.
            connect_seconds: until a connection stands.
            total_seconds: for the whole request.
        """
        self._connections = min(connections, MOST_CONNECTIONS)
        self._tls = tls_context(extra_ca)
        self._timeout = aiohttp.ClientTimeout(total=total_seconds, connect=connect_seconds)
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: WireRequest) -> WireResponse:
        """Carry one request, once.

        Raises:
            NeverSent: the provider certainly did not see the request.
            AnswerLost: the provider may have executed the request.
        """
        try:
            async with self._open().request(
                request.method,
                URL(request.url, encoded=True),
                headers=request.headers,
                data=request.body or None,
                allow_redirects=False,
                middlewares=() if request.method == "POST" else ONLY_ONCE,
            ) as response:
                body = await _whole(response)
                headers = {name.lower(): value for name, value in response.headers.items()}
                return WireResponse(response.status, headers, body)
        except (aiohttp.ClientError, OSError) as error:
            raise failure(error) from None

    async def aclose(self) -> None:
        """Close every connection; a later request opens a new pool."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=self._connections, limit_per_host=0, ssl=self._tls)
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout,
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


async def _once(request: aiohttp.ClientRequest, handler: ClientHandlerType) -> aiohttp.ClientResponse:
    """Turn a failure into ours at once: aiohttp would send a GET again when a used connection had been closed."""
    try:
        return await handler(request)
    except (aiohttp.ClientError, OSError) as error:
        raise failure(error) from None


ONLY_ONCE = (_once,)
# For reads alone: aiohttp never repeats a POST (aiohttp/client.py, IDEMPOTENT_METHODS).


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    """Return the whole body.

    Raises:
        AnswerLost: it is larger than any answer can be.
    """
    body = bytearray()
    async for chunk in response.content.iter_chunked(1 << 16):
        body += chunk
        if len(body) > LARGEST_ANSWER:
            response.close()
            raise AnswerLost("AnswerTooLarge")
    return bytes(body)


def failure(error: Exception) -> WireError:
    """Return what ``error`` means for the request; its message is the error's class alone."""
    kind = NeverSent if isinstance(error, NEVER_SENT) else AnswerLost
    return kind(type(error).__name__)


def tls_context(extra_ca: Path | None = None) -> ssl.SSLContext:
    """Return the one way to speak TLS: 1.2 or later, verified against the SDK's bundle of authorities.

    Made by hand because ``ssl.create_default_context`` would write session keys to ``SSLKEYLOGFILE``.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies certificate and host name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cafile=stripe.ca_bundle_path)
    if extra_ca is not None:
        context.load_verify_locations(cafile=str(extra_ca))
    return context


@dataclass(slots=True)
class Exchange:
    """What one call through the SDK brought; None until something came back or failed."""

    reply: Reply | None = None


_exchange: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


@contextmanager
def exchange() -> Iterator[Exchange]:
    """Give the reply of the one SDK call made inside.

    The SDK keeps neither the headers of an answer that is no JSON nor the kind of a network failure, and it trips over
    error bodies of an unexpected shape; so the reply is read here, below it.
    """
    current = Exchange()
    token = _exchange.set(current)
    try:
        yield current
    finally:
        _exchange.reset(token)


class _Headers(dict[str, str]):
    """Headers that do not print their values: one of them is the key."""

    def __repr__(self) -> str:
        """Names alone."""
        return f"<headers {', '.join(self)}>"

    __str__ = __repr__


async def _carried(wire: Wire, request: WireRequest) -> Reply:
    """Send one request, once, and return its reply or why there is none."""
    try:
        return read_reply(await wire.send(request))
    except WireError as error:
        fault = WireFault.NEVER_SENT if isinstance(error, NeverSent) else WireFault.ANSWER_LOST
        return no_reply(fault, str(error))


NOTHING_TO_READ: tuple[bytes, int, Mapping[str, str]] = (b"{}", 200, {})
# All the SDK is ever shown. It would parse every answer a second time, and raise what it takes for an error.


class SdkClient(stripe.HTTPClient):
    """Puts a wire under the SDK, which writes the requests and reads no answer."""

    name = "connect-billing"

    def __init__(self, wire: Wire) -> None:
        """Send everything through ``wire``."""
        super().__init__()
        self._wire = wire

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | bytes | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send one request, once, and leave the reply, or why there is none, where ``exchange`` finds it."""
        body = post_data.encode() if isinstance(post_data, str) else post_data or b""
        current = _exchange.get() or Exchange()
        current.reply = await _carried(self._wire, WireRequest(method.upper(), url, _Headers(headers), body))
        return NOTHING_TO_READ

    async def close_async(self) -> None:
        """Close the wire."""
        await self._wire.aclose()


class Poster:
    """Writes a ``POST`` as the SDK does, to the byte, at a small part of its cost.

    The SDK builds the same headers for every request anew, and formats log lines that nobody reads: more work than all
    the rest of a charge. So it writes one request, and only what differs is put into its headers.
    """

    def __init__(self, wire: Wire, key: str, version: str, base: str) -> None:
        """Let the SDK write the headers that every request of this key carries; nothing is sent."""
        self._wire, self._base = wire, base
        specimen = _Specimen()
        sdk = stripe.StripeClient(key, stripe_version=version, max_network_retries=0, http_client=specimen)
        sdk.raw_request("post", "/v1/payment_intents", stripe_account="acct", idempotency_key="key")
        self._headers = specimen.headers

    async def post(self, path: str, params: Mapping[str, Any], account: str, key: str) -> Reply:
        """Send one request, once, on a connected account and under an idempotency key."""
        headers = _Headers(self._headers)
        headers["Stripe-Account"], headers["Idempotency-Key"] = account, key
        return await _carried(self._wire, WireRequest("POST", self._base + path, headers, form(params)))


class _Specimen(stripe.HTTPClient):
    """Keeps the headers of the one request that it does not send."""

    name = SdkClient.name

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: object = None, **usage: object
    ) -> tuple[str, int, Mapping[str, str]]:
        """Keep the headers."""
        del method, url, post_data, usage
        self.headers = _Headers(headers or {})
        body, status, nothing = NOTHING_TO_READ
        return body.decode(), status, nothing
