"""What a run came to for one connected account, as its owner is told: charged, kept, given back, paid out, and when.

Told of that account alone, from its own lines and from the rows of its own balance. A row belongs to a statement when
it is of a line of the run, or of a payment of one: what was given back later, by whomever, among them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from itertools import groupby
from zoneinfo import ZoneInfo

from billing.core.movements import MOVEMENT, PAYOUT, Movement, Payout
from billing.core.owner_words import NOUNS, PAYOUTS_SAID, PLACES_SAID, said_of
from billing.core.reconciling.account_book import place_of, write_row
from billing.core.reconciling.kinds import Place
from billing.core.reconciling.payouts import ending
from billing.core.records import RunRecord
from billing.edge.ledger import Ledger
from billing.flow.report import known_run
from billing.flow.reporting.overview import Line, Sum, line_of


class Where(StrEnum):
    """Where money is that was booked."""

    ARRIVED = "arrived"
    ON_ITS_WAY = "on_its_way"
    WAITING = "waiting"
    CAME_BACK = "came_back"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the run, or a row of the balance beside its payment.

    Attributes:
        what: payment, refund, dispute and the like.
        reference: of the line.
        at: when it was booked, or tried last; ISO 8601, empty where it never was.
        amount, currency: as the customer is asked for, minor units; what went back is negative.
        state, why: where it stands, in words for the owner.
        row: of the outturn; empty for what is no line.
        paid: whether it brought money that counts in this statement.
        booked: the row of the balance; None where nothing is booked yet, or not known.
        payment: Stripe's id of the payment.
    """

    what: str
    reference: str
    at: str
    amount: int
    currency: str
    state: str
    why: str
    row: str
    paid: bool
    booked: Movement | None
    payment: str


@dataclass(slots=True)
class Settled:
    """What was booked in one currency of the balance, minor units; what leaves it is negative.

    Attributes:
        places: by row from charged to net.
        where: where that net is.
        next_arrival: the day on which the next payout arrives, epoch seconds; None where none is under way.
        available: from when on the last of what waits can be paid out, epoch seconds.
    """

    places: Counter[Place] = field(default_factory=Counter)
    where: Counter[Where] = field(default_factory=Counter)
    next_arrival: int | None = None
    available: int | None = None

    @property
    def net(self) -> int:
        """What is left of it for the owner."""
        return sum(self.where.values())

    @property
    def stripe(self) -> int:
        """What Stripe kept, taxes on its fees among it; positive."""
        return -(self.places[Place.STRIPE_FEES] + self.places[Place.EXTRA_FEES])

    @property
    def platform(self) -> int:
        """What the platform kept; positive."""
        return -self.places[Place.APPLICATION_FEES]

    @property
    def other(self) -> int:
        """What is left of the net that no other row tells."""
        named = (Place.CHARGED, Place.REFUNDED, Place.DISPUTED)
        return self.net - sum(self.places[place] for place in named) + self.stripe + self.platform


@dataclass(slots=True)
class Carried:
    """What a payout carries of the statement.

    Attributes:
        payout: what is known of it; None where nothing is.
        name: its id.
        currency: of what it carries.
        net: of that.
        rows: how many rows.
        bank: the later payout that brought the money after this one came back; None where it is this one, or none.
    """

    payout: Payout | None
    name: str
    currency: str
    net: int = 0
    rows: int = 0
    bank: Payout | None = None


@dataclass(slots=True)
class Statement:
    """One account.

    Attributes:
        account: its id.
        record, zone: the run, and whose clocks its times are shown on.
        as_of: when Stripe was asked last, ISO 8601; empty where it never was.
        lines: of the run, in the order of its sheet.
        further: rows of the balance that are no line's own payment.
        states: state in words -> currency -> lines and money, of the lines.
        paid: of the lines that were paid.
        settled: by currency of the balance.
        payouts: in the order in which they arrive.
        unbooked: paid lines of which no fees are known yet.
    """

    account: str
    record: RunRecord
    zone: ZoneInfo
    as_of: str
    lines: list[Entry] = field(default_factory=list)
    further: list[Entry] = field(default_factory=list)
    states: dict[str, dict[str, Sum]] = field(default_factory=dict)
    paid: Sum = field(default_factory=Sum)
    settled: dict[str, Settled] = field(default_factory=dict)
    payouts: list[Carried] = field(default_factory=list)
    unbooked: int = 0

    @property
    def sheet(self) -> Sum:
        """All its lines."""
        found = Sum()
        for entry in self.lines:
            found.add(entry.amount, entry.currency)
        return found


