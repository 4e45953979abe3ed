"""What was typed, and the next command built from it: every option that the next one also takes is carried over."""

import functools
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from typer.models import ArgumentInfo, OptionInfo

from billing.cli.groups import Command, parameters_of
from billing.core.errors import Interrupted

NOT_CARRIED = frozenset(
    {"output", "log_format", "log_level", "out", "yes", "wait", "force", "offline", "errors_csv", "ack", "reason"}
)
# How an answer is shown, where it goes, what was agreed to: each command is asked for these anew.
FIXED_BY_PLAN = frozenset(
    {
        "run",
        "sheet",
        "delimiter",
        "decimal",
        "skip_invalid",
        "amend",
        "only",
        "exclude",
        "limit",
        "preflight",
        "late",
        "ignore",
        "allow_empty",
    }
)
# What a saved plan remembers: typed again beside it, it would be refused.


class Typed:
    """The command of this process as it was typed."""

    name = ""
    command: Command | None = None
    values: Mapping[str, Any] = {}


def remembering(name: str, command: Command) -> Command:
    """Return ``command`` so that calling it remembers what was typed."""

    @functools.wraps(command)
    def remembered(**values: Any) -> int:  # noqa: ANN401  passed on as given
        Typed.name, Typed.command, Typed.values = name, command, values
        try:
            return command(**values)
        except KeyboardInterrupt:  # Typer would end in silence
            raise Interrupted("interrupted; the state is saved, run the same command again to continue") from None

    return remembered


def following(name: str, *arguments: str | Path, without: frozenset[str] = frozenset(), **instead: Any) -> str:  # noqa: ANN401
    """Return the command line of ``name`` with these arguments and every option typed that it takes, too.

    Args:
        name: such as ``run`` or ``ledger rebuild``.
        arguments: in their order.
        without: options (by parameter name) that are left out.
        instead: options with a value of their own.
    """
    from billing.cli.commands import load
    from billing.edge.logs import visible

    values = {key: value for key, value in Typed.values.items() if key not in NOT_CARRIED | without} | instead
    words = ["billing", *name.split(), *map(str, arguments), *_options(load(name), values)]
    return visible(" ".join(map(shlex.quote, words)))


def again(**instead: Any) -> str:  # noqa: ANN401
    """Return the command line that was typed, for whoever wants to go on with it; ``instead`` replaces options."""
    if Typed.command is None:
        return "the same command again"
    arguments = [Typed.values[name] for name, info in _parameters(Typed.command) if isinstance(info, ArgumentInfo)]
    kept = {name: Typed.values[name] for name in ("ack", "reason", "force") if Typed.values.get(name)}
    return following(Typed.name, *(each for each in arguments if each is not None), **kept | instead)


def _options(command: Command, values: Mapping[str, Any]) -> Iterator[str]:
    defaults = {name: parameter.default for name, parameter in parameters_of(command).items()}
    for name, info in _parameters(command):
        value = values.get(name)
        if not isinstance(info, OptionInfo) or value is None or value == defaults[name]:
            continue
        # In an annotation the first name lands where a default would.
        names = map(str, (info.default, *(info.param_decls or ())))
        flag = next(each for each in names if each.startswith("--"))
        for each in value if isinstance(value, list | tuple) else [value]:
            yield flag
            if each is not True:
                yield f"{each:g}" if isinstance(each, float) else str(getattr(each, "value", each))


def _parameters(command: Command) -> Iterator[tuple[str, ArgumentInfo | OptionInfo]]:
    """Yield what each parameter of a command is on the command line."""
    for name, parameter in parameters_of(command).items():
        if get_origin(parameter.annotation) is Annotated:
            for info in get_args(parameter.annotation)[1:]:
                if isinstance(info, ArgumentInfo | OptionInfo):
                    yield name, info
