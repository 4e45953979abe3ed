"""A journal of hledger (hledger.org/hledger.html, "Journal", as of 1.25; Ledger reads it too).

An entry's code is its id, so that ``code:txn_1`` finds it. A description ends at a semicolon and has no escape for one:
it gets a comma.
"""

import re
from collections.abc import Iterator

from billing.core.journals.journal import Journal, heading, one_line
from billing.core.journals.transactions import Posting, Transaction
from billing.core.money import format_minor

_FORBIDDEN = re.compile(r"[;()\[\]|\"{}]|  ")
_FIRST = re.compile(r"[*!~=#%@&<>+-]")


def account_name(text: str) -> str:
    """Return the name of an account.

    Raises:
        ValueError: hledger would read it as something else.
    """
    parts = text.split(":")
    if not all(part and part == part.strip() and part.isprintable() for part in parts):
        raise ValueError("has an empty part, or a blank beside a colon")
    if _FORBIDDEN.search(text) or _FIRST.match(text):
        raise ValueError('has two blanks, a sign in front, or one of ; ( ) [ ] { } | "')
    return text


def write(journal: Journal) -> Iterator[str]:
    """Yield the file, entry by entry."""
    yield from (f"; {one_line(line)}\n" for line in heading(journal))
    yield "\ndecimal-mark .\n"
    if journal.declare:
        yield "\n" + "".join(f"commodity {_style(code)}\n" for code in sorted(journal.currencies))
        yield "".join(f"account {name}\n" for name in sorted(journal.opened))
    for entry in journal.entries:
        yield _entry(entry)


def _style(currency: str) -> str:
    """Return an amount that shows how many decimals a currency has."""
    number = format_minor(10 ** len("1000.00"), currency)
    return f"{number}{'' if '.' in number else '.'} {currency.upper()}"


def _entry(entry: Transaction) -> str:
    tags = ", ".join(f"{name}:{one_line(value)}" for name, value in (("run", entry.run), *entry.ids))
    width = max(len(posting.name) for posting in entry.postings)
    lines = [
        f"{entry.day} * ({entry.id}) {one_line(entry.narration).replace(';', ',')}",
        f"    ; {tags}",
        *(f"    {posting.name:<{width}}  {_priced(posting)}" for posting in entry.postings),
    ]
    return "\n" + "\n".join(lines) + "\n"


def _priced(posting: Posting) -> str:
    own = _amount(posting.amount, posting.currency)
    return own if posting.cost is None else f"{own} @@ {_amount(abs(posting.cost), posting.cost_currency)}"


def _amount(minor: int, currency: str) -> str:
    return f"{format_minor(minor, currency)} {currency.upper()}"
