"""What a ledger says of an item's money, whatever its kind, and which words of Stripe that agrees with."""

from collections.abc import Mapping
from enum import StrEnum

from billing.core.entries import ItemRecord
from billing.core.groups import group_of
from billing.core.items import Kind
from billing.core.kinds import phase_of
from billing.core.life import Group, Phase
from billing.core.reconciling.kinds import CANCELED, OPEN, PROCESSING, SUCCEEDED

RETURNED = "returned"
# The state of a charge that had succeeded, and whose bank took it back: the ledger knows of both.


class Claim(StrEnum):
    """What the ledger says: the money moved, is on its way, may still move, may have moved, or never will."""

    PAID = "paid"
    PROCESSING = "processing"
    OPEN = "open"
    UNKNOWN = "unknown"
    CLOSED = "closed"


AGREES: Mapping[Claim, frozenset[str]] = {
    Claim.PAID: frozenset({SUCCEEDED}),
    Claim.PROCESSING: frozenset({PROCESSING}),
    Claim.OPEN: OPEN | {PROCESSING},
    Claim.UNKNOWN: OPEN | {PROCESSING, CANCELED},
    Claim.CLOSED: frozenset({CANCELED}),
}
# Which words of Stripe a claim goes with. What is still on its way is no difference yet, only money not counted.

_BY_PHASE: Mapping[Phase, Claim] = {
    Phase.WAITING: Claim.OPEN,
    Phase.PREPARING: Claim.OPEN,
    Phase.RESTING: Claim.OPEN,
    Phase.CLOSING: Claim.OPEN,
    Phase.MONEY: Claim.UNKNOWN,
    Phase.LOOKING: Claim.UNKNOWN,
    Phase.PARKED: Claim.UNKNOWN,
    Phase.SETTLING: Claim.PROCESSING,
    Phase.FINAL: Claim.CLOSED,
}


def claim_of(item: ItemRecord) -> Claim:
    """Return what the ledger says of an item's money."""
    if str(item.state) == RETURNED or group_of(item) is Group.SUCCEEDED:
        return Claim.PAID
    return _BY_PHASE[phase_of(item.state)]


def intent_of(item: ItemRecord) -> str:
    """Return the intent that a line's own money moves by: a charge's, or that of a subscription's first payment."""
    if item.kind is Kind.CHARGE:
        return item.object_id or ""
    return str(item.facts.get("payment_intent") or "") if item.kind is Kind.SUBSCRIPTION else ""


def pays_otherwise(item: ItemRecord, intent: str) -> bool:
    """Tell whether a charge is paid by another intent than this one, so that this one could only charge it twice."""
    paid = item.kind is Kind.CHARGE and claim_of(item) is Claim.PAID
    return paid and item.object_id not in (None, intent)


def is_open(item: ItemRecord) -> bool:
    """Tell whether a line's money may still move by itself: a comparison of it is not the last word."""
    return claim_of(item) in (Claim.PROCESSING, Claim.UNKNOWN) or phase_of(item.state) in (
        Phase.WAITING,
        Phase.PREPARING,
        Phase.CLOSING,
    )
