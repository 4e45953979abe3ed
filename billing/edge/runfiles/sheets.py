"""The sheet of a run file, CSV or workbook: which it is, what may be typed beside it, and who reads it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from billing.core.errors import InvalidInput, Problem, UsageError
from billing.edge.runfiles.csvfile import read_csv
from billing.edge.runfiles.header import Dialect
from billing.edge.runfiles.lines import LineCollector
from billing.edge.runfiles.options import ReadOptions
from billing.edge.runfiles.reading.byte_stream import ByteStream, Digest
from billing.edge.runfiles.reading.delimiters import decimal_of, delimiter_of
from billing.edge.runfiles.reading.forms import MEANS, Form, form_of, hash_whole
from billing.edge.runfiles.reading.sources import Opened, opened
from billing.edge.runfiles.schema import Defaults
from billing.edge.runfiles.yamlfile import Sheet
from billing.edge.texts.safe_text import quoted

_OF_CSV, _OF_WORKBOOKS = frozenset({"--delimiter", "--decimal"}), frozenset({"--sheet"})
OF_SHEETS = frozenset({"--ignore", *_OF_CSV, *_OF_WORKBOOKS})
"""What is typed for sheets, and means nothing where items stand in a YAML file."""


@dataclass(frozen=True, slots=True)
class How:
    """How a sheet is read.

    Attributes:
        dialect: how it names things.
        given: what empty cells stand for.
        sheet: of a workbook: the name of the sheet; None for the first that can be seen.
        folder: for temporary files.
        workbook: whether it is one.
    """

    dialect: Dialect
    given: Defaults
    sheet: str | None
    folder: Path | None
    workbook: bool


def read_sheet(source: Opened, digest: Digest, collector: LineCollector, how: How) -> None:
    """Read a whole sheet into the intake; its bytes go into the digest.

    Raises:
        Unreadable: from some place on it makes no sense; what was found before is with the intake.
    """
    if not how.workbook:
        read_csv(ByteStream(source.file, digest), collector, how.dialect, how.given)
        return
    from billing.edge.runfiles.xlsxfile import read_xlsx

    # A zip is not read from its beginning to its end: hashed first, then read from the same open file.
    hash_whole(source.file, digest)
    read_xlsx(source.file, collector, how.dialect, how.given, sheet=how.sheet, folder=how.folder)


def require_form(source: Opened, wanted: Form) -> None:
    """Refuse a file that is not what its suffix says.

    Raises:
        InvalidInput: it is not.
    """
    says = _wrong_form(source, wanted)
    if says:
        code = "not_text" if wanted is Form.TEXT else "not_a_workbook"
        raise InvalidInput([Problem(source.name, 1, 1, code, f"the file {says[0]}", says[1])])


def _wrong_form(source: Opened, wanted: Form) -> tuple[str, str] | None:
    """What a file is, and what would help, where it is not what is wanted. An empty one is told of by who reads it."""
    form = form_of(source.file)
    return None if form in {wanted, Form.NOTHING} else MEANS[form]


def refuse_options(options: ReadOptions, path: Path, *, workbook: bool) -> None:
    """Refuse what was typed for the other sort of sheet.

    Raises:
        UsageError: something was.
    """
    flags, what = (_OF_CSV, "CSV") if workbook else (_OF_WORKBOOKS, "workbooks")
    typed = [flag for flag in options.given if flag in flags]
    if typed:
        raise UsageError(f"{', '.join(typed)} is for {what}, and {path} is none: leave it out")


def opened_sheet(place: Path, file: str, sheet: Sheet) -> AbstractContextManager[Opened]:
    """The CSV or workbook that a YAML file names.

    Raises:
        InvalidInput: it cannot be opened or is none; the problem stands where the YAML names it.
    """
    try:
        rows = opened(place)
    except UsageError as error:
        hint = "the path is relative to the YAML file"
        raise _not_opened(file, sheet, str(error).removeprefix(f"{place} "), hint) from None
    says = _wrong_form(rows, Form.ZIP if sheet.is_workbook else Form.TEXT)
    if says:
        rows.file.close()
        raise _not_opened(file, sheet, *says)
    return rows


def _not_opened(file: str, sheet: Sheet, reason: str, hint: str) -> InvalidInput:
    message = f"source.{sheet.key} {quoted(sheet.file)} {reason}"
    return InvalidInput([Problem(file, *sheet.place, "source", message, hint)])


def delimiter_typed(text: str | None) -> str:
    """The character a word or a character stands for; nothing stands for whatever the header shows.

    Raises:
        UsageError: it is none of the words that it may be.
    """
    return _typed("--delimiter", delimiter_of, text or "")


def decimal_typed(text: str | None) -> str:
    """The character between units and decimals.

    Raises:
        UsageError: it is none of the words that it may be.
    """
    return _typed("--decimal", decimal_of, text or "point")


def _typed(flag: str, reader: Callable[[str], str], text: str) -> str:
    try:
        return reader(text)
    except ValueError as error:
        raise UsageError(f"{flag} {error}") from None
