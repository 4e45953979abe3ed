"""Laws of money: text to minor units and back, exactly, for every currency; hostile texts are refused with a reason."""

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.core.money import (
    CURRENCIES,
    MAX_DIGITS,
    AmountError,
    Money,
    format_minor,
    parse_major,
    parse_minor,
    percent_of,
)

CODES = st.sampled_from(sorted(CURRENCIES))


@st.composite
def amounts(draw: st.DrawFn) -> Money:
    """Any amount Stripe takes."""
    row = CURRENCIES[draw(CODES)]
    return Money(draw(st.integers(1, (10**MAX_DIGITS - 1) // row.step)) * row.step, row.code)


@given(amounts())
def test_every_amount_of_every_currency_survives_being_written_and_read(money: Money):
    assert parse_major(format_minor(money.minor, money.currency), money.currency) == money
    assert parse_minor(str(money.minor), money.currency) == money


def test_each_currency_round_trips_at_its_borders():
    for code, row in CURRENCIES.items():
        for minor in (row.step, 10 * row.step, row.minimum or row.step, (10**MAX_DIGITS // row.step - 1) * row.step):
            assert parse_major(format_minor(minor, code), code).minor == minor


def test_every_currency_round_trips_over_its_lowest_and_highest_amounts(record_property):
    tried = 0
    for code, row in CURRENCIES.items():
        most = (10**MAX_DIGITS - 1) // row.step
        for units in [*range(1, 202), *range(10**row.exponent - 2, 10**row.exponent + 3), *range(most - 200, most + 1)]:
            minor = max(units, 1) * row.step
            text = format_minor(minor, code)
            assert parse_major(text, code) == parse_minor(str(minor), code) == Money(minor, code)
            assert Decimal(text).scaleb(row.exponent) == minor
            tried += 1
    record_property(
        "evidence", f"money: {tried} amounts written and read back in {len(CURRENCIES)} currencies, 0 wrong"
    )


def test_a_hundred_thousand_two_decimal_amounts_are_exact():
    for minor in range(1, 100_001):
        assert parse_major(f"{minor // 100}.{minor % 100:02}", "usd").minor == minor


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("10.99", "usd", 1099),
        ("19.99", "usd", 1999),
        ("10.9", "usd", 1090),
        ("10", "usd", 1000),
        ("0.5", "usd", 50),
        ("1500", "jpy", 1500),
        ("5", "mga", 5),
        ("500", "isk", 50_000),
        ("500.00", "ugx", 50_000),
        ("1.230", "kwd", 1230),
        ("1.23", "kwd", 1230),
        ("10.45", "huf", 1045),
        ("8.45", "twd", 845),
        ("9999999999.99", "usd", 999_999_999_999),
    ],
)
def test_major_units_become_what_stripe_is_sent(text: str, currency: str, minor: int):
    assert parse_major(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1,234.56", "amount_separators"),
        ("1.234,56", "amount_comma"),
        ("19,99", "amount_comma"),
        ("1 234", "amount_separators"),
        ("1'234", "amount_separators"),
        ("1_000", "amount_separators"),
        ("1\u00a0234", "amount_separators"),
        ("$5", "amount_currency"),
        ("5 USD", "amount_currency"),
        ("USD5", "amount_currency"),
        ("+5", "amount_sign"),
        ("-5", "amount_sign"),
        ("−5", "amount_sign"),
        ("(5)", "amount_sign"),
        ("0", "amount_zero"),
        ("0.00", "amount_zero"),
        ("1e2", "amount_notation"),
        ("0x1F", "amount_notation"),
        ("12:30", "amount_notation"),
        ("NaN", "amount_not_finite"),
        ("-Infinity", "amount_not_finite"),
        ("5.", "amount_point"),
        (".5", "amount_point"),
        ("５", "amount_digits"),
        ("٥٠", "amount_digits"),
        ("010", "amount_leading_zero"),
        ("10.999", "amount_decimals"),
        ("10.9901", "amount_decimals"),
        ("", "amount_empty"),
        (" 5", "amount_not_number"),
        ("5\n", "amount_not_number"),
        ("5" * 13, "amount_too_large"),
        ("99999999999", "amount_too_large"),
        ("5 " * 50_000, "amount_not_number"),
    ],
)
def test_hostile_forms_are_refused_by_name(text: str, code: str):
    with pytest.raises(AmountError) as refused:
        parse_major(text, "usd")
    assert refused.value.code == code
    assert refused.value.message


@pytest.mark.parametrize(
    ("text", "currency", "code"),
    [
        ("100.50", "jpy", "amount_decimals"),
        ("1.2345", "kwd", "amount_decimals"),
        ("1.234", "kwd", "amount_step"),
        ("500.50", "isk", "amount_step"),
        ("0.50", "ugx", "amount_step"),
        ("5.1", "mga", "amount_decimals"),
        ("5", "xyz", "currency_unknown"),
        ("5", "USD", "currency_unknown"),
    ],
)
def test_an_amount_must_fit_its_currency(text: str, currency: str, code: str):
    with pytest.raises(AmountError) as refused:
        parse_major(text, currency)
    assert refused.value.code == code


@pytest.mark.parametrize(("text", "code"), [("10.99", "amount_minor"), ("0", "amount_zero"), ("-1", "amount_sign")])
def test_minor_units_are_whole_and_positive(text: str, code: str):
    with pytest.raises(AmountError) as refused:
        parse_minor(text, "usd")
    assert refused.value.code == code


def test_minor_units_keep_the_currency_step():
    with pytest.raises(AmountError, match="does not end in 0"):
        parse_minor("1234", "kwd")
    assert parse_minor("50000", "isk").minor == 50_000


def test_a_fee_may_be_zero():
    assert parse_major("0.00", "usd", zero=True).minor == 0


@given(st.text(max_size=20), CODES)
def test_what_is_accepted_is_plain_ascii_and_keeps_its_value(text: str, code: str):
    try:
        money = parse_major(text, code)
    except AmountError:
        return
    assert text.isascii()
    assert Decimal(text) * 10 ** CURRENCIES[code].exponent == money.minor


@given(amounts(), st.decimals(0, 100, places=4))
def test_a_share_is_exact_then_rounded_half_to_even(money: Money, percent: Decimal):
    step = CURRENCIES[money.currency].step
    exact = Decimal(money.minor) * percent / 100 / step
    assert percent_of(money.minor, percent, money.currency) == int(exact.to_integral_value(ROUND_HALF_EVEN)) * step


def test_half_a_cent_goes_to_the_even_side():
    assert [percent_of(minor, Decimal(5), "usd") for minor in (10, 30, 50)] == [0, 2, 2]


def test_the_table_has_stripes_currencies_and_their_quirks():
    assert len(CURRENCIES) >= 135
    steps = {row.code: (row.exponent, row.step) for row in CURRENCIES.values() if row.step != 1}
    assert steps == {
        "isk": (2, 100),
        "ugx": (2, 100),
        "bhd": (3, 10),
        "jod": (3, 10),
        "kwd": (3, 10),
        "omr": (3, 10),
        "tnd": (3, 10),
    }
    assert sum(row.exponent == 0 for row in CURRENCIES.values()) == 15
    assert CURRENCIES["usd"].minimum == 50
    assert CURRENCIES["jpy"].minimum == 50
    assert CURRENCIES["huf"].minimum == 17_500


def test_sums_below_zero_can_be_shown():
    assert format_minor(-5, "usd") == "-0.05"
    assert format_minor(-5, "jpy") == "-5"
