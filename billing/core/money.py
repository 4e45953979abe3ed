"""Money in minor units, and the dated currency table that says what a minor unit is.

No amount ever touches a float: text becomes digits, digits become an integer. The exponent comes from Stripe's table
and never from ISO or locale data, which differ (MGA, ISK, UGX). Source: docs.stripe.com/currencies.
"""

import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

TABLE_DATE = "2026-11-01"
# The day the table below was last compared with docs.stripe.com/currencies. It travels with every run.

MAX_DIGITS = 12
# Stripe's ceiling for a card charge, in digits of the minor amount. (docs.stripe.com/currencies, maximum charge)

BANK_DIGITS: Mapping[str, int] = MappingProxyType({"": 8, "idr": 12, "cop": 10, "inr": 9})
# The ceiling for methods other than cards; the empty key is every other currency. (the same page)


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in minor units (an integer, never a float) of a lower-case ISO currency."""

    minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Currency:
    """How Stripe counts one currency.

    Attributes:
        code: lower-case ISO code, as the API wants it.
        exponent: decimals of the major unit in the amount that is sent.
        step: a sent amount must be a multiple of it: 1, 10 (three decimals, the last 0) or 100 (no subunit in use).
        minimum: the smallest charge in minor units where Stripe names one, else None; it holds after conversion to the
            settlement currency.
    """

    code: str
    exponent: int
    step: int
    minimum: int | None


NO_MONEY = Money(0, "")
"""What an item asks for that moves none; it has no currency, and stands in no sum."""


def add_money(totals: MutableMapping[str, int], minor: int, currency: str) -> None:
    """Add an amount to sums by currency. What moves no money has no currency, and adds to none."""
    if currency:
        totals[currency] = totals.get(currency, 0) + minor


class AmountError(ValueError):
    """A text that is no amount of its currency.

    Attributes:
        code: stable machine name, such as ``amount_decimals``.
        message: what is wrong, to be read after the offending text: ``has 3 decimals, usd has 2``.
        hint: what would help, or empty.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        self.code = code
        self.message = message
        self.hint = hint
        super().__init__(message)


_ZERO_DECIMALS = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"
_THREE_DECIMALS = "bhd jod kwd omr tnd"
_WHOLE_UNITS_SENT_TIMES_100 = "isk ugx"
# HUF and TWD are paid out in whole units only; their charges are ordinary two-decimal amounts and stand below.
_TWO_DECIMALS = """
aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc cve czk
dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr jmd kes kgs khr kyd kzt lak lbp lkr
lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub
sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah usd uyu uzs wst xcd xcg yer zar zmw
"""

_MINIMUM_MAJOR: Mapping[str, str] = {
    "usd aud cad chf eur brl inr nzd sgd zar idr ils php rub ars cop": "0.50",
    "gbp": "0.30",
    "aed myr pln ron": "2.00",
    "dkk": "2.50",
    "nok sek": "3.00",
    "hkd": "4.00",
    "czk": "15.00",
    "huf": "175.00",
    "jpy krw": "50",
    "mxn thb": "10.00",
}


def _minimums() -> dict[str, int]:
    """Minimum charges in minor units: the table above without its points."""
    return {code: int(major.replace(".", "")) for codes, major in _MINIMUM_MAJOR.items() for code in codes.split()}


def _table() -> dict[str, Currency]:
    """One row per presentment currency."""
    kinds = (
        (_ZERO_DECIMALS, 0, 1),
        (_TWO_DECIMALS, 2, 1),
        (_WHOLE_UNITS_SENT_TIMES_100, 2, 100),
        (_THREE_DECIMALS, 3, 10),
    )
    minimum = _minimums()
    rows = (Currency(code, exp, step, minimum.get(code)) for codes, exp, step in kinds for code in codes.split())
    return {row.code: row for row in sorted(rows, key=lambda row: row.code)}


CURRENCIES: Mapping[str, Currency] = MappingProxyType(_table())
"""Every presentment currency by lower-case code."""

_MAJOR = re.compile(r"(0|[1-9][0-9]{0,11})(?:\.([0-9]+))?")
_MINOR = re.compile(r"(0|[1-9][0-9]{0,11})")
_COMMA = re.compile(r"(?:(?:0|[1-9][0-9]{0,11})(?:,[0-9]+)?|[1-9][0-9]{0,2}(?:\.[0-9]{3})+,[0-9]+)")
_POINTED = re.compile(r"[0-9]+(?:\.[0-9]+)+")
_DASHES = frozenset("-−–—")
# Accounting formats show a zero as a dash.
_CEILING = 10**MAX_DIGITS

