"""One sheet of a workbook: lines from the top to the bottom, at most one table with a head that stays in sight.

A sheet that is full goes on as "Items 2", with the same head.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from xlsxwriter.utility import xl_col_to_name  # type: ignore[import-untyped]

from billing.edge.workbooks import rows
from billing.edge.workbooks.cells import (
    Amount,
    Cell,
    Check,
    Day,
    Moment,
    Ordinal,
    Right,
    State,
    decimals_of,
    number_of,
    serial_of,
    serial_of_day,
    spelled,
    text_of,
)
from billing.edge.workbooks.formats import DAY, MOMENT, ORDINAL, TEXT, Formats, Look, Side, digits

ROWS, COLUMNS = 1_048_576, 16_384
# Of a sheet. (Excel specifications and limits)
PRINTED = 90
# Characters of a text at the head or the foot of a page: all of one is at most 255, and an ampersand counts twice.
# (Excel specifications and limits)
A4 = 9
HEAD_HEIGHT = 32
# Points: two lines of a head.
_RULED = frozenset({Look.HEAD, Look.TOTAL})
# Looks whose rule runs under or over cells in which nothing stands, too.


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        title: its head.
        width: in characters.
        right: whether numbers stand in it, so that its head is at the right, too.
        printed: whether it goes on paper.
        quiet: whether it is out of sight while nothing stands in it.
    """

    title: str
    width: int = 14
    right: bool = False
    printed: bool = True
    quiet: bool = False


@dataclass(slots=True)
class _Part:
    """One worksheet of the library.

    Attributes:
        name, sheet: what it is called, and the library's.
        next: the row that is written next, from 0.
        head: the row of the table's head, or None.
        last: the last row of the table's lines.
        checks: column -> the first and the last row that checks something there.
    """

    name: str
    sheet: Any
    next: int = 0
    head: int | None = None
    last: int = 0
    checks: dict[int, tuple[int, int]] = field(default_factory=dict)


