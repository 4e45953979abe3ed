"""Have workers go on with a run that was paused."""

from typing import Annotated

import typer

from billing.cli.options import Common, Sending, Without


def command(
    *,
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run.")],
    sending: Annotated[Sending, Without("rate")],
    common: Common,
) -> int:
    """Have workers go on with a run that billing pause has stopped, as it was asked for when it began.

    What is left of it is handed out anew. A deadline stays where it was.

    \b
    billing resume coaching-2026-11
    billing resume coaching-2026-11 --live        a run of real money
    """
    from billing.cli.pausing import resume
    from billing.cli.session import begin, run_async

    return run_async(resume, begin(common), run, sending)
