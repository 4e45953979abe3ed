"""What is known of one account when its lines are compared, and the book in which both sides are written."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from billing.core.entries import ItemRecord
from billing.core.money import CURRENCIES
from billing.core.movements import Movement, Payout
from billing.core.reconciling.findings import Finding
from billing.core.reconciling.kept import Dispute, Sighting
from billing.core.reconciling.kinds import BOOKED, Kind, Place
from billing.core.reconciling.sums import Sums

FEE_BACK = "fr_"
# How the id of an application fee's refund begins.


@dataclass(frozen=True, slots=True)
class View:
    """One account, as the ledger has it after it was read.

    Attributes:
        account: whose.
        items: lines that are compared: charges, first payments, refunds.
        beside: refunds of these charges that another run of this ledger has made.
        runs: the runs that are compared.
        movements: rows of the balance that belong to any of these.
        payouts: by id.
        sightings: by intent.
        disputes: by id.
        now: epoch seconds at which it was read.
    """

    account: str
    items: Sequence[ItemRecord]
    beside: Sequence[ItemRecord]
    runs: frozenset[str]
    movements: Sequence[Movement]
    payouts: Mapping[str, Payout]
    sightings: Mapping[str, Sighting]
    disputes: Mapping[str, Dispute]
    now: int


@dataclass(slots=True)
class Book:
    """Both sides of an account while its lines are compared.

    Attributes:
        sums: by currency of settlement.
        findings: what differs.
        differs: item ids of the lines that do.
        open: how many lines may still move money by themselves.
        unbooked: payments that Stripe has not booked yet.
        extra: rows that belong to what differs: their fees stand by themselves.
    """

    view: View
    sums: defaultdict[str, Sums] = field(default_factory=lambda: defaultdict(Sums))
    findings: list[Finding] = field(default_factory=list)
    differs: set[str] = field(default_factory=set)
    open: int = 0
    unbooked: int = 0
    extra: set[str] = field(default_factory=set)

    def expect(self, currency: str, place: Place, minor: int) -> None:
        """Write on our side."""
        self.sums[currency].ours[place] += minor

    def fees_as_taken(self, rows: Iterable[Movement], *, application: bool = True) -> None:
        """Expect the fees of rows as Stripe took them: nobody knows them beforehand."""
        for row in rows:
            self.expect(row.currency, Place.STRIPE_FEES, -(row.stripe_fee + row.other_fees))
            if application:
                self.expect(row.currency, Place.APPLICATION_FEES, -row.application_fee)

    def find(self, finding: Finding) -> None:
        """Write down what differs, and what it explains."""
        self.findings.append(finding)
        if finding.item:
            self.differs.add(finding.item)
        for currency, minor in finding.effects.items():
            self.sums[currency].explained += minor


def place_of(row: Movement) -> Place:
    """Return where a row is booked."""
    if row.source.startswith(FEE_BACK):
        return Place.APPLICATION_FEES
    return BOOKED.get(row.category, Place.OTHER)


def write_row(places: Counter[Place], row: Movement, fees: Place = Place.STRIPE_FEES) -> None:
    """Write a row into a statement, in the currency it is settled in; ``fees`` is where Stripe's are booked.

    What Stripe kept is all that the platform did not, taxes on fees among it.
    """
    places[place_of(row)] += row.amount
    places[fees] -= row.stripe_fee + row.other_fees
    places[Place.APPLICATION_FEES] -= row.application_fee


def key_of(row: Movement) -> str:
    """Return what rows of one payment have in common: its intent, or the charge of one that has none."""
    return row.intent or row.charge or ""


def nets(rows: Iterable[Movement]) -> dict[str, int]:
    """Add up what rows leave on a balance, each currency by itself; what leaves nothing is left out."""
    found: defaultdict[str, int] = defaultdict(int)
    for row in rows:
        found[row.currency] += row.net
    return {currency: minor for currency, minor in found.items() if minor}


def moved(rows: Iterable[Movement]) -> bool:
    """Tell whether rows moved money for good: what came back by itself did not."""
    found: defaultdict[str, int] = defaultdict(int)
    for row in rows:
        found[row.currency] += row.amount
    return any(found.values())


def settled(rows: Sequence[Movement], minor: int, currency: str) -> int:
    """Return ``minor`` of ``currency``, which a payer was charged in, in the currency in which rows are settled.

    Where nothing was converted it is the same; where something was, by the very conversion of these rows: what they are
    if they are about this amount, else by Stripe's rate, or in proportion where two currencies count their minor units
    in different ways.
    """
    whole, presented = sum(row.amount for row in rows), sum(row.presented for row in rows)
    if rows[0].currency == currency:
        return minor
    if presented in (minor, 0):
        return whole
    if rows[0].rate is not None and exponent_of(currency) == exponent_of(rows[0].currency):
        over, under = Decimal(rows[0].rate).as_integer_ratio()
        return round_half_even(minor * over, under)
    return round_half_even(minor * whole, presented)


def exponent_of(currency: str) -> int | None:
    """Return how many decimals a currency has, None for one that is not in the table."""
    return CURRENCIES[currency].exponent if currency in CURRENCIES else None


def round_half_even(over: int, under: int) -> int:
    """Divide whole numbers and round half to even."""
    if under < 0:
        over, under = -over, -under
    quotient, rest = divmod(over, under)
    return quotient + (rest * 2 > under or (rest * 2 == under and quotient % 2 == 1))


def main_effect(effects: Mapping[str, int], currency: str) -> tuple[int, str]:
    """Return the effect to name first: that in the line's own currency if there is one, else the first."""
    if currency in effects or not effects:
        return effects.get(currency, 0), currency
    first = min(effects)
    return effects[first], first


def finding_of(
    book: Book, kind: Kind, item: ItemRecord | None, name: str, ours: str, stripe: str,
    effects: Mapping[str, int], *, about: tuple[int, str] = (0, ""), **more: object,
) -> Finding:  # fmt: skip
    """Return a finding of a line; ``about`` is the money that it is about, told where nothing differs by it."""
    currency = about[1] or (item.currency if item else "")
    amount, currency = main_effect(effects, currency) if effects else (about[0], currency)
    return Finding(
        kind, book.view.account, item.reference if item else "", item.run_id if item else "",
        item.item_id if item else "", name, ours, stripe, amount, currency, dict(effects), **more,  # type: ignore[arg-type]
    )  # fmt: skip
