"""How the invitations of many payers are read at once: those on our own page are SetupIntents of the platform."""

from collections.abc import Mapping
from typing import Any

from billing.core.entries import ItemRecord
from billing.core.kinds.payer import READ_INVITATION
from billing.flow.engine.listed import Listing
from billing.flow.services import Services


def _named(item: ItemRecord) -> str:
    """Return the SetupIntent that a read of the invitation shows; a page of Stripe's, or a payment, has none of it."""
    invitation = item.instrument_id or ""
    return invitation if invitation.startswith("seti_") else ""


def _born(item: ItemRecord) -> float | None:
    born = item.facts.get("invite_born")
    return None if born is None else float(born)


def _as_read(_services: Services, invitation: Mapping[str, Any]) -> Mapping[str, Any]:
    return invitation


INVITATIONS = Listing(
    op=READ_INVITATION,
    pages=lambda gateway, _account, since: gateway.setup_pages(since),
    named=_named,
    born=_born,
    answer=_as_read,
)
