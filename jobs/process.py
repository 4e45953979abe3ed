"""What every job has in common: a process that asks nothing, answers in JSON, and ends with a code of the table.

The answer goes to stdout as one JSON object; everything else, errors too, goes to stderr, one JSON object a line.
"""

import argparse
import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from billing.core.errors import BillingError, InvalidInput, UsageError
from billing.core.exits import Exit
from billing.edge.logs import Log, open_log
from billing.edge.secrets import harden_process
from billing.edge.settings.load import Settings
from billing.edge.streams import last_word, steady_streams
from billing.edge.stripe.transport import FOLLOWED, ignored_variables

Job = Callable[[Sequence[str], Mapping[str, str]], int]


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is an error like any other."""

    def error(self, message: str) -> NoReturn:
        """Refuse what was typed.

        Raises:
            UsageError: always.
        """
        raise UsageError(f"{message} ({self.prog} --help)")


def run_process(job: Job) -> NoReturn:
    """Run a job as this process; whatever happens to its streams, it ends with a code of the table."""
    steady_streams()
    sys.exit(last_word(guarded(job, sys.argv[1:], os.environ)))


def guarded(job: Job, argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Carry a job out and return the exit code of `billing.core.exits`. Nothing is raised; no traceback is printed."""
    log = open_log("info", "json")
    try:
        harden_process()
        return job(argv, environ)
    except BillingError as error:
        return _refused(log, error)
    except KeyboardInterrupt:
        log("error", level="error", message="interrupted before anything was sent", exit_code=int(Exit.INTERRUPTED))
        return Exit.INTERRUPTED
    except Exception as error:  # noqa: BLE001  the last place: a traceback would show values
        return _failed(log, error)


def job_log(settings: Settings, environ: Mapping[str, str]) -> Log:
    """Return the log of a job, and say which variables will not be obeyed."""
    log = open_log(settings.log_level, "json")
    ignored = ignored_variables(environ, settings.proxy)
    if ignored:
        log("variable_ignored", names=list(ignored), reason=FOLLOWED)
    return log


def answer(summary: Mapping[str, Any]) -> None:
    """Write the one object that stdout carries."""
    sys.stdout.write(json.dumps(summary, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _refused(log: Log, error: BillingError) -> int:
    facts = {"problems": [str(problem) for problem in error.problems]} if isinstance(error, InvalidInput) else {}
    log("error", level="error", message=str(error), exit_code=int(error.exit_code), **facts)
    return error.exit_code


def _failed(log: Log, error: Exception) -> int:
    """An error of ours may arrive in the group of tasks that it ended; anything else is unexpected."""
    ours = error.split(BillingError)[0] if isinstance(error, ExceptionGroup) else None
    if ours is not None:
        return _refused(log, _first(ours))
    kind, number = type(error).__name__, secrets.token_hex(4)
    message = f"unexpected {kind} (error id {number}); the state is saved, the same command again continues"
    log("error", level="error", message=message, exit_code=int(Exit.INTERNAL))
    return Exit.INTERNAL


def _first(group: ExceptionGroup[BillingError]) -> BillingError:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, ExceptionGroup) else inner
