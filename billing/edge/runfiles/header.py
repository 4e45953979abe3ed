"""The first line of a sheet: which columns belong to a run, which are carried along, and what is wrong with it."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from billing.edge.runfiles.fields import METADATA, METADATA_KEYS, metadata_key, unknown_column
from billing.edge.runfiles.lines import LineCollector
from billing.edge.runfiles.reading.bad_lines import REASONS
from billing.edge.runfiles.reading.delimiters import USUAL
from billing.edge.runfiles.schema import Schema
from billing.edge.runfiles.which_kind import columns_of_each, shown_kind
from billing.edge.texts.problems import FieldError, Unreadable, suggestion
from billing.edge.texts.safe_text import BLANKS, quoted, sensitive

MOST_COLUMNS = 500
# Far more than a run and a generous sheet around it need; a guard against files that are no sheet at all.


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the file names things.

    Capitals and blanks in titles mean nothing: ``Payment Method`` is ``payment_method``.

    Attributes:
        schemas: the kinds it may be of; the first is meant where nothing in the header tells.
        said: the kind that the YAML file is of; None where there is only the sheet.
        delimiter: one character; empty looks at the header.
        names: our column name -> the file's header, where they differ.
        ignore: headers of the file that mean nothing to a run; their cells are carried along to the report.
        decimal: between units and decimals of amounts.
    """

    schemas: Sequence[Schema]
    said: Schema | None = None
    delimiter: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    decimal: str = "."

    def title(self, text: str) -> str:
        """The title as the run file or we spell it, or as it stands when it is none that is known."""
        text = text.strip(BLANKS)
        folded = _folded(text)
        told = next((each for each in (*self.names.values(), *self.ignore) if _folded(each) == folded), None)
        return told if told is not None else _our_title(text, folded, self.columns)

    @property
    def columns(self) -> tuple[str, ...]:
        """Our names of columns, of whatever kind."""
        return tuple(dict.fromkeys(name for schema in self.schemas for name in schema.names))

    def knows(self, text: str) -> bool:
        """Whether a title means something to a run."""
        title = self.title(text)
        return any(schema.knows(title) for schema in self.schemas) or title in self.names.values()


@dataclass(frozen=True, slots=True)
class Header:
    """The first line, understood.

    Attributes:
        schema: the kind of file it is the header of.
        width: how many fields every line must have.
        keep: the indexes of the cells that are kept, in file order.
        titles: their headers as the file spells them.
        columns: what they are to us; empty for one that is only carried along.
        untitled: indexes without a title; they must hold nothing.
        given_back: whether the file is one of bad lines that billing wrote: its cells are read as they were.
    """

    schema: Schema
    width: int
    keep: tuple[int, ...]
    titles: tuple[str, ...]
    columns: tuple[str, ...]
    untitled: tuple[int, ...] = ()
    given_back: bool = False

    @property
    def places(self) -> dict[str, int]:
        """The number of the field of each of our columns, from 1."""
        return {name: index + 1 for name, index in zip(self.columns, self.keep, strict=True) if name}

    @property
    def ignored(self) -> tuple[int, ...]:
        """Which of the kept cells are only carried along."""
        return tuple(place for place, name in enumerate(self.columns) if not name)


def understood(given: Sequence[str], line: int, dialect: Dialect, delimiter: str, collector: LineCollector) -> Header:
    """Understand the header; ``delimiter`` is empty where cells are cells and nothing had to be split.

    Raises:
        Unreadable: without it no line can be read. Smaller problems go to the intake and reading continues.
    """
    if len(given) > MOST_COLUMNS:
        raise Unreadable(line, 1, "too_many_columns", f"{len(given)} columns, at most {MOST_COLUMNS} are allowed")
    cells = [dialect.title(cell) for cell in given]
    _check_delimiter(cells, line, delimiter, dialect)
    if not any(_is_known(cell, dialect) for cell in cells):
        hint = f"it names columns: {columns_of_each(dialect.schemas)}"
        raise Unreadable(line, 1, "no_header", "the first line is no header", hint)
    reasons = _reasons(cells)
    ours = {theirs: name for name, theirs in dialect.names.items()}
    schema = _kind(cells, ours, line, dialect)
    keep: list[int] = []
    columns: list[str] = []
    for index, title in enumerate(cells):
        if not title or index in reasons:
            continue
        name = ours.get(title, title if title not in dialect.names else "")
        problem = _title_problem(title, name, cells, index, dialect, schema)
        if problem is not None:
            collector.refuse_file(line, index + 1, problem)
            continue
        keep.append(index)
        columns.append("" if title in dialect.ignore and name not in dialect.names else name)
    theirs = [title for index, title in enumerate(cells) if index not in reasons]
    _check_complete(schema, columns, theirs, line, dialect, collector)
    untitled = tuple(index for index, title in enumerate(cells) if not title)
    titles = tuple(given[index].strip(BLANKS) for index in keep)
    return Header(schema, len(cells), tuple(keep), titles, tuple(columns), untitled, bool(reasons))


