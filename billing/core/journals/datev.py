"""A posting batch of DATEV: EXTF, header 700, category 21, format 13.

Sources, as of 2026-11-30: developer.datev.de/datev/platform/en/dtvf (Windows-1252, CRLF, semicolons, texts in quotation
marks, decimal commas), .../dtvf/formate/header (31 fields), .../de/dtvf/formate/buchungsstapel (an amount is positive
with two decimals, S or H is of ``Konto``, a day has no year, ``Belegfeld 1`` has 36 characters of a small alphabet,
``Buchungstext`` 60).

Every posting is a row against the clearing account, so that each row balances by itself. A batch has one currency and
lies in one fiscal year.
"""

import re
from collections.abc import Iterator
from datetime import date

from billing.core.journals.journal import Journal, Setup, one_line
from billing.core.journals.transactions import Transaction
from billing.core.money import format_minor

_NUMBER = re.compile(r"[1-9][0-9]{3,7}")
_NO_FIELD = re.compile(r"[^A-Za-z0-9$&%*+/-]")
_RECEIPT, _TEXT, _LABEL = 36, 60, 30
_DECIMALS = 2
ROWS = 99_999
# In one batch. (developer.datev.de/portal/en/dtvf/formate)
_CONSULTANTS, _CLIENTS = range(1001, 10_000_000), range(1, 100_000)


def _pairs(art: str, content: str, many: int) -> list[str]:
    return [f"{name} {number}" for number in range(1, many + 1) for name in (art, content)]


COLUMNS: tuple[str, ...] = (
    "Umsatz (ohne Soll/Haben-Kz)", "Soll/Haben-Kennzeichen", "WKZ Umsatz", "Kurs", "Basis-Umsatz", "WKZ Basis-Umsatz",
    "Konto", "Gegenkonto (ohne BU-Schlüssel)", "BU-Schlüssel", "Belegdatum", "Belegfeld 1", "Belegfeld 2", "Skonto",
    "Buchungstext", "Postensperre", "Diverse Adressnummer", "Geschäftspartnerbank", "Sachverhalt", "Zinssperre",
    "Beleglink", *_pairs("Beleginfo - Art", "Beleginfo - Inhalt", 8), "KOST1 - Kostenstelle", "KOST2 - Kostenstelle",
    "Kost-Menge", "EU-Land u. UStID (Bestimmung)", "EU-Steuersatz (Bestimmung)", "Abw. Versteuerungsart",
    "Sachverhalt L+L", "Funktionsergänzung L+L", "BU 49 Hauptfunktionstyp", "BU 49 Hauptfunktionsnummer",
    "BU 49 Funktionsergänzung", *_pairs("Zusatzinformation - Art", "Zusatzinformation- Inhalt", 20), "Stück", "Gewicht",
    "Zahlweise", "Forderungsart", "Veranlagungsjahr", "Zugeordnete Fälligkeit", "Skontotyp", "Auftragsnummer",
    "Buchungstyp", "USt-Schlüssel (Anzahlungen)", "EU-Land (Anzahlungen)", "Sachverhalt L+L (Anzahlungen)",
    "EU-Steuersatz (Anzahlungen)", "Erlöskonto (Anzahlungen)", "Herkunft-Kz", "Buchungs GUID", "KOST-Datum",
    "SEPA-Mandatsreferenz", "Skontosperre", "Gesellschaftername", "Beteiligtennummer", "Identifikationsnummer",
    "Zeichnernummer", "Postensperre bis", "Bezeichnung SoBil-Sachverhalt", "Kennzeichen SoBil-Buchung",
    "Festschreibung", "Leistungsdatum", "Datum Zuord. Steuerperiode", "Fälligkeit", "Generalumkehr (GU)", "Steuersatz",
    "Land", "Abrechnungsreferent", "BVV-Position", "EU-Land u. UStID (Ursprung)", "EU-Steuersatz (Ursprung)",
    "Abw. Skontokonto",
)  # fmt: skip
"""The 125 columns of format 13, by which a row is read; those not filled stay empty."""


