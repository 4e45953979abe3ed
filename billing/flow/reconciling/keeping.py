"""One account, read and made durable: movements, payouts, what intents and disputes show, and how far the look went.

What is kept comes in chunks, the cursor last: whoever is killed in between reads the account once more and keeps the
same. Items learn what was booked of them by a note.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

from billing.core.entries import Facts, ItemRecord, Move, Note
from billing.core.items import Kind
from billing.core.movements import MOVEMENT, PAYOUT, Movement, Payout
from billing.core.reconciling.account_book import key_of, place_of
from billing.core.reconciling.claims import AGREES, claim_of, intent_of
from billing.core.reconciling.kept import (
    CURSOR,
    DISPUTE,
    SIGHTING,
    Cursor,
    Dispute,
    Sighting,
    dispute_of,
    from_facts,
    to_facts,
)
from billing.core.reconciling.kinds import CANCELED, GONE, OPEN, SUCCEEDED, Place
from billing.core.reconciling.matching import Known, learn, movement_of, of_item, remember
from billing.core.reconciling.payouts import Carried, newest
from billing.core.reconciling.shown import IntentShown
from billing.core.records import RunRecord
from billing.edge.ledger import Ledger
from billing.edge.stripe.lookups import PAGE
from billing.flow.reconciling.reading import Look, Reader, look_at, loose_after
from billing.flow.reconciling.scope import BEFORE_SECONDS, begun_at, items_on
from billing.flow.report import EVER
from billing.flow.services import Services

VANISHED = "vanished"
# The category of a row that Stripe has shown once and does not know any more.
CHUNK = 500
# As many look-ups, objects or items as the ledger takes at once.
PAYOUT_SECONDS = 10 * 86_400
# A payout that was paid may still fail within five business days. (docs.stripe.com/api/payouts/object)

T = TypeVar("T")


@dataclass(slots=True)
class Shelf:
    """What is kept of an account, and what a look changes of it.

    Attributes:
        movements, payouts, sightings, disputes: by id, as they are now.
        before: what the ledger has, by kind of look-up and name.
    """

    account: str
    movements: dict[str, Movement]
    payouts: dict[str, Payout]
    sightings: dict[str, Sighting]
    disputes: dict[str, Dispute]
    before: dict[str, dict[str, Facts]]

    @classmethod
    def of(cls, ledger: Ledger, account: str) -> "Shelf":
        """Return what the ledger keeps of an account."""
        before = {kind: dict(ledger.kept(kind, f"{account}/")) for kind in (MOVEMENT, PAYOUT, SIGHTING, DISPUTE)}
        movements = [Movement.from_facts(name, facts) for name, facts in before[MOVEMENT].items()]
        payouts = [Payout.from_facts(name, facts) for name, facts in before[PAYOUT].items()]
        sightings = {_own(name): from_facts(Sighting, facts) for name, facts in before[SIGHTING].items()}
        disputes = {_own(name): from_facts(Dispute, facts) for name, facts in before[DISPUTE].items()}
        return cls(
            account, {one.id: one for one in movements}, {one.id: one for one in payouts}, sightings, disputes, before
        )

    def changes(self) -> Iterator[tuple[str, dict[str, Facts]]]:
        """Yield what is to be kept anew, in chunks: kind of look-up, and facts by name."""
        now: dict[str, dict[str, Facts]] = {
            MOVEMENT: {one.name: one.to_facts() for one in self.movements.values()},
            PAYOUT: {one.name: one.to_facts() for one in self.payouts.values()},
            SIGHTING: {f"{self.account}/{name}": to_facts(one) for name, one in self.sightings.items()},
            DISPUTE: {f"{self.account}/{name}": to_facts(one) for name, one in self.disputes.items()},
        }
        for kind, found in now.items():
            news = {name: facts for name, facts in found.items() if self.before[kind].get(name) != facts}
            for chunk in chunks(news.items()):
                yield kind, dict(chunk)


def _own(name: str) -> str:
    return name.partition("/")[2]


def chunks(each: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Yield so many at a time."""
    rest = iter(each)
    while chunk := list(islice(rest, size)):
        yield chunk


