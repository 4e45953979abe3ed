"""Single YAML values: a number, a share, a duration, amounts per currency. Each says what is wrong, with its place."""

import re
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar
from zoneinfo import ZoneInfo

from billing.core.errors import Problem
from billing.core.money import AmountError, parse_major
from billing.edge.runfiles.fields import foreign_in
from billing.edge.runfiles.reading.problems import Collector, Fault, FieldError, suggestion
from billing.edge.runfiles.reading.yaml_tree import Mapping, Node, Scalar, Sequence
from billing.edge.runfiles.run_ids import BadName
from billing.edge.runfiles.safe_text import quoted, sensitive

T = TypeVar("T")

_WHOLE = re.compile(r"0|[1-9][0-9]{0,8}")
_DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,6})?")
_DURATION = re.compile(r"([1-9][0-9]{0,4})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Forms:
    """Reads values of one file; problems are collected and the value becomes None (or is left out)."""

    def __init__(self, file: str, problems: Collector) -> None:
        self._file = file
        self._problems = problems

    def problem(self, place: tuple[int, int], code: str, message: str, hint: str = "") -> None:
        """Note a problem at a line and column."""
        self._problems.add(Problem(self._file, *place, code, message, hint))

    def fault(self, line: int, fault: Fault) -> None:
        """Note a fault of a line."""
        self.problem((line, fault.column), fault.code, fault.message, fault.hint)

    def section(self, node: Node | None, name: str, item: Iterable[str]) -> Mapping:
        """A mapping with known keys only; an empty one stands for what is absent or wrong."""
        if node is None or (isinstance(node, Scalar) and not node.text):
            return Mapping(node.line if node else 0, node.column if node else 0)
        if not isinstance(node, Mapping):
            self.problem(place_of(node), "yaml_shape", f"{name} must be a mapping of names to values")
            return Mapping(node.line, node.column)
        options = tuple(item)
        for key, place in node.keys.items():
            if key not in options:
                hint = suggestion(key, options)
                message = f"unknown key {quoted(key)}{foreign_in(key, hint)} in {name}"
                self.problem(place, "unknown_key", message, hint)
        return node

    def listed(self, node: Node | None, name: str) -> list[Node]:
        """The members of a list; nothing when absent or wrong."""
        if isinstance(node, Sequence):
            return node.items
        if node is not None:
            self.problem(place_of(node), "yaml_shape", f"{name} must be a list")
        return []

    def text(self, node: Node | None, name: str) -> str | None:
        """A non-empty text without invisible or sensitive content."""
        if node is None:
            return None
        if not isinstance(node, Scalar):
            self.problem(place_of(node), "yaml_shape", f"{name} must be a single value")
            return None
        text = node.text.strip(" ")
        found = sensitive(text)
        if found is not None:
            self.problem(place_of(node), found[0], f"{name} holds {found[1]}", "it must not stand in a run file")
            return None
        if not text or not text.isprintable():
            self.problem(place_of(node), "missing", f"{name} is empty or has invisible characters: {quoted(text)}")
            return None
        return text

    def read(self, node: Node | None, name: str, reader: Callable[[str], T]) -> T | None:
        """A text turned into a value by ``reader``, which raises `ValueError` with the reason."""
        text = self.text(node, name)
        if text is None or node is None:
            return None
        try:
            return reader(text)
        except FieldError as error:
            self.problem(place_of(node), error.code, error.message, error.hint)
        except BadName as error:
            self.problem(place_of(node), "run_id", str(error))
        except ValueError as error:
            self.problem(place_of(node), "value", f"{name} {quoted(text)} {error}")
        return None

    def character(self, node: Node | None, name: str, reader: Callable[[str], str]) -> str | None:
        """A value that may be a blank, such as a tab: given to ``reader`` as it stands."""
        if node is None:
            return None
        try:
            if isinstance(node, Scalar):
                return reader(node.text)
            self.problem(place_of(node), "yaml_shape", f"{name} must be a single value")
        except ValueError as error:
            shown = quoted(node.text) if isinstance(node, Scalar) else ""
            self.problem(place_of(node), "value", f"{name} {shown} {error}")
        return None

    def amounts(self, node: Node | None, name: str) -> dict[str, int]:
        """``{USD: "10.99"}`` as minor units per lower-case currency."""
        found: dict[str, int] = {}
        if node is None:
            return found
        if not isinstance(node, Mapping):
            self.problem(place_of(node), "yaml_shape", f"{name} must be amounts per currency, such as {{USD: 10.99}}")
            return found
        for key, value in node.entries.items():
            text = self.text(value, f"{name}.{key}")
            if text is None:
                continue
            code = key.strip(" ").lower()
            try:
                minor = parse_major(text, code, zero=True).minor
            except AmountError as error:
                unknown = error.code == "currency_unknown"
                what, place = (key, node.keys[key]) if unknown else (text, place_of(value))
                self.problem(place, error.code, f"{name} {quoted(what)} {error.message}", error.hint)
                continue
            if code in found:
                self.problem(node.keys[key], "duplicate_key", f"{name} names {quoted(code)} twice", "keep one")
            found[code] = minor
        return found


def place_of(node: Node) -> tuple[int, int]:
    """Line and column of a node."""
    return node.line, node.column


def whole(least: int, most: int) -> Callable[[str], int]:
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


def duration(text: str) -> timedelta:
    """``30m``, ``24h``, ``7d``."""
    found = _DURATION.fullmatch(text)
    if found is None:
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
