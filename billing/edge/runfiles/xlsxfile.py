"""A workbook, row by row: the sheet is found, its header understood, then every row is read as its cells are seen.

A cell is a typed value with a format, and a person has looked at what the format shows. So nothing is taken that is
not what is shown: an amount that is stored with more decimals than the sheet shows is an error with both.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from billing.edge.runfiles.csvfile import check_untitled, is_blank, kept_cells, located, refuse_untitled
from billing.edge.runfiles.header import Dialect, Header, understood
from billing.edge.runfiles.lines import LineCollector
from billing.edge.runfiles.reading.delimiters import USUAL
from billing.edge.runfiles.rows import RowErrors, RowReader
from billing.edge.runfiles.schema import Defaults
from billing.edge.runfiles.workbook.cells import MONEY, Book, Raw, Seen, Sight, mismatch
from billing.edge.runfiles.workbook.package import Package
from billing.edge.runfiles.workbook.parts import Contents, SheetPart, contents_of
from billing.edge.runfiles.workbook.rows import Numbers, Row, SheetRows
from billing.edge.runfiles.workbook.strings import Strings
from billing.edge.texts.problems import Fault, FieldError, Unreadable
from billing.edge.texts.safe_text import BLANKS, quoted

_LOOKED_FOR_HEADER = 20
# Rows below the first one in which a header may stand under a title.
_NAMED = 10
# Sheets named in a message.


def read_xlsx(
    file: BinaryIO,
    collector: LineCollector,
    dialect: Dialect,
    defaults: Defaults,
    *,
    sheet: str | None,
    folder: Path | None,
) -> None:
    """Read a sheet of a workbook into the intake, as the kind of file that its header shows.

    Args:
        file: its bytes, seekable.
        collector: takes the lines.
        dialect: how the sheet names things.
        defaults: what empty cells stand for.
        sheet: its name; None takes the first one that can be seen.
        folder: for temporary files.

    Raises:
        Unreadable: from some place on it makes no sense; what was found before is with the intake.
    """
    package = Package(file)
    contents = contents_of(package)
    chosen = _chosen(contents.sheets, sheet)
    with closing(Strings(package, contents.strings, folder)) as strings:
        book = Book(strings.of, contents.format, contents.from_1904, contents.recalculated)
        collector.sheet = chosen.name
        others = _others(package, contents, chosen) if sheet is None else []
        try:
            reading = _Reading(SheetRows(package, chosen.part), book, collector, dialect, defaults)
            reading.read(contents.conditional)
        except Unreadable as error:
            if error.fault.code not in _PERHAPS_ANOTHER or not others:
                raise
            fault = error.fault
            raise Unreadable(error.line, fault.column, fault.code, fault.message, _named(others)) from None
    if others:
        message = f"sheet {quoted(chosen.name)} is read, the first of the workbook"
        collector.warn_of_file("several_sheets", message, _named(others))


def _chosen(sheets: Sequence[SheetPart], name: str | None) -> SheetPart:
    """The sheet that is meant.

    Raises:
        Unreadable: there is none of that name, or none that can be seen.
    """
    with_cells = [sheet for sheet in sheets if sheet.part]
    if name is None:
        found = next((sheet for sheet in with_cells if sheet.visible), None)
        if found is None:
            raise Unreadable(0, 0, "no_sheet", "the workbook has no sheet that can be seen", _named(with_cells))
        return found
    wanted = name.strip(BLANKS).casefold()
    # A spreadsheet takes no two names that differ in capitals alone.
    alike = [sheet for sheet in with_cells if sheet.name.strip(BLANKS).casefold() == wanted]
    if len(alike) != 1:
        raise Unreadable(0, 0, "no_sheet", f"the workbook has no sheet {quoted(name)}", _named(with_cells))
    return alike[0]


def _named(sheets: Sequence[SheetPart]) -> str:
    names = ", ".join(quoted(sheet.name) for sheet in sheets[:_NAMED])
    more = f" and {len(sheets) - _NAMED} more" if len(sheets) > _NAMED else ""
    return f"it has {names}{more}: --sheet NAME" if sheets else "it has no sheet at all"


_PERHAPS_ANOTHER = frozenset({"no_header", "empty_file"})
# What is wrong with a sheet where another one may be meant.


def _others(package: Package, contents: Contents, chosen: SheetPart) -> list[SheetPart]:
    """The sheets that could have been meant, too."""
    return [
        sheet
        for sheet in contents.sheets[: _NAMED * _NAMED]
        if sheet.visible and sheet.part and sheet is not chosen and _has_cells(package, sheet)
    ]


def _has_cells(package: Package, sheet: SheetPart) -> bool:
    try:
        return next(iter(SheetRows(package, sheet.part)), None) is not None
    except Unreadable:
        return True


@dataclass(slots=True)
class _Reading:
    """One sheet on its way in."""

    sheet: SheetRows
    book: Book
    collector: LineCollector
    dialect: Dialect
    defaults: Defaults
    hidden: Numbers = field(default_factory=Numbers)
    last: int = 0

    def read(self, conditional: frozenset[int]) -> None:
        rows = iter(self.sheet)
        first, cells = self._header(rows)
        header = self._understood(cells, first, rows)
        lines = _Lines(header, self.book, self.collector, self.dialect, self.defaults)
        self._check_columns(header, first.number)
        self._check_hidden(first)
        for row in rows:
            if lines.take(row):
                self.last = row.number
                self._check_hidden(row)
        self._check_merged(header, first.number)
        if self.sheet.conditions & {*conditional, -1}:
            message = "a conditional format of the sheet shows numbers in another format"
            hint = "in the spreadsheet: Conditional Formatting, Clear Rules"
            self.collector.refuse_file(first.number, 1, FieldError("", "number_format", message, hint))
        if self.hidden.found:
            self._refuse_hidden()

    def _header(self, rows: Iterator[Row]) -> tuple[Row, list[str]]:
        """The first row that has anything in it.

        Raises:
            Unreadable: there is none.
        """
        for row in rows:
            cells = self._texts(row)
            if not is_blank(cells):
                self.last = row.number
                return row, cells
        raise Unreadable(0, 0, "empty_file", "the sheet is empty", "it needs a header row")

    def _texts(self, row: Row) -> list[str]:
        """What a row of titles says; texts end where the last one does."""
        sight, seen = Sight(self.book), dict[int, str]()
        for raw in row.cells:
            text = sight.of(raw, "title").text
            # A title is broken into lines where its column is narrow.
            seen[raw.column] = " ".join(text.split()) if "\n" in text or "\r" in text else text
        widest = max((column for column, text in seen.items() if text.strip(BLANKS)), default=0)
        return [seen.get(column, "") for column in range(1, widest + 1)]

    def _understood(self, cells: list[str], row: Row, rows: Iterator[Row]) -> Header:
        _check_spread(cells, row.number, self.dialect)
        try:
            header = understood(cells, row.number, self.dialect, "", self.collector)
        except Unreadable as error:
            if error.fault.code != "no_header":
                raise
            raise self._no_header(error, row, rows) from None
        schema, places = header.schema, header.places
        self.collector.amount_at = next((places[name] for name in schema.amounts if name in places), 1)
        self.collector.begin(schema, header.columns, header.titles)
        return header

    def _no_header(self, error: Unreadable, first: Row, rows: Iterator[Row]) -> Unreadable:
        """The first row is none; perhaps one below it is."""
        for row in islice(rows, _LOOKED_FOR_HEADER):
            if sum(map(self.dialect.knows, self._texts(row))) > 1:
                message = f"the first row is no header; the one in row {row.number} looks like it"
                hint = f"remove the rows above row {row.number}: the header must be the first"
                return Unreadable(first.number, 1, "no_header", message, hint)
        return error

    def _check_columns(self, header: Header, line: int) -> None:
        """An amount that nobody sees is not charged; an id that nobody wants to see is often hidden."""
        for name, place in header.places.items():
            if name in MONEY | {"currency"} and any(low <= place <= high for low, high in self.sheet.hidden_columns):
                hint = "show the column; or take it out of the sheet"
                self.collector.refuse_file(line, place, FieldError(name, "hidden", f"column {name} is hidden", hint))

    def _check_hidden(self, row: Row) -> None:
        if row.hidden:
            self.hidden.found.append(row.number)

    def _refuse_hidden(self) -> None:
        count = len(self.hidden.found)
        what = "a row with values is" if count == 1 else f"{count:,} rows with values are"
        message = f"{what} hidden: {self.hidden}"
        hint = "show all rows, or copy those that are meant into a sheet of their own"
        self.collector.refuse_file(self.hidden.found[0], 1, FieldError("", "hidden", message, hint))

    def _check_merged(self, header: Header, top: int) -> None:
        """Of merged cells only the first has a value; the others look as if they had it."""
        kept = [place + 1 for place in header.keep]
        for each in self.sheet.merged:
            inside = each.top <= self.last and each.bottom >= top
            if inside and any(each.left <= place <= each.right for place in kept):
                message = f"cells {each.ref} are merged: only the first of them has a value"
                hint = "unmerge them, and fill in each"
                error = FieldError("", "merged_cells", message, hint)
                self.collector.refuse_file(max(each.top, 1), max(each.left, 1), error)


def _check_spread(cells: Sequence[str], line: int, dialect: Dialect) -> None:
    """A CSV that a spreadsheet did not take apart has its whole header in one cell.

    Raises:
        Unreadable: so it is here.
    """
    for char in USUAL if len(cells) == 1 else ():
        if sum(map(dialect.knows, cells[0].split(char))) > 1:
            hint = "in the spreadsheet: Data, Text to Columns; or give the CSV itself"
            raise Unreadable(line, 1, "one_column", "all columns stand in one cell", hint)


class _Lines:
    """Takes the rows below the header."""

    def __init__(
        self, header: Header, book: Book, collector: LineCollector, dialect: Dialect, defaults: Defaults
    ) -> None:
        self._header, self._collector = header, collector
        self._sight = Sight(book, frozenset(header.schema.personal))
        self._reader = RowReader(header.schema, header.columns, defaults, dialect.decimal)
        named = dict(zip(header.keep, header.columns, strict=True))
        self._names = [named.get(index, "") for index in range(header.width)]
        self._places = header.places
        self._reference_at = self._places["reference"]
        self._money = [(name, place - 1) for name, place in self._places.items() if name in MONEY]
        self._currency = self._places.get("currency", 0) - 1

    def take(self, row: Row) -> bool:
        """Take a row in; False for one that says nothing."""
        seen, beyond = self._seen(row.cells)
        record = [each.text for each in seen]
        faults = [each.fault for each in seen if each.fault is not None]
        if beyond and not self._collector.untitled_told:
            refuse_untitled(row.number, beyond, self._collector)
        if not faults and is_blank(record):
            return bool(beyond)
        check_untitled(record, row.number, self._header, self._collector)
        faults += self._mismatches(seen, record)
        kept = kept_cells(record, self._header)
        if faults:
            self._refuse(row.number, kept, faults)
        else:
            self._read(row.number, kept)
        return True

    def _seen(self, cells: Iterable[Raw]) -> tuple[list[Seen], int]:
        """The cells under the header, and the first column beyond it that has something in it."""
        seen, beyond = [_NOTHING] * self._header.width, 0
        for raw in cells:
            if raw.column <= self._header.width:
                seen[raw.column - 1] = self._sight.of(raw, self._names[raw.column - 1])
            elif not beyond and self._sight.of(raw, "").text.strip(BLANKS):
                beyond = raw.column
        return seen, beyond

    def _mismatches(self, seen: Sequence[Seen], record: Sequence[str]) -> list[FieldError]:
        """Amounts that show another currency than their line has."""
        if self._currency < 0:
            return []
        found = (mismatch(seen[at], name, record[self._currency]) for name, at in self._money if seen[at].beside)
        return [error for error in found if error is not None]

    def _read(self, line: int, kept: tuple[str, ...]) -> None:
        try:
            row = self._reader.read(kept)
        except RowErrors as errors:
            faults = located(map(_in_a_workbook, errors.errors), self._places)
            self._collector.refuse(line, kept, faults, self._reference_at, self._reader.reference_of(kept))
        else:
            self._collector.accept(line, kept, row, self._reference_at)

    def _refuse(self, line: int, kept: tuple[str, ...], faults: Sequence[FieldError]) -> None:
        """A line with a cell that cannot be read, and whatever else is wrong with it."""
        bad = {fault.column for fault in faults}
        blank = tuple("" if name in bad else cell for name, cell in zip(self._header.columns, kept, strict=True))
        others: Sequence[FieldError] = ()
        try:
            self._reader.read(blank)
        except RowErrors as errors:
            others = [error for error in errors.errors if error.column not in bad]
        told = sorted(located((*faults, *map(_in_a_workbook, others)), self._places), key=_by_column)
        self._collector.refuse(line, kept, tuple(told), self._reference_at, self._reader.reference_of(blank))


def _in_a_workbook(error: FieldError) -> FieldError:
    """The same error; what helps with a CSV does not help here."""
    if "--decimal" not in error.hint:
        return error
    return FieldError(error.column, error.code, error.message, "it is a text: make it a number")


_NOTHING = Seen("")


def _by_column(fault: Fault) -> int:
    return fault.column
