"""The bad lines given back as a CSV with a reason column: to correct in a spreadsheet and feed in again."""

import errno
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from billing.core.cells import csv_line
from billing.core.errors import RunStopped, UsageError
from billing.edge.runfiles.reading import BadLine

REASONS = ("line", "column", "code", "reason")


def write_bad_lines(path: Path, columns: Sequence[str], lines: Iterable[BadLine]) -> int:
    """Write the lines with their place and reasons; an older file of that name is replaced. Returns how many.

    Raises:
        UsageError: the file cannot be made there.
        RunStopped: the path is a symbolic link, which somebody may have planted.
    """
    handle = _opened(path)
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
        out.write(csv_line((*columns, *REASONS)))
        count = 0
        for bad in lines:
            out.write(csv_line(_cells(bad, len(columns))))
            count += 1
    return count


def _cells(bad: BadLine, width: int) -> list[str]:
    """The line's own cells, then why; cells it had too many come last, so that nothing is lost."""
    own = [*bad.cells[:width], *[""] * (width - len(bad.cells))]
    first = bad.faults[0]
    reason = "; ".join(f"{fault.message} ({fault.hint})" if fault.hint else fault.message for fault in bad.faults)
    return [*own, str(bad.line), str(first.column), first.code, reason, *bad.cells[width:]]


def _opened(path: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise RunStopped(f"{path} is a symbolic link; nothing is written through it") from None
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
