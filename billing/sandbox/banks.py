"""Business days, as banks count them: Monday to Friday, in UTC; holidays are left out."""

import time

SECONDS_A_DAY = 86_400
THURSDAY = 3  # the weekday of 1 January 1970
SATURDAY = 5


def year_and_month(now: float) -> tuple[int, int]:
    """The UTC year and month of a moment."""
    moment = time.gmtime(now)
    return moment.tm_year, moment.tm_mon


def weekday(now: float) -> int:
    """0 for Monday to 6 for Sunday."""
    return (int(now // SECONDS_A_DAY) + THURSDAY) % 7


def business_days_later(now: float, days: int) -> float:
    """The same time of day, this many business days later."""
    left = days
    while left > 0:
        now += SECONDS_A_DAY
        if weekday(now) < SATURDAY:
            left -= 1
    return now


def next_midnight(now: float) -> float:
    """The start of the next UTC day."""
    return (now // SECONDS_A_DAY + 1) * SECONDS_A_DAY
