"""Bytes, opened as a run file."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from billing.edge.runfiles import RunFile, open_run
from tests.fuzz.grammar import RUN_ID


@cache
def _folder() -> TemporaryDirectory:
    return TemporaryDirectory(prefix="fuzz-")


def opened(content: bytes, suffix: str, **asked: Any) -> RunFile:
    """Open bytes as a run file."""
    path = Path(_folder().name) / f"run{suffix}"
    path.write_bytes(content)
    return open_run(path, run_id=RUN_ID if suffix in {".csv", ".xlsx"} else None, allow_empty=True, **asked)
