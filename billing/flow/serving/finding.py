"""A search over all runs: what somebody has at hand, such as a reference, a customer, an account, an amount, an id."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from billing.core.money import currency_of
from billing.edge.ledger import Ledger
from billing.flow.serving.lists import Row, rows_for

MOST = 50
# Results a page, of each kind.
LONGEST = 200
# Characters of what is looked for; no id of Stripe's is longer, and no reference.
AMOUNT = re.compile(r"(?:([A-Za-z]{3})\s*)?([0-9][0-9, ]{0,20}(?:\.[0-9]{1,3})?)(?:\s*([A-Za-z]{3}))?")
DECIMALS = range(4)


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to.

    Attributes:
        asked: what was looked for.
        accounts: connected accounts that begin with it.
        rows: lines whose reference, customer, payment or payment method begins with it.
        amounts: lines of that amount, where it is one.
        amount: whether it was looked for as an amount: only among the newest lines.
    """

    asked: str
    accounts: Sequence[str] = ()
    rows: Sequence[Row] = ()
    amounts: Sequence[Row] = ()
    amount: bool = False


def find(ledger: Ledger, asked: str) -> Found:
    """Look for a text."""
    asked = asked.strip()[:LONGEST]
    if not asked:
        return Found("")
    onlooker = ledger.onlooker
    runs = [(record.run_id, record.kind) for record in ledger.runs()]
    items = {item.id: item for item in onlooker.beginning(asked, MOST)}
    code, minors = minors_of(asked)
    amounts = [] if not minors else onlooker.amounts(sorted(set(minors.values())), 4 * MOST)
    of_amount = [item for item in amounts if _means(item.amount, item.currency, code, minors)]
    return Found(
        asked=asked,
        accounts=onlooker.accounts(asked, runs, MOST),
        rows=rows_for(ledger, list(items.values())[:MOST]),
        amounts=rows_for(ledger, of_amount[:MOST]),
        amount=bool(minors),
    )


def _means(amount: int, currency: str, code: str, minors: dict[int, int]) -> bool:
    return bool(currency) and amount == minors.get(currency_of(currency).exponent) and code in ("", currency)


def minors_of(text: str) -> tuple[str, dict[int, int]]:
    """Return the currency that a text names, if any, and its amount in minor units by the decimals of a currency.

    ``59`` is 59 yen and 5900 cents; ``59.00`` is no amount of yen.
    """
    found = AMOUNT.fullmatch(text)
    if found is None or (found[1] and found[3]):
        return "", {}
    try:
        number = Decimal(found[2].replace(",", "").replace(" ", ""))
    except InvalidOperation:
        return "", {}
    scaled = {decimals: number.scaleb(decimals) for decimals in DECIMALS}
    whole = {decimals: int(value) for decimals, value in scaled.items() if value == int(value) and value < 2**63}
    return (found[1] or found[3] or "").lower(), whole
