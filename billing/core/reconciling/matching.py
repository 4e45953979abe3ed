"""To which line a row of a balance belongs: by what it names, and by what that says of itself."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from billing.core.entries import ItemRecord
from billing.core.movements import Movement
from billing.core.reconciling.shown import Marks, RowShown


@dataclass(slots=True)
class Known:
    """What is known of an account's charges before its rows are looked at.

    Attributes:
        held: intent -> the item that holds it: a charge, or a subscription whose first payment it is.
        refunds: refund, and item id of a refund -> the item of ours that made it.
        marks: intent -> what its metadata, or that of its charge, says of whose it is.
        intent_of: charge -> its intent; ``charge_of_fee`` application fee -> the charge it was taken of.
        asked: intent -> minor units and currency that it asks for.
    """

    held: dict[str, ItemRecord] = field(default_factory=dict)
    refunds: dict[str, ItemRecord] = field(default_factory=dict)
    marks: dict[str, Marks] = field(default_factory=dict)
    intent_of: dict[str, str] = field(default_factory=dict)
    charge_of_fee: dict[str, str] = field(default_factory=dict)
    asked: dict[str, tuple[int, str]] = field(default_factory=dict)


def learn(known: Known, rows: Iterable[RowShown]) -> None:
    """Take in what rows say of charges: whose they are, which intent they have, which fee."""
    for row in rows:
        if row.paid is not None:
            known.intent_of[row.paid.id] = row.paid.intent
            if row.paid.fee_object:
                known.charge_of_fee[row.paid.fee_object] = row.paid.id
            if row.paid.marks.ours:
                known.marks.setdefault(row.paid.intent or row.paid.id, row.paid.marks)


def remember(known: Known, movements: Iterable[Movement]) -> None:
    """Take in what earlier looks kept."""
    for one in movements:
        if one.charge:
            known.intent_of.setdefault(one.charge, one.intent or "")
            if one.fee_object:
                known.charge_of_fee[one.fee_object] = one.charge
            if one.category == "charge":
                known.marks.setdefault(one.intent or one.charge, Marks(one.item, one.run, one.reference))


def charge_and_intent(known: Known, row: RowShown) -> tuple[str, str]:
    """Return whose money a row is: the charge and its intent, empty where nothing says so."""
    charge = row.charge or known.charge_of_fee.get(row.fee_of, "")
    return charge, row.intent or known.intent_of.get(charge, "")


def movement_of(account: str, known: Known, row: RowShown) -> Movement | None:
    """Return a row as a movement of the line it belongs to, or None for one that is none of ours."""
    charge, intent = charge_and_intent(known, row)
    whose = _whose(known, row, charge, intent)
    if whose is None:
        return None
    presented, presented_currency = row.presented, row.presented_currency
    if row.behind == "charge" and row.paid is None:  # the charge cannot be shown; its intent says what was asked for
        presented, presented_currency = known.asked.get(intent, (presented, presented_currency))
    return Movement(
        id=row.id, account=account, run=whose.run, reference=whose.reference, item=whose.item, category=row.category,
        type=row.type, amount=row.amount, fee=row.fee, net=row.net, stripe_fee=row.stripe_fee,
        application_fee=row.application_fee, other_fees=row.other_fees, currency=row.currency,
        presented=presented, presented_currency=presented_currency, rate=row.rate, at=row.at,
        available_on=row.available_on, source=row.source, charge=charge or None, intent=intent or None,
        presented_fee=row.paid.fee if row.paid else None,
        fee_object=(row.paid.fee_object or None) if row.paid else None,
    )  # fmt: skip


def _whose(known: Known, row: RowShown, charge: str, intent: str) -> Marks | None:
    """Return the line of a row: a refund of ours has one of its own, all else has that of its charge."""
    refund = _refund_of(known, row)
    if refund is not None:
        return of_item(refund)
    item = known.held.get(intent)
    if item is not None:
        return of_item(item)
    marks = known.marks.get(intent or charge)
    return marks if marks is not None and marks.ours else None


def _refund_of(known: Known, row: RowShown) -> ItemRecord | None:
    if row.behind != "refund":
        return None
    return known.refunds.get(row.source) or known.refunds.get(row.marks.item)


def of_item(item: ItemRecord) -> Marks:
    """Return what names an item."""
    return Marks(item.item_id, item.run_id, item.reference)
