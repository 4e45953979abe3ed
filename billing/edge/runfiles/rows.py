"""A line's cells become a charge, or everything that is wrong with them at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing.core.items import Charge
from billing.core.money import CURRENCIES, AmountError, Money, parse_comma, parse_major, parse_minor, percent_of
from billing.edge.runfiles.fields import (
    DESCRIPTION_LENGTH,
    METADATA,
    METADATA_VALUE_LENGTH,
    id_reader,
    read_currency,
    read_reference,
    read_suffix,
    text_reader,
)
from billing.edge.runfiles.reading.problems import FieldError
from billing.edge.runfiles.safe_text import BLANKS, quoted

Row = tuple[str, str, str, str | None, int, str, int | None, str | None, str | None, tuple[tuple[str, str], ...]]
"""The values of a `Charge`, flat: reference, account, customer, payment method, minor, currency, fee, description,
suffix, metadata. Plain, so that a spool can hold it."""

_REMEMBERED = 4096
# Values remembered per column: enough for every account and price, small enough to forget about.


class RowErrors(Exception):
    """Everything wrong with one line."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        self.errors = tuple(errors)
        super().__init__(f"{len(self.errors)} errors in one line")


@dataclass(frozen=True, slots=True)
class ItemDefaults:
    """What an item takes when its own cell is empty. The percentage gives the fee of items without one."""

    application_fee_percent: Decimal | None = None
    statement_suffix: str | None = None
    description: str | None = None


def charge_of(row: Row) -> Charge:
    """The immutable item of a row."""
    reference, account, customer, method, minor, currency, fee, description, suffix, metadata = row
    return Charge(reference, account, customer, method, Money(minor, currency), fee, description, suffix, metadata)


class _Remembered(dict[Any, Any]):
    """A reader that need not read the same text twice: months of lines share few accounts, prices and texts."""

    def __init__(self, read: Callable[[Any], object]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, key: object) -> object:
        value = self._read(key)
        if len(self) < _REMEMBERED:
            self[key] = value
        return value


