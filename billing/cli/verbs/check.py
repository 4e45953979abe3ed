"""Check a run file offline and say what it holds, or everything that is wrong with it."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from billing.cli.face import answer, answer_json
from billing.cli.session import Common, Session, begin
from billing.cli.tables import amounts, plural
from billing.cli.typed import following
from billing.cli.verbs.source import open_source
from billing.core.errors import InvalidInput
from billing.core.exits import Exit
from billing.edge.logs import visible
from billing.edge.runfiles import RunFile


def check(
    common: Common,
    file: Path,
    run_id: str | None,
    delimiter: str | None,
    *,
    skip_invalid: bool,
    errors_csv: Path | None,
) -> int:
    """Carry out `billing check`."""
    session = begin(common)
    try:
        return _accepted(session, file, run_id, delimiter, skip_invalid=skip_invalid, errors_csv=errors_csv)
    except InvalidInput as error:
        if not session.json:
            raise
        answer_json({"file": str(file), "valid": False, "problems_total": error.total, **_problems(error)})
        return Exit.INVALID


def _problems(error: InvalidInput) -> Mapping[str, Any]:
    return {"problems": [asdict(problem) for problem in error.problems]}


def _accepted(
    session: Session,
    file: Path,
    run_id: str | None,
    delimiter: str | None,
    *,
    skip_invalid: bool,
    errors_csv: Path | None,
) -> int:
    with open_source(session, file, run_id, delimiter, skip_invalid=skip_invalid, errors_csv=errors_csv) as source:
        if session.json:
            answer_json(_as_json(source))
        else:
            answer("\n".join([*_as_text(source), _next(file)]) + "\n")
    return Exit.OK


def _as_json(source: RunFile) -> dict[str, Any]:
    return {
        "file": source.file,
        "valid": True,
        "run": source.run.run_id,
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
    lines = [
        f"{source.file}: run {source.run.run_id} ({source.run.timezone}), {source.run.mode} mode",
        f"  {plural(source.count, 'item')}   {amounts(source.totals)}".rstrip(),
    ]
    if source.set_aside:
        lines.append(f"  {plural(source.set_aside, 'line')} set aside:")
        lines += [f"    {visible(str(problem))}" for problem in source.problems]
    lines += [f"  ! {visible(str(warning))}" for warning in source.warnings]
    if source.warnings_total > len(source.warnings):
        lines.append(f"  ! ... and {source.warnings_total - len(source.warnings)} more warnings")
    return lines


def _next(file: Path) -> str:
    return f"No problems; nothing was sent. Next: {following('plan', file)}"
