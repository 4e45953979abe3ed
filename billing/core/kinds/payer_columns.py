"""What a report tells of a payer: what a sheet of charges needs, and how to reach who has not answered."""

from datetime import UTC, datetime

from billing.core.entries import ItemRecord
from billing.core.kinds.payer import State, customer_of
from billing.core.life import Group
from billing.core.links import Link, sign_link
from billing.core.report_columns import ReportColumns

PAGE = "/s/"
# Where the page of payers has its links, under its address.
ASKED = frozenset({State.READY, State.INVITING, State.INVITED})
# States in which an answer of the payer is wanted.


def link_of(item: ItemRecord, key: bytes) -> str:
    """Return where a payer who has not answered may do so: our own page, or Stripe's; empty for everybody else.

    Args:
        item: the payer.
        key: what links of this ledger are signed with.
    """
    if item.state not in ASKED:
        return ""
    base, end = item.facts.get("link_base"), item.facts.get("link_end")
    if base and end:
        return f"{base}{PAGE}{sign_link(key, Link(item.item_id, int(end)))}"
    return str(item.facts.get("hosted_link") or "") if item.state is State.INVITED else ""


def link_end_of(item: ItemRecord) -> int | None:
    """Return the epoch second after which a payer's link is dead, or None where there is no link."""
    if item.state not in ASKED:
        return None
    end = item.facts.get("link_end") if item.facts.get("link_base") else item.facts.get("hosted_until")
    return None if end is None else int(end)


def _valid_until(item: ItemRecord, _key: bytes) -> str:
    end = link_end_of(item)
    return "" if end is None else datetime.fromtimestamp(end, UTC).isoformat()


PAYER_COLUMNS = ReportColumns(
    ids={"customer": lambda item: customer_of(item.object_id)},
    own={
        "setup_intent": lambda item: str(item.facts.get("setup_intent") or ""),
        "payment_method": lambda item: str(item.facts.get("payment_method") or ""),
        "default_set": lambda item: "yes" if item.facts.get("default_set") else "",
        "payment_intent": lambda item: str(item.facts.get("payment_intent") or ""),
        "first_payment_status": lambda item: str(item.facts.get("first_payment_status") or ""),
    },
    links={"link": link_of, "link_valid_until": _valid_until},
    amounts=(),
    advice={
        Group.PROCESSING: "Send the link to the payer; billing settle sees who has answered.",
        Group.FAILED: "Nothing was saved. Ask again under a new reference, or with --amend.",
        Group.PARKED: "Open the customer in Stripe and see what was paid and saved; billing resolve looks again.",
    },
    untold={
        "reason_code": "not_saved",
        "reason": "nothing was saved, and the payer is asked no more",
        "what_to_do": "Ask again under a new reference, or with --amend.",
    },
)
