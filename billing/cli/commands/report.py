"""Give back every input line with what became of it."""

from pathlib import Path
from typing import Annotated

import typer

from billing.cli.options import Common, ForceOpt, Without


def command(
    *,
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run id.")],
    format_: Annotated[
        str | None,
        typer.Option("--format", metavar="text|csv|json", help="Instead of what the suffix of -o says, or text."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="PATH", help="A .csv, .json or .txt that only you can read.")
    ] = None,
    status: Annotated[
        list[str] | None, typer.Option("--status", metavar="STATUS", help="Only lines of this status. Repeatable.")
    ] = None,
    account: Annotated[
        list[str] | None, typer.Option("--account", metavar="ACCOUNT", help="Only lines of this account. Repeatable.")
    ] = None,
    customer: Annotated[
        list[str] | None,
        typer.Option("--customer", metavar="CUSTOMER", help="Only lines of this customer. Repeatable."),
    ] = None,
    by_account: Annotated[
        bool, typer.Option("--by-account", help="Totals per connected account instead of lines.")
    ] = False,
    as_kind: Annotated[
        str | None,
        typer.Option("--as", metavar="charges|subscriptions", help="The sheet of a next run, of those who are saved."),
    ] = None,
    delimiter: Annotated[
        str | None,
        typer.Option("--delimiter", metavar="CHAR", help="Between the cells of a CSV: a character, or tab."),
    ] = None,
    decimal: Annotated[
        str, typer.Option("--decimal", metavar="point|comma", help="In the amounts of a CSV; comma parts cells by ;.")
    ] = "point",
    bom: Annotated[
        bool | None,
        typer.Option("--bom/--no-bom", help="A mark that Excel needs at the start of a CSV: in files unless said."),
    ] = None,
    force: ForceOpt = False,
    common: Annotated[Common, Without("api_base", "output")],
) -> int:
    """Give back every input line with what became of it.

    Times in a CSV are those of the run's time zone; in JSON they are ISO 8601, UTC.

    \b
    billing report coaching-2026-11
    billing report coaching-2026-11 -o report.csv
    billing report coaching-2026-11 -o bericht.csv --decimal comma
    billing report coaching-2026-11 --status declined --status needs_customer
    billing report coaching-2026-11 --by-account
    billing report members-2026-11 --as charges -o coaching.csv
    """
    from billing.cli.report_out import ReportRequest, write_report
    from billing.cli.session import begin, run_async
    from billing.cli.source import guarded
    from billing.edge.outputs import REPORT, Target
    from billing.flow.report import Wanted

    wanted = Wanted(frozenset(status or ()), frozenset(account or ()), frozenset(customer or ()))
    asked = ReportRequest(format_, out, by_account, wanted, delimiter, decimal, bom, as_kind)
    asked.require_usable()
    session = begin(common)
    target = None if out is None else Target(out, REPORT, guarded(session), force=force)
    if target is not None:
        target.check()
    return run_async(write_report, session, run, asked, target)
