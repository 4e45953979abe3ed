"""Cancel a run or some of its lines, on the record."""

from typing import Annotated

import typer

from billing.cli.options import Chosen, Common, Sending, YesOpt


def command(
    *,
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it goes on record. Name nobody.")],
    chosen: Chosen,
    sending: Sending,
    yes: YesOpt = False,
    common: Common,
) -> int:
    """Close what is not paid of a run, on the record.

    Looks first at whatever may be on its way. What is paid stays paid, and is named. The same command again goes on.

    \b
    billing cancel coaching-2026-11 --reason "the wrong sheet"
    billing cancel coaching-2026-11 --only INV-2026-11-0005 --reason "the customer complained"
    """
    from billing.cli.cancelling import Cancel, carry_out
    from billing.cli.session import begin, run_async

    session = begin(common)
    return run_async(carry_out, session, Cancel(run, reason, chosen.as_selection(), sending, yes))
