"""Webhook endpoints as the API serves them (docs.stripe.com/api/webhook_endpoints)."""

from urllib.parse import urlsplit

from billing.sandbox.metadata import merged
from billing.sandbox.refusals import Obj, invalid
from billing.sandbox.world import API_VERSION, Account, Call, World

EVERYTHING = "*"


def create(call: Call) -> Obj:
    """A new endpoint; only this answer holds its secret.

    Raises:
        Refusal: an address that is none, an API version the sandbox does not answer in, or ``connect`` on an account
            that has no connected ones.
    """
    params = call.params
    connect = bool(params.get("connect"))
    if connect and call.account is not call.world.platform:
        raise invalid("Only a platform can listen to the events of connected accounts.", "connect")
    if params.get("api_version", API_VERSION) != API_VERSION:
        raise invalid(f"The sandbox sends events of API version {API_VERSION} alone.", "api_version")
    row = _blank(call.new_id("we"), call.world, connect=connect, livemode=call.livemode) | {
        "api_version": params.get("api_version"), "description": params.get("description") or None,
        "enabled_events": _wanted(params["enabled_events"]), "metadata": merged({}, params.get("metadata")),
        "url": _address(params["url"]),
    }  # fmt: skip
    call.account["we"].add(row)
    return row | {"secret": call.world.deliveries.open(row, call.account.id, connect=connect)}


def update(call: Call) -> Obj:
    """Change where an endpoint is, what it gets, or whether it gets anything."""
    row, params = call.find("we", call.ids[0], "webhook_endpoint"), call.params
    changes: Obj = {"metadata": merged(row["metadata"], params.get("metadata"))}
    if "url" in params:
        changes["url"] = _address(params["url"])
    if "enabled_events" in params:
        changes["enabled_events"] = _wanted(params["enabled_events"])
    if "description" in params:
        changes["description"] = params["description"] or None
    if "disabled" in params:
        changes["status"] = "disabled" if params["disabled"] else "enabled"
    row |= changes
    return row


def delete(call: Call) -> Obj:
    """Take an endpoint away; nothing more is sent to it."""
    row = call.find("we", call.ids[0], "webhook_endpoint")
    call.world.deliveries.close(row["id"])
    return call.account["we"].remove(row)


def forward(world: World, url: str) -> str:
    """Send every event of the platform and of its connected accounts to one address; the secret of both endpoints."""
    secret = ""
    for connect in (True, False):
        row = _blank(world.ids.new("we_1"), world, connect=connect, livemode=False) | {"url": _address(url)}
        _shelved(world.platform, row)
        secret = world.deliveries.open(row, world.platform.id, connect=connect, secret=secret)
    return secret


def _shelved(account: Account, row: Obj) -> None:
    account["we"].add(row)


def _blank(wanted: str, world: World, *, connect: bool, livemode: bool) -> Obj:
    """An endpoint for everything. ``application`` tells one for connected accounts: nothing else of it does."""
    return {
        "id": wanted, "object": "webhook_endpoint", "api_version": None, "created": world.seconds, "description": None,
        "application": world.application if connect else None, "enabled_events": [EVERYTHING], "livemode": livemode,
        "metadata": {}, "status": "enabled", "url": "",
    }  # fmt: skip


def _wanted(kinds: list[str]) -> list[str]:
    if EVERYTHING in kinds and len(kinds) > 1:
        raise invalid("You may only specify * by itself: it stands for all events.", "enabled_events")
    return list(dict.fromkeys(kinds))


def _address(url: str) -> str:
    """The address, if a request can be sent there.

    Raises:
        Refusal: it cannot.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise invalid("Invalid URL: An explicit scheme (such as https) must be provided.", "url", "url_invalid")
    return url
