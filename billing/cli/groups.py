"""Groups of options: a command takes one as a value, the parser is told each option of it by itself."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import Annotated, Any, get_args, get_origin

from billing.cli.options import GROUPS, Without

Command = Callable[..., int]


def flat(command: Command) -> Command:
    """Return a command with the same effect, each of whose groups is taken apart into the options of it."""
    grouped: dict[str, tuple[type[Any], tuple[str, ...]]] = {}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        found = _group_of(parameter.annotation)
        if found is None:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        options = list(_options_of(*found))
        parameters += options
        grouped[name] = (found[0], tuple(option.name for option in options))

    def called(**values: Any) -> int:  # noqa: ANN401  passed on as given
        groups = {
            name: group(**{option: values.pop(option) for option in names}) for name, (group, names) in grouped.items()
        }
        return command(**values, **groups)

    called.__doc__ = command.__doc__
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return called


def _group_of(annotation: object) -> tuple[type[Any], frozenset[str]] | None:
    """Return the group an annotation stands for, and what is left out of it; None for a single option."""
    if get_origin(annotation) is not Annotated:
        return (annotation, frozenset()) if isinstance(annotation, type) and annotation in GROUPS else None
    group, *notes = get_args(annotation)
    if group not in GROUPS:
        return None
    return group, frozenset[str]().union(*(note.names for note in notes if isinstance(note, Without)))


def _options_of(group: type[Any], left_out: frozenset[str]) -> Iterator[inspect.Parameter]:
    """Yield the options of a group in its order."""
    for option in fields(group):
        if option.name not in left_out:
            yield inspect.Parameter(
                option.name, inspect.Parameter.KEYWORD_ONLY, default=option.default, annotation=option.type
            )


def parameters_of(command: Command) -> Mapping[str, inspect.Parameter]:
    """Return the options and arguments of a flat command, by name."""
    return inspect.signature(command).parameters