class Sheet:
    """A sheet under way. Its lines can only be added at its end: a written line is out of memory."""

    def __init__(
        self, title: str, add: Callable[[str], Any], formats: Formats, zone: ZoneInfo, *, limit: int = ROWS
    ) -> None:
        """Begin it empty.

        Args:
            title: at its tab.
            add: makes a worksheet of that name.
            formats: of the workbook.
            zone: on whose clocks moments are shown.
            limit: rows of a worksheet.
        """
        self.title, self._add, self._formats, self._zone, self._rows = title, add, formats, zone, limit
        self._columns: Sequence[Column] = ()
        self._frozen = 0
        self._seen: set[int] = set()
        self._names: list[str] = []
        self.parts = [_Part(title, add(title))]
        self._put: Mapping[type, Callable[[str, Any, Look], str]] = {
            str: self._text, Right: self._right, int: self._whole, Ordinal: self._ordinal, Amount: self._amount,
            Moment: self._moment, Day: self._day, State: self._state, Check: self._check,
        }  # fmt: skip

    def table(self, columns: Sequence[Column], *, frozen: int = 0) -> None:
        """Begin the table: its head stays in sight, and so do the first ``frozen`` columns."""
        self._columns, self._frozen = columns[:COLUMNS], frozen
        self._head(self.parts[-1])

    def line(self, cells: Sequence[Cell], look: Look = Look.PLAIN) -> int:
        """Write a line; returns the number that the spreadsheet gives it."""
        part = self.parts[-1]
        if part.next >= self._rows:
            part = self._continued()
        part.last = part.next
        return self._write(part, cells, look)

    @property
    def line_number(self) -> int:
        """The number that the spreadsheet gives the next line, on this worksheet or on the one that follows it."""
        if self.parts[-1].next < self._rows:
            return self.parts[-1].next + 1
        return 1 if self.parts[0].head is None else 2

    def widths(self, columns: Sequence[Column]) -> None:
        """Set the widths of a sheet without a table."""
        self._columns = columns

    def skip(self) -> None:
        """Leave a line empty."""
        self.parts[-1].next += 1

    def ranges(self, column: int) -> list[str]:
        """Return where the table's cells of a column are, for a formula: one range for each worksheet."""
        name = xl_col_to_name(column, col_abs=True)
        return [
            f"'{part.name}'!{name}${part.head + 2}:{name}${max(part.last, part.head + 1) + 1}"
            for part in self.parts
            if part.head is not None
        ]

    def finish(self, head: str, foot: str) -> None:
        """Set up what is so of the whole sheet; ``head`` and ``foot`` are printed on every page."""
        for part in self.parts:
            sheet = part.sheet
            self._set_columns(sheet)
            if part.head is not None:
                sheet.autofilter(part.head, 0, max(part.last, part.head), len(self._columns) - 1)
                self._set_print_area(part)
            for column, (first, last) in part.checks.items():
                sheet.conditional_format(first, column, last, column, self._alarm(first, column))
            sheet.ignore_errors({"number_stored_as_text": f"A1:{xl_col_to_name(COLUMNS - 1)}{ROWS}"})
            sheet.set_landscape()
            sheet.set_paper(A4)
            sheet.fit_to_pages(1, 0)
            sheet.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
            sheet.set_header(f"&L{_literal(head) or ' '}")
            sheet.set_footer(f"&L{_literal(foot) or ' '}&C{_literal(part.name)}&R&P / &N")

    def _continued(self) -> _Part:
        name = f"{self.title} {len(self.parts) + 1}"
        self.parts.append(_Part(name, self._add(name)))
        if self.parts[0].head is not None:
            self._head(self.parts[-1])
        return self.parts[-1]

    def _head(self, part: _Part) -> None:
        part.head = part.last = part.next
        part.sheet.freeze_panes(part.next + 1, self._frozen)
        part.sheet.repeat_rows(part.head)
        titles = [Right(each.title) if each.right else each.title for each in self._columns]
        seen, self._seen = self._seen, set()
        self._write(part, titles, Look.HEAD, HEAD_HEIGHT)
        self._seen = seen

    def _set_columns(self, sheet: Any) -> None:  # noqa: ANN401  a library without types
        for at, column in enumerate(self._columns):
            hidden = {"hidden": True} if column.quiet and at not in self._seen else {}
            sheet.set_column(at, at, column.width, None, hidden)

    def _set_print_area(self, part: _Part) -> None:
        printed = [at for at, column in enumerate(self._columns) if column.printed]
        if printed and len(printed) < len(self._columns):
            part.sheet.print_area(0, 0, max(part.last, 1), max(printed))

    def _write(self, part: _Part, cells: Sequence[Cell], look: Look, height: float | None = None) -> int:
        made, row = [], part.next + 1
        for column, cell in enumerate(cells[:COLUMNS]):
            if cell is not None and cell != "":
                made.append(self._put[type(cell)](f"{self._name(column)}{row}", cell, look))
                self._seen.add(column)
                if type(cell) is Check:
                    part.checks[column] = (part.checks.get(column, (part.next, 0))[0], part.next)
            elif look in _RULED:
                made.append(rows.blank(f"{self._name(column)}{row}", self._formats.of(look)))
        if made:
            part.sheet.put(part.next, "".join(made), len(cells[:COLUMNS]), height)
        part.next += 1
        return row

    def _name(self, column: int) -> str:
        while column >= len(self._names):
            self._names.append(xl_col_to_name(len(self._names)))
        return self._names[column]

    def _text(self, at: str, cell: str, look: Look) -> str:
        side = Side.OWN if at[0] == "A" and at[1].isdigit() else Side.APART
        return rows.text(at, self._formats.of(look, side=side), text_of(cell))

    def _right(self, at: str, cell: Right, look: Look) -> str:
        return rows.text(at, self._formats.of(look, side=Side.RIGHT), text_of(cell.text))

    def _whole(self, at: str, cell: int, look: Look) -> str:
        return rows.number(at, self._formats.of(look, digits(0)), cell)

    def _ordinal(self, at: str, cell: Ordinal, look: Look) -> str:
        return rows.number(at, self._formats.of(look, ORDINAL), cell.number)

    def _amount(self, at: str, cell: Amount, look: Look) -> str:
        number = number_of(cell)
        if number is None:
            return rows.text(at, self._formats.of(look, TEXT, side=Side.RIGHT), spelled(cell))
        return rows.number(at, self._formats.of(look, digits(decimals_of(cell.currency))), number)

    def _moment(self, at: str, cell: Moment, look: Look) -> str:
        return self._serial(at, cell.iso, serial_of(cell.iso, self._zone), look, MOMENT)

    def _day(self, at: str, cell: Day, look: Look) -> str:
        return self._serial(at, cell.iso, serial_of_day(cell.iso), look, DAY)

    def _serial(self, at: str, iso: str, serial: float | None, look: Look, shown: str) -> str:
        if serial is None:
            return self._right(at, Right(iso), look)
        return rows.number(at, self._formats.of(look, shown), serial)

    def _state(self, at: str, cell: State, look: Look) -> str:
        return rows.text(at, self._formats.of(look, tone=cell.tone, side=Side.APART), text_of(cell.word))

    def _check(self, at: str, cell: Check, look: Look) -> str:
        return rows.formula(at, self._formats.of(look, digits(cell.decimals)), cell.formula)

    def _alarm(self, row: int, column: int) -> dict[str, Any]:
        """Return the rule that shows a check that is not 0."""
        cell = f"{xl_col_to_name(column)}{row + 1}"
        return {"type": "formula", "criteria": f"=AND(ISNUMBER({cell}),{cell}<>0)", "format": self._formats.alarm()}


def _literal(text: str) -> str:
    """Return a text as it is printed: short, on one line, and without codes, which an ampersand begins."""
    line = "".join(char if char.isprintable() else " " for char in text)
    return (line if len(line) <= PRINTED else line[: PRINTED - 1] + "\N{HORIZONTAL ELLIPSIS}").replace("&", "&&")
