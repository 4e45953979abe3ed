"""The formats of an export, by name: who reads it, what its accounts are called, what it cannot hold."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from billing.core.journals import beancount, datev, hledger, spreadsheets
from billing.core.journals.journal import Journal

UTF_8, WINDOWS = "utf-8", "cp1252"


def _nothing(_: Journal) -> Iterator[str]:
    yield from ()


def _tax_rate(journal: Journal) -> Iterator[str]:
    if not journal.setup.xero_tax_rate:
        yield "export.xero_tax_rate is needed: the name of a tax rate in Xero, such as Tax Exempt (0%)"


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of file.

    Attributes:
        reads: the program that takes it.
        account: makes of a name of the settings the one that stands in the file; raises ValueError with why there is
            none.
        write: yields the file.
        faults: yields why the program would not take these entries.
        comments: whether the file can say something beside its entries.
        single: whether a file has one currency, with two decimals at most.
        rows: the most that the program takes at once; 0 where it names no number.
        encoding: of the file.
        prefix: what the file's name must begin with.
    """

    reads: str
    account: Callable[[str], str]
    write: Callable[[Journal], Iterator[str]]
    faults: Callable[[Journal], Iterator[str]] = _nothing
    comments: bool = False
    single: bool = False
    rows: int = 0
    encoding: str = UTF_8
    prefix: str = ""


FORMATS: Mapping[str, Format] = {
    "hledger": Format("hledger", hledger.account_name, hledger.write, comments=True),
    "beancount": Format("beancount", beancount.account_name, beancount.write, comments=True),
    "csv": Format("any program", spreadsheets.any_name, spreadsheets.write_table),
    "quickbooks": Format("QuickBooks Online", spreadsheets.quickbooks_name, spreadsheets.write_quickbooks, single=True),
    "xero": Format(
        "Xero", spreadsheets.xero_code, spreadsheets.write_xero, _tax_rate, single=True, rows=spreadsheets.XERO_ROWS
    ),
    "datev": Format(
        "DATEV",
        datev.account_number,
        datev.write,
        datev.faults,
        single=True,
        rows=datev.ROWS,
        encoding=WINDOWS,
        prefix="EXTF_",
    ),
}
