"""Run files of subscriptions: one subscription a line, at a price of the account or with all of it said here."""

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from billing.core.items import Kind, Subscription
from billing.core.money import NO_MONEY, Money
from billing.edge.runfiles.amounts import Amounts
from billing.edge.runfiles.fields import (
    ACCOUNT,
    CUSTOMER,
    DESCRIPTION_LENGTH,
    METHOD,
    REFERENCE_LENGTH,
    Ids,
    id_reader,
    read_reference,
    text_reader,
)
from billing.edge.runfiles.schema import ZONE, Cells, Column, Defaults, MoneyReader, Schema, id_column, text_column
from billing.edge.texts.problems import FieldError, suggestion
from billing.edge.texts.safe_text import BLANKS, quoted

PRICE = Ids("a price", ("price", "plan"))
PRODUCT_LENGTH = 200
INTERVALS = ("day", "week", "month", "year")
LONGEST = {"day": 1095, "week": 156, "month": 36, "year": 3}
# Three years in each interval. (docs.stripe.com/api/prices/create)
MOST_QUANTITY = 999_999
_read_price = id_reader("price", PRICE, required=False)
_read_product = text_reader("product", PRODUCT_LENGTH)
_COUNT = re.compile(r"[1-9][0-9]{0,5}")
_PERCENT = re.compile(r"(?:0|[1-9][0-9]{0,2})(?:\.[0-9]{1,2})?")
_SAID_HERE = ("amount", "currency", "interval", "interval_count", "product")


class _Said(NamedTuple):
    """The cells that mean something together."""

    amount: str
    currency: str
    interval: str
    interval_count: str
    product: str
    price: str
    quantity: str
    trial_end: str
    anchor: str
    proration: str


def _count(column: str, most: int) -> Callable[[str], int]:
    """A reader of counts; an empty one is 1."""

    def read(text: str) -> int:
        text = text.strip(BLANKS)
        if not text:
            return 1
        if not _COUNT.fullmatch(text) or int(text) > most:
            hint = f"a whole number from 1 to {most:,}"
            raise FieldError(column, column, f"{column} {quoted(text)} is no such number", hint)
        return int(text)

    return read


def _percent(text: str) -> str | None:
    """The platform's share of each invoice, 0 to 100 with at most two decimals (docs.stripe.com/api/subscriptions)."""
    text = text.strip(BLANKS)
    if not text:
        return None
    if not _PERCENT.fullmatch(text) or float(text) > 100:
        message = f"application_fee_percent {quoted(text)} is no percentage"
        raise FieldError("application_fee_percent", "fee_percent", message, "0 to 100, two decimals at most")
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def _moment(column: str, text: str, zone: ZoneInfo) -> int | None:
    """A date, meant from its first second in the run's zone, or a time in ISO 8601; as an epoch second."""
    text = text.strip(BLANKS)
    if not text:
        return None
    try:
        if len(text) == len("2026-12-31"):
            day = date.fromisoformat(text)
            return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())
        told = datetime.fromisoformat(text)
        return int((told if told.tzinfo else told.replace(tzinfo=zone)).timestamp())
    except (ValueError, OverflowError):
        hint = "a date such as 2026-12-31, or a time such as 2026-12-31T08:00:00+01:00"
        raise FieldError(column, "date_form", f"{column} {quoted(text)} is no date", hint) from None


def _interval(text: str) -> str:
    word = text.strip(BLANKS).lower()
    if not word:
        raise FieldError("interval", "missing", "interval is empty", "day, week, month or year; or name a price")
    if word not in INTERVALS:
        raise FieldError(
            "interval", "interval_word", f"interval {quoted(word)} is unknown", suggestion(word, INTERVALS)
        )
    return word


def _price(said: _Said) -> str | None:
    """The price that is named; nothing of one may be said beside it."""
    price = _read_price(said.price)
    if price is None:
        return None
    for name in _SAID_HERE:
        if getattr(said, name).strip(BLANKS):
            message = f"price and {name} are both given"
            raise FieldError(name, "priced_twice", message, "a price has its amount, currency, interval and product")
    return price


