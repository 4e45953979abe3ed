"""The sheet of all lines: what became of each, with the sheet's own cells behind."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from billing.core.kinds.columns import COLUMNS
from billing.core.money import CURRENCIES
from billing.core.records import RunRecord
from billing.core.report_columns import MOMENTS, SETTLED, SETTLEMENT, TRIES
from billing.edge.workbooks.cells import Amount, Cell, Moment, Ordinal
from billing.edge.workbooks.sheet import Column
from billing.flow.reporting.overview import Line
from billing.flow.reporting.workbook.words import state_of, title_of

OURS_FIRST = ("reference", "amount", "currency", "customer", "account")
# What every line has, whether its sheet says it or the item: shown once, in front.
ALWAYS = frozenset({"line", "reference", "status_word", "reason", "what_to_do"})
# Shown even where no line has anything in them.
ASIDE = ("amount", "currency")
# Of a line that was set aside, shown behind as the sheet has them.
STATUS, AMOUNT, CURRENCY = 2, 3, 4
# Where these stand, for the sums that the workbook checks itself by.
FROZEN = 2
_DIGITS = re.compile(r"(-?[0-9]+)(?:\.([0-9]+))?")
_WIDTHS = {
    "line": 7, "reference": 22, "status_word": 24, "amount": 13, "currency": 11, "customer": 23, "account": 24,
    "reason": 38, "what_to_do": 46, "attempts": 10, "settlement_currency": 12, "reason_code": 24, "run": 20,
    "payout": 28,
}  # fmt: skip
PRINTED = frozenset({"reason", "what_to_do", *TRIES})
# What goes on paper besides what every line has; ids and the sheet's own cells are for a screen.
_NUMBERS = frozenset({"line", "attempts", "net", "stripe_fee"})
_NARROW, _IDS, _TIME, _INPUT = 14, 30, 19, 18

Maker = Callable[[Line], Cell]


@dataclass(frozen=True, slots=True)
class ItemTable:
    """The columns of a run's items, and what makes the cell of each."""

    columns: tuple[Column, ...]
    makers: tuple[Maker, ...]

    def at(self, name: str) -> int:
        """Return which column a name of ours is, from 0."""
        return next(at for at, column in enumerate(self.columns) if column.title == title_of(name))

    def cells(self, line: Line) -> list[Cell]:
        """Return the cells of a line."""
        return [make(line) for make in self.makers]


def item_table(record: RunRecord) -> ItemTable:
    """Return the columns of a run of its kind: what it comes to, when and why, ids, and the sheet's other columns."""
    ours, titles = COLUMNS[record.kind], [str(title) for title in record.header.get("columns", ())]
    at = {plain(title): where for where, title in reversed(list(enumerate(titles)))}
    front = _front(record, at)
    money = [*ours.amounts, *((SETTLEMENT,) if ours.settled else ()), "payout"]
    middle = ["reason", "what_to_do", *TRIES, *money]
    ids = [name for name in (*ours.ids, *ours.own, *ours.links) if name not in front]
    behind = [*ids, "reason_code", "status", "request_id", "run"]
    made = {**front, **{name: _told(name, ours.amounts) for name in (*middle, *behind)}}
    made |= {f"{name}_in_the_sheet": partial(_refused, at[name]) for name in ASIDE if name in at}
    shown = {at[name] for name in OURS_FIRST if name in at}
    rest = [where for where in range(len(titles)) if where not in shown]
    columns = [_column(name, printed=name in front or name in PRINTED) for name in made]
    columns += [Column(titles[where], _INPUT, printed=False) for where in rest]
    return ItemTable(tuple(columns), (*made.values(), *(partial(_cell, where) for where in rest)))


def plain(title: str) -> str:
    """Return the name that a sheet's title means, where it is spelled out: ``Invoice No`` means none of ours."""
    return re.sub(r"[\s_-]+", "_", title.strip().lower())


def minor_of(told: str) -> int | None:
    """Return the minor units of an amount as a report tells it, with all its decimals; None of no amount."""
    found = _DIGITS.fullmatch(told)
    return None if found is None else int(found[1] + (found[2] or ""))


def settled_in(line: Line) -> str:
    """Return the currency in which Stripe's fee and the net of a line are told."""
    return line.told.get(SETTLEMENT) or line.currency


def _front(record: RunRecord, at: Mapping[str, int]) -> dict[str, Maker]:
    return {
        "line": lambda line: Ordinal(line.number),
        "reference": lambda line: _own(line, "" if _is_aside(line) else line.reference, "reference", at),
        "status_word": lambda line: state_of(line.row, record, listed=line.listed),
        "amount": lambda line: Amount(line.amount, line.currency) if line.currency else None,
        "currency": lambda line: line.currency.upper(),
        "customer": lambda line: _own(line, line.told.get("customer") or line.customer, "customer", at),
        "account": lambda line: _own(line, line.account, "account", at),
    }


def _own(line: Line, cell: str, name: str, at: Mapping[str, int]) -> Cell:
    """Return what the ledger has, or of a line that was set aside the text of its sheet."""
    return cell if cell or name not in at else _cell(at[name], line)


def _is_aside(line: Line) -> bool:
    """Tell whether nothing but its cells is known of a line."""
    return not (line.account or line.customer or line.currency)


def _refused(where: int, line: Line) -> Cell:
    """Return a cell of a line that was set aside: no sum may take it for money, and nobody may miss it."""
    return "" if line.currency else _cell(where, line)


def _cell(where: int, line: Line) -> Cell:
    return line.cells[where] if where < len(line.cells) else ""


def _told(name: str, amounts: Sequence[str]) -> Maker:
    """Return what makes the cell of a column of ours."""
    if name in amounts:
        return lambda line: amount_told(name, line)
    if name in MOMENTS:
        return lambda line: Moment(line.told[name]) if line.told[name] else None
    if name == "attempts":
        return lambda line: int(line.told[name]) if line.told[name].isdecimal() else line.told[name]
    if name == SETTLEMENT:
        return lambda line: line.told[name].upper()
    return lambda line: line.told[name]


def amount_told(name: str, line: Line) -> Cell:
    """Return an amount of ours: what is settled is in the currency of the account's balance."""
    told = line.told.get(name, "")
    minor = minor_of(told) if told else None
    currency = settled_in(line) if name in SETTLED else line.currency
    return told if minor is None or currency not in CURRENCIES else Amount(minor, currency)


def _column(name: str, *, printed: bool) -> Column:
    width = _TIME if name in MOMENTS else _NARROW if name in ("net", "stripe_fee") or "amount" in name else _IDS
    right = name in MOMENTS or name in _NUMBERS or "amount" in name or name.startswith("application_fee")
    quiet = name not in ALWAYS
    return Column(title_of(name), _WIDTHS.get(name, width), right=right, printed=printed, quiet=quiet)
