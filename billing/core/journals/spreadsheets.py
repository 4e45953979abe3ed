"""Tables of postings: one for any program, and those that the importers of QuickBooks Online and Xero take.

QuickBooks Online, journal entries (quickbooks.intuit.com, help article "Import journal entries", L4tQBwbs7, as of
2026-11-30): the columns below in any order, debits and credits apart, sub-accounts behind a colon, one currency unless
the company has more; a journal number has at most 21 characters.

Xero, manual journals (help.xero.com, "Enter multiple manual journals using an import template", as of 2026-11-30): the
columns of its template, rows of one narration and date are one journal, a debit is positive, days are dd/mm/yyyy, at
most 300 rows a file, in the currency of the organisation.
"""

import re
from collections.abc import Iterator
from hashlib import sha256

from billing.core.cells import csv_line
from billing.core.journals.journal import Journal, one_line
from billing.core.journals.transactions import Posting, Transaction
from billing.core.money import format_minor

COLUMNS = ("id", "date", "connected_account", "run", "reference", "category", "ledger_account", "amount", "currency",
           "cost", "cost_currency", "source", "charge", "intent", "payout", "rate")  # fmt: skip
QUICKBOOKS = ("JournalNo", "JournalDate", "AccountName", "Debits", "Credits", "Description", "Currency")
XERO = ("*Narration", "*Date", "Description", "*AccountCode", "*TaxRate", "*Amount",
        "TrackingName1", "TrackingOption1", "TrackingName2", "TrackingOption2")  # fmt: skip
XERO_ROWS = 300
JOURNAL_NUMBER = 21
_NAME = 100
_XERO_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9./_-]{0,9}")


def any_name(text: str) -> str:
    """Return the name of an account, on one line."""
    if not text or not text.isprintable():
        raise ValueError("has a character that cannot be printed")
    return text


def quickbooks_name(text: str) -> str:
    """Return the name of an account in QuickBooks' chart, a sub-account behind its parent and a colon.

    Raises:
        ValueError: QuickBooks has no such names.
    """
    parts = any_name(text).split(":")
    if not all(part.strip() for part in parts) or '"' in text or len(text) > _NAME:
        raise ValueError(f"has an empty part, a quotation mark, or more than {_NAME} characters")
    return text


def xero_code(text: str) -> str:
    """Return the code of an account in Xero's chart.

    Raises:
        ValueError: it is none.
    """
    if not _XERO_CODE.fullmatch(text):
        raise ValueError("is no account code of Xero (at most 10 letters and digits, such as 610)")
    return text


def write_table(journal: Journal) -> Iterator[str]:
    """Yield one line for each posting."""
    yield csv_line(COLUMNS)
    for entry in journal.entries:
        for posting in entry.postings:
            yield csv_line(_row(entry, posting))


def _row(entry: Transaction, posting: Posting) -> Iterator[str]:
    ids = dict(entry.ids)
    yield from (entry.id, entry.day.isoformat(), entry.account, entry.run, one_line(entry.reference), entry.category)
    yield from (posting.name, format_minor(posting.amount, posting.currency), posting.currency.upper())
    if posting.cost is None:
        yield from ("", "")
    else:
        yield from (format_minor(posting.cost, posting.cost_currency), posting.cost_currency.upper())
    yield from (ids.get(name, "") for name in ("source", "charge", "intent", "payout", "rate"))


def write_quickbooks(journal: Journal) -> Iterator[str]:
    """Yield the file that QuickBooks Online takes under "Import data, Journal entries"."""
    yield csv_line(QUICKBOOKS)
    for entry in journal.entries:
        number, day = journal_number(entry.id), f"{entry.day:%m/%d/%Y}"
        for posting, minor, currency in _weighed(entry):
            amount = format_minor(abs(minor), currency)
            debit, credit = (amount, "") if minor > 0 else ("", amount)
            yield csv_line((number, day, posting.name, debit, credit, _told(entry), currency.upper()))


def journal_number(entry_id: str) -> str:
    """Return a number for a journal that is always the same, and short enough."""
    return entry_id if len(entry_id) <= JOURNAL_NUMBER else sha256(entry_id.encode()).hexdigest()[:JOURNAL_NUMBER]


def write_xero(journal: Journal) -> Iterator[str]:
    """Yield the file that Xero takes under "Manual journals, Import"."""
    yield csv_line(XERO)
    for entry in journal.entries:
        for posting, minor, currency in _weighed(entry):
            # A narration is what parts one journal from the next, so it has the id.
            head = (_told(entry), f"{entry.day:%d/%m/%Y}", entry.account)
            amount = format_minor(minor, currency)
            yield csv_line((*head, posting.name, journal.setup.xero_tax_rate, amount, "", "", "", ""))


def _weighed(entry: Transaction) -> Iterator[tuple[Posting, int, str]]:
    """Yield postings that are not nothing, each with its amount in the currency the entry balances in."""
    for posting in entry.postings:
        minor, currency = posting.weight
        if minor:
            yield posting, minor, currency


def _told(entry: Transaction) -> str:
    return f"{one_line(entry.narration)} ({entry.id})"
