"""Follow bank debits to their end, as a scheduler starts it. Nobody is charged.

    python -m jobs.settle [RUN] [--live]

The exit code tells what is still open. Settings, key and ledger are those of `billing settle`. The summaries go to
stdout as one JSON object; everything else goes to stderr, one JSON object a line.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from billing import follow_run, job_parser, run_job

ABOUT = "Ask Stripe what became of payments that take days. Charges nobody."


async def job(argv: Sequence[str], environ: Mapping[str, str]) -> Any:  # noqa: ANN401  of the package's own
    """Look; the options are those of `billing settle` of the same names."""
    return await follow_run("settle", **options(argv), environ=environ)


def options(argv: Sequence[str]) -> dict[str, Any]:
    """Read what the schedule asks for."""
    parser = job_parser("python -m jobs.settle", ABOUT)
    parser.add_argument("run_id", metavar="RUN", nargs="?", help="one run; all of this mode unless said")
    return vars(parser.parse_args(argv))


def process() -> NoReturn:
    """Run as a process."""
    sys.exit(run_job(job))


if __name__ == "__main__":
    process()