def statements_of(ledger: Ledger, run_id: str, accounts: frozenset[str], as_of: str) -> Iterator[Statement]:
    """Stream the statements of a run, account by account; one account at a time is held.

    Args:
        ledger: alone is read.
        run_id: of the run.
        accounts: whose; none named means all.
        as_of: when Stripe was asked last; empty where it never was.

    Raises:
        UsageError: the ledger has no such run.
    """
    record = known_run(ledger, run_id)
    zone = ZoneInfo(record.header.get("timezone") or "UTC")
    every = (line_of(each, record) for each in ledger.report(run_id, by_account=True) if not each.replaced)
    for account, lines in groupby(every, key=lambda line: line.account):
        if account and (not accounts or account in accounts):
            yield _filled(ledger, Statement(account, record, zone, as_of), list(lines))


def _filled(ledger: Ledger, statement: Statement, lines: Sequence[Line]) -> Statement:
    payments = {line.payment for line in lines if line.payment and line.owned}
    kept = ledger.kept(MOVEMENT, f"{statement.account}/")
    rows = [
        row
        for row in (Movement.from_facts(name, facts) for name, facts in kept)
        if row.run == statement.record.run_id or row.intent in payments
    ]
    rows.sort(key=lambda row: (row.at, row.id))
    own = _own_rows(rows, NOUNS[statement.record.kind].category)
    for line in lines:
        _take_line(statement, line, own.get(line.reference) if line.owned else None)
    shown = {entry.booked.id for entry in statement.lines if entry.booked is not None}
    statement.further = [_beside(row) for row in rows if row.id not in shown]
    kept_payouts = ledger.kept(PAYOUT, f"{statement.account}/") if any(row.payout for row in rows) else ()
    _settle(statement, rows, {one.id: one for one in (Payout.from_facts(*each) for each in kept_payouts)})
    return statement


def _own_rows(rows: Sequence[Movement], category: str) -> Mapping[str, Movement]:
    """Return the first row of each line that is its own; any further one is told beside it."""
    found: dict[str, Movement] = {}
    for row in rows:
        if row.category == category:
            found.setdefault(row.reference, row)
    return found


def _take_line(statement: Statement, line: Line, booked: Movement | None) -> None:
    code = line.told["reason_code"]
    kind = statement.record.kind
    said = said_of(kind, line.row, code)
    paid = line.row == "paid"
    at = line.told.get("last_try", "") if booked is None else _iso(booked.at)
    entry = Entry(NOUNS[kind].one, line.reference, at, line.amount, line.currency, said.state, said.why, line.row, paid,
                  booked, line.payment)  # fmt: skip
    statement.lines.append(entry)
    of_state = statement.states.setdefault(said.state, {})
    of_state.setdefault(line.currency, Sum()).add(line.amount, line.currency)
    if paid:
        statement.paid.add(line.amount, line.currency)
        statement.unbooked += booked is None


def _beside(row: Movement) -> Entry:
    place = place_of(row)
    what = "another payment" if place is Place.CHARGED and row.amount >= 0 else PLACES_SAID[place]
    return Entry(what, row.reference, _iso(row.at), row.presented, row.presented_currency, "", "", "", False, row,
                 row.intent or row.charge or "")  # fmt: skip


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _settle(statement: Statement, rows: Sequence[Movement], payouts: Mapping[str, Payout]) -> None:
    """Add rows up by currency, and by the payout that carries them."""
    carried: dict[tuple[str, str], Carried] = {}
    for row in rows:
        sums = statement.settled.setdefault(row.currency, Settled())
        write_row(sums.places, row)
        end = ending(payouts, row.payout)
        where = where_of(end)
        sums.where[where] += row.net
        if where is Where.ON_ITS_WAY and end is not None:
            sums.next_arrival = min(sums.next_arrival or end.arrival_date, end.arrival_date)
        if where is Where.WAITING:
            sums.available = max(sums.available or row.available_on, row.available_on)
        if row.payout:
            first = payouts.get(row.payout)
            later = end if end is not first else None
            one = carried.setdefault((row.payout, row.currency), Carried(first, row.payout, row.currency, bank=later))
            one.net += row.net
            one.rows += 1
    statement.payouts = sorted(carried.values(), key=_by_arrival)


def _by_arrival(one: Carried) -> tuple[bool, int, str, str]:
    return one.payout is None, one.payout.arrival_date if one.payout else 0, one.name, one.currency


def where_of(end: Payout | None) -> Where:
    """Return where money is by the payout that it ends with; None: it is in none of which anything is known."""
    if end is None:
        return Where.WAITING
    if end.failed:
        return Where.CAME_BACK
    return Where.ARRIVED if end.status == "paid" else Where.ON_ITS_WAY


def payout_words(payout: Payout | None) -> str:
    """Return what is said of a payout."""
    return "not known" if payout is None else PAYOUTS_SAID.get(payout.status, payout.status)
