"""Hold the ledger against Stripe, from line to bank."""

from pathlib import Path
from typing import Annotated

import typer

from billing.cli.options import Common, ForceOpt, Sending, Without, YesOpt


def command(
    *,
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="The run id; or a period instead.")] = None,
    period: Annotated[
        str | None, typer.Option("--period", metavar="PERIOD", help="All runs of a period, such as 2026-11.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Read everything once more, not only what is new since the last look.")
    ] = False,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Take over what Stripe says of a line, after reading its payment.")
    ] = False,
    close_orphans: Annotated[
        bool,
        typer.Option("--close-orphans", help="Cancel open payments of these runs that no line holds, after a read."),
    ] = False,
    yes: YesOpt = False,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="PATH", help="A .txt, .json or .html that only you can read.")
    ] = None,
    force: ForceOpt = False,
    sending: Annotated[Sending, Without("rate")],
    common: Common,
) -> int:
    """Hold a run against Stripe, line by line, to balance transaction, fee and payout. Changes nothing at Stripe.

    Each connected account is listed by the page, at the pace of the setting reconcile.rate; what was read is kept, so
    that the next look reads only what is new. The exit code is 0 only when all ties, 4 when something differs, 5 when
    lines are still open or an account could not be read, 10 when Stripe does not answer.

    \b
    --adopt          a line that Stripe has paid, or closed, and the ledger does not know of: reads it, and records it
    --close-orphans  shows the open payments that carry a line's name and that no line holds, asks, reads each once
                     more and cancels it. Never one that a line of this ledger holds, nor one of a line that is not
                     over, since another ledger may still finish it

    \b
    billing reconcile coaching-2026-11
    billing reconcile --period 2026-11 --output json
    billing reconcile coaching-2026-11 -o november.html
    billing reconcile coaching-2026-11 --adopt
    billing reconcile coaching-2026-11 --close-orphans --yes
    """
    from billing.cli.reconciling import Asked, reconcile_and_tell
    from billing.cli.session import begin, run_async
    from billing.cli.source import guarded
    from billing.edge.outputs import RECONCILIATION, Target

    session = begin(common)
    target = None if out is None else Target(out, RECONCILIATION, guarded(session), force=force)
    asked = Asked(run, period, sending, full=full, adopt=adopt, close=close_orphans, yes=yes, target=target)
    asked.require_usable()
    return run_async(reconcile_and_tell, session, asked)
