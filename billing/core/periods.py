"""Periods: which days they have, and what they are called.

``2026``, ``2026-11``, ``2026-11-30``, ``2026-q4`` and ``2026-w47`` (ISO 8601 weeks).
"""

import calendar
from datetime import date, timedelta

CURRENT, PREVIOUS = "current", "previous"
"""What a run file may say instead of a month: the one today is in, or the one before."""

_QUARTERS = ("first", "second", "third", "fourth")


def first_day(period: str) -> date:
    """Return the first day of a period; the first of January where it says no more than the year.

    Raises:
        ValueError: it begins with no year.
    """
    year, _, part = period.partition("-")
    if not part:
        return date(int(year), 1, 1)
    if part.startswith("q"):
        return date(int(year), 3 * int(part[1:]) - 2, 1)
    if part.startswith("w"):
        return date.fromisocalendar(int(year), min(int(part[1:]), 52), 1)
    month, _, day = part.partition("-")
    return date(int(year), int(month), int(day or 1))


def days_of(period: str) -> tuple[date, date]:
    """The first and the last day of a period that exists."""
    year, _, part = period.partition("-")
    if not part:
        return date(int(year), 1, 1), date(int(year), 12, 31)
    if part.startswith("q"):
        last = 3 * int(part[1:])
        return date(int(year), last - 2, 1), _month_end(int(year), last)
    if part.startswith("w"):
        first = date(int(year), 1, 4) + timedelta(weeks=int(part[1:]) - 1)  # 4 January is always in week 1
        first -= timedelta(days=first.weekday())
        return first, first + timedelta(days=6)
    if len(part) > len("11"):
        day = date.fromisoformat(period)
        return day, day
    return date(int(year), int(part), 1), _month_end(int(year), int(part))


def span(period: str) -> str:
    """How long a period is, as a word: year, quarter, month, week or day."""
    _, _, part = period.partition("-")
    named = {"": "year", "q": "quarter", "w": "week"}.get(part[:1])
    return named or ("day" if len(part) > len("11") else "month")


def in_words(period: str) -> str:
    """Say a period: November 2026, the year 2026, the fourth quarter of 2026, week 47 of 2026, 30 November 2026."""
    year, _, part = period.partition("-")
    if not part:
        return f"the year {year}"
    if part.startswith("q"):
        return f"the {_QUARTERS[int(part[1:]) - 1]} quarter of {year}"
    if part.startswith("w"):
        return f"week {int(part[1:])} of {year}"
    month = f"{calendar.month_name[int(part[:2])]} {year}"
    return f"{int(part[3:])} {month}" if len(part) > len("11") else month


def is_of_month(period: str, today: date) -> bool:
    """Whether a period shares a day with the month that ``today`` is in."""
    first, last = days_of(period)
    return first <= _month_end(today.year, today.month) and last >= today.replace(day=1)


def month_meant(word: str, today: date) -> str:
    """The month that ``current`` or ``previous`` means on a day."""
    day = today if word == CURRENT else today.replace(day=1) - timedelta(days=1)
    return f"{day:%Y-%m}"


def _month_end(year: int, month: int) -> date:
    return date(year, month, calendar.monthrange(year, month)[1])
