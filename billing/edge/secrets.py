"""Keys and secrets: where they come from, and how it is kept out of everything that is written."""

import ctypes
import os
import re
import resource
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import NoReturn

from billing.core.errors import UsageError
from billing.core.items import Mode
from billing.core.redaction import scrub
from billing.edge.smallfile import NotRead, one_line, read_small

__all__ = ["ApiKey", "KeyPlace", "harden_process", "load_key", "scrub"]

_SHAPE = re.compile(r"(?P<kind>sk|rk)_(?P<mode>test|live)_(?P<rest>[A-Za-z0-9_]{4,240})")
_HINTS = {
    "pk_": "that is a publishable key, made for browsers; a secret (sk_) or restricted (rk_) key is needed",
    "sk_org_": "that is an organisation key; a key of the platform account is needed",
    "whsec_": "that is a webhook secret; a secret (sk_) or restricted (rk_) key is needed",
}
MOST_BYTES = 4096
# Of a key file: many times the longest key.
_PR_SET_DUMPABLE = 4  # linux/prctl.h


class ApiKey:
    """One API key. Whatever prints it shows its prefix and last four characters; only ``reveal`` gives it away."""

    __slots__ = ("__value", "mode", "restricted")

    def __init__(self, value: str) -> None:
        """Take the key.

        Raises:
            UsageError: the value is no secret or restricted key of the platform; the value is not in the message.
        """
        match = _SHAPE.fullmatch(value)
        if match is None or value.startswith("sk_org_"):
            hint = next((hint for prefix, hint in _HINTS.items() if value.startswith(prefix)), "")
            raise UsageError("the API key has no known shape" + (f": {hint}" if hint else "")) from None
        self.__value = value
        self.mode = Mode(match["mode"])
        self.restricted = match["kind"] == "rk"

    def reveal(self) -> str:
        """Return the key itself, for the one header it belongs in."""
        return self.__value

    @property
    def fingerprint(self) -> str:
        """The first 16 hex digits of the key's SHA-256: tells keys apart without showing them."""
        return sha256(self.__value.encode()).hexdigest()[:16]

    def __repr__(self) -> str:
        """``rk_live_…ab4Q``; a short key shows no end."""
        prefix, rest = self.__value[:8], self.__value[8:]
        return f"{prefix}…{rest[-4:] if len(rest) >= 12 else ''}"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        """Format like the masked text."""
        return format(repr(self), spec)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: bytes on a disk or a pipe would hold the key."""
        raise TypeError("an API key is not serialised")


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Where the key of a named platform is.

    Attributes:
        platform: its name.
        file: the file that holds the key, or None.
        variable: the variable that holds it where there is no file.
        source: where the settings say so: ``FILE:LINE``.
        others: variables that are named for the keys of platforms, this one's too.
    """

    platform: str
    file: Path | None
    variable: str
    source: str
    others: frozenset[str] = frozenset()

    @property
    def shown(self) -> str:
        """The place as a person reads it."""
        return f"{self.file or f'env {self.variable}'} ({self.source})"


GENERAL = ("STRIPE_API_KEY", "STRIPE_API_KEY_FILE")
# The variables of the key where no platform has one of its own.


def load_key(env: Mapping[str, str], place: KeyPlace | None = None) -> ApiKey:
    """Return the key that the environment names: ``STRIPE_API_KEY``, or the file ``STRIPE_API_KEY_FILE``.

    Args:
        env: the process's environment.
        place: where the key of a named platform is: then it is there or nowhere.

    Raises:
        UsageError: there is none, or two, or it has no known shape, or a live key's file is readable by others, or
            ``STRIPE_LOG`` would make the SDK write bodies of live requests.
    """
    key = _general_key(env) if place is None else _key_at(env, place)
    if key.mode is Mode.LIVE and env.get("STRIPE_LOG"):
        raise UsageError("STRIPE_LOG makes the SDK log requests and answers; unset it before using a live key")
    return key


def _general_key(env: Mapping[str, str]) -> ApiKey:
    direct, path = (env.get(name, "").strip() for name in GENERAL)
    if direct and path:
        raise UsageError("STRIPE_API_KEY and STRIPE_API_KEY_FILE are both set; unset one")
    if not direct and not path:
        raise UsageError("no API key: set STRIPE_API_KEY, or STRIPE_API_KEY_FILE to a file that holds it")
    return ApiKey(direct) if direct else _key_from(Path(path), GENERAL[1])


