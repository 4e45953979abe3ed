"""Hold the ledger against Stripe, as a scheduler starts it. Nothing is changed at Stripe.

    python -m jobs.reconcile [RUN | --period PERIOD] [--full] [--live]

Without a run or a period it takes those of the ledger's latest period. Exit code 0 says that all ties, 4 that something
differs and is named, 5 that lines are still open. Settings, key and ledger are those of `billing reconcile`. What was
found goes to stdout as one JSON object; everything else goes to stderr, one JSON object a line.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from billing import job_parser, reconcile_run, run_job

ABOUT = "Hold the ledger against Stripe, line by line, to fee and payout. Changes nothing there."


async def job(argv: Sequence[str], environ: Mapping[str, str]) -> Any:  # noqa: ANN401  of the package's own
    """Look; the options are those of `billing reconcile` of the same names."""
    return await reconcile_run(**options(argv), environ=environ)


def options(argv: Sequence[str]) -> dict[str, Any]:
    """Read what the schedule asks for."""
    parser = job_parser("python -m jobs.reconcile", ABOUT)
    parser.add_argument("run_id", metavar="RUN", nargs="?", help="one run; the latest period unless said")
    parser.add_argument("--period", metavar="PERIOD", help="all runs of a period, such as 2026-11")
    parser.add_argument("--full", action="store_true", help="read everything once more")
    typed = vars(parser.parse_args(argv))
    typed.pop("declines_ok")  # a difference is never as good as none
    return typed


def process() -> NoReturn:
    """Run as a process."""
    sys.exit(run_job(job))


if __name__ == "__main__":
    process()