def cursors_of(ledger: Ledger, accounts: Sequence[str]) -> dict[str, Cursor]:
    """Return how far accounts were read, those that ever were."""
    return {
        account: from_facts(Cursor, facts)
        for chunk in chunks(accounts)
        for account, facts in ledger.lookups(CURSOR, chunk, EVER).items()
    }


def cursor_of(ledger: Ledger, account: str, since: int, *, full: bool) -> Cursor:
    """Return how far an account was read; from the beginning where that is earlier than any look has gone."""
    cursor = None if full else cursors_of(ledger, [account]).get(account)
    if cursor is None or since < cursor.since:
        return Cursor(since=since, intents=since, rows=since, payouts=since, listed_at=0)
    return cursor


async def read_account(
    services: Services,
    reader: Reader,
    cursor: Cursor,
    items: Sequence[ItemRecord],
    runs: Sequence[RunRecord],
    name: str,
) -> Cursor:
    """Read an account from where the last look ended, keep what it shows, and return how far it was read.

    Args:
        services: what the flow works with.
        reader: of the account.
        cursor: how far it was read.
        items: the lines that are compared.
        runs: all runs of the platform and mode: whose refunds and subscriptions an object may be.
        name: of the comparison that this look is part of.

    Raises:
        Unread: the account could not be read to its end; nothing was kept.
        LedgerError: a commit failed.
    """
    ledger, shelf = services.ledger, Shelf.of(services.ledger, reader.account)
    look = await look_at(reader, cursor, int(services.clock.now().timestamp()))
    look.intents += await _not_listed(reader, cursor, items, look, shelf)
    known = _known(ledger, shelf, look, runs)
    fresh = {one.id: one for row in look.rows if (one := movement_of(reader.account, known, row)) is not None}
    shelf.movements |= {name: _still_carried(one, shelf.movements.get(name)) for name, one in fresh.items()}
    if cursor.listed_at == 0:
        _drop_vanished(cursor, look, shelf)
    loose = await _carry(reader, cursor, look, shelf)
    await _disputes(reader, cursor, look, shelf, known)
    _sight(shelf, look, known)
    for kind, found in shelf.changes():
        await ledger.keep_lookups(kind, found)
    await _tell_items(ledger, shelf, known)
    after = replace(_next(cursor, look, shelf, loose, reader.pages), look=name, entry=ledger.last_entry)
    await ledger.keep_lookups(CURSOR, {reader.account: to_facts(after)})
    return after


def _still_carried(row: Movement, before: Movement | None) -> Movement:
    return row if before is None or before.payout is None else replace(row, payout=before.payout)


async def _not_listed(
    reader: Reader, cursor: Cursor, items: Sequence[ItemRecord], look: Look, shelf: Shelf
) -> list[IntentShown]:
    """Read the intents that the list should show and does not, and those left open that are older than it."""
    listed, due = {intent.id for intent in look.intents}, {}
    for item in items:
        begun, intent = begun_at(item), intent_of(item)
        if intent and (begun is None or begun >= cursor.intents):
            due[intent] = _gone(item, begun or 0)
    due |= {name: replace(one, status=GONE) for name, one in shelf.sightings.items() if _is_open(one)}
    found: list[IntentShown] = []
    for intent, if_gone in due.items():
        if intent in listed:
            continue
        shown = await reader.intent(intent)
        if shown is not None:
            found.append(shown)
        elif if_gone.held:
            shelf.sightings[intent] = if_gone
        else:
            shelf.sightings[intent] = replace(if_gone, status=CANCELED)  # nobody holds it, and it can take nothing
    return found


def _is_open(seen: Sighting) -> bool:
    """Tell whether an intent has to be looked at again: it is not over, or it was gone."""
    return seen.unbooked or seen.status not in (SUCCEEDED, CANCELED)


def _gone(item: ItemRecord, created: int) -> Sighting:
    return Sighting(
        *of_item(item)[:2], item.reference, held=True, state=str(item.state), status=GONE, amount=item.amount,
        currency=item.currency, created=created,
    )  # fmt: skip


