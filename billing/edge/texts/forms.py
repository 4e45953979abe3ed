"""Values of one YAML file: sections with known keys, lists, texts, amounts. Each says what is wrong, with its place."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from billing.core.errors import Problem
from billing.core.money import AmountError, parse_major
from billing.edge.texts.problems import Collector, Fault, FieldError, Unreadable, suggestion
from billing.edge.texts.safe_text import foreign_in, quoted, sensitive
from billing.edge.texts.yaml_tree import Mapping, Node, Scalar, Sequence, parsed

T = TypeVar("T")

MOST_SETTINGS = 1_000_000
# A file of settings has a hundred lines; a megabyte of YAML is somebody's mistake.


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

    def end(self, end: Unreadable) -> None:
        """Note why the rest of the file cannot be read."""
        self.fault(end.line, end.fault)

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


def settings_in(text: str, forms: Forms) -> Mapping:
    """The mapping that a file of settings holds; an empty one where it is empty, or where it cannot be read."""
    try:
        if len(text) > MOST_SETTINGS:
            raise Unreadable(0, 0, "yaml_size", f"the file is larger than {MOST_SETTINGS:,} characters")
        root = parsed(text, forms.fault)
    except Unreadable as end:
        forms.end(end)
        root = None
    if isinstance(root, Mapping):
        return root
    if root is not None and not (isinstance(root, Scalar) and not root.text):
        forms.problem(place_of(root), "yaml_shape", "the file must be a mapping of names to values")
    return Mapping(0, 0)
