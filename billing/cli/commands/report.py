"""Give back every input line with what became of it."""

from pathlib import Path
from typing import Annotated

import typer

from billing.cli.options import Cells, Common, ForceOpt, Lines, Without


def command(
    *,
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run id.")],
    format_: Annotated[
        str | None,
        typer.Option("--format", metavar="text|csv|json|md|html|xlsx", help="Instead of what the suffix of -o says."),
    ] = None,
    out: Annotated[
        list[Path] | None,
        typer.Option(
            "-o", "--out", metavar="PATH", help="A .csv, .json, .md, .html, .xlsx or .txt, only yours. Repeatable."
        ),
    ] = None,
    by_account: Annotated[
        bool, typer.Option("--by-account", help="Totals per connected account instead of lines.")
    ] = False,
    per_account: Annotated[
        Path | None,
        typer.Option("--per-account", metavar="DIR", help="A statement for each connected account: a page and a CSV."),
    ] = None,
    as_kind: Annotated[
        str | None,
        typer.Option("--as", metavar="charges|subscriptions", help="The sheet of a next run, of those who are saved."),
    ] = None,
    force: ForceOpt = False,
    lines: Lines,
    cells: Cells,
    common: Annotated[Common, Without("api_base", "output")],
) -> int:
    """Give back every input line with what became of it.

    Times in a CSV are those of the run's time zone; in JSON they are ISO 8601, UTC.

    \b
    billing report coaching-2026-11
    billing report coaching-2026-11 -o report.csv
    billing report coaching-2026-11 -o bericht.csv --decimal comma
    billing report coaching-2026-11 -o report.html -o report.xlsx
    billing report coaching-2026-11 --status declined --status needs_customer
    billing report coaching-2026-11 --account acct_N1 --reference "INV-2026-*" --format csv
    billing report coaching-2026-11 --by-account
    billing report coaching-2026-11 --format md >> "$GITHUB_STEP_SUMMARY"
    billing report coaching-2026-11 --per-account statements --decimal comma
    billing report members-2026-11 --as charges -o coaching.csv
    """
    from billing.cli.report_out import ReportRequest, write_report
    from billing.cli.session import begin, run_async
    from billing.cli.source import guarded
    from billing.edge.outputs import REPORT, Target
    from billing.edge.ownfolder import OwnFolder

    asked = ReportRequest(
        format_,
        tuple(out or ()),
        by_account,
        lines.as_wanted(),
        cells.delimiter,
        cells.decimal,
        cells.bom,
        as_kind,
        per_account,
    )
    asked.require_usable()
    session = begin(common)
    if per_account is not None:
        OwnFolder(per_account).check()
    files = [place for place, _ in asked.outputs() if place is not None]
    targets = {place: Target(place, REPORT, guarded(session), force=force) for place in files}
    for target in targets.values():
        target.check()
    return run_async(write_report, session, run, asked, targets)
