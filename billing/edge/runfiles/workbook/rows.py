"""The rows of a sheet, as they come: cells with a value only, and what else a person must know of them."""

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from billing.core.errors import column_letters
from billing.edge.runfiles.workbook.cells import Raw
from billing.edge.runfiles.workbook.package import Package, Xml
from billing.edge.runfiles.workbook.strings import LONGEST, Pieces
from billing.edge.texts.problems import Unreadable

MOST_ROWS, MOST_COLUMNS = 1_048_576, 16_384
# What a sheet has at most. (Excel specifications and limits)
_MOST_MERGED = 100_000
_CELL = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_LETTERS = 26


class Row(NamedTuple):
    """A row with at least one cell that has a value; ``hidden`` when nobody sees it."""

    number: int
    cells: list[Raw]
    hidden: bool


@dataclass(slots=True)
class Merged:
    """Cells that were joined: only the first of them can have a value."""

    ref: str
    top: int
    left: int
    bottom: int
    right: int


@dataclass(slots=True)
class SheetRows:
    """The rows of a sheet. Read them once, then the rest is known.

    Attributes:
        package, part: where it is.
        hidden_columns: pairs of first and last, known before the first row.
        merged: known after the last row.
        conditions: numbers of the looks that cells have on conditions, known after the last row; -1 for one that
            brings a format of its own.
    """

    package: Package
    part: str
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    merged: list[Merged] = field(default_factory=list)
    conditions: set[int] = field(default_factory=set)

    def __iter__(self) -> Iterator[Row]:
        """The rows in order.

        Raises:
            Unreadable: the sheet is damaged, or cells do not come in their order.
        """
        taker = _Taker(self.hidden_columns, self.merged, self.conditions)
        for _ in Xml(self.package, self.part, taker.start, taker.end, taker.text):
            yield from taker.rows
            taker.rows.clear()


_WITHIN = {"sheetData": "", "row": "sheetData", "c": "row", "v": "c", "is": "c"}
_DEPTH = {"sheetData": 2, "row": 3, "c": 4, "v": 5, "is": 5}
_ONCE = frozenset({"v", "is"})
_NONE: frozenset[str] = frozenset()
_AROUND = frozenset({"col", "mergeCell", "cfRule", "numFmt"})
# What stands in what and how deep, and what a cell has once: a row in an extension is one that no spreadsheet shows.


