"""What a charge and the refunds of its intent show of a refund to make. When in doubt, nothing is concluded.

Two reads are never of one moment, and a list may lag behind what was created. So a list is believed only if the
refunds that stand in it add up to what the charge says was refunded.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from billing.core.calls import Reads
from billing.core.exits import Exit
from billing.core.outcomes import Expected, Halt, LookWhy, Lost, Outcome, Refused, Shown, Undecided
from billing.core.redaction import quoted
from billing.core.replies import Reply


@dataclass(frozen=True, slots=True)
class ChargeSeen:
    """What a read of an intent shows of its charge.

    Attributes:
        id: of the charge.
        intent: whose charge it is.
        amount: minor units of ``currency`` that were charged.
        refunded: minor units given back so far, by whomever.
        application_fee: the platform's share in minor units, or None.
        disputed: whether the payer, or the payer's bank, ever took it back or asked about it.
    """

    id: str
    intent: str
    amount: int
    currency: str
    refunded: int
    application_fee: int | None
    disputed: bool


@dataclass(frozen=True, slots=True)
class RefundSeen:
    """What a refund shows.

    Attributes:
        id: ``re_…``, or ``pyr_…`` for a debit.
        item: the item id in its metadata, or empty for one that nobody of ours has made.
        status: Stripe's word.
        created: epoch second.
        failure: why it was returned, or empty.
        digest: in its metadata, how the digest of the line begins for which it was made, or empty.
    """

    id: str
    item: str
    amount: int
    currency: str
    status: str
    created: int
    failure: str = ""
    digest: str = ""


class Standing(StrEnum):
    """Where a refund to make stands, by all that a charge and its refunds show.

    ``succeeded``, ``pending``: one of ours stands. ``returned``: ours came back, and none stands. ``untouched``: nobody
    has given back anything. ``touched``: others have given back a part. ``nothing_left``: others have given back all.
    ``unsure``: the list does not add up, so it concludes nothing.
    """

    SUCCEEDED = "succeeded"
    PENDING = "pending"
    RETURNED = "returned"
    UNTOUCHED = "untouched"
    TOUCHED = "touched"
    NOTHING_LEFT = "nothing_left"
    UNSURE = "unsure"


PENDING = frozenset({"pending", "requires_action"})
# The money is on its way, or waits for its payer: whether `amount_refunded` counts it is not documented.
RETURNED = frozenset({"failed", "canceled"})
# The money is on the account's balance again.
KNOWN = frozenset({"succeeded"}) | PENDING | RETURNED
# Of any other word nobody knows where the money is.


def where_it_stands(
    item_id: str, refunds: Iterable[RefundSeen], charge: ChargeSeen | None
) -> tuple[Standing, RefundSeen | None]:
    """Return where an item's refund stands, and the refund of ours that tells it, or None.

    One of ours that stands is believed whatever else the list lacks: several of ours are one line's, and one that
    stands wins. Everything else needs a list that adds up with the charge, which is read after it.
    """
    found = sorted(refunds, key=lambda one: (one.created, one.id))
    ours = [one for one in found if one.item == item_id]
    for standing, statuses in ((Standing.SUCCEEDED, {"succeeded"}), (Standing.PENDING, PENDING)):
        standing_ones = [one for one in ours if one.status in statuses]
        if standing_ones:
            return standing, standing_ones[0]
    if charge is None or any(one.status not in KNOWN for one in found) or not adds_up(found, charge.refunded):
        return Standing.UNSURE, None
    if ours:
        return Standing.RETURNED, ours[-1]
    if charge.refunded == 0 and all(one.status in RETURNED for one in found):
        return Standing.UNTOUCHED, None
    return (Standing.NOTHING_LEFT if charge.refunded >= charge.amount else Standing.TOUCHED), None


def adds_up(refunds: Iterable[RefundSeen], refunded: int) -> bool:
    """Tell whether the refunds that stand are all that the charge counts, pending ones counted or not."""
    listed = list(refunds)
    certain = sum(one.amount for one in listed if one.status == "succeeded")
    pending = sum(one.amount for one in listed if one.status in PENDING)
    return refunded in (certain, certain + pending)


def contradiction(seen: RefundSeen, expected: Expected) -> str:
    """Return the sentence that says how a refund of ours is not what was approved, or empty."""
    for name, shown, asked in (
        ("amount", seen.amount, expected.amount),
        ("currency", seen.currency, expected.currency),
    ):
        if shown != asked:
            return f"refund {seen.id}: {name} is {quoted(repr(shown))}, approved was {asked!r}"
    return ""


# --- the answers -----------------------------------------------------------------------------------------------------


def made(intent: str) -> Reads:
    """Return how the answers to a refund of an intent are read.

    Its refusal says nothing of an earlier send whose answer was lost, nor of another ledger's: a look follows it.
    """

    def accepted(reply: Reply, expected: Expected) -> Outcome:
        seen = _refund(reply.body or {}, intent)
        if seen is None or seen.item != expected.item_id:
            return Lost(False, reply=reply)
        wrong = contradiction(seen, expected)
        if wrong:
            return Halt(Exit.STOPPED, wrong, reply=reply)
        if reply.replayed or seen.status not in KNOWN - RETURNED:
            return Undecided(LookWhy.REPLAYED if reply.replayed else LookWhy.STATE, reply=reply)
        return Shown(seen, reply=reply)

    return Reads(accepted, doubts=_in_doubt)


def _in_doubt(_refused: Refused, reply: Reply, _expected: Expected) -> LookWhy:
    return LookWhy.REPLAYED if reply.replayed else LookWhy.STATE


def charge_of(intent: str) -> Reads:
    """Return how a read of an intent with its charge is read: ``Shown(ChargeSeen)``, or ``Shown(None)``: not paid."""

    def accepted(reply: Reply, expected: Expected) -> Outcome:
        body = reply.body or {}
        shown = body.get("object"), body.get("id"), body.get("livemode")
        if shown != ("payment_intent", intent, expected.livemode):
            return Lost(False, reply=reply)
        if body.get("status") != "succeeded":
            return Shown(None, reply=reply)
        charge = _charge(body.get("latest_charge"), intent)
        return Lost(False, reply=reply) if charge is None else Shown(charge, reply=reply)

    return Reads(accepted)


def refunds_of(intent: str) -> Reads:
    """Return how a list of an intent's refunds is read: ``Shown(tuple of RefundSeen)``; a list cut short is Lost."""

    def accepted(reply: Reply, _expected: Expected) -> Outcome:
        body = reply.body or {}
        rows = body.get("data")
        if body.get("object") != "list" or body.get("has_more") is not False or not isinstance(rows, list):
            return Lost(False, reply=reply)
        seen = [_refund(row, intent) for row in rows]
        return Lost(False, reply=reply) if None in seen else Shown(tuple(seen), reply=reply)

    return Reads(accepted)


