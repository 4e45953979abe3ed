"""The monthly run as a scheduler starts it: the same command again continues, the exit code tells what to do.

    python -m jobs.monthly_run runs/coaching.yaml [--live]
    python -m jobs.monthly_run coaching.csv --run coaching-2026-11

Settings, key and ledger come from the environment and `billing.yaml`, as for the `billing` command. Nothing is ever
asked: whoever wrote the schedule has said yes. The summary goes to stdout as one JSON object; everything else, errors
too, goes to stderr, one JSON object a line: the start, the plan, the progress, each item where it comes to rest, the
end. SIGTERM lets requests in flight come home (20 s at most), then exits 143.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from billing import RunRequest, RunResult, carry_out_run, job_parser, open_run, open_services, run_job


async def job(argv: Sequence[str], environ: Mapping[str, str]) -> RunResult:
    """Carry the run out; the options are those of `billing run` of the same names."""
    typed = options(argv)
    config = typed.pop("config")
    with open_run(RunRequest.of(**typed), config=config, environ=environ) as run:
        async with open_services(run) as services:
            return await carry_out_run(services, run)


def options(argv: Sequence[str]) -> dict[str, Any]:
    """Read what the schedule asks for."""
    parser = job_parser("python -m jobs.monthly_run", "Charge every item of a run once, unattended.")
    parser.add_argument("file", metavar="RUN_FILE", help="a run file: .yaml, .json, .csv or .xlsx")
    parser.add_argument("--run", dest="run_id", metavar="ID", help="the run id of a sheet: name, then period")
    parser.add_argument("--late", action="store_true", help="take a run file of another month")
    parser.add_argument("--allow-empty", action="store_true", help="take a file with nothing to charge")
    parser.add_argument("--new-ledger", action="store_true", help="make a ledger although the same key keeps others")
    parser.add_argument(
        "--ack", metavar="NAME", action="append", default=[], help="accept that the run differs in this"
    )
    parser.add_argument("--reason", metavar="TEXT", action="append", default=[], help="why, for all of --ack or each")
    return vars(parser.parse_args(argv))


def process() -> NoReturn:
    """Run as a process."""
    sys.exit(run_job(job))


if __name__ == "__main__":
    process()
