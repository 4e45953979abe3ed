"""What an invitation shows: a SetupIntent, a Checkout session in setup mode, or the PaymentIntent of a first payment.

What a payer has saved is a method that is attached to the customer. An intent may have succeeded and its method be
attached to nobody: a card that was blocked at once. So the method is always read with the intent.
(docs.stripe.com/api/setup_intents/object, /api/checkout/sessions/object, /api/payment_intents/object)
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from billing.core.calls import Reads
from billing.core.exits import Exit
from billing.core.outcomes import Expected, Halt, Lost, Made, Outcome, Shown
from billing.core.redaction import quoted
from billing.core.replies import Reply


class Standing(StrEnum):
    """Where an invitation stands, by all that it shows.

    ``open``: the payer may complete it. ``processing``: the bank, or two small deposits, take days. ``saved``: a method
    was saved and is attached to the customer. ``gone``: it was saved, and is attached to nobody. ``paid_and_gone``: the
    same, and the first payment was taken. ``over``: cancelled or expired: it is never completed any more.
    """

    OPEN = "open"
    PROCESSING = "processing"
    SAVED = "saved"
    GONE = "gone"
    PAID_AND_GONE = "paid_and_gone"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class InvitationSeen:
    """What an invitation shows.

    Attributes:
        id: ``seti_…``, ``pi_…`` or ``cs_…``.
        intent: of a session its SetupIntent, else itself; empty while a session has none.
        item: the item id in the intent's metadata, or empty.
        customer: whose it is.
        status: Stripe's word, of the intent; of a session without one its own.
        method: the payment method on it, or empty.
        attached: to whom that is attached, or empty.
        created: epoch second.
        expires: epoch second after which a session is dead; 0 for what never expires.
        url: of a session, where it is answered.
        error: why the last try was refused: Stripe's code, or empty.
        waits: whether the bank, or two small deposits, take days.
        amount: minor units of ``currency`` of a first payment; 0 and empty for none.
        client_secret: for the payer's browser alone.
    """

    id: str
    intent: str
    item: str
    customer: str
    status: str
    method: str
    attached: str
    created: int
    expires: int = 0
    url: str = ""
    error: str = ""
    waits: bool = False
    amount: int = 0
    currency: str = ""
    client_secret: str = field(default="", repr=False, compare=False)

    @property
    def pays(self) -> bool:
        """Whether it takes a first payment."""
        return self.id.startswith("pi_")

    @property
    def paid(self) -> bool:
        """Whether a first payment was taken."""
        return self.pays and self.status == "succeeded"


def where_it_stands(seen: InvitationSeen) -> Standing:
    """Return where an invitation stands."""
    if seen.status == "succeeded":
        if seen.method and seen.attached == seen.customer:
            return Standing.SAVED
        return Standing.PAID_AND_GONE if seen.pays else Standing.GONE
    if seen.status in ENDED:
        return Standing.OVER
    return Standing.PROCESSING if seen.waits else Standing.OPEN


def newest_saved(listed: Iterable[InvitationSeen], items: frozenset[str]) -> InvitationSeen | None:
    """Return of what a customer has saved the one whose intent is the youngest, or None.

    Whoever made a SetupIntent of this customer, its method was saved. A payment may have taken a method that was saved
    long before: it counts if it is the first payment of one of ``items`` (item ids).
    """
    saved = [one for one in listed if where_it_stands(one) is Standing.SAVED and (not one.pays or one.item in items)]
    return max(saved, key=lambda seen: (seen.created, seen.intent), default=None)


# --- the answers -----------------------------------------------------------------------------------------------------


def opened(customer: str) -> Reads:
    """Return how the answers to a create are read: ``Made(id)`` of an invitation of this item to this customer."""

    def accepted(reply: Reply, expected: Expected) -> Outcome:
        seen = invitation_seen(reply.body)
        if seen is None or (reply.body or {}).get("livemode") is not expected.livemode:
            return Lost(False, reply=reply)
        wrong = _contradiction(seen, customer, expected)
        return Halt(Exit.STOPPED, wrong, reply=reply) if wrong else Made(seen.id, reply=reply)

    return Reads(accepted)


def shown(customer: str) -> Reads:
    """Return how a read, a confirm and the end of the recorded invitation are read: ``Shown(InvitationSeen)``."""

    def accepted(reply: Reply, expected: Expected) -> Outcome:
        seen = invitation_seen(reply.body)
        if seen is None or seen.id != expected.instrument_id:
            return Lost(False, reply=reply)
        wrong = _contradiction(seen, customer, expected)
        return Halt(Exit.STOPPED, wrong, reply=reply) if wrong else Shown(seen, reply=reply)

    return Reads(accepted)


def listed(customer: str) -> Reads:
    """Return how a customer's intents are read: ``Shown(tuple of InvitationSeen)``; a list cut short is Lost."""

    def accepted(reply: Reply, _expected: Expected) -> Outcome:
        body = reply.body or {}
        rows = body.get("data")
        if body.get("object") != "list" or body.get("has_more") is not False or not isinstance(rows, list):
            return Lost(False, reply=reply)
        seen = [one for one in map(invitation_seen, rows) if one is not None and one.customer == customer]
        return Shown(tuple(seen), reply=reply) if len(seen) == len(rows) else Lost(False, reply=reply)

    return Reads(accepted)