def _refund(body: object, intent: str) -> RefundSeen | None:
    """Return what a refund of an intent shows, or None for what is no such refund."""
    if not isinstance(body, Mapping) or (body.get("object"), body.get("payment_intent")) != ("refund", intent):
        return None
    shape = {"id": str, "currency": str, "status": str, "metadata": Mapping}
    named, metadata = body.get("id"), body.get("metadata")
    if not _shaped(body, shape, ("amount", "created")) or _refund_id(str(named)) is None:
        return None
    told = metadata if isinstance(metadata, Mapping) else {}
    item, digest = told.get("billing_item"), told.get("billing_digest")
    return RefundSeen(
        id=str(named),
        item=item if isinstance(item, str) else "",
        amount=body["amount"],
        currency=body["currency"],
        status=body["status"],
        created=body["created"],
        failure=str(body.get("failure_reason") or ""),
        digest=digest if isinstance(digest, str) else "",
    )


def _charge(body: object, intent: str) -> ChargeSeen | None:
    """Return what the charge of an intent shows, or None for what is no such charge."""
    if not isinstance(body, Mapping) or (body.get("object"), body.get("payment_intent")) != ("charge", intent):
        return None
    if not _shaped(body, {"id": str, "currency": str, "disputed": bool}, ("amount", "amount_refunded")):
        return None
    fee = body.get("application_fee_amount")
    return ChargeSeen(
        id=body["id"],
        intent=intent,
        amount=body["amount"],
        currency=body["currency"],
        refunded=body["amount_refunded"],
        application_fee=fee if type(fee) is int else None,
        disputed=body["disputed"],
    )


def _shaped(body: Mapping[str, Any], types: Mapping[str, type], numbers: Iterable[str]) -> bool:
    """Tell whether fields are there and of their types; ``bool`` is no number although Python says so."""
    return all(isinstance(body.get(name), kind) for name, kind in types.items()) and all(
        type(body.get(name)) is int for name in numbers
    )


_refund_id: Callable[[str], object] = re.compile(r"(?:re|pyr)_[A-Za-z0-9_]{1,250}").fullmatch
