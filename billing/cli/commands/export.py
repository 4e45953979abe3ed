"""Write the money of a run, or of a period, as a journal for a bookkeeper's program."""

from pathlib import Path
from typing import Annotated

import typer

from billing.cli.options import Common, ForceOpt, Without


def command(
    *,
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="The run id; or a period instead.")] = None,
    period: Annotated[
        str | None, typer.Option("--period", metavar="P", help="Every run of a period: 2026-11, 2026-q4.")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="hledger|beancount|csv|quickbooks|xero|datev", help="Whom the file is for."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="PATH", help="A file that only you can read; else stdout.")
    ] = None,
    account: Annotated[
        list[str] | None, typer.Option("--account", metavar="ACCOUNT", help="Only this connected account. Repeatable.")
    ] = None,
    currency: Annotated[
        str | None, typer.Option("--currency", metavar="CODE", help="Only what is settled in this currency.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DAY", help="Only entries of this day and later: 2026-11-01.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DAY", help="Only entries of this day and earlier.")
    ] = None,
    no_open: Annotated[
        bool,
        typer.Option("--no-open", help="Declare no accounts, for a journal beside others that do."),
    ] = False,
    force: ForceOpt = False,
    common: Annotated[Common, Without("api_base", "output")],
) -> int:
    """Write charges, fees, refunds, disputes and payouts as balanced entries, as billing reconcile has found them.

    Nothing is sent. An entry has the id of Stripe's balance transaction, so that a later export shows the same entries
    again and adds new ones. What accounts are called, the settings say (export.*).

    \b
    billing export coaching-2026-11 --to hledger -o coaching.journal
    billing export --period 2026-11 --to beancount -o november.beancount
    billing export coaching-2026-11 --to csv --account acct_1A2b3C
    billing export --period 2026-11 --to datev --currency eur -o EXTF_november.csv
    billing export --period 2026-11 --to xero --since 2026-11-01 --until 2026-11-30 -o xero.csv
    """
    from billing.cli.exporting import ExportRequest, write_export
    from billing.cli.session import begin, run_async
    from billing.cli.source import guarded
    from billing.edge.outputs import EXPORT, Target

    asked = ExportRequest(run, period, to, out, tuple(account or ()), currency, since, until, declare=not no_open)
    asked.require_usable()
    session = begin(common)
    target = None if out is None else Target(out, EXPORT, guarded(session), force=force)
    if target is not None:
        target.check()
    return run_async(write_export, session, asked, target)