def _key_at(env: Mapping[str, str], place: KeyPlace) -> ApiKey:
    """Return the key of a named platform. A key that is set for all, too, could be meant instead: no guess is made."""
    beside = [name for name in GENERAL if env.get(name, "").strip() and name not in place.others]
    if beside:
        own = f"platform {place.platform} has a key of its own ({place.source})"
        raise UsageError(f"{' and '.join(beside)} is set, and {own}; unset it, or take the platform's out of its table")
    if place.file is not None:
        return _key_from(place.file, place.source)
    value = env.get(place.variable, "").strip()
    if not value:
        raise UsageError(f"no API key of platform {place.platform}: set {place.variable} ({place.source})")
    return ApiKey(value)


def _key_from(path: Path, named_by: str) -> ApiKey:
    """Return the key in a file of one line."""
    value, mode = _text_in(path, named_by, "API key")
    key = ApiKey(value)
    if key.mode is Mode.LIVE and mode & 0o077:
        raise UsageError(f"{path}: a live key must be readable by its owner alone (0600 or 0400, found {mode:04o})")
    return key


def _text_in(path: Path, named_by: str, what: str) -> tuple[str, int]:
    """Return the one line of a file, and the permissions of it; ``named_by`` is the variable or place that names it."""
    try:
        content, mode = read_small(path, MOST_BYTES)
        return one_line(content), mode
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file ({named_by})") from None
    except NotRead as error:
        raise UsageError(f"{path}: the {what} file {error}") from None


def load_publishable_key(env: Mapping[str, str], mode: Mode) -> str:
    """Return the key that a page of payers gives to Stripe.js; it is public, and can only confirm what it is shown.

    It is ``STRIPE_PUBLISHABLE_KEY``, or the file ``STRIPE_PUBLISHABLE_KEY_FILE``.

    Raises:
        UsageError: there is none, or two, or it is no publishable key of this mode. What was found is not in the
            message: it may be the secret one.
    """
    name = "STRIPE_PUBLISHABLE_KEY"
    direct, path = env.get(name, "").strip(), env.get(f"{name}_FILE", "").strip()
    if bool(direct) == bool(path):
        raise UsageError(f"set {name}, or {name}_FILE to a file that holds it" + (", not both" if direct else ""))
    value = direct or _text_in(Path(path), f"{name}_FILE", "publishable key")[0]
    if not re.fullmatch(rf"pk_{mode}_[A-Za-z0-9_]{{4,240}}", value):
        raise UsageError(f"{name}: that is no publishable key of {mode} mode (pk_{mode}_...)")
    return value


def load_webhook_secrets(env: Mapping[str, str]) -> tuple[str, ...]:
    """Return what signs webhooks: ``BILLING_WEBHOOK_SECRETS``, or the lines of ``BILLING_WEBHOOK_SECRETS_FILE``.

    Several stand with commas, blanks or line ends between: an endpoint for connected accounts and one for the
    platform's own events have a secret each, and while one is rolled there are two.

    Raises:
        UsageError: there are none, or both variables are set, or one has no known shape. What was found is not in the
            message.
    """
    name = "BILLING_WEBHOOK_SECRETS"
    direct, path = env.get(name, "").strip(), env.get(f"{name}_FILE", "").strip()
    if bool(direct) == bool(path):
        raise UsageError(f"set {name}, or {name}_FILE to a file that holds them" + (", not both" if direct else ""))
    found = (direct or _text_in(Path(path), f"{name}_FILE", "webhook secrets")[0]).replace(",", " ").split()
    if not found or not all(re.fullmatch(r"whsec_[A-Za-z0-9+/=_-]{8,240}", secret) for secret in found):
        raise UsageError(f"{name}: the secrets of webhook endpoints begin with whsec_, with commas between")
    return tuple(dict.fromkeys(found))


def harden_process() -> None:
    """Leave nothing behind for others: no core files, new files for the owner alone, no tracing where Linux lets us."""
    os.umask(0o077)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
