"""Tell a webhook how a run ended. A notification that fails is a warning; it never changes what the run is worth."""

import asyncio
import ipaddress
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from aiolimiter import AsyncLimiter

from billing.core.policies import Notification
from billing.edge.route import DIRECT, Route, tls_context

TIMEOUT_SECONDS = 10.0
TRIES = 3
PAUSE_SECONDS = 1.0
# Between tries, doubling: enough for a receiver to restart, short enough for an operator who waits for the prompt.
SECONDS_APART = 1.0
# Chat services take one message a second from a webhook (docs.slack.dev/apis/web-api/rate-limits, "Incoming webhooks"),
# and a command that follows many runs has one for each.


def one_a_second() -> AsyncLimiter:
    """Return the pace of notifications. A limiter of so many in so many seconds would let them through in bursts."""
    return AsyncLimiter(1, SECONDS_APART)


async def notify(
    notifications: Sequence[Notification],
    occasion: str,
    summary: Mapping[str, Any],
    *,
    environ: Mapping[str, str],
    log: Callable[..., None],
    pause: float = PAUSE_SECONDS,
    route: Route = DIRECT,
    pace: AsyncLimiter | None = None,
) -> int:
    """Post the summary to every webhook that asks for this occasion; return how many took it.

    Args:
        notifications: of the run.
        occasion: ``finished`` or ``stopped``.
        summary: what is posted, as JSON.
        environ: holds the addresses; only their variables' names are ever logged.
        log: told of every failure.
        pause: seconds before the second try.
        route: through which proxy, and whose certificates are believed.
        pace: of all that one process posts; one of its own when it posts no more than this.
    """
    taken, pace = 0, pace or one_a_second()
    for notification in notifications:
        if occasion not in notification.on:
            continue
        variable = notification.webhook.removeprefix("env:")
        address = environ.get(variable, "")
        refused = _refusal(address)
        if not refused:
            await pace.acquire()
        failure = refused or await _post(address, {"event": f"run_{occasion}", **summary}, pause, route)
        taken += not failure
        if failure:
            log("notify_failed", run=summary.get("run", ""), webhook=notification.webhook, reason=failure)
    return taken


def _refusal(address: str) -> str:
    """Say why an address must not be used, or nothing."""
    if not address:
        return "the variable is not set"
    parts = urlsplit(address)
    if parts.scheme == "https" and parts.hostname:
        return ""
    if parts.scheme == "http" and _loopback(parts.hostname or ""):
        return ""
    return "the address is not https"


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _post(address: str, body: Mapping[str, Any], pause: float, route: Route) -> str:
    """Post with patience; return what went wrong, without the address, or nothing."""
    import httpx

    failure = ""
    # The environment's proxies are not trusted, and a redirect would carry the summary to somewhere nobody named.
    async with httpx.AsyncClient(
        timeout=TIMEOUT_SECONDS,
        trust_env=False,
        follow_redirects=False,
        proxy=route.proxy_for(address),
        verify=tls_context(route.authorities),
    ) as client:
        for number in range(TRIES):
            if number:
                await asyncio.sleep(pause * 2 ** (number - 1))
            try:
                response = await client.post(address, json=dict(body))
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                failure = type(error).__name__
                continue
            if response.is_success:
                return ""
            failure = f"HTTP {response.status_code}"
    return failure
