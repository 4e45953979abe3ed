"""What the platform's webhook endpoints at Stripe are told, and what of that `billing listen` would miss."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from billing.edge.hooks.wanted import types
from billing.edge.stripe.found import LookupFailed
from billing.edge.stripe.gateway import Gateway

EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class Told:
    """The endpoints of one sort.

    Attributes:
        own: they are for the platform's own events; the others are for connected accounts.
        endpoints: how many are enabled.
        lacking: types that none of them is told, of those that are followed.
    """

    own: bool
    endpoints: int
    lacking: tuple[str, ...]


async def told_of(gateway: Gateway) -> tuple[Told, Told] | LookupFailed:
    """Return what endpoints for connected accounts are told, then what those for the platform itself are.

    Raises:
        ProviderUnreachable: the provider has been away for longer than the budget.
    """
    rows: list[Mapping[str, Any]] = []
    async for page in gateway.endpoint_pages():
        if isinstance(page, LookupFailed):
            return page
        rows += [row for row in page if row.get("status") == "enabled"]
    return _told(rows, own=False), _told(rows, own=True)


def _told(rows: list[Mapping[str, Any]], *, own: bool) -> Told:
    """Return what is told to the endpoints of one sort; one for connected accounts names an application."""
    found = [row for row in rows if (row.get("application") is None) is own]
    told = {str(kind) for row in found for kind in row.get("enabled_events") or ()}
    lacking = () if EVERYTHING in told else tuple(kind for kind in types(own=own) if kind not in told)
    return Told(own, len(found), lacking)
