"""Billing periods: where each begins and ends, counted in calendar months and years from one anchor, in UTC.

Source: docs.stripe.com/billing/subscriptions/billing-cycle. A day that a month does not have is its last one.
"""

import calendar
from datetime import UTC, datetime
from fractions import Fraction

DAY_SECONDS = 86_400
FIXED = {"day": DAY_SECONDS, "week": 7 * DAY_SECONDS}
MONTHS = {"month": 1, "year": 12}
LONGEST = {"day": 1095, "week": 156, "month": 36, "year": 3}  # three years (docs.stripe.com/api/prices/create)
SHORTEST_MONTH_SECONDS = 28 * DAY_SECONDS


def shifted(anchor: int, interval: str, count: int) -> int:
    """The moment ``count`` intervals after an anchor, before it if negative; seconds since 1970."""
    if interval in FIXED:
        return anchor + count * FIXED[interval]
    moment = datetime.fromtimestamp(anchor, UTC)
    years, month = divmod(moment.month - 1 + count * MONTHS[interval], 12)
    return int(_dated(moment, moment.year + years, month + 1, moment.day).timestamp())


def _dated(moment: datetime, year: int, month: int, day: int) -> datetime:
    return moment.replace(year=year, month=month, day=min(day, calendar.monthrange(year, month)[1]))


def next_after(anchor: int, interval: str, count: int, moment: int) -> int:
    """The first boundary of the cycle that lies after a moment; the cycle repeats every ``count`` intervals."""
    steps = 0
    while shifted(anchor, interval, steps) > moment:
        steps -= count
    while shifted(anchor, interval, steps) <= moment:
        steps += count
    return shifted(anchor, interval, steps)


def share(anchor: int, interval: str, count: int, start: int, end: int) -> Fraction:
    """Which part of a whole period the time from ``start`` to ``end`` is, by the second; ``start`` lies in it."""
    closing = next_after(anchor, interval, count, start)
    opening = closing
    steps = 0
    while opening > start:
        steps -= count
        opening = min(opening, shifted(closing, interval, steps))
    return Fraction(end - start, closing - opening)


def configured(now: int, wanted: dict[str, int]) -> int:
    """The next moment that fits a ``billing_cycle_anchor_config``; what it leaves out is taken from now."""
    moment = datetime.fromtimestamp(now, UTC)
    time = {name: wanted.get(name, getattr(moment, name)) for name in ("hour", "minute", "second")}
    timed = moment.replace(microsecond=0, **time)
    for later in range(13):
        years, month = divmod(moment.month - 1 + later, 12)
        if wanted.get("month", month + 1) != month + 1:
            continue
        found = int(_dated(timed, moment.year + years, month + 1, wanted["day_of_month"]).timestamp())
        if found > now:
            return found
    return shifted(now, "year", 1)
