"""Where the money of a run went: what each payout carries of it, what is in none yet, and what was kept on the way.

Told from the balance transactions that a comparison has kept, account by account, so that one of a hundred thousand
rows needs no more room than its largest account. Amounts are minor units of the currency that an account is settled
in, signed as on its balance: what leaves it is negative.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TypeVar

from billing.core.kinds import LIVES
from billing.core.life import Group
from billing.core.movements import MOVEMENT, PAYOUT, Movement, Payout
from billing.core.reconciling.account_book import write_row
from billing.core.reconciling.claims import RETURNED
from billing.core.reconciling.kinds import Place
from billing.core.reconciling.payouts import ending
from billing.core.records import RunRecord
from billing.edge.ledger import Ledger

GIVEN = (Place.CHARGED, Place.REFUNDED, Place.DISPUTED)
Key = TypeVar("Key", bound=Hashable)
Sum = TypeVar("Sum", bound="Booked")


@dataclass(slots=True, kw_only=True)
class Booked:
    """Rows of a balance, added up: everything but ``net`` and ``lines`` adds up to ``net``.

    Attributes:
        account, currency: whose balance, and what it is settled in.
        lines: of the run that any of the rows is about.
        gross: what payers were charged.
        refunds, disputes: what they were given back, and what banks took back.
        stripe_fee: everything that was kept and is not the platform's: taxes on fees, too.
        application_fee: the platform's share, less what it gave back of it.
        other: what has no row of its own in a statement.
        net: what is left on the balance.
    """

    account: str
    currency: str
    lines: int = 0
    gross: int = 0
    refunds: int = 0
    disputes: int = 0
    stripe_fee: int = 0
    application_fee: int = 0
    other: int = 0
    net: int = 0


@dataclass(slots=True, kw_only=True)
class PayoutPart(Booked):
    """What a payout carries of a run, or, without a payout, what none is known to carry.

    Attributes:
        payout: its id; empty for what is in none.
        amount: of the whole payout; None where nothing more is known of it.
        status: Stripe's; empty where nothing is known.
        arrives: the day on which its bank should have it, as its midnight in UTC, epoch seconds.
        failed: whether the bank did not get it, or gave it back; ``failure_code`` says why.
        repaid_by: the later payout that carries again what one that failed had carried.
        bank: the payout with which this money ended: itself, or what repaid it; empty where that is not known.
        arrived: whether that one is paid: the bank has the money.
        beside: other run of this ledger -> what the same payout carries of it, net.
    """

    payout: str
    amount: int | None = None
    status: str = ""
    arrives: int | None = None
    failed: bool = False
    failure_code: str = ""
    repaid_by: str = ""
    bank: str = ""
    arrived: bool = False
    beside: Mapping[str, int] = field(default_factory=dict)

    @property
    def elsewhere(self) -> int | None:
        """What else the payout carries, of no run of this ledger: its amount less all that is known of it."""
        return None if self.amount is None else self.amount - self.net - sum(self.beside.values())


@dataclass(slots=True, kw_only=True)
class Fees(Booked):
    """What was kept of a run on an account, in one currency of settlement.

    Attributes:
        known: lines of the account that are paid and of which it is known what was kept; ``paid`` is how many are.
            Both count the whole account, whatever its currencies.
    """

    known: int = 0
    paid: int = 0


def payouts_of(ledger: Ledger, record: RunRecord) -> list[PayoutPart]:
    """Return what payouts carry of a run: by account and currency, the earliest first, what is in none last.

    Their nets add up to what the run left on all balances. Empty where the run was never compared with Stripe.
    """
    return payouts_in(ledger, frozenset({record.run_id}))


def payouts_in(ledger: Ledger, runs: frozenset[str]) -> list[PayoutPart]:
    """Return what payouts carry of several runs together, as `payouts_of` does of one."""
    return [
        part
        for account, rows in _by_account(ledger, runs)
        for part in _parts(account, rows, runs, _payouts(ledger, account))
    ]


def fees_of(ledger: Ledger, record: RunRecord) -> list[Fees]:
    """Return what was kept of a run, by account and currency; an account that paid, and has no rows yet, has no sums.

    What the net of all of them adds up to is what `payouts_of` adds up to.
    """
    paid, all_of = _paid(ledger, record)
    found: list[Fees] = []
    for account, rows in _by_account(ledger, frozenset({record.run_id})):
        own = [row for row in rows if row.run == record.run_id]
        seen = {row.reference for row in own} & all_of[account]
        counts = {"known": len(seen), "paid": len(seen | paid.pop(account, set()))}
        by_currency = _parted(own, lambda row: row.currency)
        found += [_summed(Fees(account=account, currency=code, **counts), by_currency[code]) for code in by_currency]
    found += [Fees(account=account, currency="", paid=len(lines)) for account, lines in paid.items()]
    return sorted(found, key=lambda one: (one.account, one.currency))


def _by_account(ledger: Ledger, runs: frozenset[str]) -> Iterator[tuple[str, list[Movement]]]:
    """Yield the rows of every account on which the runs have any, whosever the others are."""
    found = (Movement.from_facts(name, facts) for name, facts in ledger.kept(MOVEMENT))
    for account, each in groupby(found, key=lambda row: row.account):
        rows = list(each)
        if any(row.run in runs for row in rows):
            yield account, rows


def _payouts(ledger: Ledger, account: str) -> dict[str, Payout]:
    each = (Payout.from_facts(name, facts) for name, facts in ledger.kept(PAYOUT, f"{account}/"))
    return {payout.id: payout for payout in each}


def _paid(ledger: Ledger, record: RunRecord) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Return the paid lines of a run by account, those that came back among them, and all its lines by account."""
    paid: defaultdict[str, set[str]] = defaultdict(set)
    every: defaultdict[str, set[str]] = defaultdict(set)
    group_of = LIVES[record.kind].group
    for held in ledger.held(record.run_id):
        every[held.account].add(held.reference)
        if str(held.state) == RETURNED or group_of(held.state, held.group) is Group.SUCCEEDED:
            paid[held.account].add(held.reference)
    return paid, every


