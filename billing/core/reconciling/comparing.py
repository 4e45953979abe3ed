"""Compare the lines of an account with what Stripe shows and books: every difference named, none made up.

Our side is written from the lines alone, Stripe's from the rows of the balance alone, and what a named difference
changes is worked out by itself. So a rest that no name explains is seen, whoever forgot to name it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from billing.core.entries import ItemRecord
from billing.core.items import Kind as ItemKind
from billing.core.movements import Movement
from billing.core.reconciling.account_book import Book, View, finding_of, key_of, moved, nets, place_of, write_row
from billing.core.reconciling.charges import compare_charge
from billing.core.reconciling.claims import intent_of, is_open, pays_otherwise
from billing.core.reconciling.findings import Finding
from billing.core.reconciling.kept import Sighting
from billing.core.reconciling.kinds import INQUIRIES, OPEN, PROCESSING, Kind, Place
from billing.core.reconciling.payouts import can_be_broken_down, ending
from billing.core.reconciling.refunds import compare_around, compare_refund
from billing.core.reconciling.sums import Sums


@dataclass(frozen=True, slots=True)
class AccountResult:
    """How one account compares.

    Attributes:
        items: lines compared, each once however many generations it had; ``differing`` is how many of them a finding is
            about.
        open: lines whose money may still move by itself; ``unbooked`` payments that Stripe has not booked yet.
        by_hand: payouts that somebody made: nobody can say what they carry.
        doubtful: payouts that may carry rows of ours, and whose rows do not come to their amount.
        inquiries: charges about which a bank asks: no money moved.
        movements: rows of the balance that were compared; ``payouts`` how many carry them.
        moved: lines that went on after the account was read, and that are not compared for that.
    """

    account: str
    items: int
    differing: int
    findings: tuple[Finding, ...]
    sums: Mapping[str, Sums]
    open: int
    unbooked: int
    by_hand: int
    doubtful: tuple[str, ...]
    inquiries: tuple[tuple[str, str], ...]
    movements: int
    payouts: int
    moved: int = 0


def compare(view: View) -> AccountResult:
    """Compare one account."""
    book = Book(view)
    rows = _by_payment(view.movements)
    refunds = {item.item_id for item in (*view.items, *view.beside) if item.kind is ItemKind.REFUND}
    owners = {key: item for item in view.items if (key := intent_of(item))}
    by_id = {item.item_id: item for item in view.items}
    for item in view.items:
        book.open += is_open(item)
        if item.kind is ItemKind.CHARGE or intent_of(item):  # a subscription may begin without a payment
            compare_charge(book, item, rows.get(intent_of(item), []))
    for item in (*view.items, *view.beside):
        if item.kind is ItemKind.REFUND:
            compare_refund(book, item, [row for row in view.movements if row.item == item.item_id])
    for key, found in rows.items():
        owner = owners.get(key) or by_id.get(found[0].item)
        if key not in owners:
            _stray(book, key, found, owner, owners, rows)
        compare_around(book, owner, [row for row in found if row.item not in refunds])
    _unheld(book, by_id, rows)
    _payouts(book)
    _write_theirs(book)
    return _result(book)


def _by_payment(movements: Sequence[Movement]) -> dict[str, list[Movement]]:
    found: defaultdict[str, list[Movement]] = defaultdict(list)
    for row in movements:
        found[key_of(row)].append(row)
    return found


def _stray(
    book: Book,
    key: str,
    rows: Sequence[Movement],
    owner: ItemRecord | None,
    owners: Mapping[str, ItemRecord],
    all_rows: Mapping[str, Sequence[Movement]],
) -> None:
    """Name a payment that no line of those compared holds, although it says that it is one's."""
    charged = [row for row in rows if place_of(row) is Place.CHARGED]
    if not moved(charged):
        return
    book.extra |= {row.id for row in charged}
    if owner is None:
        mark = charged[0]
        finding = finding_of(
            book, Kind.MISSING_HERE, None, key, "no such line", "succeeded", nets(charged),
            about=(mark.presented, mark.presented_currency), at=mark.at,
        )  # fmt: skip
        book.find(_said_of(finding, mark))
        return
    twice = _paid_otherwise(owner, key, owners, all_rows)
    kind = Kind.DUPLICATE if twice else Kind.STATE
    book.find(finding_of(book, kind, owner, key, str(owner.state), "succeeded", nets(charged), at=charged[0].at))


def _said_of(finding: Finding, row: Movement) -> Finding:
    return Finding(
        finding.kind, finding.account, row.reference, row.run, "", finding.object, finding.ours, finding.stripe,
        finding.amount, finding.currency, finding.effects, at=finding.at,
    )  # fmt: skip


def _paid_otherwise(
    owner: ItemRecord, key: str, owners: Mapping[str, ItemRecord], rows: Mapping[str, Sequence[Movement]]
) -> bool:
    """Tell whether a line is paid by another payment too: by its own, or by one that comes before this one."""
    for other, found in rows.items():
        if other == key or not any(row.item == owner.item_id for row in found):
            continue
        paid = moved([row for row in found if place_of(row) is Place.CHARGED])
        if paid and (owners.get(other) is not None or other < key):
            return True
    return False


