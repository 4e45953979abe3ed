"""What look-ups on Stripe found wrong, and why a line cannot be charged because of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

MOST_DESCRIPTOR = 22
JOINT = len("* ")
# Prefix, "* " and suffix together: docs.stripe.com/get-started/account/statement-descriptors.
MOST_PREFIX = 10
# An account without a prefix of its own lends as much of its whole descriptor (the same page).

CHARGED_IN: Mapping[str, frozenset[str] | None] = {"card": None, "us_bank_account": frozenset({"usd"})}
# The types of payment method that can be cloned, with the currencies that each can be charged in; None means all.
# Sources: docs.stripe.com/connect/direct-charges-multiple-accounts and docs.stripe.com/payments/ach-direct-debit.

UNREAD = "no_answer"
# Stands in `Findings.customers` for a customer who was asked for and about whom Stripe gave no answer.


@dataclass(frozen=True, slots=True)
class Findings:
    """What the look-ups on Stripe found; everything not named here is taken to be fine.

    Only what a line of the file trips over is kept, however much was looked at; ``defaults`` alone names every customer
    whose default is meant, because it says what will be charged.

    Attributes:
        accounts: connected account -> why it cannot charge (a skip reason).
        methods: platform payment method -> why it cannot be used by anybody (a skip reason).
        defaults: platform customer -> its default payment method; empty when it has none.
        customers: platform customer -> why nothing can be charged to it (a skip reason).
        owners: payment method named for somebody else -> the customer it is saved for; empty for nobody.
        types: payment method -> its type, where a line wants it in a currency or on an account that does not take it.
        lacking: connected account -> the types its capabilities do not let it take.
        prefixes: connected account -> characters of its own in a card's statement descriptor, where a suffix of some
            line does not fit behind them.
        disputed: payment intent -> why its charge is not given back (a skip reason).
        prices: (connected account, price) -> minor units for one and currency of a price that was looked up.
        unpriced: (connected account, price) -> why nothing can be subscribed at it (a skip reason).
    """

    accounts: Mapping[str, str] = field(default_factory=dict)
    methods: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    customers: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    lacking: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    prefixes: Mapping[str, int] = field(default_factory=dict)
    disputed: Mapping[str, str] = field(default_factory=dict)
    prices: Mapping[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    unpriced: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return them as JSON takes them: what is told of a price of an account is a list that begins with both."""
        prices = [[*named, *told] for named, told in sorted(self.prices.items())]
        unpriced = [[*named, why] for named, why in sorted(self.unpriced.items())]
        return {**asdict(replace(self, prices={}, unpriced={})), "prices": prices, "unpriced": unpriced}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Findings":
        """Read what `to_json` returned.

        Raises:
            TypeError: there are fields of another release.
            ValueError: what is told of a price is no such list.
        """
        prices = {(account, price): (minor, code) for account, price, minor, code in told.get("prices", ())}
        unpriced = {(account, price): why for account, price, why in told.get("unpriced", ())}
        return cls(**{**told, "prices": prices, "unpriced": unpriced})


def charged_in(method_type: str, currency: str) -> bool:
    """Tell whether a type of payment method can be charged in a currency; a type nobody knows decides nothing."""
    currencies = CHARGED_IN.get(method_type)
    return currencies is None or currency in currencies


def suffix_fits(prefix: int, suffix: str | None) -> bool:
    """Tell whether a statement suffix fits behind so many characters; where either is missing it does."""
    return not (prefix and suffix) or prefix + JOINT + len(suffix) <= MOST_DESCRIPTOR
