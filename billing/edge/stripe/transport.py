"""What carries requests, and what writes them. The one question: did the request leave?"""

import logging
from collections.abc import Mapping
from typing import Any, Literal

import aiohttp
import stripe
from aiohttp.client_middlewares import ClientHandlerType
from yarl import URL

from billing.core.replies import Reply, WireFault, no_reply, read_reply
from billing.core.wire import AnswerLost, NeverSent, Wire, WireError, WireRequest, WireResponse
from billing.edge.route import DIRECT, Route, tls_context
from billing.edge.stripe.deadlines import Deadlines
from billing.edge.stripe.form_encoding import form

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
    aiohttp.ClientHttpProxyError,  # the proxy would not connect; a request is written to the tunnel alone
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
# Whoever sets one of these could read or redirect the traffic, so none has an effect; `doctor` says so.
# See edge/stripe/README.md, "The way out".

stripe.enable_telemetry = False
# The SDK would write an id to the user's home and send timings along.
logging.getLogger("stripe").setLevel(logging.WARNING)
# Below that the SDK logs bodies, and they hold descriptions and metadata.


FOLLOWED = "connections follow the settings proxy and ca_file alone"


def ignored_variables(env: Mapping[str, str], proxy: str | None = None) -> tuple[str, ...]:
    """Return the names of set variables that other programs would obey and this one ignores.

    Args:
        env: the process's environment.
        proxy: the setting; a variable that it names (``env:HTTPS_PROXY``) is not ignored.
    """
    named = (proxy or "").removeprefix("env:").upper()
    return tuple(name for name in IGNORED_VARIABLES if name != named and (env.get(name) or env.get(name.lower())))


class NetworkWire:
    """Carries requests over TLS: no redirect, no cookie, no repeat, nothing taken from the environment."""

    def __init__(
        self,
        connections: int = MOST_CONNECTIONS,
        *,
        route: Route = DIRECT,
        connect_seconds: float = CONNECT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        """Prepare; the first request opens the pool.

        Args:
            connections: open at once, at most ``MOST_CONNECTIONS``.
            route: through which proxy, and whose certificates are believed.
            connect_seconds: until a connection stands.
            total_seconds: for the whole request.
        """
        self._connections = min(connections, MOST_CONNECTIONS)
        self._route, self._tls = route, tls_context(route.authorities)
        self._timeout = aiohttp.ClientTimeout(total=None, connect=connect_seconds)
        self._deadlines = Deadlines(total_seconds)  # aiohttp would set a timer for every request
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: WireRequest) -> WireResponse:
        """Carry one request, once.

        Raises:
            NeverSent: the provider certainly did not see the request.
            AnswerLost: the provider may have executed the request.
        """
        try:
            with self._deadlines.start():
                async with self._open().request(
                    request.method,
                    URL(request.url, encoded=True),
                    headers=request.headers,
                    data=request.body or None,
                    allow_redirects=False,
                    proxy=self._route.proxy_for(request.url),
                    middlewares=() if request.method == "POST" else ONLY_ONCE,
                ) as response:
                    body = await _whole(response)
                    headers = {name.lower(): value for name, value in response.headers.items()}
                    return WireResponse(response.status, headers, body)
        except (aiohttp.ClientError, OSError) as error:
            raise failure(error) from None

    async def aclose(self) -> None:
        """Close every connection; a later request opens a new pool."""
        self._deadlines.close()
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
    content = response.content
    # Most answers are there at once, with their head: nothing to wait for.
    body = content.read_nowait() if content.is_eof() else await _read(content)
    if len(body) > LARGEST_ANSWER:
        response.close()
        raise AnswerLost("AnswerTooLarge")
    return body


async def _read(content: aiohttp.StreamReader) -> bytes:
    """Return a body as it comes, and no more of it than shows that it is too large."""
    body = bytearray()
    async for chunk in content.iter_chunked(1 << 16):
        body += chunk
        if len(body) > LARGEST_ANSWER:
            break
    return bytes(body)


def failure(error: Exception) -> WireError:
    """Return what ``error`` means for the request; its message is the error's class alone."""
    kind = NeverSent if isinstance(error, NEVER_SENT) else AnswerLost
    return kind(type(error).__name__)


async def exchange(wire: Wire, request: WireRequest) -> Reply:
    """Send one request, once, and return its reply or why there is none."""
    try:
        return read_reply(await wire.send(request))
    except WireError as error:
        fault = WireFault.NEVER_SENT if isinstance(error, NeverSent) else WireFault.ANSWER_LOST
        return no_reply(fault, str(error))


class _Headers(dict[str, str]):
    """Headers that do not print their values: one of them is the key."""

    def __repr__(self) -> str:
        """Names alone."""
        return f"<headers {', '.join(self)}>"

    __str__ = __repr__


class RequestWriter:
    """Writes requests: a read by the SDK, a ``POST`` as the SDK would, to the byte, at a small part of its cost.

    The SDK builds the same headers for every request anew, and formats log lines that nobody reads: more work than all
    the rest of a charge. So it writes one ``POST``, and only what differs is put into its headers. Of what is sent it
    sees no answer: it would parse each a second time, and raise what it takes for an error.
    """

    def __init__(self, key: str, version: str, base: str) -> None:
        """Let the SDK write the headers that every ``POST`` of this key carries; nothing is ever sent from here."""
        self._base = base
        self._pen = _Pen()
        self._sdk = stripe.StripeClient(
            key,
            stripe_version=version,
            base_addresses={"api": base},
            max_network_retries=0,
            http_client=self._pen,
        )
        specimen = self._written("post", "/v1/payment_intents", stripe_account="acct", idempotency_key="key")
        self._headers = specimen.headers

    def post(self, path: str, params: Mapping[str, Any], account: str, key: str) -> WireRequest:
        """Write a request under an idempotency key, on the platform itself when ``account`` is empty."""
        headers = _Headers(self._headers)
        headers["Stripe-Account"], headers["Idempotency-Key"] = account, key
        if not account:
            del headers["Stripe-Account"]
        return WireRequest("POST", self._base + path, headers, form(params))

    def get(self, path: str, params: Mapping[str, Any], account: str) -> WireRequest:
        """Write a read on a connected account, or on the platform itself when ``account`` is empty."""
        return self._written("get", path, **params, **({"stripe_account": account} if account else {}))

    def delete(self, path: str, params: Mapping[str, Any], account: str) -> WireRequest:
        """Write a ``DELETE``; keys mean nothing to one. (docs.stripe.com/api/idempotent_requests)"""
        return self._written("delete", path, **params, **({"stripe_account": account} if account else {}))

    def _written(self, method: Literal["delete", "get", "post"], path: str, **params: Any) -> WireRequest:  # noqa: ANN401
        self._sdk.raw_request(method, path, **params)
        assert self._pen.written is not None  # noqa: S101  the SDK cannot return without having asked its HTTP client
        return self._pen.written


class _Pen(stripe.HTTPClient):
    """Stands under the SDK in the place of an HTTP client: keeps the request it is given and sends nothing."""

    name = "connect-billing"
    written: WireRequest | None = None

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: str | None = None, **_: object
    ) -> tuple[str, int, Mapping[str, str]]:
        """Keep the request, and show the SDK an answer that gives it no reason to raise or to repeat."""
        self.written = WireRequest(method.upper(), url, _Headers(headers or {}), (post_data or "").encode())
        return "{}", 200, {}
