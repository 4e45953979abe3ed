"""Tell the life of one line in plain sentences, from the ledger alone: also while another process charges."""

from typing import Annotated

import typer

from billing.cli.options import Reading


def command(
    *,
    reference: Annotated[
        str, typer.Argument(metavar="REFERENCE", help="Of the line; or an id of Stripe's: pi_…, seti_…, sub_…, re_….")
    ],
    run: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help="In this run; the newest that has it unless said.")
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Also the entries of the ledger behind each step: ids, codes, who.")
    ] = False,
    common: Reading,
) -> int:
    """Tell the life of one line: was it paid, how often was it tried, what is so now, and what to do.

    Nothing is sent: it is read from the ledger, with what the last reconcile has kept of Stripe's side. The exit code
    is 0 whatever has become of the line, and 2 when there is no such line; then those are named that are near.

    \b
    billing explain INV-2026-11-0417
    billing explain INV-2026-11-0417 --run coaching-2026-11 --record
    billing explain pi_3SGNCnW4ueEQmVsM --output json
    """
    from billing.cli.explaining import explain
    from billing.cli.session import begin, run_async

    session = begin(common)

    async def told() -> int:
        return await explain(session, reference, run, record=record)

    return run_async(told)
