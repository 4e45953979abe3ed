"""Compare refunds of ours with their rows, and name what others gave back, disputed or took back of a payment."""

from collections import defaultdict
from collections.abc import Sequence

from billing.core.entries import ItemRecord
from billing.core.money import format_minor
from billing.core.movements import Movement
from billing.core.reconciling.account_book import (
    Book,
    finding_of,
    moved,
    nets,
    place_of,
    settled,
)
from billing.core.reconciling.charges import knows_of_return
from billing.core.reconciling.claims import Claim, claim_of
from billing.core.reconciling.kinds import Kind, Place

DEBIT_TYPE = "payment"
# The type of a charge's row that is no card's. (docs.stripe.com/reports/balance-transaction-types)


def compare_refund(book: Book, item: ItemRecord, rows: Sequence[Movement]) -> None:
    """Write what a refund of ours expects, and name what differs. Fees that go with it count as Stripe took them."""
    book.fees_as_taken(rows)
    stands = claim_of(item) is Claim.PAID or str(item.state) == "unsettled"
    asked = -int(item.facts.get("amount_refunded") or item.amount)
    name = str(item.facts.get("refund") or item.object_id or item.item_id)
    if stands and moved(rows):
        _standing(book, item, rows, asked, name)
    elif stands:
        currency = rows[0].currency if rows else item.currency
        minor = settled(rows[:1], asked, item.currency) if rows else asked
        book.expect(currency, Place.REFUNDED, minor)
        kind, told = (Kind.STATE, "failed") if rows else (Kind.MISSING_THERE, "missing")
        book.find(finding_of(book, kind, item, name, str(item.state), told, {currency: -minor}))
    elif moved(rows):
        effects = _amounts(rows)
        book.find(finding_of(book, Kind.STATE, item, name, str(item.state), "refunded", effects, at=rows[0].at))


def _standing(book: Book, item: ItemRecord, rows: Sequence[Movement], asked: int, name: str) -> None:
    currency, whole = rows[0].currency, sum(row.amount for row in rows)
    ours = settled(rows, asked, item.currency)
    book.expect(currency, Place.REFUNDED, ours)
    shown = sum(row.presented for row in rows)
    if rows[0].presented_currency != item.currency or shown == asked:
        return
    said = format_minor(-asked, item.currency), format_minor(-shown, item.currency)
    effects = {currency: whole - ours} if whole != ours else {}
    book.find(
        finding_of(book, Kind.AMOUNT, item, name, *said, effects, about=(shown - asked, item.currency), at=rows[0].at)
    )


def compare_around(book: Book, item: ItemRecord | None, rows: Sequence[Movement]) -> None:
    """Name what others did with a payment: refunds, disputes, returns, shares given back.

    Args:
        book: of the account.
        item: the line of the payment, or None where none planned it.
        rows: of the payment, without refunds that this ledger has made.
    """
    debit = any(row.type == DEBIT_TYPE for row in rows)
    by_source: defaultdict[tuple[Place, str], list[Movement]] = defaultdict(list)
    for row in rows:
        by_source[place_of(row), row.source].append(row)
    for (place, source), found in by_source.items():
        if place in (Place.REFUNDED, Place.APPLICATION_FEES):
            _given_back(book, item, source, place, found)
        elif place is Place.DISPUTED:
            _disputed(book, item, source, found, debit=debit)


def _given_back(book: Book, item: ItemRecord | None, source: str, place: Place, rows: Sequence[Movement]) -> None:
    effects = nets(rows)
    if not effects:  # it came back whole: nothing was given
        book.fees_as_taken(rows)
        return
    book.extra |= {row.id for row in rows}
    share = place is Place.APPLICATION_FEES
    _find(book, Kind.REFUNDED_OUTSIDE, item, source, rows, "refunded", detail="the platform's share" if share else "")


def _disputed(book: Book, item: ItemRecord | None, source: str, rows: Sequence[Movement], *, debit: bool) -> None:
    if not moved(rows):  # won: the money is there again, and what it cost is a fee like any other
        book.fees_as_taken(rows)
        return
    if knows_of_return(item):
        for row in rows:
            book.expect(row.currency, Place.DISPUTED, row.amount)
        book.fees_as_taken(rows)
        return
    book.extra |= {row.id for row in rows}
    seen = book.view.disputes.get(source)
    final = seen is not None and seen.status == "lost" and seen.due_by is None
    kind = Kind.RETURNED if debit and final else Kind.DISPUTED
    due = seen.due_by if seen is not None and seen.status == "needs_response" else None
    do = "" if kind is Kind.RETURNED or due else _what_follows(seen.status if seen else "")
    told = "returned" if kind is Kind.RETURNED else seen.status if seen else "disputed"
    _find(book, kind, item, source, rows, told,
          due=due, do=do, fee=sum(row.stripe_fee + row.other_fees for row in rows))  # fmt: skip


def _what_follows(status: str) -> str:
    if status == "lost":
        return "It is lost; nothing more can be answered."
    return "Wait for the bank's decision." if status.endswith("under_review") else ""


def _find(
    book: Book, kind: Kind, item: ItemRecord | None, source: str, rows: Sequence[Movement], told: str, **more: object
) -> None:
    ours = str(item.state) if item else "no such line"
    finding = finding_of(book, kind, item, source, ours, told, nets(rows), at=min(row.at for row in rows),
                         about=(0, rows[0].currency), **more)  # fmt: skip
    book.find(finding)


def _amounts(rows: Sequence[Movement]) -> dict[str, int]:
    found: defaultdict[str, int] = defaultdict(int)
    for row in rows:
        found[row.currency] += row.amount
    return {currency: minor for currency, minor in found.items() if minor}
