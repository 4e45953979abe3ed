"""What every command begins with: its settings, its log, and the choice between text and JSON."""

import os
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from billing.cli.options import Common, LogFormat, LogLevel, Output
from billing.cli.typed import Typed
from billing.edge.logs import Log, open_log
from billing.edge.settings.load import Settings, load_apart, load_each, load_settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Session:
    """One command's surroundings.

    Attributes:
        settings: effective ones.
        environ: the environment they were read from.
        json: whether stdout carries JSON.
        log: writes events to stderr.
    """

    settings: Settings
    environ: Mapping[str, str]
    json: bool
    log: Log


class ErrorStyle:
    """How errors are shown, kept where `main` finds it even if a command fails before it has settings."""

    json_log = False
    debug = False


def begin(common: Common, environ: Mapping[str, str] | None = None, *, run_file: Path | None = None) -> Session:
    """Gather the settings and open the log; ``run_file`` is the one that was typed, unless that is standard input.

    Raises:
        UsageError: a flag or a variable cannot be used, or several platforms could be meant.
        InvalidInput: ``billing.yaml`` has problems.
    """
    environ = os.environ if environ is None else environ
    file = None if run_file == Path("-") else run_file

    def said() -> str:
        from billing.edge.runfiles.which_platform import platform_of

        return "" if file is None else platform_of(file)

    settings = load_settings(environ, _flags(common), common.config, file, run_platform=said)
    if settings.sources["platform_name"] == "run file":
        # What is typed next may name no run file.
        Typed.values = {**Typed.values, "platform": settings.platform_name}
    return _opened(common, settings, environ)


def begin_each(common: Common, environ: Mapping[str, str] | None = None) -> tuple[Session, ...]:
    """Do the same for each platform that could be meant: the one that is chosen, else all that the settings name.

    Raises:
        UsageError: a flag or a variable cannot be used.
        InvalidInput: ``billing.yaml`` has problems.
    """
    environ = os.environ if environ is None else environ
    return tuple(_opened(common, each, environ) for each in load_each(environ, _flags(common), common.config))


def begin_apart(common: Common, environ: Mapping[str, str] | None = None) -> Session:
    """Do the same for a command that plays by itself: whichever platforms are named, it is none of them.

    Raises:
        UsageError: a flag or a variable cannot be used.
        InvalidInput: ``billing.yaml`` has problems.
    """
    environ = os.environ if environ is None else environ
    return _opened(common, load_apart(environ, _flags(common), common.config), environ)


def _flags(common: Common) -> dict[str, str | None]:
    """Return what was typed, and have errors shown in that way from here on."""
    ErrorStyle.json_log = common.log_format is LogFormat.JSON
    ErrorStyle.debug = common.log_level is LogLevel.DEBUG
    return {
        "platform_name": common.platform,
        "ledger": common.ledger,
        "api_base": common.api_base,
        "log_format": common.log_format,
        "log_level": common.log_level,
    }


def _opened(common: Common, settings: Settings, environ: Mapping[str, str]) -> Session:
    ErrorStyle.json_log = settings.log_format == "json"
    ErrorStyle.debug = settings.log_level == "debug"
    return Session(settings, environ, common.output is Output.JSON, open_log(settings.log_level, settings.log_format))


def before_connecting(session: Session) -> None:
    """Keep the key in this process, and say which variables will not be obeyed."""
    from billing.edge.secrets import harden_process
    from billing.edge.stripe.transport import FOLLOWED, ignored_variables

    harden_process()
    ignored = ignored_variables(session.environ, session.settings.proxy)
    if ignored:
        session.log("variable_ignored", names=list(ignored), reason=FOLLOWED)


def run_async(verb: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:  # noqa: ANN401  passed on as given
    """Run a coroutine to its end, on the faster event loop where there is one."""
    from billing.edge.eventloop import run

    return run(verb, *args)
