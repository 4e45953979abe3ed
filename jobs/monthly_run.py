"""The monthly run as a scheduler starts it: the same command again continues, the exit code tells what to do.

    python -m jobs.monthly_run runs/coaching.yaml [--live]
    python -m jobs.monthly_run coaching.csv --run coaching-2026-11

Settings, key and ledger come from the environment and `billing.yaml`, as for the `billing` command. Nothing is ever
asked: whoever wrote the schedule has said yes. The summary goes to stdout as one JSON object; everything else, errors
too, goes to stderr, one JSON object a line. SIGTERM lets requests in flight come home (20 s at most), then exits 143.
"""

import argparse
import json
import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from billing.core.errors import BillingError, InvalidInput, UsageError
from billing.core.exits import Exit
from billing.edge.eventloop import run
from billing.edge.ledger.memory import Making
from billing.edge.logs import Log, open_log
from billing.edge.runfiles import RunFile, open_run
from billing.edge.secrets import harden_process
from billing.edge.settings import Settings, load_settings
from billing.edge.streams import last_word, steady_streams
from billing.edge.transport import ignored_variables
from billing.flow.bill import BillOptions, agree_to_all, bill, paced, run_defaults, tell
from billing.flow.invocation import RunOptions
from billing.flow.opening import Opening, open_desk


@dataclass(frozen=True, slots=True)
class Job:
    """What the schedule asks for; see the options of `billing run` of the same names."""

    file: Path
    run: str | None = None
    config: Path | None = None
    live: bool = False
    declines_ok: bool = False
    wait: int | None = None
    new_ledger: bool = False


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Carry a run out and return the exit code of the contract. Nothing is raised; no traceback is printed."""
    log = open_log("info", "json")
    try:
        harden_process()
        return _carry_out(_job(argv), environ)
    except BillingError as error:
        return _refused(log, error)
    except KeyboardInterrupt:
        log("error", level="error", message="interrupted before anything was sent", exit_code=int(Exit.INTERRUPTED))
        return Exit.INTERRUPTED
    except Exception as error:  # noqa: BLE001  the last place: a traceback would show values
        return _failed(log, error)


def _job(argv: Sequence[str]) -> Job:
    parser = _Parser(prog="python -m jobs.monthly_run", description="Charge every item of a run once, unattended.")
    parser.add_argument("file", metavar="RUN_FILE", type=Path, help="a run file: .yaml, .json or .csv")
    parser.add_argument("--run", metavar="ID", help="the run id of a CSV: name, then period (coaching-2026-11)")
    parser.add_argument("--config", metavar="FILE", type=Path, help="settings to use instead of ./billing.yaml")
    parser.add_argument("--live", action="store_true", help="needed in live mode, where real money moves")
    parser.add_argument("--declines-ok", action="store_true", help="declines alone give exit code 0 instead of 4")
    parser.add_argument("--wait", metavar="SECONDS", type=int, help="for another runner to let go of the ledger")
    parser.add_argument("--new-ledger", action="store_true", help="make a ledger although the same key keeps others")
    return Job(**vars(parser.parse_args(argv)))


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint is an error like any other."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} ({self.prog} --help)")


def _carry_out(job: Job, environ: Mapping[str, str]) -> int:
    settings = load_settings(environ, {"log_format": "json"}, job.config)
    log = open_log(settings.log_level, "json")
    ignored = ignored_variables(environ)
    if ignored:
        log("variable_ignored", names=list(ignored), reason="connections follow the settings alone")
    with open_run(job.file, run_id=job.run, defaults=run_defaults(settings)) as source:
        return run(_bill, job, settings, environ, source, log)


async def _bill(job: Job, settings: Settings, environ: Mapping[str, str], source: RunFile, log: Log) -> int:
    making = Making.NEW if job.new_ledger else Making.FIRST
    opening = Opening(source.run.mode, f"job {source.run.run_id}", live=job.live, wait=job.wait, making=making)
    async with open_desk(paced(settings, source.run.policies.pacing), environ, opening, log) as desk:
        options = RunOptions(per_account=settings.per_account_concurrency)
        billed = await bill(desk, source, BillOptions(options, declines_ok=job.declines_ok), agree=agree_to_all)
        _print(billed.summary)
        await tell(billed, settings, environ, log)
        return billed.exit


def _print(summary: Mapping[str, Any]) -> None:
    """Write the summary."""
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


def process() -> None:
    """Run as a process; whatever happens to its streams, it ends with a code of the table."""
    steady_streams()
    sys.exit(last_word(main(sys.argv[1:], os.environ)))


if __name__ == "__main__":
    process()
