"""When a subscription's period ends, and when it does itself, as its body says."""

from collections.abc import Mapping
from typing import Any


def second(value: object) -> int | None:
    """Return an epoch second, or None for anything else; ``bool`` is no number although Python says so."""
    return value if type(value) is int else None


def period_end_of(body: Mapping[str, Any]) -> int | None:
    """Return the epoch second at which the last period of its items ends. (docs.stripe.com/api/subscription_items)"""
    items = body.get("items")
    rows = items.get("data") if isinstance(items, Mapping) else None
    listed = rows if isinstance(rows, list) else []
    ends = [second(row.get("current_period_end")) for row in listed if isinstance(row, Mapping)]
    return max((end for end in ends if end is not None), default=None)


def ends_at_of(body: Mapping[str, Any]) -> int | None:
    """Return the epoch second at which it has ended, or is set to end; None for one without an end."""
    ended = second(body.get("ended_at"))
    return second(body.get("cancel_at")) if ended is None else ended
