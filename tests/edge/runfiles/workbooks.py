"""Real workbooks for tests: written by one of two libraries, or taken apart and changed."""

import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import openpyxl
import xlsxwriter

COLUMNS = ("reference", "customer", "account", "amount", "currency")
LINE = ("INV-1", "cus_1", "acct_1", 10.99, "USD")
SHEET = "November"
PART = "xl/worksheets/sheet1.xml"
# Where the first sheet stands, whoever writes it.


class Cell(NamedTuple):
    """A value with the format it is shown in."""

    value: Any
    format: str


def written(path: Path, rows: Sequence[Sequence[Any]], change: Callable[[Any, Any], None] | None = None) -> Path:
    """Rows as a workbook, as XlsxWriter writes it; ``change`` gets the workbook and its sheet before it is saved."""
    with xlsxwriter.Workbook(path) as book:
        sheet, formats = book.add_worksheet(SHEET), {}
        for row, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                value, code = cell if isinstance(cell, Cell) else (cell, "General")
                shown = formats.setdefault(code, None if code == "General" else book.add_format({"num_format": code}))
                if isinstance(value, str) and not value.startswith("="):
                    sheet.write_string(row, column, value, shown)
                elif value is not None:
                    sheet.write(row, column, value, shown)
        if change is not None:
            change(book, sheet)
    return path


def saved(path: Path, rows: Sequence[Sequence[Any]]) -> Path:
    """The same, as openpyxl saves it: every digit of a number, and formulas without a result."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = SHEET
    for row, cells in enumerate(rows, 1):
        for column, given in enumerate(cells, 1):
            value, code = given if isinstance(given, Cell) else (given, "General")
            cell = sheet.cell(row, column, value)
            cell.number_format = code
    book.save(path)
    return path


def with_line(**cells: Any) -> list[Sequence[Any]]:
    """A header and one line, with some of its cells changed; a name that is no column adds one."""
    line = dict(zip(COLUMNS, LINE, strict=True)) | cells
    return [tuple(line), tuple(line.values())]


def changed(path: Path, parts: Mapping[str, Callable[[bytes], bytes | None]]) -> Path:
    """The workbook with some of its parts changed, or taken out where None is given back."""
    with zipfile.ZipFile(path) as old:
        contents = {name: old.read(name) for name in old.namelist()}
    for name, change in parts.items():
        new = change(contents.get(name, b""))
        contents.pop(name, None)
        if new is not None:
            contents[name] = new
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new_file:
        for name, content in contents.items():
            new_file.writestr(name, content)
    return path


def replacing(old: str, new: str) -> Callable[[bytes], bytes]:
    """A change of a part: one text for another, which must be there."""

    def change(content: bytes) -> bytes:
        assert old.encode() in content, old
        return content.replace(old.encode(), new.encode())

    return change
