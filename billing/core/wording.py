"""Numbers, amounts, dates and durations as pages and workbooks show them to people.

Amounts have the currency's own decimals, commas between thousands and a true minus sign; a share is never rounded to
all or nothing that it is not; times are those of one zone, which stands once on a page.
"""

from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from billing.core.money import grouped

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"
# In the place of an amount that there is none of; a zero that matters is written out.
ALL = 100.0
LEAST_SHARE, MOST_SHARE = 0.1, 99.9
_STEPS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def amount(minor: int, currency: str) -> str:
    """Write an amount without its currency: ``1,900.00``; what moves no money is nothing."""
    if not currency:
        return NOTHING
    return (MINUS if minor < 0 else "") + grouped(abs(minor), currency)


def priced(minor: int, currency: str) -> str:
    """Write an amount behind its currency: ``USD 1,900.00``."""
    return f"{currency.upper()} {amount(minor, currency)}" if currency else NOTHING


def several(totals: Mapping[str, int], glue: str = " \N{MIDDLE DOT} ") -> str:
    """Write amounts of several currencies, each by itself: ``EUR 152.00 · USD 504.00``."""
    return glue.join(priced(minor, currency) for currency, minor in sorted(totals.items())) or NOTHING


def counted(count: int, noun: str, plural: str = "") -> str:
    """Write a count with its noun: ``1 line``, ``3,171 lines``; ``plural`` is one that needs more than an s."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def share(part: float, whole: float) -> str:
    """Write a share with one decimal: ``98.5 %``; only all is ``100 %``, only none is ``0 %``."""
    if not whole or not part:
        return "0 %"
    if part == whole:
        return "100 %"
    found = ALL * part / whole
    if found > MOST_SHARE:
        return f"over {MOST_SHARE} %"
    return f"under {LEAST_SHARE} %" if found < LEAST_SHARE else f"{found:.1f} %"


def moment(iso: str, zone: ZoneInfo, *, seconds: bool = False) -> str:
    """Write an ISO 8601 moment: ``Tue 1 Dec 2026, 09:05``; what is none comes back as it is."""
    found = parsed(iso, zone)
    if found is None:
        return iso
    return f"{day(iso, zone)}, {found:%H:%M:%S}" if seconds else f"{day(iso, zone)}, {found:%H:%M}"


def day(iso: str, zone: ZoneInfo, *, short: bool = False) -> str:
    """Write the day of an ISO 8601 moment: ``Tue 1 Dec 2026``, short ``1 Dec``; what is none comes back as it is."""
    found = parsed(iso, zone)
    if found is None:
        return iso
    return f"{found.day} {found:%b}" if short else f"{found:%a} {found.day} {found:%b %Y}"


def clock(iso: str, zone: ZoneInfo) -> str:
    """Write the time of day of an ISO 8601 moment to the second: ``09:00:52``; what is none comes back as it is."""
    found = parsed(iso, zone)
    return iso if found is None else f"{found:%H:%M:%S}"


def duration(seconds: float) -> str:
    """Write a duration by its two largest units: ``41 s``, ``5 min 24 s``, ``2 h 5 min``, ``3 d 4 h``."""
    whole = max(0, round(seconds))
    for (size, unit), (below, small) in pairwise(_STEPS):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size} {unit}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"


def parsed(iso: str, zone: ZoneInfo) -> datetime | None:
    """Return an ISO 8601 moment on the clocks of a zone, or None where it is none."""
    try:
        return datetime.fromisoformat(iso).astimezone(zone) if iso else None
    except ValueError:
        return None