def _contradiction(seen: InvitationSeen, customer: str, expected: Expected) -> str:
    """Return the sentence that says how an invitation is not what was made, or empty."""
    asked: list[tuple[str, object, object]] = [("customer", seen.customer, customer)]
    if seen.intent:
        asked.append(("metadata.billing_item", seen.item, expected.item_id))
    if seen.pays:
        asked += [("amount", seen.amount, expected.amount), ("currency", seen.currency, expected.currency)]
    for name, is_now, was in asked:
        if is_now != was:
            return f"invitation {seen.id}: {name} is {quoted(repr(is_now))}, asked for {was!r}"
    return ""


def invitation_seen(body: object) -> InvitationSeen | None:
    """Return what a SetupIntent, PaymentIntent or Checkout session shows, or None for what is none of them."""
    if not isinstance(body, Mapping) or not _shaped(body):
        return None
    if body["object"] == "checkout.session":
        return _session_seen(body)
    return _intent_seen(body, body)


def _session_seen(body: Mapping[str, Any]) -> InvitationSeen | None:
    intent = body.get("setup_intent")
    inner = intent if isinstance(intent, Mapping) and _shaped(intent) else None
    if intent is not None and inner is None and not isinstance(intent, str):
        return None
    return _intent_seen(body, inner)


def _intent_seen(body: Mapping[str, Any], intent: Mapping[str, Any] | None) -> InvitationSeen | None:
    """Return what an object shows whose intent is ``intent``: itself, or what a session leads to."""
    told = intent or {}
    customer, method = body.get("customer"), told.get("payment_method")
    metadata = told.get("metadata")
    item = metadata.get("billing_item") if isinstance(metadata, Mapping) else None
    return InvitationSeen(
        id=body["id"],
        intent=_named(told) or _named(body.get("setup_intent")),
        item=item if isinstance(item, str) else "",
        customer=_named(customer),
        status=_status(body, told),
        method=_named(method),
        attached=_named(method.get("customer")) if isinstance(method, Mapping) else "",
        created=body["created"],
        expires=body["expires_at"] if type(body.get("expires_at")) is int else 0,
        url=str(body.get("url") or ""),
        error=_error(told),
        waits=_waits(body, told),
        amount=told["amount"] if type(told.get("amount")) is int else 0,
        currency=str(told.get("currency") or ""),
        client_secret=str(told.get("client_secret") or ""),
    )


def _status(body: Mapping[str, Any], intent: Mapping[str, Any]) -> str:
    """Return the intent's status; that of a session only where it has ended without success of its intent."""
    status = str(intent.get("status") or "")
    if body is intent or status in ("succeeded", "canceled"):
        return status
    return str(body["status"]) if body["status"] == "expired" or not status else status


def _waits(body: Mapping[str, Any], intent: Mapping[str, Any]) -> bool:
    action = intent.get("next_action")
    deposits = isinstance(action, Mapping) and action.get("type") == "verify_with_microdeposits"
    return intent.get("status") == "processing" or deposits or body.get("status") == "complete"


def _error(intent: Mapping[str, Any]) -> str:
    error = intent.get("last_setup_error") or intent.get("last_payment_error")
    if not isinstance(error, Mapping):
        return ""
    return str(error.get("decline_code") or error.get("code") or error.get("type") or "")


def _shaped(body: Mapping[str, Any]) -> bool:
    """Tell whether a body is an invitation with everything it is believed by."""
    form = _IDS.get(str(body.get("object")))
    return (
        form is not None
        and form(str(body.get("id"))) is not None
        and isinstance(body.get("status"), str)
        and isinstance(body.get("livemode"), bool)
        and type(body.get("created")) is int
    )


def _named(value: object) -> str:
    """Return the id of what may come as its id, expanded, or not at all."""
    if isinstance(value, Mapping):
        value = value.get("id")
    return value if isinstance(value, str) else ""


ENDED = frozenset({"canceled", "expired"})
# They never change at Stripe.

_IDS: Mapping[str, Callable[[str], object]] = {
    "setup_intent": re.compile(r"seti_[A-Za-z0-9_]{1,250}").fullmatch,
    "payment_intent": re.compile(r"pi_[A-Za-z0-9_]{1,250}").fullmatch,
    "checkout.session": re.compile(r"cs_[A-Za-z0-9_]{1,250}").fullmatch,
}
