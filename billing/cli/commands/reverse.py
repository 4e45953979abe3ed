"""Write a run file that gives back what a run was paid."""

from pathlib import Path
from typing import Annotated

import typer

from billing.cli.options import Chosen, Common, ForceOpt, Without


def command(
    *,
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run whose charges are given back.")],
    fee: Annotated[
        str,
        typer.Option("--fee", metavar="refund|keep", help="Whether your application fee goes back too. Never assumed."),
    ],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="PATH", help="A .yaml, or a .csv for over 100,000 lines.")
    ] = None,
    chosen: Chosen,
    force: ForceOpt = False,
    common: Annotated[Common, Without("api_base")],
) -> int:
    """Write a run file of refunds: what is left of each paid charge of a run. Nothing is sent.

    Read it, then plan and run it like any other file. A refund comes out of the balance of the connected account; with
    --fee keep the account also bears the fee that you keep.

    \b
    billing reverse coaching-2026-11 --fee refund -o undo.yaml
    billing reverse coaching-2026-11 --only INV-2026-11-0005 --fee refund -o undo.yaml
    billing plan undo.yaml
    billing run undo.yaml
    """
    from billing.cli.reversing import Reverse, write_reversal
    from billing.cli.session import begin, run_async

    session = begin(common)
    asked = Reverse(run, fee, chosen.as_selection(), out, force=force)
    return run_async(write_reversal, session, asked)