# The first pattern found names the mistake: the order goes from the specific to the general.
_MISTAKES: tuple[tuple[str, str, str, str], ...] = (
    (r"", "amount_empty", "is empty", "write a number such as 10.99"),
    (r"(?i)[+-]?\.?(s?nan|inf|infinity)", "amount_not_finite", "is not a finite number",
     "write a number such as 10.99"),
    (r"[-−–+±(].*|[0-9.,]+ ?[-−–]", "amount_sign", "has a sign",
     "amounts are positive: leave credits out of the sheet; billing reverse makes refunds"),
    (r"(?i)[0-9.,]+ ?(cr|dr)\.?|(cr|dr)\.? ?[0-9.,]+", "amount_sign", "is marked as a credit or a debit",
     "amounts are positive: leave credits out of the sheet; billing reverse makes refunds"),
    (r".*(?![0-9])\d.*", "amount_digits", "has digits that are not 0-9", "type the digits as 0-9"),
    (r"(?i)0x[0-9a-f]*", "amount_notation", "is in hexadecimal notation", "write a plain number such as 10.99"),
    (r"(?i)0[bo][0-9]*", "amount_notation", "is in binary or octal notation", "write a plain number such as 10.99"),
    (r"(?i)[0-9.,]+e[+-]?[0-9]+", "amount_notation", "has an exponent", "write the number out: 1e2 is 100"),
    (r"(?i)([a-z]{3} ?[0-9., ']+|[0-9., ']+ ?[a-z]{3})", "amount_currency", "has a currency in it",
     "the currency has its own column"),
    (r".*[$€£¥₹₩₽₴₺].*", "amount_currency", "has a currency sign", "the currency has its own column"),
    (r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?", "amount_separators", "has thousands separators",
     "write 1234.56, not 1,234.56"),
    (r"[0-9]{1,2}(,[0-9]{2})+,[0-9]{3}(\.[0-9]*)?", "amount_separators", "has thousands separators",
     "write 123456.78, not 1,23,456.78"),
    (r"[0-9]{1,3}(\.[0-9]{3})*,[0-9]*", "amount_comma", "has a decimal comma",
     "write 19.99, or read the file with --decimal comma"),
    (r"[0-9]+(\.[0-9]{3}){2,}", "amount_separators", "has thousands separators", "write 1234567.89, not 1.234.567,89"),
    (r"[0-9]+(['’_  \u00a0\u202f\u2009][0-9]+)+([.,][0-9]+)?", "amount_separators", "has thousands separators",
     "write 1234.56, without separators"),
    (r"[0-9]+:[0-9:.]+", "amount_notation", "looks like a time", "write a plain number such as 10.99"),
    (r"[0-9]+,[0-9]+", "amount_comma", "has a decimal comma", "write 19.99, or read the file with --decimal comma"),
    (r"[0-9]+[٫．·‧∙][0-9]+", "amount_point", "has a decimal point that is not .", "write 10.99 with a full stop"),
    (r"[0-9]+\.", "amount_point", "ends in a point", "write 5 or 5.00, not 5."),
    (r"\.[0-9]+", "amount_point", "begins with a point", "write 0.50, not .50"),
    (r"0[0-9]+(\.[0-9]+)?", "amount_leading_zero", "has a leading zero", "write 10, not 010"),
    (r"[0-9]{13,}(\.[0-9]+)?", "amount_too_large", f"has more than {MAX_DIGITS} digits", "check the amount"),
)  # fmt: skip
_LONGEST_EXPLAINED = 40
_EXPLAINED = tuple((re.compile(pattern, re.DOTALL), code, message, hint) for pattern, code, message, hint in _MISTAKES)


def currency_of(code: str) -> Currency:
    """The table's row of a lower-case code.

    Raises:
        AmountError: ``currency_unknown`` when Stripe has no such presentment currency.
    """
    row = CURRENCIES.get(code)
    if row is None:
        raise AmountError("currency_unknown", "is no currency Stripe can charge", "use a three-letter code such as USD")
    return row


def parse_major(text: str, currency: str, *, zero: bool = False) -> Money:
    """Read an amount in major units, such as ``10.99``, exactly.

    Args:
        text: ASCII digits, optionally a point and no more decimals than the currency has.
        currency: lower-case code.
        zero: whether 0 is an answer (a fee may be 0, a charge may not).

    Raises:
        AmountError: for anything else, with what is wrong and what would help.
    """
    row = currency_of(currency)
    found = _MAJOR.fullmatch(text)
    if found is None:
        if text in _DASHES:
            return _checked(0, row, zero=zero)
        raise _explained(text)
    whole, decimals = found.groups()
    if decimals is None:
        return _checked(int(whole) * 10**row.exponent, row, zero=zero)
    if decimals[row.exponent :].strip("0"):
        raise _surplus(len(decimals), row)
    # A sheet has one format for all currencies: 1500.00 is 1500 JPY, and nothing is rounded.
    return _checked(int(whole + decimals[: row.exponent].ljust(row.exponent, "0")), row, zero=zero)


