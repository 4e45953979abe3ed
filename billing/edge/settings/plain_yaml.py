"""A small YAML file as mappings, lists and texts, with the place of everything in it.

Scalars stay text (no ``010`` = 8, no ``no`` = False). Tags, anchors, aliases, merge keys and a key given twice are
refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from billing.core.errors import Problem

MAX_BYTES = 1_000_000
# A settings file has a hundred lines; a megabyte of YAML is somebody's mistake.
MAX_DEPTH = 8


@dataclass(slots=True)
class PlainYaml:
    """What a file holds.

    Attributes:
        tree: nested dicts and lists whose leaves are texts.
        places: dotted path to 1-based (line, column).
        problems: everything wrong with the YAML itself; the tree holds what could be read.
    """

    file: str
    tree: dict[str, Any] = field(default_factory=dict)
    places: dict[str, tuple[int, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def problem(self, path: str, code: str, message: str, hint: str = "") -> None:
        """Note a problem at the place of ``path``, or of the whole file."""
        self.problems.append(Problem(self.file, *self.places.get(path, (0, 0)), code, message, hint))

    def at(self, mark: Any, code: str, message: str, hint: str = "") -> None:  # noqa: ANN401  PyYAML's mark has no type
        """Note a problem at a mark of PyYAML."""
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        self.problems.append(Problem(self.file, line, column, code, message, hint))


class _TooDeep(Exception):
    """Nesting that no settings file needs; reading on would only cost time."""


def read_plain(text: str, file: str) -> PlainYaml:
    """Read a YAML mapping strictly. Problems are collected, never raised."""
    found = PlainYaml(file)
    if len(text) > MAX_BYTES:
        found.at(None, "yaml_size", "is larger than 1 MB")
        return found
    try:
        events = yaml.parse(text, Loader=yaml.SafeLoader)
        root = [_node(events, event, "", found, 0) for event in events if _starts_node(event)]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        found.at(mark, "yaml_syntax", f"is not YAML: {error.problem or error.context}")
        return found
    except (yaml.YAMLError, _TooDeep) as error:
        found.at(None, "yaml_syntax", f"is not YAML we read: {str(error).partition(chr(10))[0]}")
        return found
    _keep_root(root, found)
    return found


def _keep_root(root: list[Any], found: PlainYaml) -> None:
    """Take the only document if it is a mapping; an empty file is an empty mapping."""
    match root:
        case [] | [""]:
            return
        case [dict() as tree]:
            found.tree = tree
        case [_]:
            found.at(None, "yaml_shape", "must be a mapping of names to values")
        case _:
            found.at(None, "yaml_documents", "holds several documents; one is meant")


def _starts_node(event: yaml.Event) -> bool:
    return isinstance(event, yaml.NodeEvent)


def _node(events: Iterator[yaml.Event], event: yaml.Event, path: str, found: PlainYaml, depth: int) -> Any:  # noqa: ANN401
    """The value that begins with ``event``: a text, a list or a dict."""
    if depth > MAX_DEPTH:
        raise _TooDeep(f"nested deeper than {MAX_DEPTH} levels")
    _refuse_magic(event, found)
    match event:
        case yaml.MappingStartEvent():
            return _mapping(events, path, found, depth)
        case yaml.SequenceStartEvent():
            items: list[Any] = []
            for inner in events:
                if isinstance(inner, yaml.SequenceEndEvent):
                    return items
                items.append(_node(events, inner, path, found, depth + 1))
            return items
        case yaml.ScalarEvent():
            return str(event.value)
        case _:
            return ""


def _mapping(events: Iterator[yaml.Event], path: str, found: PlainYaml, depth: int) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for event in events:
        if isinstance(event, yaml.MappingEndEvent):
            break
        key = _node(events, event, path, found, depth + 1)
        mark: Any = event.start_mark
        value = _node(events, next(events), f"{path}.{key}" if path else str(key), found, depth + 1)
        if not isinstance(key, str) or not key or key == "<<":
            found.at(mark, "yaml_key", "a name must be a plain text")
        elif key in tree:
            found.at(mark, "yaml_duplicate", f'"{key}" was already given')
        else:
            tree[key] = value
            found.places[f"{path}.{key}" if path else key] = (mark.line + 1, mark.column + 1)
    return tree


def _refuse_magic(event: yaml.Event, found: PlainYaml) -> None:
    """Tags make objects and aliases make bombs; neither has a place in a settings file."""
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        found.at(event.start_mark, "yaml_alias", "anchors and aliases are not allowed", "write the value out")
    if getattr(event, "tag", None):
        found.at(event.start_mark, "yaml_tag", "tags are not allowed", "values are plain text")
