"""Billing periods: where each begins and ends, counted in calendar months and years from one anchor, in UTC.

Source: docs.stripe.com/billing/subscriptions/billing-cycle. A day that a month does not have is its last one.
"""

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

DAY_SECONDS = 86_400
FIXED = {"day": DAY_SECONDS, "week": 7 * DAY_SECONDS}
MONTHS = {"month": 1, "year": 12}
LONGEST = {"day": 1095, "week": 156, "month": 36, "year": 3}  # three years (docs.stripe.com/api/prices/create)


@dataclass(frozen=True, slots=True)
class Cycle:
    """When a subscription renews: every ``count`` intervals, before and after its anchor.

    Attributes:
        anchor: one boundary of it, in seconds since 1970.
        interval: ``day``, ``week``, ``month`` or ``year``.
        day: of the month, where the anchor's month may be too short to tell it; 0 takes the anchor's.
    """

    anchor: int
    interval: str
    count: int = 1
    day: int = 0

    def boundary(self, number: int) -> int:
        """The moment ``number`` cycles after the anchor, before it if negative."""
        steps = number * self.count
        if self.interval in FIXED:
            return self.anchor + steps * FIXED[self.interval]
        moment = datetime.fromtimestamp(self.anchor, UTC)
        years, month = divmod(moment.month - 1 + steps * MONTHS[self.interval], 12)
        return int(_dated(moment, moment.year + years, month + 1, self.day or moment.day).timestamp())

    def around(self, moment: int) -> tuple[int, int]:
        """The period that a moment lies in: the last boundary not after it, and the first one after it."""
        number = 0
        while self.boundary(number) > moment:
            number -= 1
        while self.boundary(number + 1) <= moment:
            number += 1
        return self.boundary(number), self.boundary(number + 1)

    def share(self, start: int, end: int) -> Fraction:
        """Which part of the period that ``start`` lies in the time from there to ``end`` is, by the second."""
        opening, closing = self.around(start)
        return Fraction(end - start, closing - opening)


def _dated(moment: datetime, year: int, month: int, day: int) -> datetime:
    return moment.replace(year=year, month=month, day=min(day, calendar.monthrange(year, month)[1]))


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
    return Cycle(now, "year").boundary(1)
