"""How the refunds of many items are read at once: an item's own is what a list of its intent's refunds begins with."""

from collections.abc import Mapping
from typing import Any

from billing.core.entries import ItemRecord
from billing.core.kinds.refund import LIST_REFUNDS
from billing.flow.engine.listed import Listing
from billing.flow.services import Services


def _born(item: ItemRecord) -> float | None:
    """Return when the refund on record was made."""
    made = item.facts.get("refunded_at")
    return None if item.object_id is None or made is None else float(made)


def _alone(_services: Services, refund: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a list with the item's own refund alone.

    One of ours that stands is believed whatever else a list lacks. One that came back is not, unless the charge adds up
    with it: where others have given back a part as well, all refunds of the intent are listed after all.
    """
    return {"object": "list", "data": [refund], "has_more": False}


REFUNDS_OF_ACCOUNT = Listing(
    op=LIST_REFUNDS,
    pages=lambda gateway, account, since: gateway.refunds_since(account, since),
    named=lambda item: item.object_id or "",
    born=_born,
    answer=_alone,
)
