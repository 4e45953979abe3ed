"""What is taken from an event: its id and type, the account, the object; nothing else of it.

What an event says of its object is never believed, signed or not: whoever it concerns reads the object at Stripe.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from billing.core.items import Mode
from billing.edge.hooks.wanted import BY_TYPE, Wanted

_ID = re.compile(r"[a-z]{2,12}_[A-Za-z0-9_]{1,100}")


class Unneeded(StrEnum):
    """Why a delivery that is Stripe's is answered and forgotten."""

    NO_EVENT = "no_event"  # not what an endpoint for snapshot events gets: a thin one, or none
    OTHER_MODE = "other_mode"  # a live endpoint for connected accounts gets their test events, too
    NOT_WANTED = "not_wanted"  # it tells nothing that anything here waits for
    NO_OBJECT = "no_object"  # it names nothing that an item could have on record


@dataclass(frozen=True, slots=True)
class Notice:
    """What an event has told.

    Attributes:
        event: its id.
        type: such as ``payment_intent.succeeded``.
        account: the connected account; empty for the platform's own.
        named: the id by which an item is known.
        dispute: the dispute that the event is about, if it is about one, and not about what is ``named``.
    """

    event: str
    type: str
    account: str
    named: str
    dispute: str = ""


def read_event(body: bytes, mode: Mode) -> Notice | Unneeded:
    """Take from a body what is needed; call it only with one that is Stripe's."""
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Unneeded.NO_EVENT
    if not isinstance(event, dict) or event.get("object") != "event" or not _fits(_ID, event.get("id")):
        return Unneeded.NO_EVENT
    if event.get("livemode") is not mode.livemode:
        return Unneeded.OTHER_MODE
    kind = event.get("type")
    wanted = BY_TYPE.get((event.get("account") is None, kind)) if isinstance(kind, str) else None
    if wanted is None:
        return Unneeded.NOT_WANTED
    return _notice(event, wanted)


def _notice(event: dict[str, Any], wanted: Wanted) -> Notice | Unneeded:
    account, data = event.get("account"), event.get("data")
    shown = data.get("object") if isinstance(data, dict) else None
    named, subject = _within(shown, wanted.names), _within(shown, ("id",))
    if not _fits(_ID, named) or not _fits(_ID, subject) or (account is not None and not _fits(_ID, account)):
        return Unneeded.NO_OBJECT
    return Notice(event["id"], event["type"], account or "", named, subject if wanted.of_dispute else "")


def _within(shown: object, names: tuple[str, ...]) -> Any:  # noqa: ANN401  whatever stands there
    for name in names:
        shown = shown.get(name) if isinstance(shown, dict) else None
    return shown


def _fits(form: re.Pattern[str], text: object) -> bool:
    return isinstance(text, str) and form.fullmatch(text) is not None