def account_number(text: str) -> str:
    """Return the number of an account.

    Raises:
        ValueError: it is none.
    """
    if not _NUMBER.fullmatch(text):
        raise ValueError("is no number of a DATEV account (4 to 8 digits, such as 1360)")
    return text


def faults(journal: Journal) -> Iterator[str]:
    """Yield why DATEV would not take these entries."""
    setup = journal.setup
    if setup.datev_consultant not in _CONSULTANTS:
        yield "export.datev_consultant is needed: the tax adviser's number (Beraternummer), 1001 to 9999999"
    if setup.datev_client not in _CLIENTS:
        yield "export.datev_client is needed: the client's number (Mandantennummer), 1 to 99999"
    if len({len(name) for name in journal.opened}) > 1:
        yield "account numbers in export.* have different lengths"
    if _year_of(journal.first, setup) != _year_of(journal.last, setup):
        yield (
            f"a batch lies in one fiscal year, and these entries go from {journal.first} to {journal.last}; "
            "--since and --until part them"
        )


def _year_of(day: date, setup: Setup) -> date:
    """Return the first day of the fiscal year a day is in."""
    month, number = map(int, setup.datev_year.split("-"))
    begin = date(day.year, month, number)
    return begin if begin <= day else date(day.year - 1, month, number)


def write(journal: Journal) -> Iterator[str]:
    """Yield the file, row by row; its encoding is Windows-1252."""
    yield ";".join(_header(journal)) + "\r\n"
    yield ";".join(COLUMNS) + "\r\n"
    for entry in journal.entries:
        for row in _rows(entry):
            yield ";".join(row.get(column, "") for column in COLUMNS) + "\r\n"


def _header(journal: Journal) -> list[str]:
    setup, (currency,) = journal.setup, journal.balanced_in
    made = re.sub(r"[^0-9]", "", journal.as_of.partition("+")[0]).ljust(17, "0")[:17]
    length = len(next(iter(journal.opened)))
    days = (_year_of(journal.first, setup), journal.first, journal.last)
    year, first, last = (f"{day:%Y%m%d}" for day in days)
    return [
        '"EXTF"', "700", "21", '"Buchungsstapel"', "13", made, "", '"CB"', '"billing"', '""',
        str(setup.datev_consultant), str(setup.datev_client), year, str(length), first, last,
        _text(journal.title, _LABEL), '""', "1", "0", "0", f'"{currency.upper()}"',
        "", '""', "", "", '""', "", "", '""', '""',
    ]  # fmt: skip


def _rows(entry: Transaction) -> Iterator[dict[str, str]]:
    clearing, *others = entry.postings
    for posting in others:
        minor, currency = posting.weight
        if minor:
            yield {
                "Umsatz (ohne Soll/Haben-Kz)": _amount(abs(minor), currency),
                "Soll/Haben-Kennzeichen": '"S"' if minor > 0 else '"H"',
                "WKZ Umsatz": f'"{currency.upper()}"',
                "Konto": posting.name,
                "Gegenkonto (ohne BU-Schlüssel)": clearing.name,
                "Belegdatum": f"{entry.day:%d%m}",
                "Belegfeld 1": f'"{_receipt(entry.reference)}"',
                "Buchungstext": _text(entry.narration, _TEXT),
                "Beleginfo - Art 1": '"Stripe"',
                "Beleginfo - Inhalt 1": _text(entry.id, 210),
                "Beleginfo - Art 2": '"Account"',
                "Beleginfo - Inhalt 2": _text(entry.account, 210),
            }


def _amount(minor: int, currency: str) -> str:
    """Write an amount with a comma and two decimals; a third one is zero."""
    whole, _, part = format_minor(minor, currency).partition(".")
    return f"{whole},{part[:_DECIMALS].ljust(_DECIMALS, '0')}"


def _receipt(reference: str) -> str:
    """Return what ``Belegfeld 1`` may hold of a reference; a sign in front would make a formula of it."""
    return _NO_FIELD.sub("", reference).lstrip("+-")[:_RECEIPT]


def _text(text: str, most: int) -> str:
    """Return a text field; what the code page lacks becomes a question mark."""
    kept = one_line(text).encode("cp1252", "replace").decode("cp1252")[:most]
    return '"' + kept.replace('"', '""') + '"'
