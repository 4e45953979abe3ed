"""YAML as text with places: scalars stay the characters typed, and whatever could surprise is refused.

Only the parser of PyYAML is used, never its constructors: ``010`` is not 8, ``no`` is not False, and nothing is built
from a tag. The tree is made from events with a budget, so depth, size and aliases cannot hurt.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

from billing.edge.texts.problems import Fault, Unreadable
from billing.edge.texts.safe_text import named, quoted

DEEPEST = 8
MOST_NODES = 2_500_000
# Twenty nodes an item for the most items a YAML file may have, and room for the rest.
# See edge/runfiles/README.md, "Bounds".

_Loader = getattr(yaml, "CLoader", yaml.Loader)
# Five times faster where PyYAML was built with libyaml; both give the same events.


@dataclass(slots=True)
class Scalar:
    """The characters of one value."""

    line: int
    column: int
    text: str


@dataclass(slots=True)
class Sequence:
    """Values in order."""

    line: int
    column: int
    items: list["Node"] = field(default_factory=list)


@dataclass(slots=True)
class Mapping:
    """Named values in order; ``keys`` holds the place of each name."""

    line: int
    column: int
    entries: dict[str, "Node"] = field(default_factory=dict)
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)


ORDER_MARK = "\ufeff"
# May begin a file, and is gone when the text is read. Further down one parser skips it and another one stumbles.

Node = Scalar | Sequence | Mapping
Report = Callable[[int, Fault], None]


def parsed(text: str, report: Report) -> Node | None:
    """The tree of the only document in the text, or None for an empty one.

    Args:
        text: the file.
        report: takes (line, fault) for what is wrong without ending the reading: keys given twice.

    Raises:
        Unreadable: for broken YAML, aliases, anchors, tags, merge keys, several documents, excess depth or size.
    """
    if ORDER_MARK in text:
        raise _bad_character(text, text.index(ORDER_MARK))
    builder = _Builder(report)
    try:
        for event in yaml.parse(text, Loader=_Loader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = _inside(text, mark.line + 1, mark.column + 1) if mark else (0, 0)
        what = error.problem or error.context or ""
        raise Unreadable(line, column, "yaml_syntax", f"not valid YAML: {what}", _hint(what)) from None
    except yaml.reader.ReaderError as error:
        found = yaml.reader.Reader.NON_PRINTABLE.search(text)
        if found is None:
            raise Unreadable(0, 0, "yaml_character", f"not valid YAML: {error.reason}") from None
        raise _bad_character(text, found.start()) from None
    return builder.root


def _inside(text: str, line: int, column: int) -> tuple[int, int]:
    """The place, or the end of the text: the parser counts a line break after the last line even where none is."""
    last = text.count("\n") + 1
    return (line, column) if line <= last or "\r" in text else (last, len(text) - text.rfind("\n"))


_HINTS = (
    ("cannot start any token", "put quotes around the value; indent with spaces, not tabs"),
    ("mapping values are not allowed", "put quotes around a value that contains a colon"),
    ("Unicode character escape", "write the character itself; escapes of half a character are not YAML"),
    ("unknown escape", "in double quotes a backslash is written twice"),
    ("unexpected end of stream", "a quote is not closed"),
    ("expected ',' or", "a comma or a closing bracket is missing before this place"),
    ("expected <document start>", "one file is one run: nothing may follow it"),
)
# What the parser says, and what usually helps.


def _hint(what: str) -> str:
    return next((hint for part, hint in _HINTS if part in what), "")


def _bad_character(text: str, at: int) -> Unreadable:
    """A character YAML does not take, with its place."""
    line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    return Unreadable(line, column, "yaml_character", f"not valid YAML: {named(text[at])}", "remove it")


class _Builder:
    """Puts events together: ``_open`` holds the collections not yet closed, ``_names`` the key waiting in each."""

    def __init__(self, report: Report) -> None:
        self.root: Node | None = None
        self._report = report
        self._open: list[Sequence | Mapping] = []
        self._names: list[Scalar | None] = []
        self._nodes = 0
        self._documents = 0
        self._known: dict[str, str] = {}

    def take(self, event: yaml.Event) -> None:
        """Take the next event in."""
        match event:
            case yaml.ScalarEvent():
                self._add(self._scalar(event))
            case yaml.MappingStartEvent():
                self._enter(event, Mapping(*_start(event)))
            case yaml.SequenceStartEvent():
                self._enter(event, Sequence(*_start(event)))
            case yaml.CollectionEndEvent():
                self._open.pop()
                self._names.pop()
            case yaml.AliasEvent():
                raise _refused(event, "yaml_alias", "aliases are not allowed", "write the value out")
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise _refused(event, "yaml_documents", "more than one document", "one file is one run")
            case _:
                pass  # stream and document borders carry nothing

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        _check_plain(event)
        return Scalar(*_start(event), event.value)

    def _enter(self, event: yaml.CollectionStartEvent, node: Sequence | Mapping) -> None:
        _check_plain(event)
        if len(self._open) >= DEEPEST:
            raise _refused(event, "yaml_depth", f"nested deeper than {DEEPEST} levels")
        self._add(node)
        self._open.append(node)
        self._names.append(None)

    def _add(self, node: Node) -> None:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise Unreadable(node.line, node.column, "yaml_size", "too many values for YAML", "use CSV")
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        match parent:
            case Sequence():
                parent.items.append(node)
            case Mapping():
                self._add_to_mapping(parent, node)

    def _add_to_mapping(self, parent: Mapping, node: Node) -> None:
        name = self._names[-1]
        if name is None:
            if not isinstance(node, Scalar):
                raise Unreadable(node.line, node.column, "yaml_key", "a key must be a plain word")
            if node.text == "<<":
                raise Unreadable(
                    node.line, node.column, "yaml_merge", "merge keys are not allowed", "write the values out"
                )
            self._names[-1] = node
            return
        self._names[-1] = None
        # One copy of each key for a hundred thousand items that share a dozen.
        key = self._known.setdefault(name.text, name.text)
        if key in parent.entries:
            first_line, first_column = parent.keys[key]
            message = f"{quoted(key)} is given twice, first at {first_line}:{first_column}"
            self._report(name.line, Fault(name.column, "duplicate_key", message, "keep one"))
            return
        parent.entries[key] = node
        parent.keys[key] = (name.line, name.column)


def _check_plain(event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
    if event.anchor is not None:
        raise _refused(event, "yaml_anchor", "anchors are not allowed", "write the value out where it is needed")
    if event.tag is not None:
        raise _refused(event, "yaml_tag", f"tags are not allowed: {quoted(event.tag)}", "every value is read as text")


def _refused(event: yaml.Event, code: str, message: str, hint: str = "") -> Unreadable:
    return Unreadable(*_start(event), code, message, hint)


def _start(event: yaml.Event) -> tuple[int, int]:
    """Line and column where it begins, both from 1."""
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)


def plain(node: Node) -> Any:  # noqa: ANN401  texts, and lists and mappings of such
    """The values alone, without their places."""
    match node:
        case Scalar(text=text):
            return text
        case Sequence(items=items):
            return [plain(each) for each in items]
        case Mapping(entries=entries):
            return {name: plain(value) for name, value in entries.items()}
