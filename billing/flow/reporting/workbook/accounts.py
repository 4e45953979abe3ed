"""The sheet of accounts: what was asked for each one, what arrived on its balance, and what its bank has of that."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from billing.core.tones import NOT_CHARGED
from billing.edge.workbooks.cells import Amount, Cell, Check, decimals_of
from billing.edge.workbooks.formats import Look
from billing.edge.workbooks.sheet import Column, Sheet
from billing.flow.reporting.overview import Line, Sum
from billing.flow.reporting.payouts import Booked, PayoutPart

CURRENCY, TO_CHARGE, LEFT_OUT, NET = 1, 3, 9, 16
# Where these stand, for the sums that the workbook checks itself by.
_MONEY = 15
COLUMNS = (
    Column("Account", 26),
    Column("Currency", 11),
    Column("Lines to charge", 10, right=True),
    Column("To charge", _MONEY, right=True),
    Column("Lines paid", 10, right=True),
    Column("Paid", _MONEY, right=True),
    Column("On its way", _MONEY, right=True, quiet=True),
    Column("Missing", _MONEY, right=True),
    Column("Lines left out", 10, right=True, quiet=True),
    Column("Left out", _MONEY, right=True, quiet=True),
    Column("Gross", _MONEY, right=True, quiet=True),
    Column("Refunds", _MONEY, right=True, quiet=True),
    Column("Disputes", _MONEY, right=True, quiet=True),
    Column("Stripe fee", _MONEY, right=True, quiet=True),
    Column("Application fee", _MONEY, right=True, quiet=True),
    Column("Other", _MONEY, right=True, quiet=True),
    Column("Net", _MONEY, right=True, quiet=True),
    Column("Arrived at the bank", _MONEY, right=True, quiet=True),
    Column("In a payout under way", _MONEY, right=True, quiet=True),
    Column("In no payout yet", _MONEY, right=True, quiet=True),
    Column("Check: net", 15, right=True, quiet=True),
    Column("Check: payouts", 15, right=True, quiet=True),
)
NOTE = (
    "A row is an account in one currency: what its lines of that currency asked for, then what moved for this run on "
    "its balance of that currency, where what leaves it is negative. Where a charge was converted, the two are in "
    "different rows."
)
MOVED = ("gross", "refunds", "disputes", "stripe_fee", "application_fee", "other", "net")
# What moves on a balance, in the order of its columns.
NO_ACCOUNT = "(no account)"


class Place(NamedTuple):
    """One account in one currency."""

    account: str
    currency: str


@dataclass(slots=True)
class Banked:
    """Where the net of a place is, in minor units: with its bank, in a payout that is not there yet, in none."""

    arrived: int = 0
    under_way: int = 0
    waiting: int = 0


@dataclass(slots=True)
class AccountBook:
    """What is known of accounts.

    Attributes:
        rows: place -> row of the outturn -> its lines.
        booked: place -> what moved on the balance for this run.
        banked: place -> where that is.
    """

    rows: dict[Place, dict[str, Sum]] = field(default_factory=dict)
    booked: dict[Place, Booked] = field(default_factory=dict)
    banked: dict[Place, Banked] = field(default_factory=dict)

    def take(self, line: Line) -> None:
        """Take in one line of the sheet."""
        if line.listed:
            place = Place(line.account, line.currency)
            self.rows.setdefault(place, {}).setdefault(line.row, Sum()).add(line.amount, line.currency)

    def take_payout(self, part: PayoutPart) -> None:
        """Take in what a payout carries, or what none does: together, all that moved."""
        place = Place(part.account, part.currency)
        booked = self.booked.setdefault(place, Booked(account=part.account, currency=part.currency))
        for name in MOVED:
            setattr(booked, name, getattr(booked, name) + getattr(part, name))
        banked = self.banked.setdefault(place, Banked())
        if part.arrived:
            banked.arrived += part.net
        elif part.payout and not part.failed:
            banked.under_way += part.net
        else:
            banked.waiting += part.net

    @property
    def accounts(self) -> set[str]:
        """Those that any line is of."""
        return {place.account for place in self.rows}


def write_accounts(sheet: Sheet, book: AccountBook) -> None:
    """Write a line for each account and currency."""
    sheet.line([NOTE], Look.NOTE)
    sheet.skip()
    sheet.table(COLUMNS, frozen=2)
    for place in sorted({*book.rows, *book.booked}):
        rows = book.rows.get(place)
        figures = _lines(place, rows) if rows else [None] * (NET - 8)
        booked = book.booked.get(place)
        balance = [] if booked is None else _balance(booked, book.banked.get(place, Banked()), sheet.line_number)
        sheet.line([place.account or NO_ACCOUNT, place.currency.upper(), *figures, *balance])


def _lines(place: Place, rows: dict[str, Sum]) -> list[Cell]:
    charge = [each for row, each in rows.items() if row not in NOT_CHARGED]
    out = [each for row, each in rows.items() if row in NOT_CHARGED]
    paid, way = rows.get("paid", Sum()), rows.get("on_its_way", Sum())
    missing = _money(charge, place) - _money([paid], place)
    return [
        _count(charge), _cell(_money(charge, place), place), paid.lines, _cell(_money([paid], place), place),
        _cell(_money([way], place), place) if way.lines else None, _cell(missing, place),
        _count(out) or None, _cell(_money(out, place), place) if out else None,
    ]  # fmt: skip


def _balance(booked: Booked, banked: Banked, row: int) -> Iterator[Cell]:
    moved = (getattr(booked, name) for name in MOVED)
    figures = (*moved, banked.arrived, banked.under_way, banked.waiting)
    yield from (Amount(minor, booked.currency) for minor in figures)
    decimals = decimals_of(booked.currency)
    yield Check(f"ROUND(SUM(K{row}:P{row})-Q{row},{decimals})", decimals)
    yield Check(f"ROUND(SUM(R{row}:T{row})-Q{row},{decimals})", decimals)


def _count(sums: list[Sum]) -> int:
    return sum(each.lines for each in sums)


def _money(sums: list[Sum], place: Place) -> int:
    return sum(each.totals[place.currency] for each in sums)


def _cell(minor: int, place: Place) -> Cell:
    return Amount(minor, place.currency) if place.currency else None
