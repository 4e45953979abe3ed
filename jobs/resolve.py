"""Look up what was left in doubt, as a scheduler starts it. Nobody is charged.

    python -m jobs.resolve [RUN] [--live]

The exit code tells what is still open. Settings, key and ledger are those of `billing resolve`. The summaries go to
stdout as one JSON object; everything else goes to stderr, one JSON object a line.
"""

from collections.abc import Mapping, Sequence

from jobs.following import carry_out, job_of
from jobs.process import guarded, run_process

ABOUT = "Ask Stripe what became of items in doubt, and what customers have paid since. Charges nobody."


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Look, and return the exit code of `billing.core.exits`. Nothing is raised; no traceback is printed."""
    return guarded(_carry_out, argv, environ)


def _carry_out(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    return carry_out("resolve", job_of("resolve", ABOUT, argv), environ)


def process() -> None:
    """Run as a process."""
    run_process(_carry_out)


if __name__ == "__main__":
    process()
