"""Tell whether subscribed customers are in step with the platform, as a scheduler starts it. Nothing is changed.

    python -m jobs.sync_check [--full] [--live]

Exit code 4 says that something is not: `billing sync` brings it in step. Settings, key and ledger are those of
`billing sync --check`. What was found goes to stdout as one JSON object; everything else goes to stderr, one
JSON object a line.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from billing import job_parser, run_job, sync_check

ABOUT = "Tell which subscribed customers are not in step with the platform. Changes nothing."


async def job(argv: Sequence[str], environ: Mapping[str, str]) -> Any:  # noqa: ANN401  of the package's own
    """Look; the options are those of `billing sync --check` of the same names."""
    return await sync_check(**options(argv), environ=environ)


def options(argv: Sequence[str]) -> dict[str, Any]:
    """Read what the schedule asks for."""
    parser = job_parser("python -m jobs.sync_check", ABOUT)
    parser.add_argument("--full", dest="everybody", action="store_true", help="look at every link")
    typed = vars(parser.parse_args(argv))
    typed.pop("declines_ok")  # what is not in step is never as good as in step
    return typed


def process() -> NoReturn:
    """Run as a process."""
    sys.exit(run_job(job))


if __name__ == "__main__":
    process()
