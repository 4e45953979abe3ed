"""The parameters of a request as a form, spelt as the SDK spells them: names of nested values in brackets."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote_plus

_plain = re.compile(r"[A-Za-z0-9_.~-]+").fullmatch
# Most values are ids and numbers, and need no quoting.


def form(params: Mapping[str, Any]) -> bytes:
    """Return ``params`` form-encoded: texts, whole numbers and booleans, and lists and mappings of such values.

    Raises:
        TypeError: a value is anything else.
        UnicodeEncodeError: a text holds half a surrogate pair; run files refuse such texts long before.
    """
    pairs: list[str] = []
    for name, value in params.items():
        if isinstance(value, dict | list):
            pairs += _inside(name, value)
        else:
            pairs.append(f"{name}={_text(value)}")
    return "&".join(pairs).encode("ascii")


def _inside(name: str, values: dict[str, Any] | list[Any]) -> list[str]:
    """Return the pairs of a list or mapping, and of those within it."""
    named = values.items() if isinstance(values, dict) else enumerate(values)
    pairs: list[str] = []
    for inner, value in named:
        full = _nested(name, str(inner))
        if isinstance(value, dict | list):
            pairs += _inside(full, value)
        else:
            pairs.append(f"{full}={_text(value)}")
    return pairs


def _text(value: object) -> str:
    if isinstance(value, str):
        return value if _plain(value) else _quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    raise TypeError(f"a {type(value).__name__} has no place in a form")


@lru_cache(maxsize=4096)
def _nested(name: str, inner: str) -> str:
    """Return the name of a value inside another one; the names of a run's metadata are few."""
    return f"{name}[{_quoted(inner)}]"


def _quoted(text: str) -> str:
    """Quote as a form does, except for square brackets: Stripe reads them either way, and the SDK leaves them."""
    return quote_plus(text, safe="[]")