def _known(ledger: Ledger, shelf: Shelf, look: Look, runs: Sequence[RunRecord]) -> Known:
    """Return what says whose money a row is."""
    known = Known()
    remember(known, shelf.movements.values())
    for intent in look.intents:
        known.asked[intent.id] = (intent.amount, intent.currency)
        if intent.marks.ours:
            known.marks[intent.id] = intent.marks
        if intent.latest:
            known.intent_of[intent.latest] = intent.id
        if intent.charge is not None and intent.charge.fee_object:
            known.charge_of_fee[intent.charge.fee_object] = intent.charge.id
    learn(known, [*look.rows, *look.repeated])
    intents = {*known.asked, *known.intent_of.values(), *(row.intent for row in look.rows)} - {""}
    for chunk in chunks(sorted(intents)):
        found = ledger.by_object(chunk)
        known.held |= {name: item for name, item in found.items() if item.kind is Kind.CHARGE}
    for item in items_on(ledger, [run for run in runs if run.kind is Kind.SUBSCRIPTION], shelf.account):
        if paid_by := intent_of(item):
            known.held[paid_by] = item
    for item in items_on(ledger, [run for run in runs if run.kind is Kind.REFUND], shelf.account):
        names = (item.object_id, item.facts.get("refund"), item.item_id)
        known.refunds |= {str(name): item for name in names if name}
    return known


def _drop_vanished(cursor: Cursor, look: Look, shelf: Shelf) -> None:
    """Take out of all sums what an earlier look kept and a whole list does not show any more."""
    listed = {row.id for row in look.rows}
    nothing = dict.fromkeys(("amount", "fee", "net", "stripe_fee", "application_fee", "other_fees", "presented"), 0)
    for name, row in shelf.movements.items():
        if row.at >= cursor.since and name not in listed:
            shelf.movements[name] = replace(row, category=VANISHED, **nothing)  # type: ignore[arg-type]


async def _carry(reader: Reader, cursor: Cursor, look: Look, shelf: Shelf) -> Carried:
    """Find out which payout carries which row."""
    anew = cursor.listed_at == 0
    for payout in look.payouts:
        before = None if anew else shelf.payouts.get(payout.id)
        kept = {} if before is None else {"broken_down": before.broken_down, "repaid_by": before.repaid_by}
        shelf.payouts[payout.id] = replace(payout, **kept)  # type: ignore[arg-type]
    back = {payout.failure_row for payout in shelf.payouts.values() if payout.failure_row and not payout.repaid_by}
    ours = {name for name, row in shelf.movements.items() if anew or row.payout is None}
    found = Carried(shelf.payouts, {}, loose_after(cursor, look, shelf.payouts))
    carried = await reader.carried(found, frozenset(ours | back))
    shelf.payouts = dict(carried.payouts)
    for name, carrier in carried.payout_of.items():
        if name in shelf.movements:
            shelf.movements[name] = replace(shelf.movements[name], payout=carrier)
    return carried


async def _disputes(reader: Reader, cursor: Cursor, look: Look, shelf: Shelf, known: Known) -> None:
    """Keep the disputes of payments of ours; listed only where a charge has one of which no row tells."""
    shown = [row.dispute for row in [*look.repeated, *look.rows] if row.dispute is not None]
    told = {one.charge for one in shown} | {one.charge for one in shelf.disputes.values()}
    charges = [intent.charge for intent in look.intents if intent.charge] + [row.paid for row in look.rows if row.paid]
    if any(charge.disputed and charge.id not in told for charge in charges):
        shown += await reader.disputes(cursor.since)
    for one in shown:
        intent = one.intent or known.intent_of.get(one.charge, "")
        if intent in known.held or known.marks.get(intent or one.charge) is not None:
            shelf.disputes[one.id] = dispute_of(one)


def _sight(shelf: Shelf, look: Look, known: Known) -> None:
    """Keep of intents what no row of the balance tells: those that are not over, and those that contradict a line."""
    paid = {key_of(row) for row in shelf.movements.values() if place_of(row) is Place.CHARGED}
    for intent in look.intents:
        item, marks = known.held.get(intent.id), intent.marks
        if item is None and not marks.ours:
            continue
        gone = bool(intent.latest) and intent.charge is None  # its charge was asked for, and cannot be shown
        seen = Sighting(
            *(of_item(item) if item else marks), held=item is not None, state=str(item.state) if item else "",
            status=GONE if gone else intent.status, amount=intent.amount, currency=intent.currency,
            created=intent.created, charge=intent.latest,
            unbooked=intent.status == SUCCEEDED and intent.id not in paid,
            tried=intent.charge.created if intent.charge else 0,
        )  # fmt: skip
        if intent.id in shelf.sightings or not _plain(seen, item):
            shelf.sightings[intent.id] = seen


