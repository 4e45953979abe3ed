"""A typed cell becomes the text that a person sees in it, or an error that says what is stored and what is shown."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum, auto
from typing import NamedTuple, cast

from billing.edge.runfiles.reading.remembered import Remembered
from billing.edge.runfiles.workbook.formats import DIGITS, Kind, Shape, currencies_of, shape_for, shows_texts
from billing.edge.texts.problems import FieldError
from billing.edge.texts.safe_text import quoted, withheld

MONEY = frozenset({"amount", "amount_minor", "application_fee", "application_fee_minor", "first_payment"})
"""Our columns that hold amounts of the line's currency."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[Ee][+-]?[0-9]{1,3})?")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_AS_TEXT = "format the cell as text and type it again"
_THOUSAND = 1000


class Raw(NamedTuple):
    """A cell as it stands in the sheet.

    Attributes:
        column: from 1.
        type: ``n`` number, ``s`` shared text, ``str`` and ``inlineStr`` text, ``b``, ``e``, ``d``.
        style: index of its style.
        value: what is stored, or None where nothing is.
        formula: whether it is calculated.
    """

    column: int
    type: str
    style: int
    value: str | None
    formula: bool


class Role(Enum):
    """What the run makes of a column."""

    REFERENCE = auto()
    MONEY = auto()
    OTHER = auto()
    IGNORED = auto()


def role_of(column: str) -> Role:
    """The role of one of our columns; the empty name is one that is only carried along."""
    if column == "reference":
        return Role.REFERENCE
    return Role.MONEY if column in MONEY else Role.OTHER if column else Role.IGNORED


@dataclass(frozen=True, slots=True)
class Book:
    """What cells point at.

    Attributes:
        text: the shared text of an index.
        format: the number format of a style.
        from_1904: whether its dates are counted from 1904.
        recalculated: whether results of formulas are worked out anew when it is opened.
    """

    text: Callable[[int], str]
    format: Callable[[int], str]
    from_1904: bool = False
    recalculated: bool = False


class Seen(NamedTuple):
    """A cell as it is seen: its text, what is wrong with it, and what is shown beside the number."""

    text: str
    fault: FieldError | None = None
    beside: str = ""


EMPTY = Seen("")


def unescaped(text: str) -> str:
    """The text with characters that XML cannot hold, which a workbook writes as ``_x000D_``. (ECMA-376-1, 22.9.2.19)"""
    return _ESCAPED.sub(lambda found: _character(int(found[1], 16), found[0]), text) if "_x" in text else text


def _character(point: int, written: str) -> str:
    # Half of a pair is no character: what stands there stays as it is written.
    return written if 0xD800 <= point <= 0xDFFF else chr(point)


