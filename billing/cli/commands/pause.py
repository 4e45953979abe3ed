"""Have all workers of a run stop starting charges, until somebody resumes it."""

from typing import Annotated

import typer

from billing.cli.options import Reading


def command(
    *,
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it goes on record. Name nobody.")] = "",
    common: Reading,
) -> int:
    """Have all workers of a run stop starting charges. What is on its way comes home, and all is on record.

    No key is needed. A command that waits for the run goes on waiting; billing resume has the workers go on.

    \b
    billing pause coaching-2026-11
    billing pause coaching-2026-11 --reason "the bank asks us to wait"
    """
    from billing.cli.pausing import pause
    from billing.cli.session import begin, run_async

    return run_async(pause, begin(common), run, reason)
