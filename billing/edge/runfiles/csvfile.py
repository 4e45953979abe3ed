"""A CSV file, record by record: the header is understood first, then every line is read or explained."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TextIO

from billing.edge.runfiles.fields import (
    AMOUNTS,
    COLUMNS,
    METADATA,
    METADATA_KEYS,
    REQUIRED,
    metadata_key,
    unknown_column,
)
from billing.edge.runfiles.intake import Intake
from billing.edge.runfiles.problems import Fault, FieldError, Unreadable, suggestion
from billing.edge.runfiles.rows import ItemDefaults, RowErrors, RowReader
from billing.edge.runfiles.tap import Tap, decoded
from billing.edge.runfiles.text import quoted

MOST_COLUMNS = 500
# Far more than a run and a generous sheet around it need; a guard against files that are no sheet at all.

_OTHER_DELIMITERS = {";": "';'", "\t": "tab", "|": "'|'"}


class Records(Protocol):
    """The part of a `csv.reader` that reading needs: records, and how many physical lines they took so far."""

    @property
    def line_num(self) -> int:
        """Physical lines consumed."""
        ...

    def __next__(self) -> list[str]:
        """The next record."""
        ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the file names things.

    Attributes:
        delimiter: one character.
        names: our column name -> the file's header, where they differ.
        ignore: headers of the file that mean nothing to a run; their cells are dropped and reach no record.
    """

    delimiter: str = ","
    names: Mapping[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Header:
    """The first line, understood.

    Attributes:
        width: how many fields every line must have.
        keep: the indexes that belong to the run, in file order.
        titles: their headers as the file spells them.
        columns: what they are to us.
    """

    width: int
    keep: tuple[int, ...]
    titles: tuple[str, ...]
    columns: tuple[str, ...]


def read_csv(tap: Tap, intake: Intake, dialect: Dialect, defaults: ItemDefaults) -> None:
    """Read a whole file into the intake.

    Raises:
        Unreadable: from some place on the file makes no sense; what was found before is with the intake.
    """
    text = decoded(tap)
    try:
        _read(text, intake, dialect, defaults)
    except UnicodeDecodeError as error:
        raise tap.undecodable(error) from None


def _read(text: TextIO, intake: Intake, dialect: Dialect, defaults: ItemDefaults) -> None:
    records = csv.reader(text, delimiter=dialect.delimiter, strict=True)
    header_line, cells = _first_record(records)
    header = _header(cells, header_line, dialect, intake)
    intake.columns = header.titles
    intake.amount_at = header.keep[header.columns.index("amount" if "amount" in header.columns else "amount_minor")] + 1
    reader = RowReader(header.columns, defaults)
    places = {name: index + 1 for name, index in zip(header.columns, header.keep, strict=True)}
    whole = header.keep == tuple(range(header.width))
    reference_at = places["reference"]
    for line, record in _records(records, intake):
        if len(record) != header.width or not any(record):
            fault = _misshapen(record, header.width)
            intake.refuse(line, _kept(record, header), (fault,), reference_at, _reference(reader, record, header))
            continue
        kept = tuple(record) if whole else tuple([record[index] for index in header.keep])
        try:
            row = reader.read(kept)
        except RowErrors as errors:
            faults = _located(errors.errors, places)
            intake.refuse(line, kept, faults, reference_at, reader.reference_of(kept))
        else:
            intake.accept(line, kept, row, reference_at)


def _records(records: Records, intake: Intake) -> Iterator[tuple[int, list[str]]]:
    """Every record with its first physical line; blank lines are passed over, broken ones go to the intake."""
    while True:
        line = records.line_num + 1
        try:
            record = next(records)
        except StopIteration:
            return
        except csv.Error as error:
            intake.refuse(line, (), (_broken(error, line, records.line_num),), 1, "")
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


def _first_record(records: Records) -> tuple[int, list[str]]:
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
            raise Unreadable(line, 1, fault.code, f"in the header: {fault.message}", fault.hint) from None
        if any(cell.strip() for cell in record):
            return line, [cell.strip(" ") for cell in record]


def _header(cells: Sequence[str], line: int, dialect: Dialect, intake: Intake) -> Header:
    """Understand the header.

    Raises:
        Unreadable: without it no line can be read. Smaller problems go to the intake and reading continues.
    """
    if len(cells) > MOST_COLUMNS:
        raise Unreadable(line, 1, "too_many_columns", f"{len(cells)} columns, at most {MOST_COLUMNS} are allowed")
    _check_delimiter(cells, line)
    if not any(_is_known(cell, dialect) for cell in cells):
        raise Unreadable(
            line, 1, "no_header", "the first line is no header", f"it names columns: {', '.join(REQUIRED)}, amount"
        )
    ours = {theirs: name for name, theirs in dialect.names.items()}
    keep: list[int] = []
    columns: list[str] = []
    for index, title in enumerate(cells):
        name = ours.get(title, title if title not in dialect.names else "")
        problem = _title_problem(title, name, cells, index, dialect)
        if problem is not None:
            intake.refuse_file(line, index + 1, problem)
        elif title not in dialect.ignore or name in dialect.names:
            keep.append(index)
            columns.append(name)
    _check_complete(columns, cells, line, dialect, intake)
    return Header(len(cells), tuple(keep), tuple(cells[index] for index in keep), tuple(columns))


def _title_problem(title: str, name: str, cells: Sequence[str], index: int, dialect: Dialect) -> FieldError | None:
    """What is wrong with one column title, or None."""
    if title in cells[:index]:
        first = cells.index(title) + 1
        message = f"column {quoted(title)} is given twice, first as field {first}"
        return FieldError(title, "duplicate_column", message, "keep one")
    if name in COLUMNS or title in dialect.ignore:
        return None
    if name.startswith(METADATA):
        try:
            metadata_key(name)
        except FieldError as error:
            return error
        return None
    if not title:
        return FieldError(title, "unknown_column", f"field {index + 1} of the header is empty", "remove the column")
    if title in dialect.names:
        message = f"column {quoted(title)} is not used: source.map reads {title} from {quoted(dialect.names[title])}"
        return FieldError(title, "unknown_column", message, "list it under source.ignore")
    unknown = unknown_column(title)
    if dialect.names:
        hint = f"{unknown.hint}; columns a run does not need go to source.ignore"
        return FieldError(title, unknown.code, unknown.message, hint)
    return unknown


def _check_delimiter(cells: Sequence[str], line: int) -> None:
    """A header in one piece was split at the wrong character."""
    text = cells[0]
    if text.lower().startswith("sep="):
        raise Unreadable(line, 1, "delimiter", 'the first line is "sep=", not a header', "remove it, give --delimiter")
    if len(cells) > 1 or text in COLUMNS:
        return
    for char, name in _OTHER_DELIMITERS.items():
        if char in text:
            raise Unreadable(line, 1, "delimiter", f"the fields are separated by {name}", f"give --delimiter {name}")


def _check_complete(columns: Sequence[str], cells: Sequence[str], line: int, dialect: Dialect, intake: Intake) -> None:
    """Every line would fail without these, so say it once and stop."""
    missing = [name for name in REQUIRED if name not in columns]
    if not any(name in columns for name in AMOUNTS):
        missing.append("amount")
    for name, title in dialect.names.items():
        if title not in cells and name not in missing:
            message = f"column {quoted(title)} is missing, which source.map reads {name} from"
            intake.refuse_file(line, 1, FieldError(name, "missing_column", message, _near(title, cells)))
    understood = {*COLUMNS, *dialect.ignore, *dialect.names.values()}
    misspelt = [cell for cell in cells if cell not in understood and not cell.startswith(METADATA)]
    for name in missing:
        theirs = dialect.names.get(name, name)
        # A misspelt title has its own problem, with this name as the suggestion.
        if not _near(theirs, misspelt) or not intake.problems.total:
            intake.refuse_file(line, 1, FieldError(name, "missing_column", f"column {quoted(theirs)} is missing"))
    if all(name in columns for name in AMOUNTS):
        hint = "keep one: major units such as 10.99, or minor units such as 1099"
        error = FieldError("amount", "amount_twice", 'the columns "amount" and "amount_minor" are both given', hint)
        raise Unreadable(
            line, cells.index(dialect.names.get("amount", "amount")) + 1, error.code, error.message, error.hint
        )
    if sum(name.startswith(METADATA) for name in columns) > METADATA_KEYS:
        error = FieldError(METADATA, "metadata_count", f"more than {METADATA_KEYS} metadata columns")
        intake.refuse_file(line, 1, error)
    if missing:
        raise Unreadable.silent()


def _is_known(title: str, dialect: Dialect) -> bool:
    """Whether a title is one of ours, mapped to one of ours, or close to one."""
    return title in dialect.names.values() or suggestion(title, COLUMNS).startswith("did")


def _near(name: str, titles: Sequence[str]) -> str:
    hint = suggestion(name, titles)
    return hint if hint.startswith("did") else ""


def _misshapen(record: Sequence[str], width: int) -> Fault:
    if not any(record) and len(record) == width:
        return Fault(1, "blank_line", "the line has no values", "remove it")
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


def _located(errors: Sequence[FieldError], places: Mapping[str, int]) -> tuple[Fault, ...]:
    return tuple(Fault(places.get(error.column, 1), error.code, error.message, error.hint) for error in errors)
