"""Single values of settings and run files: a text becomes a number, a share, a duration, or says what it must be.

Each reader raises `ValueError` with what follows the name and the text: ``must be a whole number from 1 to 9``.
"""

import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

_WHOLE = re.compile(r"0|[1-9][0-9]{0,8}")
_DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,6})?")
_PERCENTAGE = re.compile(r"(0|[1-9][0-9]{0,4})(?:\.([0-9]{1,2}))? ?%")
_DURATION = re.compile(r"([1-9][0-9]{0,4})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_PLATFORM_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_VARIABLE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]{0,99}")
_MOST = 999_999_999


def whole(least: int, most: int = _MOST) -> Callable[[str], int]:
    """A reader of whole numbers within bounds."""

    def read(text: str) -> int:
        if not _WHOLE.fullmatch(text) or not least <= int(text) <= most:
            raise ValueError(f"must be a whole number from {least} to {most:,}")
        return int(text)

    return read


def share(text: str) -> float:
    """A number above 0 and up to 1."""
    if not _DECIMAL.fullmatch(text) or not 0 < float(text) <= 1:
        raise ValueError("must be a share above 0 and up to 1, such as 0.4")
    return float(text)


def rate(text: str) -> float:
    """A number of requests a second, above 0."""
    if not _DECIMAL.fullmatch(text) or not 0 < float(text) <= 10_000:
        raise ValueError("must be a number above 0")
    return float(text)


def percent(text: str) -> Decimal:
    """A percentage from 0 to 100 with at most four decimals, exact."""
    if not _DECIMAL.fullmatch(text) or len(text.partition(".")[2]) > 4 or Decimal(text) > 100:
        raise ValueError("must be a percentage from 0 to 100, such as 2.5")
    return Decimal(text)


def percentage(text: str) -> int:
    """A percentage with its sign, such as ``20%`` or ``7.5 %``, in hundredths of a per cent.

    Without its sign 0.2 could mean a fifth, as it does where a share is asked for.
    """
    found = _PERCENTAGE.fullmatch(text)
    if found is None:
        raise ValueError("must be a percentage with its sign, such as 20%")
    return int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0"))


def duration(text: str, units: str = "smhd") -> timedelta:
    """``30m``, ``24h``, ``7d``; ``units`` are those that may be written."""
    found = _DURATION.fullmatch(text)
    if found is None or found.group(2) not in units:
        raise ValueError("must be a duration such as 30m, 24h or 7d")
    return timedelta(**{_UNITS[found.group(2)]: int(found.group(1))})


def flag(text: str) -> bool:
    """``true`` or ``false``, nothing else."""
    if text not in {"true", "false"}:
        raise ValueError("must be true or false")
    return text == "true"


def day(text: str) -> str:
    """An ISO date that exists."""
    try:
        real = date.fromisoformat(text).isoformat()
    except ValueError:
        real = ""
    if real != text:
        raise ValueError("must be a date such as 2026-12-31")
    return text


def timezone(text: str) -> str:
    """An IANA name this machine knows."""
    try:
        ZoneInfo(text)
    except (LookupError, ValueError, OSError):
        raise ValueError("is no time zone, such as Europe/Berlin or UTC") from None
    return text


def one_of(*options: str) -> Callable[[str], str]:
    """A reader of one of a few words."""

    def read(text: str) -> str:
        if text not in options:
            raise ValueError(f"must be one of {', '.join(options)}")
        return text

    return read


def platform_name(text: str) -> str:
    """A name that the settings give a platform: short, and the same in a file name, a lock and a queue."""
    if not _PLATFORM_NAME.fullmatch(text):
        raise ValueError("is no name of a platform (1 to 32 of a-z, 0-9 and -)")
    return text


def variable(text: str) -> str:
    """``env:NAME``: what is too secret to stand in a file."""
    if not _VARIABLE.fullmatch(text):
        raise ValueError("must name an environment variable")
    return text
