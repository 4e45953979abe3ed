"""Cells that a spreadsheet shows and never runs."""

import re

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# What a spreadsheet runs when a cell begins with it, full-width forms included. (failure catalogue S5)


def neutral(cell: str) -> str:
    """Return the cell so that no spreadsheet runs it: an apostrophe keeps a formula a text; numbers stay numbers."""
    if cell.lstrip(" ").startswith(_FORMULA) and not _NUMBER.fullmatch(cell):
        return "'" + cell
    return cell
