"""What `billing reconcile` keeps of a made run: balance transactions, payouts, intents in doubt, and how it compares.

Here and there somebody has meddled: gave money back, disputed, charged a line twice, left a payment open, changed an
amount. Payouts carry the rest to a bank, and one of them fails.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice

from billing.core.entries import Facts, ItemRecord, Move, Note
from billing.core.kinds.charge import State
from billing.core.movements import MOVEMENT, PAYOUT, Movement, Payout
from billing.core.reconciling.kept import CURSOR, DISPUTE, OUTCOME, SIGHTING, Cursor, Dispute, Sighting, to_facts
from billing.core.records import RunRecord
from billing.edge.ledger import Ledger
from billing.flow.reconciling.compared import compare_kept
from billing.flow.reconciling.keeping import booked
from billing.flow.reconciling.reconcile import Reconciled
from billing.flow.reconciling.scope import Scope, accounts_of, items_on

DAY = 86_400
FEE_SHARE = 0.03
RATES = {"usd": 1.0, "eur": 1.08, "jpy": 0.0067, "kwd": 3.25}
# US dollars of one major unit; a made ledger needs no others than plausible ones.
EXPONENT = {"usd": 2, "eur": 2, "jpy": 0, "kwd": 3}
PAID = (State.SUCCEEDED, State.RETURNED)
CHUNK = 500


@dataclass(slots=True)
class Shelf:
    """Everything that is kept of one connected account.

    Attributes:
        account, currency: whose, and what it is settled in.
        why: the code of a payout that fails there; empty where none does.
    """

    account: str
    currency: str
    why: str
    movements: list[Movement] = field(default_factory=list)
    payouts: dict[str, Payout] = field(default_factory=dict)
    sightings: dict[str, Sighting] = field(default_factory=dict)
    disputes: dict[str, Dispute] = field(default_factory=dict)


def in_settlement(minor: int, currency: str, into: str) -> int:
    """Convert minor units as a provider would."""
    if currency == into:
        return minor
    return round(minor * RATES[currency] / RATES[into] * 10 ** (EXPONENT[into] - EXPONENT[currency]))


def charged(at: int, item: ItemRecord, into: str) -> Movement:
    """Return the row of a payment."""
    share = int(item.content.get("application_fee") or 0)
    whole, taken = in_settlement(item.amount, item.currency, into), in_settlement(share, item.currency, into)
    kept, charge = round(whole * FEE_SHARE), str(item.facts["charge"])
    return Movement(
        id=f"txn_{item.id:016d}", account=item.account, run=item.run_id, reference=item.reference, item=item.item_id,
        category="charge", type="payment" if charge.startswith("py") else "charge", amount=whole, fee=kept + taken,
        net=whole - kept - taken, stripe_fee=kept, application_fee=taken, other_fees=0, currency=into,
        presented=item.amount, presented_currency=item.currency,
        rate=None if item.currency == into else f"{RATES[item.currency] / RATES[into]:.6f}",
        at=at, available_on=at + 2 * DAY, source=charge, charge=charge, intent=item.object_id,
        presented_fee=share, fee_object=f"fee_{item.id:016d}" if share else None,
    )  # fmt: skip


def taken_back(row: Movement, category: str, source: str, minor: int, fee: int = 0) -> Movement:
    """Return a row that takes ``minor`` of a payment back."""
    return replace(
        row, id=f"{row.id}b", category=category, type="adjustment" if category == "dispute" else "refund",
        amount=-minor, fee=fee, net=-minor - fee, stripe_fee=fee, application_fee=0, presented=-minor,
        presented_currency=row.currency, rate=None, at=row.at + DAY, available_on=row.at + DAY, source=source,
        presented_fee=None, fee_object=None,
    )  # fmt: skip


def dispute(item: ItemRecord, row: Movement, status: str, reason: str, due_by: int | None) -> Dispute:
    """Return a dispute of a payment."""
    return Dispute(str(row.charge), str(row.intent), item.amount, item.currency, status, reason, row.at + DAY, due_by)


def refunded(shelf: Shelf, _item: ItemRecord, row: Movement) -> None:
    """Somebody gave a part back in the Dashboard."""
    shelf.movements.append(taken_back(row, "refund", f"re_{row.id}", row.amount // 2))


def disputed(shelf: Shelf, item: ItemRecord, row: Movement) -> None:
    """The customer disputes it."""
    shelf.movements.append(taken_back(row, "dispute", f"dp_{row.id}", row.amount, fee=1500))
    shelf.disputes[f"dp_{row.id}"] = dispute(item, row, "needs_response", "fraudulent", row.at + 10 * DAY)


def charged_twice(shelf: Shelf, _item: ItemRecord, row: Movement) -> None:
    """Another program has charged the line, too."""
    names = {"id": f"{row.id}d", "source": f"{row.source}d", "charge": f"{row.charge}d", "intent": f"{row.intent}d"}
    shelf.movements.append(replace(row, **names, fee_object=None, at=row.at + 60))  # type: ignore[arg-type]


def left_open(shelf: Shelf, item: ItemRecord, row: Movement) -> None:
    """A second payment of the line was opened and never confirmed."""
    shelf.sightings[f"{row.intent}o"] = Sighting(
        item.item_id, item.run_id, item.reference, False, "", "requires_payment_method", item.amount, item.currency,
        row.at + 5,
    )  # fmt: skip


def another_amount(shelf: Shelf, _item: ItemRecord, row: Movement) -> None:
    """Somebody changed the amount in the Dashboard before it was confirmed."""
    more = in_settlement(row.presented + 500, row.presented_currency, row.currency) - row.amount
    shelf.movements[-1] = replace(row, presented=row.presented + 500, amount=row.amount + more, net=row.net + more)


DEEDS: tuple[Callable[[Shelf, ItemRecord, Movement], None], ...] = (
    refunded, disputed, charged_twice, left_open, another_amount,
)  # fmt: skip


def book(shelf: Shelf, items: Sequence[ItemRecord], odd: int) -> None:
    """Write down what an account's payments came to; each ``odd``-th by row met a deed."""
    for item in items:
        at = int(datetime.fromisoformat(str(item.facts.get("last_try") or "2026-11-02T00:00:00Z")).timestamp())
        if item.state in PAID:
            row = charged(at + (4 * DAY if str(item.facts["charge"]).startswith("py") else 0), item, shelf.currency)
            shelf.movements.append(row)
            if item.state is State.RETURNED:
                source = str(item.facts["dispute"])
                shelf.movements.append(taken_back(row, "dispute", source, row.amount, fee=400))
                shelf.disputes[source] = dispute(item, row, "lost", str(item.facts["reason_code"]), None)
            elif item.id % odd == 0:
                DEEDS[item.id // odd % len(DEEDS)](shelf, item, row)
        elif item.state in (State.UNSETTLED, State.UNKNOWN, State.PARKED):
            stands = "processing" if item.state is State.UNSETTLED else "requires_payment_method"
            shelf.sightings[str(item.object_id)] = Sighting(
                item.item_id, item.run_id, item.reference, True, str(item.state), stands, item.amount, item.currency, at
            )


def pay_out(shelf: Shelf, now: int) -> None:
    """Let each day's rows be carried to a bank; what is younger than three days is on its way or waits for one."""
    days: defaultdict[int, list[int]] = defaultdict(list)
    for n, row in enumerate(shelf.movements):
        days[row.available_on // DAY * DAY + DAY].append(n)
    for nth, (at, rows) in enumerate(sorted(days.items())):
        amount = sum(shelf.movements[n].net for n in rows)
        if at > now - DAY or amount <= 0:
            continue
        name = f"po_{shelf.account[5:21]}{at // DAY}"
        failed = bool(shelf.why) and nth == 0
        shelf.payouts[name] = Payout(
            name, shelf.account, amount, shelf.currency, "failed" if failed else "paid" if at < now - 3 * DAY
            else "in_transit", at + DAY, at, True, "completed", shelf.why or None if failed else None, True,
        )  # fmt: skip
        for n in rows:
            shelf.movements[n] = replace(shelf.movements[n], payout=name)


async def keep(ledger: Ledger, shelf: Shelf, items: Sequence[ItemRecord], now: int) -> Cursor:
    """Keep an account as a comparison does: what is kept of it, beside its items what was booked, and how far it is."""
    found: dict[str, Mapping[str, Facts]] = {
        MOVEMENT: {one.name: one.to_facts() for one in shelf.movements},
        PAYOUT: {one.name: one.to_facts() for one in shelf.payouts.values()},
        SIGHTING: {f"{shelf.account}/{name}": to_facts(one) for name, one in shelf.sightings.items()},
        DISPUTE: {f"{shelf.account}/{name}": to_facts(one) for name, one in shelf.disputes.items()},
    }
    for kind, facts in found.items():
        await ledger.keep_lookups(kind, facts)
    own: defaultdict[str, list[Movement]] = defaultdict(list)
    for row in shelf.movements:
        own[row.intent or ""].append(row)
    told = ((item, (Move(Note.RECONCILED, facts=booked(item, own[str(item.object_id)])),)) for item in items
            if item.state in PAID)  # fmt: skip
    while chunk := list(islice(told, CHUNK)):
        await ledger.record_all(chunk)
    cursor = Cursor(now - 30 * DAY, now, now, now, now, pages=3, look="made 1", entry=ledger.last_entry)
    await ledger.keep_lookups(CURSOR, {shelf.account: to_facts(cursor)})
    return cursor


async def reconcile(
    ledger: Ledger, record: RunRecord, currency_of: Callable[[str], str], why_of: Callable[[int], str], odd: int,
    now: datetime,
) -> Reconciled:  # fmt: skip
    """Keep every account of a run, and how the run compares as a whole."""
    scope = Scope(record.run_id, (record,), (), frozenset({record.run_id}))
    results, at = {}, int(now.timestamp())
    for n, account in enumerate(accounts_of(ledger, scope)):
        shelf, items = Shelf(account, currency_of(account), why_of(n)), list(items_on(ledger, [record], account))
        book(shelf, items, odd)
        pay_out(shelf, at)
        cursor = await keep(ledger, shelf, items, at)
        results[account] = compare_kept(ledger, scope, account, cursor, {})
    done = Reconciled(scope=scope, as_of=now.astimezone(UTC), results=results, unread={}, pages=3 * len(results))
    await ledger.note_beside(record.run_id, Note.RECONCILED, facts=(told := dict(_told(done))))
    await ledger.keep_lookups(OUTCOME, {record.run_id: told})
    return done


def _told(done: Reconciled) -> Iterator[tuple[str, object]]:
    """Yield the outcome as it is kept."""
    yield "scope", done.scope.name
    yield "as_of", done.as_of.isoformat(timespec="milliseconds")
    yield "exit_code", int(done.exit)
    yield "items", done.items
    yield "matched", done.matched
    yield "discrepancies", len(done.findings)
    lines = []
    for currency, sums in done.totals.items():
        facts = {name: value for name, value in sums.as_facts().items() if isinstance(value, int)}
        lines.append(f"{currency}: " + ", ".join(f"{name} {value}" for name, value in facts.items()))
    yield "totals", lines
