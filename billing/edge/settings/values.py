"""What the text of a setting may be: each kind reads it, or says in words what may be written."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from billing.core.items import Mode


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of value.

    Attributes:
        words: what may be written, to follow "write".
        read: text to value; raises ValueError whose message follows the text.
        is_list: whether YAML writes it as a list.
        placed: for what names a file: the text as it is meant in a settings file of a folder.
    """

    words: str
    read: Callable[[str], Any]
    is_list: bool = False
    placed: Callable[[str, Path], str] | None = None


def _choice(*options: str) -> Kind:
    def read(text: str) -> str:
        if text not in options:
            raise ValueError(f"is none of {', '.join(options)}")
        return text

    return Kind(" or ".join(options), read)


def _number(text: str) -> float:
    # float() also takes nan, 1_0 and exponents; none of them is a rate.
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        raise ValueError("is not a number such as 0.4")
    return float(text)


def _share(text: str) -> float:
    value = _number(text)
    if not 0 < value <= 1:
        raise ValueError("is not above 0 and at most 1")
    return value


def _percent(text: str) -> Decimal:
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,6})?", text) or Decimal(text) > 100:
        raise ValueError("is not a percentage from 0 to 100")
    return Decimal(text)


def _rate(text: str) -> float:
    value = _number(text)
    if not 0 < value <= 10_000:
        raise ValueError("is not above 0 and at most 10000")
    return value


def _count(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise ValueError("is not a whole number above 0")
    return int(text)


def _account(text: str) -> str:
    if not re.fullmatch(r"acct_[A-Za-z0-9]{1,64}", text):
        raise ValueError("is not an account id")
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is not a time zone that is known here") from None
    return text


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("is not an http or https address")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must be a bare address, without name, password or query")
    return text.rstrip("/")


def _proxy(text: str) -> str:
    if text.startswith("env:"):
        return _env_name(text)
    if "@" in text:
        raise ValueError("holds a name or a password: put it into a variable and name that (env:HTTPS_PROXY)")
    if urlsplit(text).scheme != "http" or urlsplit(text).path not in ("", "/"):
        raise ValueError("is no address of an HTTP proxy")
    return _url(text)


def _beside(text: str, folder: Path) -> str:
    return str(folder / text)


def _ledger_beside(text: str, folder: Path) -> str:
    """Return a ledger's URL with its path from ``folder``: one that is absolute already stays as it is."""
    path = text.removeprefix("sqlite:///")
    return text if path in (text, "", ":memory:") else f"sqlite:///{folder / path}"


def _env_name(text: str) -> str:
    if not re.fullmatch(r"env:[A-Za-z_][A-Za-z0-9_]*", text):
        raise ValueError("does not name an environment variable")
    return text


_GAP_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def _gaps(text: str) -> tuple[timedelta, ...]:
    if text == "never":
        return ()
    gaps = []
    for part in text.split(","):
        found = re.fullmatch(r"([1-9][0-9]{0,3})([mhdw])", part.strip())
        if not found:
            raise ValueError("is no list of gaps")
        gaps.append(timedelta(**{_GAP_UNITS[found[2]]: int(found[1])}))
    return tuple(gaps)


def _occasions(text: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in text.split(","))
    if not set(parts) <= {"finished", "stopped"}:
        raise ValueError("is none of finished, stopped")
    return parts


def _text(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds a character that cannot be printed")
    return text


def _switch(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("is neither true nor false")
    return text == "true"


TEXT = Kind("a text", _text)
FILE = Kind("a path; in a settings file it is relative to that file", _text, placed=_beside)
LEDGER = Kind("sqlite:///path; in a settings file it is relative to that file", _text, placed=_ledger_beside)
PROXY = Kind("an address such as http://proxy.example:3128, or env: and the name of a variable that holds it", _proxy)
SWITCH = Kind("true or false", _switch)
MODE = _choice(*Mode)
LEVEL = _choice("debug", "info", "warning", "error")
FORMAT = _choice("console", "json")
URL = Kind("an address such as http://127.0.0.1:12111", _url)
ACCOUNT = Kind("an account id such as acct_1A2b3C", _account)
ZONE = Kind("a time zone such as Europe/Berlin", _zone)
SHARE = Kind("a number above 0, at most 1", _share)
PERCENT = Kind("a number from 0 to 100, such as 2.5", _percent)
RATE = Kind("a number above 0, such as 5 or 2.5", _rate)
COUNT = Kind("a whole number above 0", _count)
GAPS = Kind('gaps such as [1d, 3d, 7d], or "never"', _gaps, is_list=True)
OCCASIONS = Kind("finished, stopped or both", _occasions, is_list=True)
ENV_NAME = Kind("env: and the name of a variable, such as env:BILLING_WEBHOOK_URL", _env_name)
