"""What importers take: their columns, their days, their decimals; every journal balances in each file."""

import csv
import io
import re
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings

from billing.core.cells import plain
from billing.core.errors import UsageError
from billing.core.journals import datev, spreadsheets
from billing.core.journals.formats import FORMATS
from billing.core.journals.journal import Setup
from billing.core.money import format_minor
from billing.flow.exporting import Survey, require_fit
from tests.journals.books import CHARGE, SETTLED, entries, every_entry, journal, movements, sums

FEW = settings(max_examples=25)
RUNS_AS_FORMULA = re.compile(r"[\s']*[=+@＝＋－＠]|[\s']*-(?![0-9.]+$)")


def _lines(to: str, made, **how) -> list[list[str]]:
    text = "".join(FORMATS[to].write(journal(made, **how)))
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=";" if to == "datev" else ","))


def _settled(found, code="usd"):
    return [each for each in found if each.currency == code]


def _survey(made) -> Survey:
    survey = Survey()
    for entry in made:
        survey.take(entry)
    return survey


@FEW
@given(movements())
def test_the_table_has_every_posting_once_and_no_cell_that_runs(found):
    made = every_entry(found, "csv")
    head, *rows = _lines("csv", made)
    assert head == list(spreadsheets.COLUMNS)
    assert len(rows) == sum(len(entry.postings) for entry in made)
    held: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        told = dict(zip(head, row, strict=True))
        held[told["ledger_account"], told["currency"].lower()] += Decimal(told["amount"])
        assert not any(RUNS_AS_FORMULA.match(cell) for cell in row if not cell.startswith("'"))
    ours = {key: Decimal(format_minor(minor, key[1])) for key, minor in sums(made).items()}
    assert {key: amount for key, amount in held.items() if amount} == ours
    assert {plain(row[0]) for row in rows} == {entry.id for entry in made}


@FEW
@given(movements())
def test_quickbooks_takes_journals_that_balance_under_short_numbers(found):
    made = every_entry(_settled(found), "quickbooks")
    assume(made)
    head, *rows = _lines("quickbooks", made)
    journals: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        told = dict(zip(head, row, strict=True))
        assert len(told["JournalNo"]) <= spreadsheets.JOURNAL_NUMBER
        assert re.fullmatch(r"[01][0-9]/[0-3][0-9]/20[0-9]{2}", told["JournalDate"])
        assert (told["Debits"] == "") != (told["Credits"] == "")
        journals[told["JournalNo"]] += Decimal(told["Debits"] or 0) - Decimal(told["Credits"] or 0)
    assert not any(journals.values())
    assert len({spreadsheets.journal_number(entry.id) for entry in made}) == len(made)


@FEW
@given(movements())
def test_xero_takes_journals_that_balance_by_narration_and_day(found):
    made = every_entry(_settled(found), "xero")
    assume(made)
    head, *rows = _lines("xero", made)
    assert head[:6] == ["*Narration", "*Date", "Description", "*AccountCode", "*TaxRate", "*Amount"]
    journals: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for narration, day, _, code, tax, amount, *_ in rows:
        assert re.fullmatch(r"[0-3][0-9]/[01][0-9]/20[0-9]{2}", day)
        assert code.isdigit()
        assert tax == "Tax Exempt"
        assert Decimal(amount)
        journals[narration, day] += Decimal(amount)
    assert not any(journals.values())
    assert len(journals) == len([entry for entry in made if any(each.amount for each in entry.postings)])


@FEW
@given(movements())
def test_datev_takes_rows_of_its_form_in_its_code_page(found):
    made = every_entry(_settled(found), "datev")
    assume(made)
    text = "".join(FORMATS["datev"].write(journal(made)))
    assert text.encode("cp1252").count(b"\r\n") == text.count("\n") == text.count("\r")
    first, head, *_ = (line.split(";") for line in text.split("\r\n")[:-1])
    assert len(head) == len(datev.COLUMNS) == 125
    assert len(first) == 31
    held: dict[str, Decimal] = defaultdict(Decimal)
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=";"):
        if len(row) == 31 or row[0].startswith("Umsatz"):
            continue
        told = dict(zip(head, row, strict=True))
        assert re.fullmatch(r"[0-9]{1,10},[0-9]{2}", told["Umsatz (ohne Soll/Haben-Kz)"])
        assert re.fullmatch(r"[0-9]{4}", told["Belegdatum"])
        assert re.fullmatch(r"[A-Za-z0-9$&%*+/-]{0,36}", told["Belegfeld 1"])
        assert len(told["Buchungstext"]) <= 60
        assert not RUNS_AS_FORMULA.match(told["Belegfeld 1"])
        amount = Decimal(told["Umsatz (ohne Soll/Haben-Kz)"].replace(",", "."))
        amount = amount if told["Soll/Haben-Kennzeichen"] == "S" else -amount
        held[told["Konto"]] += amount
        held[told["Gegenkonto (ohne BU-Schlüssel)"]] -= amount
    ours = {name: Decimal(format_minor(minor, "usd")) for (name, _), minor in _weights(made).items()}
    assert {name: amount for name, amount in held.items() if amount} == ours


def _weights(made):
    found: dict[tuple[str, str], int] = defaultdict(int)
    for entry in made:
        for posting in entry.postings:
            minor, currency = posting.weight
            found[posting.name, currency] += minor
    return {key: minor for key, minor in found.items() if minor}


def test_the_header_of_datev_is_the_one_its_page_shows():
    (header, *_) = "".join(FORMATS["datev"].write(journal(entries([CHARGE], to="datev")))).split("\r\n")
    assert header == (
        '"EXTF";700;21;"Buchungsstapel";13;20261208174500000;;"CB";"billing";"";1001;1;20260101;4;20261102;20261102;'
        '"gym-2026-11";"";1;0;0;"USD";;"";;;"";;;"";""'
    )


@pytest.mark.parametrize(("change", "said"), [
    ({"setup": Setup("", 0, 1)}, "Beraternummer"),
    ({"setup": Setup("", 1001, 0)}, "Mandantennummer"),
    ({"setup": Setup("", 1001, 1, "11-20")}, "one fiscal year"),
    ({"opened": {"1360": None, "13600": None}}, "different lengths"),
])  # fmt: skip
def test_what_datev_would_not_take_is_refused_before_anything_is_written(change, said):
    made = entries([CHARGE, replace(CHARGE, id="txn_2", at=CHARGE.at + 86_400 * 30)], to="datev")
    survey = _survey(made)
    require_fit(journal(made), survey, FORMATS["datev"], "")
    with pytest.raises(UsageError, match=said):
        require_fit(replace(journal(made), **change), survey, FORMATS["datev"], "")


def test_every_reason_is_told_at_once():
    made = entries([CHARGE, replace(CHARGE, id="txn_2", currency="kwd", amount=1235, net=1175)], to="xero")
    with pytest.raises(UsageError) as caught:
        require_fit(replace(journal(made), setup=Setup()), _survey(made), FORMATS["xero"], "billing export x --to xero")
    said = str(caught.value)
    places = [
        said.index(part) for part in ("--to xero --currency kwd", "export.xero_tax_rate", "txn_2 has a third decimal")
    ]
    assert all(first < second for first, second in pairwise(places))


def test_currencies_of_every_number_of_decimals_are_tried():
    assert {len(format_minor(1, code).partition(".")[2]) for code in SETTLED} == {0, 2, 3}
