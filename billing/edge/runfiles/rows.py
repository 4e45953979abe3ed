"""A line's cells become a row, or everything that is wrong with them at once."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from billing.edge.runfiles.fields import METADATA, METADATA_VALUE_LENGTH, read_reference, text_reader
from billing.edge.runfiles.reading.remembered import Remembered
from billing.edge.runfiles.schema import Column, Defaults, Reader, Row, Schema, taker
from billing.edge.texts.problems import FieldError


class RowErrors(Exception):
    """Everything wrong with one line."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        self.errors = tuple(errors)
        super().__init__(f"{len(self.errors)} errors in one line")


class RowReader:
    """Reads the lines of one file.

    Args:
        schema: what kind of file it is.
        columns: our field name of each cell, in file order; names not present are read as empty.
        defaults: what empty cells stand for.
        decimal: what stands between units and decimals, a point or a comma.
    """

    def __init__(self, schema: Schema, columns: Sequence[str], defaults: Defaults, decimal: str = ".") -> None:
        self._nowhere = len(columns)
        self._at = {name: index for index, name in enumerate(columns)}
        self._alone = self._located(schema.alone, defaults)
        self._personal = self._located(schema.personal.values(), {})
        self._money_cells = taker(tuple(map(self._index, schema.together)))
        self._money = Remembered(schema.money(defaults, decimal)).__getitem__
        self._metadata = tuple(
            (name.removeprefix(METADATA), self._at[name], Remembered(_metadata_reader(name)).__getitem__)
            for name in columns
            if name.startswith(METADATA)
        )

    def read(self, cells: Sequence[str]) -> Row:
        """What a line with one cell per column says.

        Raises:
            RowErrors: with every error of the line.
        """
        padded = (*cells, "")
        try:
            return (
                *[read(padded[index]) for index, read in self._alone],
                *self._money(self._money_cells(padded)),
                tuple([(key, value) for key, index, read in self._metadata if (value := read(padded[index]))]),
                *[read(padded[index]) for index, read in self._personal],
            )
        except FieldError:
            raise RowErrors(self._errors(padded)) from None

    def reference_of(self, cells: Sequence[str]) -> str:
        """The reference of a line that may be bad elsewhere, or empty."""
        index = self._index("reference")
        try:
            return read_reference(cells[index]) if index < len(cells) else ""
        except FieldError:
            return ""

    def _index(self, name: str) -> int:
        return self._at.get(name, self._nowhere)

    def _located(self, columns: Iterable[Column], defaults: Defaults) -> tuple[tuple[int, Reader], ...]:
        return tuple((self._index(column.name), _reader(column, defaults.get(column.name))) for column in columns)

    def _errors(self, padded: tuple[str, ...]) -> list[FieldError]:
        """The same readers again, this time each on its own."""
        metadata = ((at, read) for _, at, read in self._metadata)
        attempts: list[tuple[Callable[[Any], object], object]] = [
            *((read, padded[at]) for at, read in (*self._alone, *metadata, *self._personal)),
            (self._money, self._money_cells(padded)),
        ]
        return sorted(_raised(attempts), key=lambda error: self._index(error.column))


def _reader(column: Column, default: object) -> Reader:
    """The reader of a column, with what an empty cell of it stands for."""
    own = column.read
    if own is None:
        raise AssertionError(f"{column.name} is read with others")

    def read(text: str) -> object:
        return own(text) or default

    wanted = own if default is None else read
    return Remembered(wanted).__getitem__ if column.few else wanted


def _metadata_reader(name: str) -> Reader:
    return text_reader(name, METADATA_VALUE_LENGTH)


def _raised(attempts: Sequence[tuple[Callable[[Any], object], object]]) -> list[FieldError]:
    """The errors of readers tried one by one."""
    errors: list[FieldError] = []
    for read, text in attempts:
        try:
            read(text)
        except FieldError as error:
            errors.append(error)
    return errors