def _parts(
    account: str, rows: Sequence[Movement], runs: frozenset[str], payouts: Mapping[str, Payout]
) -> Iterator[PayoutPart]:
    own = [row for row in rows if row.run in runs]
    beside: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        if row.payout and row.run not in runs:
            beside[row.payout][row.run] += row.net
    parts = _parted(own, lambda row: (row.payout or "", row.currency))
    for name, currency in sorted(parts, key=lambda part: _order(payouts, *part)):
        part = _part(account, currency, name, payouts, beside[name])
        yield _summed(part, parts[name, currency])


def _order(payouts: Mapping[str, Payout], name: str, currency: str) -> tuple[object, ...]:
    """Sort the earliest first; a payout of which nothing is known, and what is in none, come last."""
    payout = payouts.get(name)
    return not name, payout is None, payout.arrival_date if payout else 0, name, currency


def _part(
    account: str, currency: str, name: str, payouts: Mapping[str, Payout], beside: Mapping[str, int]
) -> PayoutPart:
    payout, end = payouts.get(name), ending(payouts, name)
    if payout is None:
        return PayoutPart(account=account, currency=currency, payout=name)
    return PayoutPart(
        account=account, currency=currency, payout=name, amount=payout.amount, status=payout.status,
        arrives=payout.arrival_date, failed=payout.failed, failure_code=payout.failure_code or "",
        repaid_by=payout.repaid_by or "", bank=end.id if end else "", arrived=end is not None and end.status == "paid",
        beside=dict(sorted(beside.items())),
    )  # fmt: skip


def _parted(rows: Iterable[Movement], key: Callable[[Movement], Key]) -> dict[Key, list[Movement]]:
    found: defaultdict[Key, list[Movement]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return found


def _summed(total: Sum, rows: Iterable[Movement]) -> Sum:
    """Add rows up."""
    places, lines = Counter[Place](), set[str]()
    for row in rows:
        write_row(places, row)
        total.net += row.net
        lines.add(row.reference)
    total.lines = len(lines)
    total.gross, total.refunds, total.disputes = (places[place] for place in GIVEN)
    total.stripe_fee, total.application_fee = places[Place.STRIPE_FEES], places[Place.APPLICATION_FEES]
    named = total.gross + total.refunds + total.disputes + total.stripe_fee + total.application_fee
    total.other = total.net - named
    return total
