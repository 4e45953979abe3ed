"""A CSV file, record by record: the header is understood first, then every line is read or explained."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Protocol, TextIO

from billing.core.cells import plain
from billing.edge.runfiles.header import Dialect, Header, understood
from billing.edge.runfiles.lines import LineCollector
from billing.edge.runfiles.reading.byte_stream import ByteStream, decoded
from billing.edge.runfiles.reading.delimiters import USUAL, detected
from billing.edge.runfiles.rows import RowErrors, RowReader
from billing.edge.runfiles.schema import Defaults
from billing.edge.texts.problems import Fault, FieldError, Unreadable
from billing.edge.texts.safe_text import suspect, withheld


class Records(Protocol):
    """The part of a `csv.reader` that reading needs: records, and how many physical lines they took so far."""

    @property
    def line_num(self) -> int:
        """Physical lines consumed."""
        ...

    def __next__(self) -> list[str]:
        """The next record."""
        ...


def read_csv(tap: ByteStream, collector: LineCollector, dialect: Dialect, defaults: Defaults) -> None:
    """Read a whole file into the intake, as the kind of file that its header shows.

    Raises:
        Unreadable: from some place on the file makes no sense; what was found before is with the intake.
    """
    text = decoded(tap)
    try:
        _read(text, collector, dialect, defaults)
    except UnicodeDecodeError as error:
        raise tap.undecodable(error) from None


def _read(text: TextIO, collector: LineCollector, dialect: Dialect, defaults: Defaults) -> None:
    lines, delimiter = _begun(text, dialect)
    records = csv.reader(lines, delimiter=delimiter, strict=True)
    header_line, cells = _first_record(records, delimiter)
    header = understood(cells, header_line, dialect, delimiter, collector)
    places, schema = header.places, header.schema
    collector.delimiter, collector.decimal = delimiter, dialect.decimal
    collector.amount_at = next((places[name] for name in schema.amounts if name in places), 1)
    collector.begin(schema, header.columns, header.titles)
    reader = RowReader(schema, header.columns, defaults, dialect.decimal)
    reference_at = places["reference"]
    whole = header.keep == tuple(range(header.width)) and not header.ignored
    for line, record in _records(records, collector):
        if len(record) != header.width:
            if not is_blank(record):
                fault = _misshapen(record, header.width)
                collector.refuse(
                    line, _kept(record, header), (fault,), reference_at, _reference(reader, record, header)
                )
            continue
        check_untitled(record, line, header, collector)
        kept = tuple(record) if whole else kept_cells(record, header)
        try:
            row = reader.read(kept)
        except RowErrors as errors:
            if not is_blank(record):
                faults = located(errors.errors, places)
                collector.refuse(line, kept, faults, reference_at, reader.reference_of(kept))
        else:
            collector.accept(line, kept, row, reference_at)


_SEPARATOR = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
# The first line by which a spreadsheet tells another one what separates the fields.


def _begun(text: TextIO, dialect: Dialect) -> tuple[Iterable[str], str]:
    """All lines, and what separates their fields: as given, as the file itself says, or as its header shows."""
    begun: list[str] = []
    delimiter = dialect.delimiter
    while line := text.readline():
        bare = line.rstrip("\r\n")
        said = _SEPARATOR.fullmatch(bare)
        # In the place of what is no record an empty line, so that every line keeps its number.
        begun.append("\n" if said else line)
        if said:
            delimiter = delimiter or said[1]
        elif bare.strip(_NO_VALUES):
            break
    return chain(begun, text), delimiter or detected(begun[-1] if begun else "", dialect.knows)


_NO_VALUES = ' ,;|\t"'


def is_blank(record: Sequence[str]) -> bool:
    """Whether a line has no value at all: a spreadsheet saves the separators of rows that were once used."""
    return not any(cell.strip() for cell in record)


def check_untitled(record: Sequence[str], line: int, header: Header, collector: LineCollector) -> None:
    """A column without a title is nothing as long as it holds nothing; the first value in it is a problem, once."""
    for index in header.untitled if not collector.untitled_told else ():
        if record[index].strip():
            refuse_untitled(line, index + 1, collector)
            return


def refuse_untitled(line: int, column: int, collector: LineCollector) -> None:
    """Note a value in a column without a title."""
    collector.untitled_told = True
    message = f"field {column} has a value, and the header names no column there"
    error = FieldError("", "unknown_column", message, "give the column a title, or remove it")
    collector.refuse_file(line, column, error)


def kept_cells(record: Sequence[str], header: Header) -> tuple[str, ...]:
    """The cells that are kept: nothing that must not be recorded in those that no rule looks at."""
    kept = [record[index] for index in header.keep]
    if header.given_back:
        kept = [plain(cell) for cell in kept]
    for place in header.ignored:
        if suspect(kept[place]):
            kept[place] = withheld(kept[place])
    return tuple(kept)


def _records(records: Records, collector: LineCollector) -> Iterator[tuple[int, list[str]]]:
    """Every record with its first physical line; blank lines are passed over, broken ones go to the intake."""
    while True:
        line = records.line_num + 1
        try:
            record = next(records)
        except StopIteration:
            return
        except csv.Error as error:
            collector.refuse(line, (), (_broken(error, line, records.line_num),), 1, "")
            continue
        if record:
            yield line, record


def _broken(error: csv.Error, line: int, last: int) -> Fault:
    """What a parser error means. One that ran over line ends has swallowed lines: nothing after it can be trusted.

    Raises:
        Unreadable: the quote opened on ``line`` is never closed.
    """
    text = str(error)
    if last > line or "unexpected end" in text:
        raise Unreadable(line, 1, "open_quote", "a quote opened here is not closed", 'close it, or double it: ""')
    if "field larger" in text:
        return Fault(1, "too_long", "a field is longer than 128 KiB")
    return Fault(
        1, "stray_quote", "a quoted field goes on after its closing quote", 'double a quote inside a field: ""'
    )


def _first_record(records: Records, delimiter: str) -> tuple[int, list[str]]:
    """The header's line and fields.

    Raises:
        Unreadable: there is none, or it cannot be parsed.
    """
    while True:
        line = records.line_num + 1
        try:
            record = next(records)
        except StopIteration:
            raise Unreadable(0, 0, "empty_file", "the file is empty", "it needs a header line") from None
        except csv.Error as error:
            fault = _broken(error, line, records.line_num)
            hint = f"{fault.hint}; or are the fields not separated by {USUAL.get(delimiter, delimiter)}?"
            raise Unreadable(line, 1, fault.code, f"in the header: {fault.message}", hint) from None
        if any(cell.strip() for cell in record):
            return line, record


def _misshapen(record: Sequence[str], width: int) -> Fault:
    if len(record) < width:
        hint = "empty values still need their separators"
        return Fault(len(record), "short_line", f"{_fields(len(record))}, the header has {width}", hint)
    hint = "put quotes around values that contain the separator"
    return Fault(width + 1, "long_line", f"{_fields(len(record))}, the header has {width}", hint)


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count} fields"


def _kept(record: Sequence[str], header: Header) -> tuple[str, ...]:
    """A misshapen line's cells as far as they go: what is too much stays at the end."""
    return (*(record[index] for index in header.keep if index < len(record)), *record[header.width :])


def _reference(reader: RowReader, record: Sequence[str], header: Header) -> str:
    return reader.reference_of(_kept(record, header)) if len(record) >= header.width else ""


def located(errors: Iterable[FieldError], places: Mapping[str, int]) -> tuple[Fault, ...]:
    """The errors of a line at the fields of their columns."""
    return tuple(Fault(places.get(error.column, 1), error.code, error.message, error.hint) for error in errors)
