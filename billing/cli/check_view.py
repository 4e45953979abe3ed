"""What a person or a program sees of a run file that was checked."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from billing.cli.tables import amounts, plural
from billing.cli.typed import following
from billing.core.errors import InvalidInput
from billing.core.periods import in_words
from billing.edge.runfiles import STDIN, RunFile
from billing.edge.texts.safe_text import quoted


def refused_as_json(file: Path, error: InvalidInput) -> Mapping[str, Any]:
    """Return what a program is told of a file with problems."""
    problems = [asdict(problem) for problem in error.problems]
    return {"file": str(file), "valid": False, "problems_total": error.total, "problems": problems}


def as_json(source: RunFile) -> dict[str, Any]:
    """Return what a program is told of a file that can be run."""
    return {
        "file": source.file,
        "sheet": source.sheet or None,
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


def as_text(source: RunFile, file: Path) -> list[str]:
    """Write what it holds, and the command that goes on."""
    run, sheet = source.run, f", sheet {quoted(source.sheet)}" if source.sheet else ""
    lines = [
        f"{source.file}{sheet}: run {run.run_id} for {in_words(run.period)} ({run.timezone}), {run.mode} mode",
        f"  {plural(source.count, 'item')}   {amounts(source.totals)}".rstrip(),
    ]
    if source.set_aside:
        lines.append(f"  {plural(source.set_aside, 'line')} set aside:")
        lines += [f"    {problem}" for problem in source.problems]
    lines += [f"  ! {warning}" for warning in source.warnings]
    if source.warnings_total > len(source.warnings):
        lines.append(f"  ! ... and {source.warnings_total - len(source.warnings)} more warnings")
    return [*lines, *_next(source, file)]


def _next(source: RunFile, file: Path) -> list[str]:
    """Say how it stands, and the command that goes on, ready to be pasted."""
    aside = f"{plural(source.set_aside, 'line')} set aside" if source.set_aside else "No problems"
    goes_on = "the same with billing plan" if file == STDIN else following("plan", file)
    return [f"{aside}; nothing was sent. Next: {goes_on}"]
