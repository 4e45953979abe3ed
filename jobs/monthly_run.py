"""The monthly run as a scheduler starts it: the same command again continues, the exit code tells what to do.

    python -m jobs.monthly_run runs/coaching.yaml [--live]
    python -m jobs.monthly_run coaching.csv --run coaching-2026-11

Settings, key and ledger come from the environment and `billing.yaml`, as for the `billing` command. Nothing is ever
asked: whoever wrote the schedule has said yes. The summary goes to stdout as one JSON object; everything else, errors
too, goes to stderr, one JSON object a line: the start, the plan, the progress, each item where it comes to rest, the
end. SIGTERM lets requests in flight come home (20 s at most), then exits 143.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from billing.edge.eventloop import run
from billing.edge.ledger.custody.known_ledgers import Making
from billing.edge.logs import Log
from billing.edge.runfiles import ReadOptions, RunFile, open_run
from billing.edge.settings.load import Settings, load_settings
from billing.flow.carry_out import carry_out_run, notify_of, paced, run_defaults
from billing.flow.engine.progress import telling
from billing.flow.open_services import ServiceOptions, open_services
from billing.flow.options import RunOptions
from billing.flow.planning.preflight import Lookout
from billing.flow.request import RunRequest
from billing.flow.telling import tell_end, tell_plan, tell_start
from jobs.process import Parser, answer, guarded, job_log, run_process


@dataclass(frozen=True, slots=True)
class Job:
    """What the schedule asks for; see the options of `billing run` of the same names."""

    file: Path
    run: str | None = None
    config: Path | None = None
    live: bool = False
    late: bool = False
    allow_empty: bool = False
    declines_ok: bool = False
    wait: int | None = None
    new_ledger: bool = False


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Carry a run out and return the exit code of `billing.core.exits`. Nothing is raised; no traceback is printed."""
    return guarded(_carry_out, argv, environ)


def _job(argv: Sequence[str]) -> Job:
    parser = Parser(prog="python -m jobs.monthly_run", description="Charge every item of a run once, unattended.")
    parser.add_argument("file", metavar="RUN_FILE", type=Path, help="a run file: .yaml, .json or .csv")
    parser.add_argument("--run", metavar="ID", help="the run id of a CSV: name, then period (coaching-2026-11)")
    parser.add_argument("--config", metavar="FILE", type=Path, help="settings instead of billing.yaml here or above")
    parser.add_argument("--late", action="store_true", help="take a run file of another month")
    parser.add_argument("--allow-empty", action="store_true", help="take a file with nothing to charge")
    parser.add_argument("--live", action="store_true", help="needed in live mode, where real money moves")
    parser.add_argument("--declines-ok", action="store_true", help="declines alone give exit code 0 instead of 4")
    parser.add_argument("--wait", metavar="SECONDS", type=int, help="for another runner to let go of the ledger")
    parser.add_argument("--new-ledger", action="store_true", help="make a ledger although the same key keeps others")
    return Job(**vars(parser.parse_args(argv)))


def _carry_out(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    job = _job(argv)
    settings = load_settings(environ, {"log_format": "json"}, job.config, job.file)
    log = job_log(settings, environ)
    read = ReadOptions(job.run, late=job.late, allow_empty=job.allow_empty)
    with open_run(job.file, **read.as_arguments, defaults=run_defaults(settings), now=datetime.now(UTC)) as source:
        return run(_bill, job, settings, environ, source, log)


async def _bill(job: Job, settings: Settings, environ: Mapping[str, str], source: RunFile, log: Log) -> int:
    making = Making.NEW if job.new_ledger else Making.FIRST
    opening = ServiceOptions(source.run.mode, f"job {source.run.run_id}", live=job.live, wait=job.wait, making=making)
    async with open_services(paced(settings, source.run.policies.pacing), environ, opening, log) as services:
        tell_start(log, source.run, source.file, settings)
        options = RunOptions(per_account=settings.per_account_concurrency)
        watch = telling(log, source.run.run_id)
        result = await carry_out_run(
            services,
            source,
            RunRequest(options, declines_ok=job.declines_ok),
            agree=lambda plan: tell_plan(log, plan),
            watch=watch,
            lookout=Lookout(watch=watch),
        )
        answer(result.summary)
        tell_end(services, result)
        await notify_of(result, settings, environ, log)
        return result.exit


def process() -> None:
    """Run as a process."""
    run_process(_carry_out)


if __name__ == "__main__":
    process()
