"""What the text of a setting may be: each sort reads it, or says in words what may be written."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from billing.core.items import Mode
from billing.core.journals.roles import PLACE
from billing.core.policies import Attitude
from billing.edge.ledger_url import has_password, shown
from billing.edge.texts.problems import FieldError
from billing.edge.texts.values import (
    duration,
    flag,
    one_of,
    percent,
    percentage,
    platform_name,
    rate,
    share,
    timezone,
    variable,
    whole,
)

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Value:
    """What the text of a setting may be.

    Attributes:
        words: what may be written, to follow "write".
        read: text to value; raises ValueError whose message follows the text.
        is_list: whether YAML writes it as a list.
        placed: for what names a file: the text as it is meant in a settings file of a folder.
        shown: the text as it may be shown to anybody.
        secret: why a text may stand in a variable only, to follow the name of the setting; empty where it need not.
    """

    words: str
    read: Callable[[str], Any]
    is_list: bool = False
    placed: Callable[[str, Path], str] | None = None
    shown: Callable[[str], str] = str
    secret: Callable[[str], str] = lambda _text: ""


def _choice(*options: str) -> Value:
    return Value(" or ".join(options), one_of(*options))


def _account(text: str) -> str:
    if not re.fullmatch(r"acct_[A-Za-z0-9]{1,64}", text):
        raise ValueError("is not an account id")
    return text


def _not_a_key(text: str, what: str) -> str:
    """Return a text that is no key; who reports one that is must not repeat it."""
    if re.search(r"(sk|rk|pk)_(test|live|org)_|whsec_", text):
        raise FieldError("", "setting_value", f"{what} holds a key itself, which must not stand in a file of settings")
    return _text(text)


def _key_file(text: str) -> str:
    return _not_a_key(text, "key_file")


def _key_variable(text: str) -> str:
    if not re.fullmatch(r"[A-Z_][A-Z0-9_]{0,127}", _not_a_key(text, "key_env")):
        # What is no name may be a secret.
        raise FieldError("", "setting_value", "key_env is no name of a variable")
    return text


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("is not an http or https address")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must be a bare address, without name, password or query")
    return text.rstrip("/")


def _origin(text: str) -> str:
    """Return an address as a browser writes an origin: small letters, no port that is the scheme's own (RFC 6454)."""
    parts = urlsplit(_url(text))
    if parts.path:
        raise ValueError("must be an address without a path")
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    own = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in (None, own) else "")


def _listen(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not re.fullmatch(r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+", host):
        raise ValueError("is no host and port")
    return host.strip("[]"), whole(0, 65535)(port)


def _mailbox(text: str) -> str:
    if not re.fullmatch(r"[^@\s<>,;:\"]{1,64}@[A-Za-z0-9.-]{1,253}", text) or not text.isprintable():
        raise ValueError("is not an e-mail address")
    return text


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in text.split(","))
    except ValueError:
        raise ValueError("must be addresses or networks") from None


def _proxy(text: str) -> str:
    if text.startswith("env:"):
        return variable(text)
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


def _password(url: str) -> str:
    hint = "give it in PGPASSWORD, in ~/.pgpass, or put the whole URL into BILLING_LEDGER"
    return f"holds a password, which everybody on the machine could read: {hint}" if has_password(url) else ""


def _secret(text: str) -> str:
    try:
        return variable(text)
    except ValueError as error:
        # An address can be a secret in itself: whoever reports it must not repeat the text.
        raise FieldError("", "setting_value", str(error)) from None


def _gaps(text: str) -> tuple[timedelta, ...]:
    return () if text == "never" else tuple(duration(part.strip(), "mhdw") for part in text.split(","))


def _occasions(text: str) -> tuple[str, ...]:
    occasion = one_of("finished", "stopped")
    return tuple(occasion(part.strip()) for part in text.split(","))


def _attitude(text: str) -> Attitude:
    return Attitude(one_of(*Attitude)(text))


def _text(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds a character that cannot be printed")
    return text


def _of_books(text: str) -> str:
    if re.search(r"[{}]", text.replace(PLACE, "")):
        raise ValueError(f"has a brace that is not of {PLACE}")
    return _text(text)


def _yearly(text: str) -> str:
    try:
        date.fromisoformat(f"2026-{text}")  # a year without 29 February, which most years have not
    except ValueError:
        raise ValueError("is no day of every year") from None
    return text


TEXT = Value("a text", _text)
BOOKS = Value("a name, or a number, of an account; {account} stands for the connected account", _of_books)
CONSULTANT = Value("a number from 1001 to 9999999", whole(1001, 9_999_999))
CLIENT = Value("a number from 1 to 99999", whole(1, 99_999))
YEARLY = Value("a month and a day, such as 01-01", _yearly)
FILE = Value("a path; in a settings file it is relative to that file", _text, placed=_beside)
LEDGER = Value(
    "sqlite:///path, in a settings file relative to that file, or postgresql://user@host/database",
    _text,
    placed=_ledger_beside,
    shown=shown,
    secret=_password,
)
PROXY = Value("an address such as http://proxy.example:3128, or env: and the name of a variable that holds it", _proxy)
SWITCH = Value("true or false", flag)
MODE = _choice(*Mode)
LEVEL = _choice("debug", "info", "warning", "error")
FORMAT = _choice("console", "json")
URL = Value("an address such as http://127.0.0.1:12111", _url)
ORIGIN = Value("an address without a path, such as https://pay.example.com", _origin)
PAGE = Value("the address of a page, such as https://example.com/terms", _url)
MAILBOX = Value("an e-mail address", _mailbox)
NETWORKS = Value("addresses or networks such as 10.0.0.0/8, with commas between", _networks, is_list=True)
LISTEN = Value("a host or address and a port, such as 127.0.0.1:8484", _listen)
PLATFORM_NAME = Value("the name of a platform, such as shop-eu", platform_name)
KEY_FILE = Value("the path of the file that holds the key, relative to the settings file", _key_file, placed=_beside)
KEY_VARIABLE = Value("the name of the variable that holds the key, such as STRIPE_KEY_EU", _key_variable)
ACCOUNT = Value("an account id such as acct_1A2b3C", _account)
ZONE = Value("a time zone such as Europe/Berlin", timezone)
SHARE = Value("a number above 0, at most 1", share)
PERCENT = Value("a number from 0 to 100, such as 2.5", percent)
PERCENTAGE = Value("a percentage with its sign, such as 20%", percentage)
ATTITUDE = Value("tell, ack, refuse or off", _attitude)
FEW = Value("a whole number from 1 to 12", whole(1, 12))
RATE = Value("a number above 0, such as 5 or 2.5", rate)
COUNT = Value("a whole number above 0", whole(1))
GAPS = Value('gaps such as [1d, 3d, 7d], or "never"', _gaps, is_list=True)
OCCASIONS = Value("finished, stopped or both", _occasions, is_list=True)
ENV_NAME = Value("env: and the name of a variable, such as env:BILLING_WEBHOOK_URL", _secret)
