"""A settings file: every value goes over the defaults, and everything wrong with it is told at once, with its place."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from billing.core.errors import UsageError
from billing.edge.settings.layers import Layers
from billing.edge.settings.platforms import PLATFORMS, PlatformTable, Written, check_platforms, read_platforms
from billing.edge.settings.settings_text import about
from billing.edge.settings.table import BY_NAME, Holds, Setting
from billing.edge.texts.forms import Forms, settings_in
from billing.edge.texts.problems import Collector
from billing.edge.texts.yaml_tree import Mapping as Section
from billing.edge.texts.yaml_tree import Node, Scalar, Sequence

_GROUPS = frozenset(name.partition(".")[0] for name in BY_NAME if "." in name)
_OF_A_FILE = {name: setting for name, setting in BY_NAME.items() if setting.holds is not Holds.COMMAND}


@dataclass(frozen=True, slots=True)
class FileSettings:
    """What a settings file says: for all, and of each platform that it names."""

    general: Layers = field(default_factory=Layers)
    platforms: tuple[PlatformTable, ...] = ()


def read_settings(path: Path) -> FileSettings:
    """Read every value of a file.

    Raises:
        UsageError: it cannot be read.
        InvalidInput: with all its problems.
    """
    problems = Collector()
    forms = Forms(str(path), problems)
    tree = settings_in(read_text(path), forms)
    take = partial(_take, forms, path)
    general = Layers()
    named = tree.entries.pop(PLATFORMS, None)
    for written in _flat(tree):
        take(general, _OF_A_FILE, written)
    tables = read_platforms(forms, named, str(path), _flat, take)
    check_platforms(forms, tables, general)
    problems.raise_if_any()
    return FileSettings(general, tables)


def read_text(path: Path) -> str:
    """The text of a file that was named.

    Raises:
        UsageError: there is none, or it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file (--config)") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}") from None


def _take(forms: Forms, path: Path, layers: Layers, known: Mapping[str, Setting], written: Written) -> None:
    """Put one value; a relative path in it is relative to the file, wherever the command is started."""
    name, text, setting = written.name, written.text, known.get(written.name)
    if setting is None:
        forms.problem(written.place, "setting_unknown", f'there is no setting "{name}"', _suggestion(name, known))
        return
    placed = setting.value.placed
    try:
        layers.put(setting, placed(text, path.parent.absolute()) if placed and text else text, _source(path, written))
    except ValueError as error:
        forms.problem(
            written.place,
            "setting_value",
            f"{name} {about(setting.value.shown(text), error)}",
            f"write {setting.value.words}",
        )


def _source(path: Path, written: Written) -> str:
    return f"{path}:{written.place[0]}"


def _flat(tree: Section, prefix: str = "") -> Iterator[Written]:
    """Dotted names, texts and the places of the names."""
    for key, value in tree.entries.items():
        name = f"{prefix}{key}"
        if isinstance(value, Section) and (name in _GROUPS or not prefix):
            yield from _flat(value, f"{name}.")
        else:
            yield Written(name, _text(value), tree.keys[key])


def _text(node: Node) -> str:
    """A value as it would be written in a variable: a list is joined with commas."""
    match node:
        case Scalar(text=text):
            return text
        case Sequence(items=items):
            return ", ".join(each.text if isinstance(each, Scalar) else "{…}" for each in items)
        case Section():
            return "{…}"


def _suggestion(name: str, known: Mapping[str, Setting]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else "billing config show lists every setting"
