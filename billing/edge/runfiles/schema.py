"""What one kind of run file is made of: its columns, how each is read, and how an item is made of a line."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from inspect import signature
from operator import itemgetter
from typing import Any, cast

from billing.core.items import Item, Kind, Personal
from billing.edge.runfiles.fields import ID_LENGTH, METADATA, Ids, id_reader, text_reader

Cells = tuple[str, ...]
PERSONAL = "personal"
"""The parameter that takes what says who somebody is."""

Row = tuple[Any, ...]
"""What a line says, flat and plain, so that a spool can hold it: the values that `Schema.build` takes in their order,
then metadata where it takes none, then the personal ones. The first is the reference."""

Defaults = Mapping[str, Any]
"""What empty cells stand for, by name, such as ``statement_suffix``; a kind takes the names it knows."""

ZONE = "timezone"
"""Among what empty cells stand for: the zone of the run, in which days are meant that a line names."""

Reader = Callable[[str], Any]
"""Turns a cell into a value, or raises `FieldError`. An empty optional cell is None."""

MoneyReader = Callable[[Cells], tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a run file.

    Attributes:
        name: ours, as in the file's header.
        read: turns its cell into a value; None for one that means something only beside others (`Schema.money`).
        required: whether every file of the kind has it.
        personal: whether it says who somebody is. Then its value stays in the spool: neither the cells that are
            recorded and reported nor the item have it.
        longest: characters a cell may have; 0 where the form alone says.
        few: whether few different texts come again and again, so that remembering them is cheaper than reading.
        free: whether it is free text, in which a telephone number would be noticed.
    """

    name: str
    read: Reader | None = None
    required: bool = False
    personal: bool = False
    longest: int = 0
    few: bool = False
    free: bool = False


@dataclass(frozen=True)
class Schema:
    """What the lines of one kind of run file are made of.

    Attributes:
        kind: what an item of it is.
        word: what files, plans and reports call the items: ``charges``.
        columns: in the order in which they are shown.
        amounts: the columns of an item's amount, of which a file has exactly one; that of major units comes first. None
            where a file needs no amount.
        money: takes what empty cells stand for and the decimal mark, and gives a reader of the columns without a reader
            of their own, all at once.
        build: makes the item. Its parameters name the values of a row: columns by their names, then what ``money``
            gives, then ``metadata`` if the kind takes any. The first is reference; account, amount and currency are
            among them where an item has them. A last one, ``personal``, takes the personal columns (`Personal`).
        tells: columns that only this kind has, each enough to know a file of it by its header.
        defaults: what the run file's section ``defaults`` may say, and how it is read.
    """

    kind: Kind
    word: str
    columns: tuple[Column, ...]
    amounts: tuple[str, ...]
    money: Callable[[Defaults, str], MoneyReader]
    build: Callable[..., Item]
    tells: frozenset[str]
    defaults: Mapping[str, Reader] = field(default_factory=dict)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns, as they are shown."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The columns that every file has, without those of the amount."""
        return tuple(column.name for column in self.columns if column.required)

    @cached_property
    def values(self) -> tuple[str, ...]:
        """What an item is made of, in the order of a row."""
        return tuple(name for name in signature(self.build).parameters if name != PERSONAL)

    @cached_property
    def alone(self) -> tuple[Column, ...]:
        """The columns that mean something by themselves, in the order of a row."""
        named = {column.name: column for column in self.columns if column.read is not None}
        return tuple(named[value] for value in self.values if value in named)

    @cached_property
    def together(self) -> tuple[str, ...]:
        """The columns that ``money`` reads, as they are shown."""
        return tuple(column.name for column in self.columns if column.read is None)

    @cached_property
    def personal(self) -> Mapping[str, Column]:
        """The columns that no record may have."""
        return {column.name: column for column in self.columns if column.personal}

    @property
    def metadata(self) -> bool:
        """Whether ``metadata.NAME`` columns are taken."""
        return "metadata" in self.values

    @cached_property
    def shown(self) -> tuple[str, ...]:
        """Every column as it is written; ``<key>`` stands for any name."""
        return (*self.names, f"{METADATA}<key>") if self.metadata else self.names

    @property
    def free(self) -> tuple[str, ...]:
        """The values in which anybody may have written anything."""
        texts = (column.name for column in self.alone if column.free)
        return (*texts, "metadata") if self.metadata else tuple(texts)

    def knows(self, name: str) -> bool:
        """Whether it is a column of this kind."""
        return name in self.names or (self.metadata and name.startswith(METADATA))

    def pick(self, *values: str) -> Callable[[Row], tuple[Any, ...]]:
        """Return what takes these values out of a row."""
        return taker(tuple(map(self.values.index, values)))

    @cached_property
    def sums(self) -> Callable[[Row], tuple[str, str, int, str]]:
        """What takes out of a row what is added up: reference, account, minor units and currency; empty without one."""
        have = [name for name in SUMMED if name in self.values]
        take = self.pick(*have)
        if len(have) == len(SUMMED):
            return cast("Callable[[Row], tuple[str, str, int, str]]", take)
        return lambda row: cast(
            "tuple[str, str, int, str]", tuple({**SUMMED, **dict(zip(have, take(row), strict=True))}.values())
        )

    @cached_property
    def _takes_personal(self) -> bool:
        return PERSONAL in signature(self.build).parameters

    def item(self, row: Row) -> Item:
        """Make the item of a row."""
        values = row[: len(self.values)]
        if not self._takes_personal:
            return self.build(*values)
        told = zip(self.personal, row[-len(self.personal) :], strict=True)
        return self.build(*values, Personal(tuple((name, value) for name, value in told if value)))


SUMMED: Mapping[str, Any] = {"reference": "", "account": "", "amount": 0, "currency": ""}
# What a file's sums are made of, and what stands for it where a kind has none.


def taker(at: tuple[int, ...]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """Return what takes the values at these places out of a tuple."""
    return itemgetter(*at) if len(at) > 1 else lambda values: tuple(values[index] for index in at)


def no_money(_defaults: Defaults, _decimal: str) -> MoneyReader:
    """Read no money: the ``money`` of a kind that moves none."""
    return lambda _cells: ()


def content(row: Row) -> Row:
    """Everything that a line says but its reference."""
    return row[1:]


def id_column(name: str, ids: Ids, *, required: bool = False, few: bool = False) -> Column:
    """A column of ids of Stripe's."""
    return Column(name, id_reader(name, ids, required=required), required, longest=ID_LENGTH, few=few)


def text_column(name: str, longest: int) -> Column:
    """A column of free text that may be empty."""
    return Column(name, text_reader(name, longest), longest=longest, few=True, free=True)
