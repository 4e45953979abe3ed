"""A settings file: every value goes over the defaults, and everything wrong with it is told at once, with its place."""

import difflib
from collections.abc import Callable, Iterator
from pathlib import Path

from billing.core.errors import UsageError
from billing.edge.settings.table import BY_NAME, Setting
from billing.edge.settings.variables import shown
from billing.edge.texts.forms import Forms, settings_in
from billing.edge.texts.problems import Collector, FieldError
from billing.edge.texts.yaml_tree import Mapping, Node, Scalar, Sequence

Put = Callable[[Setting, str, str], None]
"""Takes a setting, its text and where that stands; raises `ValueError` with why it cannot be read."""

_GROUPS = frozenset(name.partition(".")[0] for name in BY_NAME if "." in name)


def read_settings(path: Path, put: Put) -> None:
    """Put every value of a file.

    Raises:
        UsageError: it cannot be read.
        InvalidInput: with all its problems.
    """
    problems = Collector()
    forms = Forms(str(path), problems)
    folder = path.parent.absolute()
    for name, text, place in _flat(settings_in(read_text(path), forms)):
        _put(forms, put, name, text, place, f"{path}:{place[0]}", folder)
    problems.raise_if_any()


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


def _put(forms: Forms, put: Put, name: str, text: str, place: tuple[int, int], source: str, folder: Path) -> None:
    """Put one value; a relative path in it is relative to the file, wherever the command is started."""
    setting = BY_NAME.get(name)
    if setting is None:
        forms.problem(place, "setting_unknown", f'there is no setting "{name}"', _suggestion(name))
        return
    try:
        put(setting, setting.value.placed(text, folder) if setting.value.placed and text else text, source)
    except ValueError as error:
        forms.problem(
            place, "setting_value", f"{name} {about(setting.value.shown(text), error)}", f"write {setting.value.words}"
        )


def about(text: str, error: ValueError) -> str:
    """What is wrong with a text, which is repeated unless it may be secret."""
    return error.message if isinstance(error, FieldError) else f'"{shown(text)}" {error}'


def _flat(tree: Mapping, prefix: str = "") -> Iterator[tuple[str, str, tuple[int, int]]]:
    """Dotted names, texts and the places of the names."""
    for key, value in tree.entries.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and (name in _GROUPS or not prefix):
            yield from _flat(value, f"{name}.")
        else:
            yield name, _text(value), tree.keys[key]


def _text(node: Node) -> str:
    """A value as it would be written in a variable: a list is joined with commas."""
    match node:
        case Scalar(text=text):
            return text
        case Sequence(items=items):
            return ", ".join(each.text if isinstance(each, Scalar) else "{…}" for each in items)
        case Mapping():
            return "{…}"


def _suggestion(name: str) -> str:
    close = difflib.get_close_matches(name, BY_NAME, n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else "billing config show lists every setting"