def _kind(cells: Sequence[str], ours: Mapping[str, str], line: int, dialect: Dialect) -> Schema:
    """The kind of file that these are the columns of; what is carried along says nothing."""
    columns = [ours.get(title, "" if title in dialect.ignore else title) for title in cells]
    return shown_kind(columns, line, dialect.schemas, dialect.said)


def _reasons(cells: Sequence[str]) -> range:
    """Where the columns stand that a file of bad lines has beside those of the sheet; nowhere in other files."""
    width = len(REASONS)
    found = next((at for at in range(len(cells) - width + 1) if tuple(cells[at : at + width]) == REASONS), None)
    return range(0) if found is None else range(found, found + width)


def _folded(text: str) -> str:
    """The title in lower case with one blank between words; letters that only look like ours stay what they are."""
    return " ".join(text.split()).lower() if text.isascii() or text.replace("\u00a0", "").isascii() else text


def _our_title(text: str, folded: str, columns: Sequence[str]) -> str:
    """Our spelling of a title, or the title itself."""
    head, dot, key = text.partition(".")
    if dot and _folded(head) + dot == METADATA:
        return METADATA + key.strip(BLANKS)
    name = re.sub(r"[ _-]+", "_", folded)
    return name if name in columns or name in REASONS else text


def _title_problem(
    title: str, name: str, cells: Sequence[str], index: int, dialect: Dialect, schema: Schema
) -> FieldError | None:
    """What is wrong with one column title, or None."""
    if title in cells[:index]:
        first = cells.index(title) + 1
        message = f"column {quoted(title)} is given twice, first as field {first}"
        return FieldError(title, "duplicate_column", message, "keep one")
    if name in schema.names or title in dialect.ignore:
        return None
    if schema.knows(name):
        try:
            metadata_key(name)
        except FieldError as error:
            return error
        return None
    if title in dialect.names:
        message = f"column {quoted(title)} is not used: source.map reads {title} from {quoted(dialect.names[title])}"
        return FieldError(title, "unknown_column", message, "list it under source.ignore")
    # A title that is close to a column the sheet has already is something else: customer_name is not customer.
    unknown = unknown_column(title, [name for name in schema.shown if name not in cells])
    shown = shlex.quote(title) if title.isprintable() and sensitive(title) is None else "COLUMN"
    where = "under source.ignore" if dialect.names else f"with --ignore {shown}"
    hint = f"{unknown.hint}; a column that the run does not need is carried along {where}"
    return FieldError(title, unknown.code, unknown.message, hint)


def _check_delimiter(cells: Sequence[str], line: int, delimiter: str, dialect: Dialect) -> None:
    """A header in one piece was split at the wrong character."""
    text = cells[0]
    if not delimiter or len(cells) > 1 or text in dialect.columns:
        return
    for char, name in USUAL.items():
        if char in text and char != delimiter:
            hint = f"leave --delimiter and source.delimiter out, or say {name}"
            raise Unreadable(line, 1, "delimiter", f"the fields are separated by {name}", hint)


def _check_complete(
    schema: Schema,
    columns: Sequence[str],
    cells: Sequence[str],
    line: int,
    dialect: Dialect,
    collector: LineCollector,
) -> None:
    """Every line would fail without these, so say it once and stop."""
    missing = [name for name in schema.required if name not in columns]
    amounts = [name for name in schema.amounts if name in columns]
    if schema.amounts and not amounts:
        missing.append(schema.amounts[0])
    for name, title in dialect.names.items():
        if title not in cells and name not in missing:
            message = f"column {quoted(title)} is missing, which source.map reads {name} from"
            collector.refuse_file(line, 1, FieldError(name, "missing_column", message, _near(title, cells)))
    understood = {*dialect.ignore, *dialect.names.values()}
    misspelt = [cell for cell in cells if cell and cell not in understood and not schema.knows(cell)]
    for name in missing:
        theirs = dialect.names.get(name, name)
        # A misspelt title has its own problem, with this name as the suggestion.
        if not _near(theirs, misspelt) or not collector.problems.total:
            collector.refuse_file(line, 1, FieldError(name, "missing_column", f"column {quoted(theirs)} is missing"))
    if len(amounts) > 1:
        message = f"the columns {' and '.join(map(quoted, amounts))} are both given"
        hint = "keep one: major units such as 10.99, or minor units such as 1099"
        at = cells.index(dialect.names.get(amounts[0], amounts[0])) + 1
        raise Unreadable(line, at, "amount_twice", message, hint)
    if sum(name.startswith(METADATA) for name in columns) > METADATA_KEYS:
        error = FieldError(METADATA, "metadata_count", f"more than {METADATA_KEYS} metadata columns")
        collector.refuse_file(line, 1, error)
    if missing:
        raise Unreadable.silent()


def _is_known(title: str, dialect: Dialect) -> bool:
    """Whether a title is one of ours, mapped to one of ours, or close to one."""
    return title in dialect.names.values() or suggestion(title, dialect.columns).startswith("did")


def _near(name: str, titles: Sequence[str]) -> str:
    hint = suggestion(name, titles)
    return hint if hint.startswith("did") else ""