def _later(said: _Said, zone: ZoneInfo) -> tuple[int | None, int | None]:
    """The end of the trial and the anchor: before either nothing is due."""
    trial_end = _moment("trial_end", said.trial_end, zone)
    anchor = _moment("billing_cycle_anchor", said.anchor, zone)
    if trial_end is not None and anchor is not None:
        message = "trial_end and billing_cycle_anchor are both given"
        raise FieldError("billing_cycle_anchor", "starts_twice", message, "the cycle begins where the trial ends")
    word = said.proration.strip(BLANKS).lower()
    if word not in ("", "none"):
        message = f"proration_behavior {quoted(word)} is not offered"
        hint = "none: what a part of a period comes to is not known before it is charged"
        raise FieldError("proration_behavior", "proration_word", message, hint)
    return trial_end, anchor


def _money(defaults: Defaults, decimal: str) -> MoneyReader:
    """Read what is sold, how often and from when, and what of it is due at the start."""
    amounts, zone = Amounts(decimal), ZoneInfo(str(defaults.get(ZONE) or "UTC"))
    quantity_of, count_of = _count("quantity", MOST_QUANTITY), _count("interval_count", LONGEST["day"])

    def read(cells: Cells) -> tuple[Any, ...]:
        said = _Said(*cells)
        trial_end, anchor = _later(said, zone)
        quantity, price = quantity_of(said.quantity), _price(said)
        if price is not None:
            return 0, "", price, None, "", 1, "", quantity, trial_end, anchor
        currency = amounts.currency(said.currency)
        unit = amounts.needed(("amount", ""), (said.amount, ""), currency)
        interval, count = _interval(said.interval), count_of(said.interval_count)
        if count > LONGEST[interval]:
            message = f"{count:,} times a {interval} is more than three years"
            raise FieldError("interval_count", "interval_count", message, f"at most {LONGEST[interval]:,}")
        product = _read_product(said.product)
        if product is None:
            hint = "what is sold: a product of the account, prod_..., or a name under which it is found or made there"
            raise FieldError("product", "missing", "product is empty", hint)
        due = 0 if trial_end is not None or anchor is not None else unit * quantity
        return due, currency, None, unit, interval, count, product, quantity, trial_end, anchor

    return read


def _subscription(
    reference: str,
    account: str,
    customer: str,
    payment_method: str | None,
    application_fee_percent: str | None,
    description: str | None,
    amount: int,
    currency: str,
    price: str | None,
    unit: int | None,
    interval: str,
    interval_count: int,
    product: str,
    quantity: int,
    trial_end: int | None,
    anchor: int | None,
    metadata: tuple[tuple[str, str], ...],
) -> Subscription:
    return Subscription(
        reference=reference,
        account=account,
        customer=customer,
        payment_method=payment_method,
        amount=Money(amount, currency) if currency else NO_MONEY,
        price=price,
        unit=unit,
        currency=currency,
        interval=interval,
        interval_count=interval_count,
        product=product,
        quantity=quantity,
        application_fee_percent=application_fee_percent,
        trial_end=trial_end,
        anchor=anchor,
        description=description,
        metadata=metadata,
    )


SUBSCRIPTIONS = Schema(
    kind=Kind.SUBSCRIPTION,
    word="subscriptions",
    columns=(
        Column("reference", read_reference, required=True, longest=REFERENCE_LENGTH),
        id_column("customer", CUSTOMER, required=True),
        id_column("payment_method", METHOD),
        id_column("account", ACCOUNT, required=True, few=True),
        Column("amount"),
        Column("currency"),
        Column("interval"),
        Column("interval_count"),
        Column("product"),
        Column("price"),
        Column("quantity"),
        Column("trial_end"),
        Column("billing_cycle_anchor"),
        Column("proration_behavior"),
        Column("application_fee_percent", _percent, few=True),
        text_column("description", DESCRIPTION_LENGTH),
    ),
    amounts=(),
    money=_money,
    build=_subscription,
    tells=frozenset(
        {"price", "interval", "interval_count", "product", "quantity", "trial_end", "billing_cycle_anchor",
         "proration_behavior", "application_fee_percent"}
    ),
    defaults={"application_fee_percent": _percent},
)  # fmt: skip
