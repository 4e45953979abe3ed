"""A journal as the writers of files take it, and what texts may look like in all of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from billing.core.journals.transactions import Transaction


@dataclass(frozen=True, slots=True)
class Setup:
    """What some importers want to know beside the entries.

    Attributes:
        xero_tax_rate: the name of the tax rate that Xero books each line with.
        datev_consultant, datev_client: the numbers that the tax adviser has given.
        datev_year: month and day on which the fiscal year begins, ``01-01``.
    """

    xero_tax_rate: str = ""
    datev_consultant: int = 0
    datev_client: int = 0
    datev_year: str = "01-01"


@dataclass(frozen=True, slots=True)
class Journal:
    """All entries of a scope, with what a file says before the first of them.

    Attributes:
        title: the run or the period.
        as_of: when Stripe was last asked, ISO 8601 in UTC.
        notes: sentences that a reader must know; a file that has comments has them.
        opened: account name to the first day it is used.
        balanced_in: the currencies that entries balance in, lower-case: those that accounts are settled in.
        currencies: these, and those that payers were charged in.
        first, last: days of the first and the last entry.
        entries: in the order they are written.
        setup: for the importers.
        declare: whether accounts and currencies are declared: not in a file that stands beside another that does.
    """

    title: str
    as_of: str
    notes: tuple[str, ...]
    opened: Mapping[str, date]
    balanced_in: frozenset[str]
    currencies: frozenset[str]
    first: date
    last: date
    entries: Iterable[Transaction]
    setup: Setup = field(default_factory=Setup)
    declare: bool = True


def one_line(text: str) -> str:
    """Return the text with a blank for everything that is no visible character: line ends and controls among it."""
    return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)


def heading(journal: Journal) -> list[str]:
    """Return what a file that has comments begins with."""
    return [
        f"billing export of {journal.title}, as compared with Stripe at {journal.as_of or 'an unknown time'}",
        *journal.notes,
    ]