class Sight:
    """Reads the cells of one workbook; ``personal`` columns are never quoted."""

    def __init__(self, book: Book, personal: frozenset[str] = frozenset()) -> None:
        self._book = book
        self._personal = personal
        self._columns: dict[str, Remembered] = {}

    def of(self, raw: Raw, name: str) -> Seen:
        """What a person sees in a cell of this column of ours."""
        seen = self._columns.get(name)
        if seen is None:
            seen = self._columns[name] = Remembered(lambda stored: self._of(Raw(0, *stored), name))
        return cast("Seen", seen[raw[1:]])

    def _of(self, raw: Raw, name: str) -> Seen:
        role = role_of(name)
        if role is Role.IGNORED:
            return Seen(self._carried(raw))
        if raw.formula and (raw.value is None or self._book.recalculated):
            # Programs that write workbooks store 0 for a result that a spreadsheet works out when it opens them.
            return _wrong(name, "", "not_calculated", "is a formula without a result", _CALCULATE)
        if raw.value is None:
            return EMPTY
        if raw.type in {"s", "str", "inlineStr"}:
            return self._text(raw, name, role)
        if raw.type == "e":
            return _wrong(
                name, "", "cell_error", f"shows the error {quoted(raw.value)}", "mend the formula, or type it"
            )
        if raw.type == "b":
            return self._truth(raw.value, name, role)
        if raw.type != "n" or not _NUMBER.fullmatch(raw.value):
            return _wrong(name, "", "cell_type", "is of a type that is not understood", _AS_TEXT)
        return self._number(raw.value, self._book.format(raw.style), name, role)

    def _carried(self, raw: Raw) -> str:
        """What is carried along to the report of a cell that means nothing to a run: as it is seen, or as stored."""
        if raw.value is None:
            return ""
        if raw.type in {"e", "d"}:
            return raw.value
        return self._of(raw, "a column").text

    def _text(self, raw: Raw, name: str, role: Role) -> Seen:
        value = raw.value or ""
        text = self._book.text(_index(value)) if raw.type == "s" else unescaped(value)
        if role is Role.MONEY and text and not shows_texts(self._book.format(raw.style)):
            hint = "format the cell as text, without anything beside it"
            return _wrong(name, text, "number_format", "is a text, and its format shows another one", hint)
        return Seen(text)

    def _truth(self, value: str, name: str, role: Role) -> Seen:
        text = "TRUE" if value == "1" else "FALSE"
        if role is Role.OTHER:
            return Seen(text)
        return _wrong(name, text, "cell_type", f"is the truth value {text}", _AS_TEXT)

    def _number(self, value: str, code: str, name: str, role: Role) -> Seen:
        stored = float(value)
        if stored in {float("inf"), float("-inf")}:
            return _wrong(name, value, "digits_lost", "is larger than any number", _AS_TEXT)
        number = Decimal(repr(stored))
        shape = shape_for(number, code)
        said = "" if name in self._personal else f" {_plain(number)}"
        if shape.kind is Kind.DATE:
            return self._day(stored, name, role)
        if shape.kind is Kind.OTHER:
            hint = "type 2.5 for 2.5 %" if "percent" in shape.says else "format the cell as a plain number, or as text"
            message = f"holds the number{said}, and its format {shape.says}"
            return _wrong(name, _plain(number), "number_format", message, hint)
        if abs(number) >= Decimal(10) ** DIGITS:
            message = f"is a number of more than {DIGITS} digits: a spreadsheet keeps no more of it"
            return _wrong(name, _plain(number), "digits_lost", message, _AS_TEXT)
        shown = shape.shown(number)
        if shown != number:
            told = "" if name in self._personal else f": stored is {_plain(number)}, shown is {shape.digits(shown)}"
            hint = f"round it in the sheet: =ROUND(…, {shape.most or 2}), or type what it should be"
            return _wrong(name, _plain(number), "not_as_shown", f"is not what the sheet shows{told}", hint)
        return _as_shown(number, shape, name, role)

    def _day(self, stored: float, name: str, role: Role) -> Seen:
        """The date that is shown, whatever time of the day is stored with it."""
        day = _day_of(int(stored), from_1904=self._book.from_1904)
        text = "" if day is None else day.isoformat()
        if day is None:
            return _wrong(name, "", "cell_type", "is a date before or after all that are known", _AS_TEXT)
        if role is Role.OTHER:
            return Seen(text)
        what = "is a date" if name in self._personal else f"is the date {text}"
        return _wrong(name, text, "cell_type", what, _AS_TEXT)


_CALCULATE = "open the workbook in a spreadsheet, which calculates it, and save it; or type the value"
_FIRST_SERIAL = 61
# 1 March 1900. Before it the days of a workbook are one off: it knows a 29 February 1900, which there never was.


def _day_of(serial: int, *, from_1904: bool) -> date | None:
    if not from_1904 and serial < _FIRST_SERIAL:
        return None
    try:
        return (date(1904, 1, 1) if from_1904 else date(1899, 12, 30)) + timedelta(days=serial)
    except OverflowError:
        return None


def _as_shown(number: Decimal, shape: Shape, name: str, role: Role) -> Seen:
    """The text of a number that is shown as it is stored."""
    text = shape.digits(number, padded=role is not Role.MONEY)
    if role is Role.MONEY:
        if shape.beside and currencies_of(shape.beside) is None:
            message = f"shows {quoted(shape.beside)} beside the amount"
            return _wrong(name, text, "number_format", message, "a currency is known by its code; format it plainly")
        return Seen(text, None, shape.beside)
    if role is Role.REFERENCE and number != number.to_integral_value():
        return _wrong(name, text, "number_format", "is a number with decimals", _AS_TEXT)
    if shape.beside or (shape.grouped and abs(number) >= _THOUSAND):
        return _wrong(name, text, "number_format", "shows more than the digits of its number", _AS_TEXT)
    return Seen(text)


def mismatch(seen: Seen, name: str, currency: str) -> FieldError | None:
    """What is wrong with an amount that shows another currency than its line has, or None."""
    meant = currencies_of(seen.beside) if seen.beside else None
    code = currency.strip().lower()
    if meant is None or code in meant or not code:
        return None
    message = f"{name} shows {quoted(seen.beside)}, and the currency is {quoted(currency)}"
    return FieldError(name, "another_currency", message, "correct the currency, or the format of the cell")


def _plain(number: Decimal) -> str:
    """A number for a message: its digits, or a power of ten where there are very many; no card number."""
    return withheld(f"{number:f}" if -DIGITS < number.adjusted() < DIGITS + 5 else f"{number:E}")


def _index(value: str) -> int:
    return int(value) if value.isascii() and value.isdigit() else -1


def _wrong(name: str, text: str, code: str, message: str, hint: str) -> Seen:
    return Seen(text, FieldError(name, code, f"{name} {message}", hint))
