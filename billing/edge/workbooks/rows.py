"""The rows of a worksheet as they stand in its file. (ECMA-376 part 1: 18.3.1.4 c, 18.3.1.73 row, 22.9.2.19 xstring)

The library writes cell by cell, looks six times at every text, and copies one that looks like its own rich strings
without escaping it. A run of a hundred thousand lines has three million cells, and any text may stand in them: so rows
are written here, whole, and the library is left everything else of a workbook.
"""

import re
from typing import Any

from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]

_ODD = re.compile(r"[&<>\x00-\x1f\ufffe\uffff]|_x[0-9A-Fa-f]{4}_|^\s|\s$")
# What XML or a spreadsheet does not take for itself; a blank at an end must be told to stay.
_ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
# What a spreadsheet would take for one of its escapes.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]")
# Characters that no XML may hold; a carriage return it would make a line feed.
_XML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


class Rows(Worksheet):  # type: ignore[misc]
    """A worksheet whose rows are written as a whole, from the top to the bottom."""

    def put(self, row: int, cells: str, columns: int, height: float | None = None) -> None:
        """Write a row.

        Args:
            row: from 0; each is below the one before.
            cells: as `text`, `number`, `formula` and `blank` return them, from left to right.
            columns: how many columns they go across.
            height: in points, unless the usual one.
        """
        for column in (0, columns - 1):
            self._check_dimensions(row, column)
        tall = "" if height is None else f' ht="{height}" customHeight="1"'
        self.fh.write(f'<row r="{row + 1}"{tall}>{cells}</row>')
        self.previous_row = row + 1


def text(at: str, style: int, value: str) -> str:
    """Return a cell with a text, character by character."""
    if _ODD.search(value) is None:
        return f'<c r="{at}" s="{style}" t="inlineStr"><is><t>{value}</t></is></c>'
    value = _ESCAPE.sub("_x005F_", value)
    value = _CONTROL.sub(lambda found: f"_x{ord(found[0]):04X}_", value)
    return f'<c r="{at}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{_escaped(value)}</t></is></c>'


def number(at: str, style: int, value: float) -> str:
    """Return a cell with a number, with as many digits as a double keeps apart."""
    return f'<c r="{at}" s="{style}"><v>{value:.16G}</v></c>'


def formula(at: str, style: int, value: str) -> str:
    """Return a cell with a formula of our own and without a value: whoever opens the file works it out."""
    return f'<c r="{at}" s="{style}"><f>{_escaped(value)}</f></c>'


def blank(at: str, style: int) -> str:
    """Return a cell that only looks like something."""
    return f'<c r="{at}" s="{style}"/>'


def _escaped(value: str) -> str:
    return "".join(_XML.get(char, char) for char in value)


def style_of(made: Any) -> int:  # noqa: ANN401  a library without types
    """Return the number of a format of the library."""
    return int(made._get_xf_index())  # noqa: SLF001  the library has no other name for it
