"""A file of beancount (beancount.github.io/docs/beancount_language_syntax.html, as of 3.2).

An entry links its id (``^txn_1``), and a payout's entries the payout, so that what belongs together is found by it.
Names of the settings are put into the form of the language: ``assets:stripe:acct_1`` is ``Assets:Stripe:Acct-1``.
"""

import re
from collections.abc import Iterator, Set

from billing.core.journals.journal import Journal, heading, one_line
from billing.core.journals.transactions import Posting, Transaction
from billing.core.money import format_minor

ROOTS = ("Assets", "Liabilities", "Equity", "Income", "Expenses")
_PART = re.compile(r"[A-Z0-9][A-Za-z0-9-]*")


def account_name(text: str) -> str:
    """Return the name of an account in the form of the language.

    Raises:
        ValueError: it has none.
    """
    parts = [part[:1].upper() + part[1:].replace("_", "-").replace(" ", "-") for part in text.split(":")]
    if parts[0] not in ROOTS or len(parts) < 2:
        raise ValueError(f"does not begin with one of {', '.join(ROOTS)}, and go on behind a colon")
    if not all(_PART.fullmatch(part) for part in parts):
        raise ValueError("has a part that is not of letters (a-z), digits and hyphens")
    return ":".join(parts)


def write(journal: Journal) -> Iterator[str]:
    """Yield the file, entry by entry."""
    yield from (f"; {one_line(line)}\n" for line in heading(journal))
    if journal.declare:
        yield "\n" + "".join(f"{journal.first} commodity {code.upper()}\n" for code in sorted(journal.currencies))
        yield "".join(f"{day} open {name}\n" for name, day in sorted(journal.opened.items()))
    for entry in journal.entries:
        yield _entry(entry)


def _entry(entry: Transaction) -> str:
    links = " ".join(f"^{link}" for link in dict.fromkeys((entry.id, *(v for n, v in entry.ids if n == "payout"))))
    converted = {posting.cost_currency for posting in entry.postings if posting.cost is not None}
    known = (("reference", entry.reference), ("account", entry.account), *entry.ids)
    width = max(len(posting.name) for posting in entry.postings)
    lines = [
        f"{entry.day} * {_quoted(entry.narration)} #{entry.run} {links}",
        *(f"  {name}: {_quoted(value)}" for name, value in known if value),
        *(f"  {posting.name:<{width}}  {_priced(posting, converted)}" for posting in entry.postings),
    ]
    return "\n" + "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return '"' + one_line(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _priced(posting: Posting, converted: Set[str]) -> str:
    own = _amount(posting.amount, posting.currency, converted)
    return own if posting.cost is None else f"{own} @@ {_amount(abs(posting.cost), posting.cost_currency, converted)}"


def _amount(minor: int, currency: str, converted: Set[str]) -> str:
    """Write an amount; one that a price leads to has a decimal.

    A total price is divided and multiplied again, so that ``-7.00 EUR @@ 1000 JPY`` is a hair off. Of whole numbers
    alone beancount takes no such difference, of 1000.0 it takes less than half of the decimal.
    """
    number = format_minor(minor, currency)
    return f"{number}{'.0' if currency in converted and '.' not in number else ''} {currency.upper()}"