def _unheld(book: Book, by_id: Mapping[str, ItemRecord], rows: Mapping[str, Sequence[Movement]]) -> None:
    """Name intents of ours that no line holds and that have taken nothing: those still open, and those on their way."""
    for name, seen in sorted(book.view.sightings.items()):
        item = by_id.get(seen.item)
        if seen.held or (item is None and seen.run not in book.view.runs) or name in rows:
            continue
        kind = _kind_of(seen, item)
        if kind is None:
            continue
        finding = finding_of(
            book, kind, item, name, str(item.state) if item else "no such line", seen.status, {},
            about=(seen.amount, seen.currency), at=seen.created, do=_to_do(kind, item, name),
        )  # fmt: skip
        if item is None:
            finding = Finding(
                kind, book.view.account, seen.reference, seen.run, "", name, finding.ours, finding.stripe,
                finding.amount, finding.currency, at=seen.created, do=finding.do,
            )  # fmt: skip
        book.find(finding)


LEFT_OPEN = "Another ledger may still finish it: look there first; where none will, cancel it in Stripe."
# What to do about an open payment that is not closed from here.


def _to_do(kind: Kind, item: ItemRecord | None, intent: str) -> str:
    """Return what a person does about an open payment, where that is not what its kind says."""
    closable = item is not None and pays_otherwise(item, intent)
    return "" if kind is not Kind.ORPHAN or closable else LEFT_OPEN


def _kind_of(seen: Sighting, item: ItemRecord | None) -> Kind | None:
    if seen.status in OPEN:
        return Kind.ORPHAN
    if seen.status == PROCESSING or seen.unbooked:
        return Kind.DUPLICATE if item is not None else Kind.MISSING_HERE
    return None


def _payouts(book: Book) -> None:
    """Name the payouts of ours that failed and were not made good, and write where the money is."""
    payouts = book.view.payouts
    lines: defaultdict[str, set[str]] = defaultdict(set)
    for row in book.view.movements:
        sums, end = book.sums[row.currency], ending(payouts, row.payout)
        if row.payout:
            lines[row.payout].add(row.item)
        if end is not None and end.status == "paid":
            sums.paid_out += row.net
            sums.payouts.add(end.id)
        elif end is not None and end.failed:
            sums.held += row.net
        else:
            sums.on_its_way += row.net
            arrives = [one for one in (sums.arrives, end.arrival_date if end else None) if one is not None]
            sums.arrives = min(arrives, default=None)
    for payout in payouts.values():
        end = ending(payouts, payout.id)
        if payout.failed and payout.id in lines and end is not None and end.failed:
            why = (payout.failure_code or "").replace("_", " ")
            count = len(lines[payout.id])
            book.find(
                Finding(
                    Kind.PAYOUT_FAILED, book.view.account, "", "", "", payout.id, "paid", payout.status, payout.amount,
                    payout.currency, at=payout.created, detail=f"{why or 'no reason given'}, {count} line"
                    + ("" if count == 1 else "s"),
                )
            )  # fmt: skip


def _write_theirs(book: Book) -> None:
    """Write Stripe's side, from its rows alone."""
    for row in book.view.movements:
        fees = Place.EXTRA_FEES if row.id in book.extra else Place.STRIPE_FEES
        write_row(book.sums[row.currency].theirs, row, fees)
        if row.category == "charge" and row.rate is not None:
            book.sums[row.currency].converted[row.presented_currency] += row.presented


def _doubtful(book: Book) -> set[str]:
    """Return the payouts of which Stripe does not say for certain what they carry, while rows of ours wait for one."""
    waiting = [row for row in book.view.movements if row.payout is None]
    return {
        one.id
        for one in book.view.payouts.values()
        if can_be_broken_down(one) and not one.broken_down
        and any(row.currency == one.currency and row.available_on <= one.created for row in waiting)
    }  # fmt: skip


def _lines(items: Iterable[ItemRecord]) -> int:
    """Count lines: what follows one that came to nothing, or came back, is the same line."""
    return len({(item.run_id, item.reference) for item in items})


def _result(book: Book) -> AccountResult:
    view = book.view
    asked = sorted((one.intent or one.charge, name) for name, one in view.disputes.items() if one.status in INQUIRIES)
    wanted = {intent_of(item) for item in view.items}
    differing = [item for item in view.items if item.item_id in book.differs]
    return AccountResult(
        view.account, _lines(view.items), _lines(differing), tuple(book.findings),
        dict(book.sums), book.open, book.unbooked,
        by_hand=sum(not one.automatic for one in view.payouts.values()),
        doubtful=tuple(sorted(_doubtful(book))),
        inquiries=tuple(pair for pair in asked if pair[0] in wanted),
        movements=len(view.movements),
        payouts=len({row.payout for row in view.movements if row.payout}),
    )  # fmt: skip
