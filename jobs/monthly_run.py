"""The monthly run as a scheduler starts it: the same file again continues, the exit code tells what to do.

    python -m jobs.monthly_run runs/coaching.yaml [--live]

Settings, key and ledger come from the environment, as for the `billing` command. Nothing is ever asked. The summary
goes to stdout as one JSON object, log events to stderr as JSON lines.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import anyio

from billing.core.errors import BillingError, InvalidInput, UsageError
from billing.edge.logs import Log, open_log
from billing.edge.runfiles import RunFile, open_run
from billing.edge.secrets import harden_process
from billing.edge.settings import Settings, load_settings
from billing.flow.bill import BillOptions, agree_to_all, bill, paced, run_defaults, tell
from billing.flow.opening import Opening, open_desk
from billing.flow.run import RunOptions


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Carry a run file out; return the exit code of the contract."""
    harden_process()
    log = open_log("info", "json")
    try:
        file, live = _arguments(argv)
        settings = load_settings(environ)
        with open_run(file, defaults=run_defaults(settings)) as source:
            return anyio.run(_bill, settings, environ, source, live, log)
    except BillingError as error:
        problems = [str(problem) for problem in error.problems] if isinstance(error, InvalidInput) else []
        log("error", level="error", message=str(error), exit_code=int(error.exit_code), problems=problems)
        return error.exit_code


def _arguments(argv: Sequence[str]) -> tuple[Path, bool]:
    files = [argument for argument in argv if argument != "--live"]
    if len(files) != 1 or files[0].startswith("-"):
        raise UsageError("usage: python -m jobs.monthly_run RUNFILE.yaml [--live]")
    return Path(files[0]), "--live" in argv


async def _bill(settings: Settings, environ: Mapping[str, str], source: RunFile, live: bool, log: Log) -> int:
    opening = Opening(source.run.mode, f"job {source.run.run_id}", live=live)
    async with open_desk(paced(settings, source.run.policies.pacing), environ, opening, log) as desk:
        options = BillOptions(RunOptions(per_account=settings.per_account_concurrency))
        billed = await bill(desk, source, options, agree=agree_to_all)
        sys.stdout.write(json.dumps(billed.summary) + "\n")
        await tell(billed, environ, log)
        return billed.exit


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
