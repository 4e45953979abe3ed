"""Check a run file offline and say what it holds, or everything that is wrong with it."""

from pathlib import Path
from typing import Annotated

import typer

from billing.cli.options import Common, FileArg, ForceOpt, Sheet, Without
from billing.core.errors import InvalidInput
from billing.core.exits import Exit


def command(
    *,
    file: FileArg,
    sheet: Sheet,
    errors_csv: Annotated[
        Path | None,
        typer.Option(
            "--errors-csv",
            metavar="PATH",
            help="Write the bad lines there, with a reason column and without names or addresses.",
        ),
    ] = None,
    force: ForceOpt = False,
    common: Annotated[Common, Without("ledger", "api_base")],
) -> int:
    """Check a run file offline: every problem with its line.

    \b
    billing check coaching.csv --run coaching-2026-11
    billing check coaching.yaml --errors-csv bad-lines.csv
    billing check coaching.xlsx --run coaching-2026-11 --sheet November
    """
    from billing.cli.check_view import as_json, as_text, refused_as_json
    from billing.cli.session import begin
    from billing.cli.source import open_source
    from billing.cli.terminal import write_json, write_out
    from billing.edge.logs import visible

    session = begin(common, run_file=file)
    try:
        with open_source(session, file, sheet.as_read(), errors_csv=errors_csv, force=force) as source:
            if session.json:
                write_json(as_json(source))
            else:
                write_out("".join(f"{visible(line)}\n" for line in as_text(source, file)))
    except InvalidInput as error:
        if not session.json:
            raise
        write_json(refused_as_json(file, error))
        return Exit.INVALID
    return Exit.OK