def _plain(seen: Sighting, item: ItemRecord | None) -> bool:
    """Tell whether rows and ledger say all that there is to say of an intent.

    One that rests open on both sides is not looked at again for that: were it paid, a row would say so.
    """
    if seen.status == CANCELED and item is None:
        return True
    if item is None or seen.unbooked or seen.status not in (SUCCEEDED, CANCELED, *OPEN):
        return False
    same = item.kind is not Kind.CHARGE or (seen.amount, seen.currency) == (item.amount, item.currency)
    return same and seen.status in AGREES[claim_of(item)]


async def _tell_items(ledger: Ledger, shelf: Shelf, known: Known) -> None:
    """Let items know what was booked of them."""
    rows: dict[str, list[Movement]] = {}
    for row in shelf.movements.values():
        rows.setdefault(row.item, []).append(row)
    news: list[tuple[ItemRecord, Sequence[Move]]] = []
    items = {item.item_id: item for item in [*known.held.values(), *known.refunds.values()]}
    for item_id, item in items.items():
        own = [row for row in rows.get(item_id, []) if item.kind is Kind.REFUND or row.intent == intent_of(item)]
        told = booked(item, own)
        if any(item.facts.get(name) != value for name, value in told.items()):
            news.append((item, (Move(Note.RECONCILED, facts=told),)))
    for chunk in chunks(news):
        await ledger.record_all(chunk)


def booked(item: ItemRecord, movements: Iterable[Movement]) -> Mapping[str, object]:
    """Return the facts of an item that its rows make: what Stripe kept, what is left, and which payout carries it.

    What Stripe kept is all that the platform did not: tax on fees and fees passed through are in it, as they are in the
    statement, so that a line of a report adds up.

    Of a charge or a first payment these are of its own charge alone: what was given back or disputed has rows of its
    own, and no part in what the charge brought.
    """
    rows = list(movements) if item.kind is Kind.REFUND else [row for row in movements if row.category == "charge"]
    if not rows or len({row.currency for row in rows}) > 1:
        return {}
    payouts = dict.fromkeys(row.payout for row in rows if row.payout)
    return {
        "stripe_fee": sum(row.stripe_fee + row.other_fees for row in rows),
        "net": sum(row.net for row in rows),
        "payout": " ".join(payouts) or None,
        "settlement_currency": rows[0].currency,
    }


def _next(cursor: Cursor, look: Look, shelf: Shelf, carried: Carried, pages: int) -> Cursor:
    """Return where the next look begins: what can still change is listed again, and everything new."""
    fresh = look.began - BEFORE_SECONDS
    open_since = sorted(one.created for one in shelf.sightings.values() if _is_open(one) and one.status != GONE)
    if len(open_since) <= max(FEW, len(look.intents) // PAGE):
        open_since = []  # they are read one by one: a list that goes back to the first of them would be longer
    waiting = [one.created for one in shelf.payouts.values() if _may_change(one)]
    rows = [*look.rows, *look.repeated]
    return Cursor(
        since=cursor.since,
        intents=max(cursor.since, min([fresh, *open_since])),
        rows=max(cursor.since, fresh),
        payouts=max(cursor.since, min([look.began - PAYOUT_SECONDS, *waiting])),
        listed_at=look.began,
        loose=tuple((row.id, row.net, row.available_on, row.currency, row.held) for row in newest(carried.loose)),
        recent=tuple(row.id for row in rows if row.at >= fresh),
        pages=pages,
    )


FEW = 3
# So many intents left open are read by their ids rather than listed with all that came after them.


def _may_change(payout: Payout) -> bool:
    if payout.status in ("pending", "in_transit"):
        return True
    return payout.automatic and not payout.failed and payout.reconciliation_status != "completed"
