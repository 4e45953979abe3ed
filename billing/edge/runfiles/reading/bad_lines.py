"""The bad lines given back as a CSV with a reason column: to correct in a spreadsheet and feed in again."""

from collections.abc import Iterable, Iterator, Sequence

from billing.core.cells import csv_line
from billing.edge.outputs import Target
from billing.edge.runfiles.run_file import BadLine

REASONS = ("line", "column", "code", "reason")


def write_bad_lines(target: Target, columns: Sequence[str], lines: Iterable[BadLine], delimiter: str = ",") -> None:
    """Write the lines with their place and reasons, separated as in the file they come from.

    Raises:
        UsageError: the file cannot be made there, or something else stands there.
        RunStopped: the path is a symbolic link, which somebody may have planted, or the disk says no.
    """
    target.write(_written(columns, lines, delimiter))


def _written(columns: Sequence[str], lines: Iterable[BadLine], delimiter: str) -> Iterator[str]:
    # Without the mark a spreadsheet takes UTF-8 for something else and shows every umlaut as two characters.
    yield "\ufeff" + csv_line((*columns, *REASONS), delimiter)
    for bad in lines:
        yield csv_line(_cells(bad, len(columns)), delimiter)


def _cells(bad: BadLine, width: int) -> list[str]:
    """The line's own cells, then why; cells it had too many come last, so that nothing is lost."""
    own = [*bad.cells[:width], *[""] * (width - len(bad.cells))]
    first = bad.faults[0]
    reason = "; ".join(f"{fault.message} ({fault.hint})" if fault.hint else fault.message for fault in bad.faults)
    return [*own, str(bad.line), str(first.column), first.code, reason, *bad.cells[width:]]