class RowReader:
    """Reads the lines of one file.

    Args:
        columns: our field name of each cell, in file order; names not present are read as empty.
        defaults: what empty cells stand for.
        decimal: what stands between units and decimals, a point or a comma.
    """

    def __init__(self, columns: Sequence[str], defaults: ItemDefaults, decimal: str = ".") -> None:
        self._defaults = defaults
        self._parse_major = parse_major if decimal == "." else parse_comma
        self._nowhere = len(columns)
        self._at = {name: index for index, name in enumerate(columns)}
        self._texts = tuple((self._index(name), read) for name, read in _text_readers())
        self._money_at = tuple(self._index(name) for name in _MONEY)
        self._money = _Remembered(self._read_money).__getitem__
        names = [name for name in columns if name.startswith(METADATA)]
        self._metadata = tuple(
            (
                name.removeprefix(METADATA),
                self._at[name],
                _Remembered(text_reader(name, METADATA_VALUE_LENGTH)).__getitem__,
            )
            for name in names
        )

    def read(self, cells: Sequence[str]) -> Row:
        """The charge of a line with one cell per column.

        Raises:
            RowErrors: with every error of the line.
        """
        padded = (*cells, "")
        try:
            reference, account, customer, method, currency, description, suffix = [
                read(padded[index]) for index, read in self._texts
            ]
            major, minor, fee, fee_minor = self._money_at
            amount, share = self._money((currency, padded[major], padded[minor], padded[fee], padded[fee_minor]))
            metadata = tuple([(key, value) for key, index, read in self._metadata if (value := read(padded[index]))])
        except FieldError:
            raise RowErrors(self._errors(padded)) from None
        else:
            description = description or self._defaults.description
            suffix = suffix or self._defaults.statement_suffix
            return reference, account, customer, method, amount, currency, share, description, suffix, metadata

    def reference_of(self, cells: Sequence[str]) -> str:
        """The reference of a line that may be bad elsewhere, or empty."""
        index = self._index("reference")
        try:
            return read_reference(cells[index]) if index < len(cells) else ""
        except FieldError:
            return ""

    def _index(self, name: str) -> int:
        return self._at.get(name, self._nowhere)

    def _errors(self, padded: Sequence[str]) -> list[FieldError]:
        """The same readers again, this time each on its own."""
        texts: list[tuple[Callable[[Any], object], object]] = [(read, padded[at]) for at, read in self._texts]
        errors = _raised(texts + [(read, padded[at]) for _, at, read in self._metadata])
        if not any(error.column == "currency" for error in errors):
            currency = read_currency(padded[self._index("currency")])
            errors += _raised([(self._read_money, (currency, *(padded[at] for at in self._money_at)))])
        return sorted(errors, key=lambda error: self._index(error.column))

    def _read_money(self, key: tuple[str, str, str, str, str]) -> tuple[int, int | None]:
        """Amount and fee in minor units, from the currency and the four texts of `_MONEY`."""
        currency, *texts = key
        major, minor, fee_major, fee_minor = (text.strip(BLANKS) for text in texts)
        if currency not in CURRENCIES:
            raise _unknown_currency(currency)
        amount = self._amount(("amount", "amount_minor"), major, minor, currency, zero=False)
        if amount is None:
            raise FieldError("amount", "missing", "amount is empty", "every item needs one")
        fee = self._amount(("application_fee", "application_fee_minor"), fee_major, fee_minor, currency, zero=True)
        percent = self._defaults.application_fee_percent
        if fee is None and percent is not None:
            fee = percent_of(amount, percent, currency)
        if fee is not None and fee > amount:
            column = "application_fee_minor" if fee_minor else "application_fee"
            raise FieldError(column, "fee_above_amount", f"{column} is more than the amount", "the fee is a part of it")
        # Stripe wants a positive fee or none at all.
        return amount, fee or None

    def _amount(self, columns: tuple[str, str], major: str, minor: str, currency: str, *, zero: bool) -> int | None:
        """One amount from its two columns, of which at most one may be filled."""
        if major and minor:
            message = f"{columns[0]} and {columns[1]} are both given"
            raise FieldError(
                columns[0], "amount_twice", message, "keep one: major units such as 10.99, or minor such as 1099"
            )
        column, text, parse = (columns[0], major, self._parse_major) if major else (columns[1], minor, parse_minor)
        if not text:
            return None
        try:
            return parse(text, currency, zero=zero).minor
        except AmountError as error:
            raise FieldError(column, error.code, f"{column} {quoted(text)} {error.message}", error.hint) from None


_MONEY = ("amount", "amount_minor", "application_fee", "application_fee_minor")


def _text_readers() -> tuple[tuple[str, Callable[[str], Any]], ...]:
    """The readers of a charge's texts, in the order `RowReader.read` unpacks them."""
    return (
        ("reference", read_reference),
        ("account", _Remembered(id_reader("account", required=True)).__getitem__),
        ("customer", id_reader("customer", required=True)),
        ("payment_method", id_reader("payment_method", required=False)),
        ("currency", _Remembered(read_currency).__getitem__),
        ("description", _Remembered(text_reader("description", DESCRIPTION_LENGTH)).__getitem__),
        ("statement_suffix", _Remembered(read_suffix).__getitem__),
    )


def _raised(attempts: Sequence[tuple[Callable[[Any], object], object]]) -> list[FieldError]:
    """The errors of readers tried one by one."""
    errors: list[FieldError] = []
    for read, text in attempts:
        try:
            read(text)
        except FieldError as error:
            errors.append(error)
    return errors


def _unknown_currency(code: str) -> FieldError:
    # No suggestion: a near miss among currencies is another country's money.
    hint = "use a three-letter code such as USD"
    return FieldError("currency", "currency_unknown", f"currency {quoted(code)} is none Stripe can charge", hint)
