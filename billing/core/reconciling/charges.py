"""Compare a charge, or a subscription's first payment, with the intent that it holds and with its rows."""

from collections.abc import Mapping, Sequence

from billing.core.entries import ItemRecord
from billing.core.items import Kind as ItemKind
from billing.core.money import format_minor
from billing.core.movements import Movement
from billing.core.reconciling.account_book import Book, finding_of, moved, nets, place_of, settled
from billing.core.reconciling.claims import AGREES, RETURNED, Claim, claim_of, intent_of
from billing.core.reconciling.findings import Finding
from billing.core.reconciling.kept import Sighting
from billing.core.reconciling.kinds import GONE, PROCESSING, SUCCEEDED, Kind, Place

LATE_SECONDS = 7 * 86_400
# Four business days are the longest that a bank debit takes, and a weekend and a holiday may lie between.
# Source: docs.stripe.com/payments/ach-direct-debit.
BOOKED_SECONDS = 3_600
# A row of the balance may follow its charge by minutes (``automatic_async``); after an hour it is missed.


def compare_charge(book: Book, item: ItemRecord, rows: Sequence[Movement]) -> None:
    """Write what a line expects, and name what differs.

    Args:
        book: of the account.
        item: the line.
        rows: of the intent that it holds.
    """
    own = [row for row in rows if place_of(row) is Place.CHARGED]
    seen = _seen(book, item)
    if claim_of(item) is Claim.PAID:
        _paid(book, item, own, seen)
    elif moved(own):
        _paid_there(book, item, own, seen)
    elif seen is not None:
        _unpaid(book, item, seen)


def _seen(book: Book, item: ItemRecord) -> Sighting | None:
    """Return how the intent was shown; a line that moved since then knows better."""
    seen = book.view.sightings.get(intent_of(item))
    return seen if seen is not None and seen.held and seen.state == str(item.state) else None


def _paid(book: Book, item: ItemRecord, own: Sequence[Movement], seen: Sighting | None) -> None:
    """A line that the ledger calls paid."""
    asked = expected_of(item, own)
    if not moved(own):
        _not_there(book, item, own, seen, asked)
        return
    currency = own[0].currency
    book.sums[currency].lines += 1
    whole = sum(row.amount for row in own)
    ours = _expect(book, item, own, asked)
    effects = _less({currency: whole}, ours)
    shown, presented = own[0].presented, own[0].presented_currency
    if presented != item.currency:
        book.find(
            finding_of(book, Kind.CURRENCY, item, intent_of(item), item.currency, presented, effects,
                       about=(asked, item.currency), at=own[0].at)
        )  # fmt: skip
    elif sum(row.presented for row in own) != asked:
        book.find(_another_amount(book, item, asked, shown, effects, own[0].at))
    elif seen is not None and seen.status == GONE:
        book.find(_gone(book, item, seen))
    elif seen is not None and (seen.amount, seen.currency) != (item.amount, item.currency) and _is_charge(item):
        book.find(_intent_differs(book, item, seen))
    elif seen is not None and seen.status != SUCCEEDED:
        book.find(_other_state(book, item, seen, {}))
    _fee(book, item, own)


def expected_of(item: ItemRecord, own: Sequence[Movement]) -> int:
    """Return what a paid line says that its payer was charged; of a first payment Stripe alone knows it."""
    if item.kind is ItemKind.SUBSCRIPTION:
        return sum(row.presented for row in own) if own else item.amount
    return int(item.facts.get("amount_charged") or item.amount)


def _expect(book: Book, item: ItemRecord, own: Sequence[Movement], asked: int) -> dict[str, int]:
    """Write what was charged on our side, in the currency it is settled in; fees as Stripe took them."""
    row = own[0]
    known = item.currency in (row.currency, row.presented_currency)
    currency = row.currency if known else item.currency
    minor = settled(own, asked, item.currency) if known else asked
    book.expect(currency, Place.CHARGED, minor)
    book.fees_as_taken(own, application=False)
    return {currency: minor}


def _less(theirs: Mapping[str, int], ours: Mapping[str, int]) -> dict[str, int]:
    found = {currency: theirs.get(currency, 0) - ours.get(currency, 0) for currency in {*theirs, *ours}}
    return {currency: minor for currency, minor in sorted(found.items()) if minor}


def _fee(book: Book, item: ItemRecord, own: Sequence[Movement]) -> None:
    """Write the platform's share on our side, and name one that is not what the line asked for."""
    row, taken = own[0], sum(one.application_fee for one in own)
    asked = item.facts.get("application_fee_charged")
    asked = asked if type(asked) is int else int(item.content.get("application_fee") or 0)
    shown = row.presented_fee
    agrees = item.kind is not ItemKind.CHARGE or shown == asked or (not shown and not asked) or _unsaid(row, asked)
    if agrees:
        book.expect(row.currency, Place.APPLICATION_FEES, -taken)
        return
    ours = asked if row.currency == item.currency else settled(own, asked, item.currency)
    book.expect(row.currency, Place.APPLICATION_FEES, -ours)
    effects = _less({row.currency: -taken}, {row.currency: -ours})
    what = format_minor(asked, item.currency), format_minor(shown or 0, item.currency)
    book.find(
        finding_of(book, Kind.AMOUNT, item, row.fee_object or row.source, *what, effects,
                   about=((shown or 0) - asked, item.currency), at=row.at, detail="the platform's share")
    )  # fmt: skip


