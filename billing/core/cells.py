"""Cells that a spreadsheet shows and never runs."""

import csv
import io
import re
from collections.abc import Iterable

_NUMBER = re.compile(r"-?[0-9]+([.,][0-9]+)?")
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_CONTROLS = frozenset("\t\r\n")
# What a spreadsheet runs when a cell begins with it, full-width forms included.
# See edge/runfiles/README.md, "Cells that are given back".


def neutral(cell: str) -> str:
    """Return the cell so that no spreadsheet runs it: an apostrophe keeps a formula a text; numbers stay numbers.

    A cell that has such an apostrophe already gets one more, so that `plain` gives back what was there.
    """
    if not cell or cell[0].isalnum():  # nearly all of a long file
        return cell
    return "'" + cell if _runs(cell.lstrip("'")) and not _NUMBER.fullmatch(cell) else cell


def plain(cell: str) -> str:
    """Return the cell that `neutral` made this one of."""
    return cell[1:] if cell.startswith("'") and _runs(cell.lstrip("'")) and not _NUMBER.fullmatch(cell[1:]) else cell


def _runs(cell: str) -> bool:
    """Whether a spreadsheet would run a cell, or might."""
    shown = next((place for place, char in enumerate(cell) if not _blank(char)), len(cell))
    # TAB, CR and LF are blanks too: wherever one stands in front, it already counts.
    return any(char in _CONTROLS for char in cell[:shown]) or cell.startswith(_FORMULA, shown)


def _blank(char: str) -> bool:
    """Whether a program that trims would take the character away: blanks, marks and controls nobody sees."""
    return char.isspace() or not char.isprintable()


def csv_line(cells: Iterable[str], delimiter: str = ",") -> str:
    """Return one line of a CSV that no spreadsheet runs, ended by LF.

    The writer of the standard library quotes a carriage return only when it ends lines too: left bare it would end the
    line for every reader, and what follows it would begin a cell.
    """
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n", delimiter=delimiter).writerow([neutral(cell) for cell in cells])
    return out.getvalue().removesuffix("\r\n") + "\n"