class _Taker:
    """Takes in the tags of a sheet."""

    def __init__(self, hidden_columns: list[tuple[int, int]], merged: list[Merged], conditions: set[int]) -> None:
        self.rows: list[Row] = []
        self._hidden_columns, self._merged, self._conditions = hidden_columns, merged, conditions
        self._depth = 0
        self._cells: list[Raw] = []
        self._row = self._column = self._style = self._texts = self._length = 0
        self._type, self._hidden, self._formula, self._inside = "n", False, False, False
        self._open = [""]
        self._value: str | None = None
        self._digits = ""
        self._seen: frozenset[str] = _NONE
        self._pieces, self._parts = Pieces(), list[str]()
        self._in_value = False

    def text(self, text: str) -> None:
        if self._in_value:
            self._length += len(text)
            if self._length > LONGEST:
                raise Unreadable(self._row, self._column, "too_long", "the cell is longer than 128 KiB")
            self._parts.append(text)
        elif self._inside:
            self._pieces.text(text)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if name in _WITHIN:
            # A value without its cell, or two in one, are read in one way by some programs and in another by others.
            if self._open[-1] != _WITHIN[name] or self._depth != _DEPTH[name] or name in self._seen:
                message = "the cells of the sheet are not where cells are"
                raise Unreadable(self._row, 1, "damaged_workbook", message, "save the workbook again")
            self._open.append(name)
            self._seen = self._seen | {name} if name in _ONCE else _NONE
        if name == "c":
            self._cell(attributes)
        elif name == "v":
            self._in_value, self._length = True, 0
        elif name == "row":
            self._begin(attributes)
        elif name == "f":
            self._formula = True
        elif name == "is":
            self._inside = True
        elif self._inside:
            self._pieces.start(name)
        elif name in _AROUND:
            self._around(name, attributes)

    def end(self, name: str) -> None:
        self._depth -= 1
        if name in _WITHIN:
            self._open.pop()
        if name == "c":
            if self._value is not None or self._formula:
                self._cells.append(Raw(self._column, self._type, self._style, self._value, self._formula))
        elif name == "v":
            self._in_value = False
            text = "".join(self._parts)
            self._parts.clear()
            # A formula that was never calculated has an empty value; the empty text has a type of its own.
            self._take(text if text or self._type == "str" else None)
        elif name == "is":
            self._inside = False
            self._take(self._pieces.taken())
        elif name == "row":
            if self._cells:
                self.rows.append(Row(self._row, self._cells, self._hidden))
                self._cells = []
        elif self._inside:
            self._pieces.end(name)

    def _take(self, text: str | None) -> None:
        self._value = text
        self._texts += len(text or "")
        if self._texts > _LONGEST_ROW:
            raise Unreadable(self._row, 1, "too_long", "the row holds more than 4 MiB of text")

    def _begin(self, attributes: dict[str, str]) -> None:
        number = _whole(attributes.get("r", ""), self._row + 1)
        if not self._row < number <= MOST_ROWS:
            raise Unreadable(0, 0, "damaged_workbook", "the rows of the sheet are not in their order", "save it again")
        self._row, self._column, self._texts, self._digits = number, 0, 0, str(number)
        self._hidden = _hidden(attributes, "ht")

    def _cell(self, attributes: dict[str, str]) -> None:
        column = self._column + 1
        place = attributes.get("r")
        # Nearly every cell is the next one: then its name need not be taken apart.
        if place is not None and place != _letters(column) + self._digits:
            row, column = _place(place)
            if row != self._row:
                column = 0
        if not self._column < column <= MOST_COLUMNS:
            message = "the cells of a row are not in their order"
            raise Unreadable(self._row, 1, "damaged_workbook", message, "save the workbook again")
        self._column, self._value, self._formula = column, None, False
        self._type, self._style = attributes.get("t", "n"), _whole(attributes.get("s", "0"), -1)

    def _around(self, name: str, attributes: dict[str, str]) -> None:
        """What stands before and after the rows."""
        if name == "col" and _hidden(attributes, "width"):
            self._hidden_columns.append((_whole(attributes.get("min", ""), 0), _whole(attributes.get("max", ""), 0)))
        elif name == "mergeCell":
            first, _, last = attributes.get("ref", "").partition(":")
            (top, left), (bottom, right) = _place(first), _place(last or first)
            self._merged.append(Merged(f"{first}:{last}", top, left, bottom, right))
        elif name == "cfRule":
            self._conditions.add(_whole(attributes.get("dxfId", ""), _MOST_MERGED))
        elif name == "numFmt":
            self._conditions.add(-1)
        if len(self._hidden_columns) + len(self._merged) + len(self._conditions) > _MOST_MERGED:
            raise Unreadable(0, 0, "damaged_workbook", "the sheet has too many merged cells", "unmerge them")


_LONGEST_ROW = 4 * 1024**2


def _hidden(attributes: dict[str, str], size: str) -> bool:
    """Tell whether a row or a column is out of sight, or so small that nobody can read it."""
    small = _SMALL.fullmatch(attributes.get(size, "").strip())
    return (small is not None and bool(small[0])) or attributes.get("hidden", "").strip() in {"1", "true"}


_SMALL = re.compile(r"[+-]?0*(\.[0-9]*)?([Ee]0+)?|[0-9.]+[Ee]-[0-9]+|-.*")
# A height in points, or a width in digits, below one.


def _whole(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else otherwise


_letters = lru_cache(maxsize=1024)(column_letters)


def _place(text: str) -> tuple[int, int]:
    """Row and column of a name such as D17; zeros for what is none."""
    found = _CELL.fullmatch(text)
    if found is None:
        return 0, 0
    column = 0
    for letter in found[1]:
        column = column * _LETTERS + ord(letter) - ord("A") + 1
    return int(found[2]), column


@dataclass(slots=True)
class Numbers:
    """Numbers of rows, in rising order: 8 bytes each, told in words as ranges."""

    found: "array[int]" = field(default_factory=lambda: array("Q"))

    def __str__(self) -> str:
        """``3-7, 12``, the first ten of such."""
        ranges: list[list[int]] = []
        for number in self.found:
            if ranges and ranges[-1][1] == number - 1:
                ranges[-1][1] = number
            else:
                ranges.append([number, number])
        shown = ", ".join(f"{first}-{last}" if first < last else str(first) for first, last in ranges[:10])
        return shown + (f" and {len(ranges) - 10} more places" if len(ranges) > 10 else "")
