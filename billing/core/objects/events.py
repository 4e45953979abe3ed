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
    """Return the platform customer that an event is about, or empty for one that says none."""
    data = event.get("data")
    told: Mapping[str, Any] = data if isinstance(data, Mapping) else {}
    shown = told.get("object")
    body: Mapping[str, Any] = shown if isinstance(shown, Mapping) else {}
    if body.get("object") == "customer":
        return _text(body.get("id"))
    before = told.get("previous_attributes")
    was = before.get("customer") if isinstance(before, Mapping) else None
    return _text(body.get("customer")) or _text(was)


def method_in(event: Mapping[str, Any]) -> str:
    """Return the payment method that an event is about: one that was detached belongs to nobody any more."""
    data = event.get("data")
    shown = data.get("object") if isinstance(data, Mapping) else None
    body: Mapping[str, Any] = shown if isinstance(shown, Mapping) else {}
    return _text(body.get("id")) if body.get("object") == "payment_method" else ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