def parse_comma(text: str, currency: str, *, zero: bool = False) -> Money:
    """Read an amount in major units with a decimal comma, such as ``10,99`` or ``1.234,56``, exactly.

    Points stand between thousands, and only beside a comma: a lone ``1.500`` could be either, and is refused.

    Raises:
        AmountError: as for `parse_major`.
    """
    if _COMMA.fullmatch(text):
        text = text.replace(".", "").replace(",", ".")
    elif "." in text and _POINTED.fullmatch(text):
        raise AmountError("amount_point", "has a point where a comma is expected", "write 1500 or 1.500,00")
    elif "," in text and _explained(text).code in {"amount_comma", "amount_separators", "amount_not_number"}:
        raise AmountError("amount_comma", "is no number with a decimal comma", "write 1234,56 or 1.234,56")
    return parse_major(text, currency, zero=zero)


def parse_minor(text: str, currency: str, *, zero: bool = False) -> Money:
    """Read an amount in minor units, such as ``1099``, as Stripe counts them.

    Raises:
        AmountError: as for `parse_major`; a decimal point is refused.
    """
    row = currency_of(currency)
    if _MINOR.fullmatch(text) is None:
        if _MAJOR.fullmatch(text):
            raise AmountError(
                "amount_minor", "has decimals", "minor units are whole: 1099, or use the column for 10.99"
            )
        raise _explained(text)
    return _checked(int(text), row, zero=zero)


def format_minor(minor: int, currency: str) -> str:
    """Write minor units as the text `parse_major` reads back: ``10.99``, ``1500``, ``1.230``; sums may be negative."""
    exponent = currency_of(currency).exponent
    sign, digits = ("-" if minor < 0 else ""), str(abs(minor))
    if not exponent:
        return sign + digits
    digits = digits.rjust(exponent + 1, "0")
    return f"{sign}{digits[:-exponent]}.{digits[-exponent:]}"


def grouped(minor: int, currency: str) -> str:
    """Write an amount in major units with thousands separators, as a person reads it: ``184,220.40``."""
    sign = "-" if minor < 0 else ""
    whole, point, rest = format_minor(abs(minor), currency).partition(".")
    return f"{sign}{int(whole):,}{point}{rest}"


def percent_of(minor: int, percent: Decimal, currency: str) -> int:
    """A share of an amount in minor units: exact, then rounded half to even to what the currency can carry.

    Args:
        minor: a non-negative amount.
        percent: such as ``Decimal("2.5")`` for 2.5 %.
        currency: lower-case code; its step is the unit rounded to.
    """
    numerator, denominator = percent.as_integer_ratio()
    step = currency_of(currency).step
    unit = denominator * 100 * step
    quotient, rest = divmod(minor * numerator, unit)
    # Half to even, so that a thousand fees of half a cent do not lean one way.
    if rest * 2 > unit or (rest * 2 == unit and quotient % 2):
        quotient += 1
    return quotient * step


def _checked(minor: int, row: Currency, *, zero: bool) -> Money:
    if minor == 0 and not zero:
        raise AmountError("amount_zero", "is zero", "leave the line out if nothing is to be charged")
    if minor >= _CEILING:
        raise AmountError("amount_too_large", f"is more than Stripe's {MAX_DIGITS} digits", "check the amount")
    if minor % row.step:
        raise _off_step(row)
    return Money(minor, row.code)


def _surplus(decimals: int, row: Currency) -> AmountError:
    noun = "decimal" if decimals == 1 else "decimals"
    has = str(row.exponent) if row.exponent else "none"
    hint = "amounts are never rounded; write what is to be charged"
    return AmountError("amount_decimals", f"has {decimals} {noun}, {row.code} has {has}", hint)


def _off_step(row: Currency) -> AmountError:
    if row.step == 10:
        return AmountError("amount_step", f"does not end in 0: {row.code} has three decimals, the last always 0")
    return AmountError(
        "amount_step", f"is not whole: {row.code} has no subunit in use", "Stripe takes whole units only"
    )


def _explained(text: str) -> AmountError:
    """Name the mistake in a text that is no number. Long texts are not looked into: patterns must stay quick."""
    for pattern, code, message, hint in _EXPLAINED if len(text) <= _LONGEST_EXPLAINED else ():
        if pattern.fullmatch(text):
            return AmountError(code, message, hint)
    return AmountError("amount_not_number", "is not a number", "write a number such as 10.99")
