"""What happened, as the account's event feed tells it for thirty days (docs.stripe.com/api/events).

Whatever changes an object says so with ``record``; the object is kept as it was at that moment.
"""

from fnmatch import fnmatchcase
from typing import Any

import orjson

from billing.sandbox.answers import encode
from billing.sandbox.config import DAY
from billing.sandbox.refusals import Obj, invalid, missing
from billing.sandbox.world import API_VERSION, Call

KEPT_SECONDS = 30 * DAY
TIDIED_EVERY = 1024  # events of an account, until those that are too old to be told are dropped
MOST_TYPES = 20
CHANGED = ".updated"  # the events that also tell what was there before
ABSENT = object()


def record(call: Call, kind: str, body: Obj, before: Obj | None = None) -> None:
    """Have ``body``, as it is now, told by an event of this kind (``customer.updated``) on the call's account.

    ``before`` is a copy of what it was (``snapshot``): an ``*.updated`` says of it what has changed, and is not written
    where nothing has.
    """
    changed = None if before is None else previous(before, body)
    if kind.endswith(CHANGED) and not changed:
        return
    data: Obj = {"object": body} | ({"previous_attributes": changed} if kind.endswith(CHANGED) else {})
    event: Obj = {
        "id": call.world.event_ids.new("evt_1"), "object": "event", "api_version": API_VERSION,
        "created": call.world.seconds, "data": encode(data), "livemode": call.livemode, "pending_webhooks": 0,
        "request": {"id": call.request_id or None, "idempotency_key": call.idempotency_key}, "type": kind,
    }  # fmt: skip
    if call.account is not call.world.platform:
        event["account"] = call.account.id
    feed = call.account["evt"]
    feed.add(event)
    if len(feed) % TIDIED_EVERY == 0:
        feed.forget(lambda old: bool(old["created"] < _oldest(call)))
    call.world.deliveries.told(call.account.id, event)


def snapshot(body: Obj) -> Obj:
    """A copy of an object, to compare with what it becomes."""
    copy: Obj = orjson.loads(encode(body))
    return copy


def previous(before: Obj, now: Obj) -> Obj:
    """What the fields that differ were before: of a hash only what changed in it, of a list all of it."""
    changed: Obj = {}
    for name in before.keys() | now.keys():
        old, new = before.get(name, ABSENT), now.get(name, ABSENT)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            changed[name] = previous(old, new)
        else:
            changed[name] = None if old is ABSENT else old
    return dict(sorted(changed.items()))


def retrieve(call: Call) -> Obj:
    """One event of the last thirty days."""
    event = call.find("evt", call.ids[0])
    if event["created"] < _oldest(call):
        raise missing("event", call.ids[0])
    return _told(event)


def listed(call: Call) -> Obj:
    """The events of the last thirty days, newest first, of all kinds or some, those an endpoint still lacks or others.

    Raises:
        Refusal: ``type`` beside ``types``, or more than twenty of them.
    """
    kinds, oldest = _kinds(call.params), _oldest(call)
    exact, patterns = frozenset(kinds), [kind for kind in kinds if "*" in kind]
    delivered: bool | None = call.params.get("delivery_success")

    def keep(event: Obj) -> bool:
        kind = event["type"]
        wanted = kind in exact or any(fnmatchcase(kind, pattern) for pattern in patterns)
        taken = delivered is None or delivered == (event["pending_webhooks"] == 0)
        return wanted and taken and event["created"] >= oldest

    page = call.account["evt"].page(call.params, "/v1/events", call.livemode, keep)
    return page | {"data": [_told(event) for event in page["data"]]}


def _kinds(params: Obj) -> list[str]:
    kinds: list[str] | None = params.get("types")
    if kinds is None:
        return [params.get("type", "*")]
    if "type" in params:
        raise invalid("You may only specify one of these parameters: type, types.", "types", "parameters_exclusive")
    if len(kinds) > MOST_TYPES:
        raise invalid(f"You may specify at most {MOST_TYPES} types.", "types")
    return kinds


def _oldest(call: Call) -> float:
    return call.world.now - KEPT_SECONDS


def _told(event: Obj) -> Obj:
    data: Any = orjson.loads(event["data"])
    return event | {"data": data}
