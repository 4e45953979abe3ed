"""Write a run file that undoes what a run has done: gives back what was paid, or ends what was subscribed."""

from pathlib import Path
from typing import Annotated

import typer

from billing.cli.options import Chosen, Common, ForceOpt, Without


def command(
    *,
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run that is undone: of charges, or of subscriptions.")],
    fee: Annotated[
        str | None,
        typer.Option(
            "--fee",
            metavar="refund|keep",
            help="Of charges: whether your application fee goes back too. Never assumed.",
        ),
    ] = None,
    when: Annotated[
        str | None,
        typer.Option("--when", metavar="now|period_end", help="Of subscriptions: when they end. Never assumed."),
    ] = None,
    clear_fee: Annotated[
        bool,
        typer.Option(
            "--clear-fee", help="Of subscriptions: clear your share of each before, for an account that leaves."
        ),
    ] = False,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="PATH", help="A .yaml, or a .csv for over 100,000 lines.")
    ] = None,
    chosen: Chosen,
    force: ForceOpt = False,
    common: Annotated[Common, Without("api_base")],
) -> int:
    """Write a run file that undoes a run: a refund for each paid charge, an end for each subscription. Nothing is sent.

    Read it, then plan and run it like any other file. A refund comes out of the balance of the connected account; with
    --fee keep the account also bears the fee that you keep. A subscription that ends now is cancelled and its open
    invoices made void; nothing that was paid goes back. With period_end it runs as long as it is paid for.

    \b
    billing reverse coaching-2026-11 --fee refund -o undo.yaml
    billing reverse coaching-2026-11 --only INV-2026-11-0005 --fee refund -o undo.yaml
    billing reverse gym-2026-11 --when period_end -o end.yaml
    billing reverse gym-2026-11 --when now --clear-fee --only GYM-0007 -o end.yaml
    billing plan undo.yaml
    billing run undo.yaml
    """
    from billing.cli.reversing import Reverse, write_reversal
    from billing.cli.session import begin, run_async

    session = begin(common)
    asked = Reverse(run, fee, when, chosen.as_selection(), out, clear_fee=clear_fee, force=force)
    return run_async(write_reversal, session, asked)
