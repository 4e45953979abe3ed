"""What stands in a cell: a text, a whole number, an amount, a moment, a state, or a sum that the spreadsheet checks.

A text is a text, whatever it looks like: nothing that came from a sheet or from Stripe is ever a formula, a link or a
number. An amount is a number of major units, which a spreadsheet keeps to 15 digits; what has more is a text, for no
figure may be a rounded one.
"""

from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from billing.core import wording
from billing.core.money import currency_of, format_minor
from billing.core.tones import Tone

LONGEST = 32_767
# Characters of a cell, counted in UTF-16. (Excel specifications and limits, "Total number of characters")
CUT = " \N{HORIZONTAL ELLIPSIS} (cut here; the CSV report has the whole text)"
EXACT = 10**15
# A double holds every whole number of so many digits, and every decimal of as many, exactly as it is shown.
FIRST_DAY = datetime(1900, 3, 1)  # noqa: DTZ001  a date of a spreadsheet has no zone
_BEFORE_ALL = datetime(1899, 12, 30)  # noqa: DTZ001  the same
# Day 0 of a spreadsheet. Before March 1900 spreadsheets disagree, because Excel has a 29 February there.


class Amount(NamedTuple):
    """Minor units of a lower-case currency, shown with that currency's decimals."""

    minor: int
    currency: str


class Ordinal(NamedTuple):
    """A whole number that names something, and is not grouped: a line."""

    number: int


class Moment(NamedTuple):
    """An ISO 8601 moment, shown on the clocks of the workbook's zone; what is none is shown as it is."""

    iso: str


class Day(NamedTuple):
    """An ISO 8601 date; what is none is shown as it is."""

    iso: str


class State(NamedTuple):
    """A word on the colour of its tone; without a tone on none."""

    word: str
    tone: Tone | None


class Check(NamedTuple):
    """A formula of our own that is 0 where a figure agrees with the sheet it sums up, with as many decimals."""

    formula: str
    decimals: int = 0


class Right(NamedTuple):
    """A text that stands at the right, above or among numbers."""

    text: str


Cell = str | int | Ordinal | Right | Amount | Moment | Day | State | Check | None


def text_of(text: str) -> str:
    """Return a text as a cell can hold it: halves of surrogate pairs, which no file can hold, are written out."""
    if not text.isascii():
        text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= LONGEST // 2 else _cut(text)


def _cut(text: str) -> str:
    if len(text.encode("utf-16-le")) // 2 <= LONGEST:
        return text
    kept = text.encode("utf-16-le")[: 2 * (LONGEST - len(CUT))]
    return kept.decode("utf-16-le", "ignore") + CUT


def number_of(amount: Amount) -> float | None:
    """Return an amount in major units, or None where a spreadsheet could not hold it exactly."""
    if abs(amount.minor) >= EXACT:
        return None
    return float(amount.minor / 10 ** decimals_of(amount.currency))


def spelled(amount: Amount) -> str:
    """Return an amount as a text, for where it is no number."""
    return format_minor(amount.minor, amount.currency)


def decimals_of(currency: str) -> int:
    """Return how many decimals amounts of a currency have."""
    return currency_of(currency).exponent


def serial_of(iso: str, zone: ZoneInfo) -> float | None:
    """Return a moment as a spreadsheet counts days, on the clocks of a zone; None where it is no moment it can show."""
    try:
        found = wording.parsed(iso, zone)
    except OverflowError:
        return None
    return None if found is None else _serial(found.replace(tzinfo=None, microsecond=0))


def serial_of_day(iso: str) -> float | None:
    """Return a date as a spreadsheet counts days; None where it is none that it can show."""
    try:
        return _serial(datetime.fromisoformat(iso))
    except ValueError:
        return None


def _serial(at: datetime) -> float | None:
    return None if at < FIRST_DAY else (at - _BEFORE_ALL) / timedelta(days=1)
