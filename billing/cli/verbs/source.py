"""Opening a run file with what the settings say where it is silent."""

from pathlib import Path

from billing.cli.session import Session
from billing.edge.runfiles import RunFile, open_run
from billing.flow.bill import run_defaults


def open_source(
    session: Session,
    file: Path,
    run_id: str | None,
    delimiter: str | None,
    *,
    skip_invalid: bool,
    errors_csv: Path | None = None,
) -> RunFile:
    """Read a run file; close what is returned.

    Raises:
        InvalidInput: it has problems.
        UsageError: it cannot be opened, or the run id is missing.
    """
    return open_run(
        file,
        run_id=run_id,
        delimiter=delimiter,
        skip_invalid=skip_invalid,
        defaults=run_defaults(session.settings),
        errors_csv=errors_csv,
    )
