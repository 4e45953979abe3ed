"""The money of a line: a currency, and amounts from whichever of two columns has them."""

from billing.core.money import CURRENCIES, AmountError, parse_comma, parse_major, parse_minor
from billing.edge.runfiles.fields import read_currency
from billing.edge.runfiles.reading.remembered import Remembered
from billing.edge.texts.problems import FieldError
from billing.edge.texts.safe_text import BLANKS, quoted

Pair = tuple[str, str]
"""Two columns, or what stands in them: of major units such as 10.99, and of minor units such as 1099."""


class Amounts:
    """Reads the amounts of one file.

    Args:
        decimal: what stands between units and decimals, a point or a comma.
    """

    def __init__(self, decimal: str) -> None:
        self._parse_major = parse_major if decimal == "." else parse_comma
        self.currency = Remembered(_known_currency).__getitem__

    def needed(self, columns: Pair, texts: Pair, currency: str) -> int:
        """An amount above zero in minor units.

        Raises:
            FieldError: neither column has one, both have, or it is none.
        """
        amount = self.optional(columns, texts, currency, zero=False)
        if amount is None:
            raise FieldError(columns[0], "missing", f"{columns[0]} is empty", "every item needs one")
        return amount

    def optional(self, columns: Pair, texts: Pair, currency: str, *, zero: bool) -> int | None:
        """An amount in minor units, None where neither column has one; ``zero`` says whether it may be nothing.

        Raises:
            FieldError: both columns have one, or it is none.
        """
        major, minor = texts[0].strip(BLANKS), texts[1].strip(BLANKS)
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


def _known_currency(text: str) -> str:
    """A lower-case code that Stripe can charge."""
    code = read_currency(text)
    if code not in CURRENCIES:
        # No suggestion: a near miss among currencies is another country's money.
        hint = "use a three-letter code such as USD"
        raise FieldError("currency", "currency_unknown", f"currency {quoted(code)} is none Stripe can charge", hint)
    return code
