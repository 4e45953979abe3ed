"""A workbook as others read it: by openpyxl, and by the real LibreOffice, which works out its checks."""

import subprocess
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from billing.core.money import currency_of
from billing.edge.ledger import Ledger
from billing.edge.outputs import REPORT, Target
from billing.flow.report import EVERY_LINE, Wanted
from billing.flow.reporting.workbook.writing import write_workbook
from tests.programs import program

SECONDS = 240
# More than LibreOffice takes to begin and to convert, on a busy machine.


def written(ledger: Ledger, run_id: str, path: Path, wanted: Wanted = EVERY_LINE, **options: int) -> Path:
    """Write the workbook of a run and return where it is."""
    with ledger.at_one_moment():
        list(write_workbook(ledger, run_id, wanted, Target(path, REPORT), **options))
    return path


def read(path: Path) -> Workbook:
    """Open a workbook, its formulas as they are written."""
    return load_workbook(path)


def recalculated(path: Path, folder: Path) -> Workbook:
    """Let LibreOffice open a workbook and save it, and return the values that it has worked out."""
    office = program("soffice", "libreoffice-calc")
    out = folder / "recalculated"
    out.mkdir()
    command = [office, f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless", "--convert-to", "xlsx"]
    subprocess.run([*command, "--outdir", str(out), str(path)], check=True, capture_output=True, timeout=SECONDS)
    return load_workbook(out / path.name, data_only=True)


def table(sheet: Worksheet) -> Iterator[dict[str, Any]]:
    """Yield the lines of a sheet's table by the heads of its columns."""
    rows = sheet.iter_rows()
    first = int(str(sheet.auto_filter.ref).partition(":")[0].lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    heads = [[cell.value for cell in row] for row in islice(rows, first)][-1]
    for row in rows:
        yield dict(zip(heads, (cell.value for cell in row), strict=True))


def checks(book: Workbook) -> dict[str, Any]:
    """Return the values of all cells that are formulas in ``book``: by sheet and place."""
    return {
        f"{sheet.title}!{cell.coordinate}": cell.value
        for sheet in book.worksheets
        for row in sheet.iter_rows()
        for cell in row
        if cell.data_type == "f"
    }


def values_at(book: Workbook, places: dict[str, Any]) -> dict[str, Any]:
    """Return what another reading of the workbook has at these places."""
    return {place: book[place.partition("!")[0]][place.partition("!")[2]].value for place in places}


def minor(value: float, currency: str) -> int:
    """Return the minor units of an amount as a cell has it; an amount with a rest is none."""
    exact = Decimal(repr(value)).scaleb(currency_of(currency).exponent)
    assert exact == exact.to_integral_value()
    return int(exact)


def sums(lines: Iterator[dict[str, Any]]) -> dict[tuple[str, str], list[int]]:
    """Add up the lines of the sheet of items: (status, currency) -> lines and minor units."""
    found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for line in lines:
        currency = (line["Currency"] or "").lower()
        each = found[line["Status"], currency]
        each[0] += 1
        each[1] += minor(line["Amount"], currency) if currency else 0
    return dict(found)


def changed(path: Path, to: Path, member: str, old: bytes, new: bytes) -> Path:
    """Write a copy of a workbook in which one part reads otherwise."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as copy:
        for each in source.infolist():
            content = source.read(each)
            copy.writestr(each, content.replace(old, new, 1) if each.filename == member else content)
    return to


def only(**names: str) -> Wanted:
    """Return what asks for lines by one name each."""
    return replace(EVERY_LINE, **{field: frozenset({name}) for field, name in names.items()})
