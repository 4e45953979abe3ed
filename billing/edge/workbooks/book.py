"""A workbook written in constant memory: lines leave memory as they are written, whichever sheet they go to.

Everything meanwhile is in the folder of the file that is made, and nowhere else; whoever calls makes that folder one
that nobody else may enter, and removes it (`billing.edge.privatefile.make_private`).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from xlsxwriter import Workbook  # type: ignore[import-untyped]
from xlsxwriter.exceptions import XlsxFileError  # type: ignore[import-untyped]

from billing.edge.workbooks.formats import Formats
from billing.edge.workbooks.mark import AUTHOR, CATEGORY
from billing.edge.workbooks.rows import Rows
from billing.edge.workbooks.sheet import ROWS, Sheet
from billing.edge.workbooks.spool import Spool

_OPTIONS = {
    "constant_memory": True,
    "strings_to_numbers": False,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "use_zip64": True,
}


class Book:
    """A workbook under way; see `opened`."""

    def __init__(self, path: Path, zone: ZoneInfo, *, rows: int = ROWS) -> None:
        """Begin it without a sheet; ``rows`` are those of a worksheet."""
        self._workbook = Workbook(str(path), _OPTIONS | {"tmpdir": str(path.parent)})
        self._formats = Formats(self._workbook)
        self._zone, self._rows, self._folder = zone, rows, path.parent
        self._sheets: list[Sheet] = []
        self._spools: list[Spool] = []

    def sheet(self, title: str) -> Sheet:
        """Add a sheet behind the others; they may be written in any order."""
        made = Sheet(title, self._worksheet, self._formats, self._zone, limit=self._rows)
        self._sheets.append(made)
        return made

    def spool(self) -> Spool:
        """Return a place for lines that are written later."""
        self._spools.append(Spool(self._folder / f"spool{len(self._spools)}"))
        return self._spools[-1]

    def describe(self, title: str, as_of: datetime, facts: Mapping[str, str]) -> None:
        """Set what a file browser tells of it; ``facts`` stand among its properties under their names."""
        created = as_of.astimezone(UTC).replace(tzinfo=None)
        properties = {"title": title, "author": AUTHOR, "category": CATEGORY, "created": created}
        self._workbook.set_properties(properties)
        for name, value in facts.items():
            self._workbook.set_custom_property(name, value, "text")

    def finish(self, head: str, foot: str) -> None:
        """Write the file; ``head`` and ``foot`` are printed on every page.

        Raises:
            OSError: the disk says no.
        """
        for sheet in self._sheets:
            sheet.finish(head, foot)
        try:
            self._workbook.close()
        except XlsxFileError as error:
            raise error.args[0] if isinstance(error.args[0], OSError) else OSError(str(error)) from None

    def let_go(self) -> None:
        """Close every file that is open for it; what they hold is no longer wanted."""
        for spool in self._spools:
            with suppress(OSError):
                spool.close()
        for worksheet in self._workbook.worksheets():
            with suppress(OSError):
                worksheet.row_data_fh.close()

    def _worksheet(self, name: str) -> Any:  # noqa: ANN401  a library without types
        return self._workbook.add_worksheet(name, worksheet_class=Rows)


@contextmanager
def opened(path: Path, zone: ZoneInfo, *, rows: int = ROWS) -> Iterator[Book]:
    """Open a new workbook at ``path``, whose folder is its scratch; `Book.finish` writes it.

    Raises:
        OSError: the disk says no.
    """
    book = Book(path, zone, rows=rows)
    try:
        yield book
    finally:
        book.let_go()
