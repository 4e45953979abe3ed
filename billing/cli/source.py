"""Opening a run file with what the settings say where it is silent."""

from datetime import UTC, datetime
from pathlib import Path

from billing.cli.session import Session
from billing.core.errors import UsageError
from billing.edge.ledger.opening import files_of
from billing.edge.runfiles import ReadOptions, RunFile, open_run
from billing.edge.settings.agreement import require_own_platform
from billing.flow.carry_out import run_defaults


def guarded(session: Session, *sources: RunFile) -> tuple[Path, ...]:
    """Return the files no output may replace: what was read, the ledger with what belongs to it, and its key."""
    settings = session.settings
    key = settings.ledger_key_file
    read = [Path(name) for source in sources for name in (source.file, source.items_file)]
    return (*read, *files_of(settings.ledger), *([Path(key)] if key else []))


def open_source(
    session: Session, file: Path, read: ReadOptions, *, errors_csv: Path | None = None, force: bool = False
) -> RunFile:
    """Read a run file as of now; close what is returned.

    Args:
        session: with the settings.
        file: the run file, or ``-``.
        read: how to read it.
        errors_csv: where its bad lines go.
        force: whether they may replace a file of another kind.

    Raises:
        InvalidInput: it has problems.
        UsageError: it cannot be opened, the run id is missing, or it is for another platform.
    """
    source = open_run(
        file,
        **read.as_arguments,
        defaults=run_defaults(session.settings),
        now=datetime.now(UTC),
        errors_csv=errors_csv,
        force=force,
    )
    try:
        require_own_platform(session.settings, source.run.platform)
    except UsageError:
        source.close()
        raise
    return source
