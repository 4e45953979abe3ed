"""Which events of the platform say that a customer, or what it pays with, has changed, and whom each is about."""

from collections.abc import Mapping
from typing import Any

TYPES = (
    "customer.updated",
    "customer.deleted",
    "payment_method.attached",
    "payment_method.updated",
    "payment_method.automatically_updated",
    "payment_method.detached",
    "setup_intent.succeeded",
)
# docs.stripe.com/api/events/types; a list takes at most twenty.
KEPT_DAYS = 29
# Stripe tells of thirty days; one is kept in hand. (docs.stripe.com/api/events)


def payer_in(event: Mapping[str, Any]) -> str:
    """Return the platform customer that an event is about, or empty for one that says none.

    A method that was detached belongs to nobody any more; whose it was stands in what it was before.
    """
    data = event.get("data")
    told: Mapping[str, Any] = data if isinstance(data, Mapping) else {}
    shown = told.get("object")
    body: Mapping[str, Any] = shown if isinstance(shown, Mapping) else {}
    if body.get("object") == "customer":
        return _text(body.get("id"))
    before = told.get("previous_attributes")
    was = before.get("customer") if isinstance(before, Mapping) else None
    return _text(body.get("customer")) or _text(was)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
