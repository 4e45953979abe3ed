"""A process that a scheduler starts: it asks nothing, answers in JSON, and ends with a code of the table.

The answer goes to stdout as one JSON object; everything else, errors too, goes to stderr, one JSON object a line.
"""

import argparse
import json
import os
import secrets
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, NoReturn, Protocol

from billing.core.errors import BillingError, InvalidInput, UsageError
from billing.core.exits import Exit
from billing.edge.eventloop import run
from billing.edge.logs import Log, open_log
from billing.edge.secrets import harden_process
from billing.edge.streams import last_word, steady_streams


class Answer(Protocol):
    """What a job comes back with."""

    @property
    def exit(self) -> Exit:
        """The exit code."""
        ...

    @property
    def summary(self) -> Mapping[str, Any]:
        """The one object that stdout carries."""
        ...


Job = Callable[[Sequence[str], Mapping[str, str]], Coroutine[Any, Any, Answer]]


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint is an error like any other."""

    def error(self, message: str) -> NoReturn:
        """Refuse what was typed.

        Raises:
            UsageError: always.
        """
        raise UsageError(f"{message} ({self.prog} --help)")


def job_parser(prog: str, about: str) -> argparse.ArgumentParser:
    """Return a parser for the command line of a job, with the options that every job has."""
    parser = _Parser(prog=prog, description=about)
    parser.add_argument("--config", metavar="FILE", help="settings instead of billing.yaml here or above")
    parser.add_argument("--live", action="store_true", help="needed in live mode, where real money moves")
    parser.add_argument("--declines-ok", action="store_true", help="declines alone give exit code 0 instead of 4")
    parser.add_argument("--wait", metavar="SECONDS", type=int, help="for another runner to let go of the ledger")
    return parser


def run_job(job: Job, argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """Carry a job out as this process and return its exit code. Nothing is raised; no traceback is printed.

    Args:
        job: given ``argv`` and ``environ``, returns what came of it.
        argv: what was typed behind the job's name; that of the process unless given.
        environ: the environment of the process unless given.
    """
    steady_streams()
    typed = sys.argv[1:] if argv is None else argv
    return last_word(_guarded(job, typed, os.environ if environ is None else environ))


def _guarded(job: Job, argv: Sequence[str], environ: Mapping[str, str]) -> int:
    log = open_log("info", "json")
    try:
        harden_process()
        answer = run(job, argv, environ)
        sys.stdout.write(json.dumps(answer.summary, ensure_ascii=False) + "\n")
        sys.stdout.flush()
    except BillingError as error:
        return _refused(log, error)
    except KeyboardInterrupt:
        log("error", level="error", message="interrupted before anything was sent", exit_code=int(Exit.INTERRUPTED))
        return Exit.INTERRUPTED
    except Exception as error:  # noqa: BLE001  the last place: a traceback would show values
        return _failed(log, error)
    return answer.exit


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
