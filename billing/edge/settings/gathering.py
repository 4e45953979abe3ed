"""Gathering settings: what is said on the command line, in variables, of a platform, in the file, and by default."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from billing.core.errors import UsageError
from billing.core.items import Mode
from billing.edge.secrets import KeyPlace
from billing.edge.settings.layers import Layers, of_environment, of_flags
from billing.edge.settings.place import DefaultLedger, default_ledger, settings_file
from billing.edge.settings.platforms import PlatformTable, account_trouble, chosen
from billing.edge.settings.settings_file import FileSettings, read_settings
from billing.edge.settings.table import BY_NAME
from billing.edge.settings.variables import unknown_variables


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was gathered for one platform, or for the one that has no name.

    Attributes:
        layers: every setting.
        ledger_trouble: why it cannot be told which ledger is meant; empty when it can.
        key: where the key of a named platform is.
        bound_to: the only mode of a named platform.
    """

    layers: Layers
    ledger_trouble: str = ""
    key: KeyPlace | None = None
    bound_to: Mode | None = None


def gathered(
    environ: Mapping[str, str],
    flags: Mapping[str, str | None],
    config: Path | None,
    run_file: Path | None,
    *,
    apart: bool = False,
) -> tuple[Gathered, ...]:
    """Gather the settings of each platform that could be meant, or, apart, of none of those that are named.

    Raises:
        UsageError: a flag, a variable or ``--config`` cannot be used, or no platform has the name that is chosen.
        InvalidInput: the file has problems, all of them with their places.
    """
    start, home = Path.cwd(), Path(environ["HOME"]) if environ.get("HOME") else None
    found = None if config else settings_file(start, home)
    file = read_settings(config or Path(os.path.relpath(str(found)))) if config or found else FileSettings()
    problems = unknown_variables(environ, _variables_named(file, environ))
    over = of_environment(environ, problems)
    over.lay(of_flags(flags, problems))
    tables = (None,) if apart else _meant(file, over, problems)
    laid = [(table, _layers(file, table, over, problems)) for table in tables]
    if problems:
        raise UsageError("; ".join(problems))
    place = partial(default_ledger, start, home, found, run_file)
    others = frozenset(filter(None, (table.layers.values.get("key_env") for table in file.platforms)))
    return tuple(_placed(layers, table, place, others) for table, layers in laid)


def _meant(file: FileSettings, over: Layers, problems: list[str]) -> tuple[PlatformTable | None, ...]:
    """Return the platforms that could be meant; one that is none where the file names no platforms."""
    name = over.values.get("platform_name")
    if name is None:
        return file.platforms or (None,)
    source = over.sources["platform_name"]
    where = "--platform" if source == "flag" else source.removeprefix("env ")
    try:
        return (chosen(file.platforms, name, where),)
    except LookupError as error:
        problems.append(str(error.args[0]))
        return ()


def _variables_named(file: FileSettings, environ: Mapping[str, str]) -> set[str]:
    """Return the variables that the file and the environment name: of webhooks, and of keys."""
    said = [file.general, *(table.layers for table in file.platforms)]
    named = {layers.values.get(name) or "" for layers in said for name in ("notify.webhook", "key_env")}
    return {str(each).removeprefix("env:") for each in (*named, environ.get(BY_NAME["notify.webhook"].env, "").strip())}


def _layers(file: FileSettings, table: PlatformTable | None, over: Layers, problems: list[str]) -> Layers:
    """Lay the file over the defaults, the platform's table over that, and what is said outside of it over all."""
    layers = Layers.of_defaults()
    layers.lay(file.general)
    if table is None:
        layers.lay(over)
        return layers
    layers.lay(table.layers)
    layers.put(BY_NAME["platform_name"], table.name, table.source)
    layers.lay(over)
    problems += account_trouble(table, layers)
    return layers


def _placed(
    layers: Layers, table: PlatformTable | None, place: Callable[[], DefaultLedger], others: frozenset[str]
) -> Gathered:
    """Find the ledger where none is named, and the key of a named platform."""
    trouble = ""
    if layers.sources["ledger"] == "default":
        ledger = place()
        layers.put(BY_NAME["ledger"], ledger.url, ledger.source)
        trouble = ledger.trouble
    if table is None:
        return Gathered(layers, trouble)
    mode = table.layers.values.get("mode")
    return Gathered(layers, trouble, table.key_place(others), Mode(mode) if mode else None)
