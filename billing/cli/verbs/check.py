"""Check a run file offline and say what it holds, or everything that is wrong with it."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from billing.cli.session import Common, Session, begin
from billing.cli.tables import amounts, plural
from billing.cli.terminal import write_json, write_out
from billing.cli.typed import following
from billing.cli.verbs.source import open_source
from billing.core.errors import InvalidInput
from billing.core.exits import Exit
from billing.core.periods import in_words
from billing.edge.logs import visible
from billing.edge.runfiles import STDIN, ReadOptions, RunFile


def check(common: Common, file: Path, read: ReadOptions, errors_csv: Path | None, *, force: bool = False) -> int:
    """Carry out `billing check`."""
    session = begin(common, run_file=file)
    try:
        with open_source(session, file, read, errors_csv=errors_csv, force=force) as source:
            _show(session, source, file)
    except InvalidInput as error:
        if not session.json:
            raise
        write_json({"file": str(file), "valid": False, "problems_total": error.total, **_problems(error)})
        return Exit.INVALID
    return Exit.OK


def _show(session: Session, source: RunFile, file: Path) -> None:
    if session.json:
        write_json(_as_json(source))
    else:
        write_out("".join(f"{visible(line)}\n" for line in [*_as_text(source), *_next(source, file)]))


def _problems(error: InvalidInput) -> Mapping[str, Any]:
    return {"problems": [asdict(problem) for problem in error.problems]}


def _as_json(source: RunFile) -> dict[str, Any]:
    return {
        "file": source.file,
        "valid": True,
        "run": source.run.run_id,
        "period": source.run.period,
        "mode": str(source.run.mode),
        "sha256": source.sha256,
        "items": source.count,
        "totals": dict(source.totals),
        "set_aside": source.set_aside,
        "problems": [asdict(problem) for problem in source.problems],
        "warnings": [asdict(warning) for warning in source.warnings],
        "warnings_total": source.warnings_total,
    }


def _as_text(source: RunFile) -> list[str]:
    run = source.run
    lines = [
        f"{source.file}: run {run.run_id} for {in_words(run.period)} ({run.timezone}), {run.mode} mode",
        f"  {plural(source.count, 'item')}   {amounts(source.totals)}".rstrip(),
    ]
    if source.set_aside:
        lines.append(f"  {plural(source.set_aside, 'line')} set aside:")
        lines += [f"    {problem}" for problem in source.problems]
    lines += [f"  ! {warning}" for warning in source.warnings]
    if source.warnings_total > len(source.warnings):
        lines.append(f"  ! ... and {source.warnings_total - len(source.warnings)} more warnings")
    return lines


def _next(source: RunFile, file: Path) -> list[str]:
    """Say how it stands, and the command that goes on, ready to be pasted."""
    aside = f"{plural(source.set_aside, 'line')} set aside" if source.set_aside else "No problems"
    goes_on = "the same with billing plan" if file == STDIN else following("plan", file)
    return [f"{aside}; nothing was sent. Next: {goes_on}"]
