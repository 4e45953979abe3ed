"""Balanced entries of a journal, made of movements and payouts.

Amounts are minor units; a debit is positive. The first posting of an entry is the clearing account's.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

from billing.core.journals.roles import Chart, Role
from billing.core.journals.rules import ARRIVES, PAYOUT_ENTRIES, Rule, rule_of
from billing.core.movements import Movement, Payout


@dataclass(frozen=True, slots=True)
class Posting:
    """One side of an entry.

    Attributes:
        name: of the account, as the file's program reads it.
        amount: minor units of ``currency``; a debit is positive.
        currency: lower-case code.
        cost: what it is worth in ``cost_currency``, which the entry balances in; None where that is ``currency``.
    """

    name: str
    amount: int
    currency: str
    cost: int | None = None
    cost_currency: str = ""

    @property
    def weight(self) -> tuple[int, str]:
        """What it counts for in the balance of its entry: minor units, and of which currency."""
        return (self.amount, self.currency) if self.cost is None else (self.cost, self.cost_currency)


@dataclass(frozen=True, slots=True)
class Transaction:
    """One balanced entry.

    Attributes:
        id: stable: of the balance transaction, or of the payout and the run (``po_1/gym-2026-11``).
        at: when, epoch seconds: what orders a day.
        day: the same in the zone of its run; of a payout the day Stripe names for its arrival.
        words: what happened, to be followed by the reference.
        reference: of the line; empty for a payout.
        account: the connected account.
        run: whose line it belongs to.
        category: Stripe's; ``payout`` and ``payout_reversal`` of payouts.
        ids: (name, id) of what is behind it.
        postings: the clearing account's, then the others; they balance.
    """

    id: str
    at: int
    day: date
    words: str
    reference: str
    account: str
    run: str
    category: str
    ids: tuple[tuple[str, str], ...]
    postings: tuple[Posting, ...]

    @property
    def narration(self) -> str:
        """What happened, to which line."""
        return f"{self.words} {self.reference}".strip()

    @property
    def balances(self) -> bool:
        """Whether its postings sum to nothing, in each currency."""
        sums: dict[str, int] = defaultdict(int)
        for posting in self.postings:
            amount, currency = posting.weight
            sums[currency] += amount
        return not any(sums.values())


def booked(movement: Movement, chart: Chart, zone: tzinfo) -> Transaction:
    """Return the entry of a movement. What its parts do not explain of its net goes to suspense."""
    rule = rule_of(movement)
    postings = _postings(movement, rule, chart)
    ids = (("charge", movement.charge), ("intent", movement.intent), ("source", movement.source),
           ("payout", movement.payout), ("rate", movement.rate))  # fmt: skip
    return Transaction(
        movement.id,
        movement.at,
        datetime.fromtimestamp(movement.at, zone).date(),
        rule.words,
        movement.reference,
        movement.account,
        movement.run,
        movement.category,
        tuple((name, value) for name, value in ids if value),
        postings,
    )


def _postings(movement: Movement, rule: Rule, chart: Chart) -> tuple[Posting, ...]:
    fees: dict[Role, int] = defaultdict(int)
    fees[rule.fee] += movement.stripe_fee
    fees[Role.APPLICATION_FEES] += movement.application_fee
    fees[Role.OTHER_FEES] += movement.other_fees
    fees[Role.SUSPENSE] += movement.amount - sum(fees.values()) - movement.net

    def named(role: Role) -> str:
        return chart.name(role, movement.account)

    kept = (Posting(named(role), fees[role], movement.currency) for role in Role if fees.get(role))
    given = (_against(movement, named(rule.amount)),) if movement.amount else ()
    return (Posting(named(Role.CLEARING), movement.net, movement.currency), *given, *kept)


def _against(movement: Movement, name: str) -> Posting:
    """Return the posting of a movement's amount: in the payer's currency, and what Stripe made of it."""
    converted = movement.presented_currency != movement.currency
    if converted and movement.amount * movement.presented > 0:  # a price needs two amounts of one sign
        return Posting(name, -movement.presented, movement.presented_currency, -movement.amount, movement.currency)
    return Posting(name, -movement.amount, movement.currency)


@dataclass(frozen=True, slots=True)
class Part:
    """What a payout carries of a run: the net of its movements, in minor units."""

    account: str
    run: str
    currency: str
    net: int


def parts_of(movements: Iterable[Movement]) -> Mapping[str, list[Part]]:
    """Return what each payout carries of each run, by the payout's id."""
    sums: dict[tuple[str, str, str, str], int] = defaultdict(int)
    for each in movements:
        if each.payout is not None:
            sums[each.payout, each.account, each.run, each.currency] += each.net
    found: dict[str, list[Part]] = defaultdict(list)
    for (payout, account, run, currency), net in sums.items():
        found[payout].append(Part(account, run, currency, net))
    return found


def paid_out(payout: Payout, part: Part, chart: Chart, payouts: Mapping[str, Payout]) -> Iterator[Transaction]:
    """Yield the entries of what a payout carries of a run, and of the payouts that carry it again after it failed.

    There is none of a payout that has not arrived.
    """
    part_of = part.run if part.currency == payout.currency else f"{part.run}/{part.currency}"
    code, seen, at = f"{payout.id}/{part_of}", set[str](), payout
    while at.id not in seen:
        seen.add(at.id)
        for category in PAYOUT_ENTRIES.get(at.status, ()):
            yield _carried(at, part, chart, code, category)
        later = payouts.get(at.repaid_by or "")
        if not at.failed or later is None:
            return
        code, at = f"{later.id}/{part_of}/for/{at.id}", later


def _carried(payout: Payout, part: Part, chart: Chart, code: str, category: str) -> Transaction:
    arrives = category == ARRIVES
    net = part.net if arrives else -part.net
    return Transaction(
        code if arrives else f"{code}/failed",
        payout.arrival_date,
        datetime.fromtimestamp(payout.arrival_date, UTC).date(),  # Stripe names a day, as its midnight in UTC
        "Payout" if arrives else "Failed payout",
        "",
        part.account,
        part.run,
        category,
        (("payout", payout.id),),
        (
            Posting(chart.name(Role.CLEARING, part.account), -net, part.currency),
            Posting(chart.name(Role.BANK, part.account), net, part.currency),
        ),
    )
