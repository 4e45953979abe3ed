"""When a period begins: ``2026``, ``2026-11``, ``2026-11-30``, ``2026-q4`` or ``2026-w47``."""

from datetime import date


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