def _unsaid(row: Movement, asked: int) -> bool:
    """Tell whether only the row speaks of the fee, because its charge could not be shown, and says nothing else."""
    return row.presented_fee is None and row.fee_object is None and (row.application_fee > 0) == (asked > 0)


def _not_there(book: Book, item: ItemRecord, own: Sequence[Movement], seen: Sighting | None, asked: int) -> None:
    """The ledger calls it paid, and no row of the balance says so."""
    fresh = seen is not None and book.view.now - seen.since < BOOKED_SECONDS
    if seen is not None and seen.unbooked and fresh:
        book.unbooked += 1
        return
    currency = own[0].currency if own else item.currency
    minor = settled(own, asked, item.currency) if own and own[0].presented_currency == item.currency else asked
    book.sums[currency].lines += 1
    book.expect(currency, Place.CHARGED, minor)
    book.fees_as_taken(own)
    effects, name = {currency: -minor}, intent_of(item) or item.item_id
    stands = seen.status if seen is not None and seen.status != GONE else ""
    if own or stands not in ("", SUCCEEDED):
        told = "failed" if own else stands
        book.find(finding_of(book, Kind.STATE, item, name, str(item.state), told, effects))
        return
    detail = "its intent stands, and the balance has no row of it" if stands else ""
    book.find(
        finding_of(book, Kind.MISSING_THERE, item, name, str(item.state), stands or "missing", effects, detail=detail)
    )


def _paid_there(book: Book, item: ItemRecord, own: Sequence[Movement], seen: Sighting | None) -> None:
    """Stripe has booked it, and the ledger does not call it paid."""
    if claim_of(item) is Claim.PROCESSING and seen is not None and seen.status == PROCESSING:
        for row in own:  # some banks' debits are booked while they are still on their way
            book.expect(row.currency, Place.CHARGED, row.amount)
        book.fees_as_taken(own)
        return
    book.extra |= {row.id for row in own}
    book.find(finding_of(book, Kind.STATE, item, intent_of(item), str(item.state), SUCCEEDED, nets(own), at=own[0].at))


def _unpaid(book: Book, item: ItemRecord, seen: Sighting) -> None:
    """Neither side has money of it."""
    if seen.status == GONE:
        book.find(_gone(book, item, seen))
    elif seen.unbooked and book.view.now - seen.since < BOOKED_SECONDS and claim_of(item) is not Claim.CLOSED:
        book.unbooked += 1
    elif (seen.amount, seen.currency) != (item.amount, item.currency) and _is_charge(item):
        book.find(_intent_differs(book, item, seen))
    elif seen.status not in AGREES[claim_of(item)]:
        book.find(_other_state(book, item, seen, {}))
    elif seen.status == PROCESSING and book.view.now - seen.since > LATE_SECONDS:
        book.find(_late(book, item, seen.since))


def _gone(book: Book, item: ItemRecord, seen: Sighting) -> Finding:
    """What is gone is the charge, where the intent still names one; what the balance has of it is not touched."""
    return finding_of(
        book, Kind.MISSING_THERE, item, seen.charge or intent_of(item), str(item.state), "missing", {},
        about=(item.amount, item.currency),
    )  # fmt: skip


def _late(book: Book, item: ItemRecord, since: int) -> Finding:
    return finding_of(
        book, Kind.LATE, item, intent_of(item), str(item.state), PROCESSING, {}, about=(item.amount, item.currency),
        at=since + LATE_SECONDS,
    )  # fmt: skip


def _is_charge(item: ItemRecord) -> bool:
    return item.kind is ItemKind.CHARGE


def _other_state(book: Book, item: ItemRecord, seen: Sighting, effects: Mapping[str, int]) -> Finding:
    return finding_of(
        book, Kind.STATE, item, intent_of(item), str(item.state), seen.status, effects,
        about=(item.amount, item.currency),
    )  # fmt: skip


def _intent_differs(book: Book, item: ItemRecord, seen: Sighting) -> Finding:
    if seen.currency != item.currency:
        return finding_of(
            book, Kind.CURRENCY, item, intent_of(item), item.currency, seen.currency, {},
            about=(item.amount, item.currency),
        )  # fmt: skip
    return _another_amount(book, item, item.amount, seen.amount, {}, None)


def _another_amount(
    book: Book, item: ItemRecord, asked: int, shown: int, effects: Mapping[str, int], at: int | None
) -> Finding:
    said = format_minor(asked, item.currency), format_minor(shown, item.currency)
    return finding_of(
        book, Kind.AMOUNT, item, intent_of(item), *said, effects, about=(shown - asked, item.currency), at=at
    )


def knows_of_return(item: ItemRecord | None) -> bool:
    """Tell whether the ledger has it on record that a payment came back."""
    return item is not None and str(item.state) == RETURNED
