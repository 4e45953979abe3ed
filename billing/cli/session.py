"""What every command begins with: its settings, its log, and the choice between text and JSON."""

import os
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from billing.cli.options import Common, LogFormat, LogLevel, Output
from billing.edge.logs import Log, open_log
from billing.edge.settings.load import Settings, load_settings

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
        UsageError: a flag or a variable cannot be used.
        InvalidInput: ``billing.yaml`` has problems.
    """
    environ = os.environ if environ is None else environ
    ErrorStyle.json_log = common.log_format is LogFormat.JSON
    ErrorStyle.debug = common.log_level is LogLevel.DEBUG
    flags = {
        "ledger": common.ledger,
        "api_base": common.api_base,
        "log_format": common.log_format,
        "log_level": common.log_level,
    }
    settings = load_settings(environ, flags, common.config, None if run_file == Path("-") else run_file)
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
