"""Cards that were declined for good: no item of any account tries one again for a month."""

from billing.core.entries import Known
from billing.flow.desk import Desk

BLOCKED = "blocked_card"
DAYS = 30
# Trying a lost, stolen or closed card again costs a fee each time (Visa category 1, Mastercard advice 03 and 21).


async def remember(desk: Desk, known: Known) -> None:
    """Keep the block that a decline asks for: on the platform's payment method, not on the clone."""
    if known.facts.get("blocks_card"):
        note = {"reason_code": known.facts.get("reason_code", "")}
        await desk.ledger.keep_lookups(BLOCKED, {str(known.content["payment_method"]): note})


def why_blocked(desk: Desk, known: Known) -> str:
    """Return the decline that blocks the payment method of an item, or an empty text."""
    method = str(known.content.get("payment_method", ""))
    block = desk.ledger.lookups(BLOCKED, [method], desk.clock.days_ago(DAYS)).get(method)
    return "" if block is None else str(block["reason_code"])
