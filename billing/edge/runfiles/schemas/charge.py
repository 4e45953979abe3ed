"""Run files of charges: one direct charge a line."""

from billing.core.items import Charge, Kind
from billing.core.money import Money, percent_of
from billing.edge.runfiles.amounts import Amounts
from billing.edge.runfiles.fields import (
    ACCOUNT,
    CUSTOMER,
    DESCRIPTION_LENGTH,
    METHOD,
    REFERENCE_LENGTH,
    SUFFIX_LENGTH,
    read_reference,
    read_suffix,
    text_reader,
)
from billing.edge.runfiles.reading.remembered import Remembered
from billing.edge.runfiles.schema import Cells, Column, Defaults, MoneyReader, Schema, id_column, text_column
from billing.edge.texts.problems import FieldError
from billing.edge.texts.safe_text import BLANKS
from billing.edge.texts.values import percent

_AMOUNT, _FEE = ("amount", "amount_minor"), ("application_fee", "application_fee_minor")
_COLUMNS = (
    Column("reference", read_reference, required=True, longest=REFERENCE_LENGTH),
    id_column("customer", CUSTOMER, required=True),
    id_column("payment_method", METHOD),
    id_column("account", ACCOUNT, required=True, few=True),
    Column("amount"),
    Column("amount_minor"),
    Column("currency", required=True),
    Column("application_fee"),
    Column("application_fee_minor"),
    text_column("description", DESCRIPTION_LENGTH),
    Column("statement_suffix", read_suffix, longest=SUFFIX_LENGTH, few=True),
)
_DEFAULTS = {
    "application_fee_percent": percent,
    "statement_suffix": read_suffix,
    "description": text_reader("description", DESCRIPTION_LENGTH),
}


def _money(defaults: Defaults, decimal: str) -> MoneyReader:
    """Read amount, currency and fee; the percentage gives the fee of items without one."""
    amounts, share = Amounts(decimal), defaults.get("application_fee_percent")

    @Remembered
    def fees(key: tuple[str, str, str]) -> int | None:
        return amounts.optional(_FEE, key[:2], key[2], zero=True)

    def read(cells: Cells) -> tuple[int, str, int | None]:
        major, minor, code, fee_major, fee_minor = cells
        currency = amounts.currency(code)
        amount = amounts.needed(_AMOUNT, (major, minor), currency)
        fee = fees[fee_major, fee_minor, currency]
        if fee is None and share is not None:
            fee = percent_of(amount, share, currency)
        if fee is not None and fee > amount:
            column = _FEE[1] if fee_minor.strip(BLANKS) else _FEE[0]
            raise FieldError(column, "fee_above_amount", f"{column} is more than the amount", "the fee is a part of it")
        # Stripe wants a positive fee or none at all.
        return amount, currency, fee or None

    return read


def _charge(
    reference: str,
    account: str,
    customer: str,
    payment_method: str | None,
    description: str | None,
    statement_suffix: str | None,
    amount: int,
    currency: str,
    application_fee: int | None,
    metadata: tuple[tuple[str, str], ...],
) -> Charge:
    money = Money(amount, currency)
    return Charge(
        reference, account, customer, payment_method, money, application_fee, description, statement_suffix, metadata
    )


CHARGES = Schema(
    kind=Kind.CHARGE,
    word="charges",
    columns=_COLUMNS,
    amounts=_AMOUNT,
    money=_money,
    build=_charge,
    tells=frozenset({"amount_minor", *_FEE, "statement_suffix"}),
    defaults=_DEFAULTS,
)
