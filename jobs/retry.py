"""Try again what was declined and is due, as a scheduler starts it. It charges: the schedule has said yes.

    python -m jobs.retry [RUN] [--live] [--no-new-defaults] [--closed]

Safe every day, and as often as you like: where nothing is due, nothing is sent. The exit code tells what is still open.
Settings, key and ledger are those of `billing retry`. What was tried goes to stdout as one JSON object; everything else
goes to stderr, one JSON object a line.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from billing import job_parser, retry_run, run_job

ABOUT = "Try again what was declined and is due. Charges; asks nobody."


async def job(argv: Sequence[str], environ: Mapping[str, str]) -> Any:  # noqa: ANN401  of the package's own
    """Try again; the options are those of `billing retry` of the same names."""
    return await retry_run(**options(argv), environ=environ)


def options(argv: Sequence[str]) -> dict[str, Any]:
    """Read what the schedule asks for."""
    parser = job_parser("python -m jobs.retry", ABOUT)
    parser.add_argument("run_id", metavar="RUN", nargs="?", help="one run; all of this mode unless said")
    parser.add_argument("--limit", metavar="N", type=int, help="try at most so many lines of a run")
    parser.add_argument(
        "--no-new-defaults", action="store_true", help="look up no customers who must act for another default"
    )
    parser.add_argument(
        "--closed", action="store_true", help="also lines closed unpaid whose customers have saved another default"
    )
    return vars(parser.parse_args(argv))


def process() -> NoReturn:
    """Run as a process."""
    sys.exit(run_job(job))


if __name__ == "__main__":
    process()
