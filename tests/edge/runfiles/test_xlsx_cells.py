"""Cells of a workbook: what is charged is what the sheet shows, and what cannot be known for certain is refused."""

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format

from billing.core.errors import InvalidInput, Problem
from billing.core.items import Charge
from billing.core.money import CURRENCIES
from billing.edge.runfiles import open_run
from billing.edge.runfiles.schemas import SCHEMAS
from billing.edge.runfiles.workbook.cells import MONEY, Role, role_of
from billing.edge.runfiles.workbook.formats import BUILT_IN, SYMBOLS, Kind, shape_for
from tests.edge.runfiles.workbooks import COLUMNS, PART, Cell, changed, replacing, saved, with_line, written

RUN = "coaching-2026-11"
NOON = datetime.datetime(2026, 11, 30, 12, 30)  # noqa: DTZ001  a sheet knows no zone


def read(path: Path, **asked: Any) -> tuple[Charge, tuple[str, ...]]:
    """The only charge of a workbook, and its cells as they are kept."""
    with open_run(path, run_id=RUN, **asked) as run_file:
        (line,) = run_file.lines()
    assert isinstance(line.item, Charge)
    return line.item, line.cells


def refused(path: Path, **asked: Any) -> list[Problem]:
    with pytest.raises(InvalidInput) as caught:
        open_run(path, run_id=RUN, **asked)
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("amount", "minor", "text"),
    [
        (10.99, 1099, "10.99"),
        (1500.0, 150000, "1500"),
        (Cell(10.9, "0.00"), 1090, "10.90"),
        (Cell(1234.5, "#,##0.00"), 123450, "1234.50"),
        (Cell(12.5, '_-* #,##0.00 [$$-409]_-;-* #,##0.00 [$$-409]_-;_-* "-"?? [$$-409]_-;_-@_-'), 1250, "12.50"),
        (Cell(12.5, '[$USD] #,##0.00;[Red]-[$USD] #,##0.00'), 1250, "12.50"),
        (Cell(12.5, '"$"#,##0.00_);[Red]("$"#,##0.00)'), 1250, "12.50"),
        (Cell(12.5, '#,##0.00\\ "US$"'), 1250, "12.50"),
        (Cell(42, "00000"), 4200, "42"),
        (Cell(42, "@"), 4200, "42"),
        (Cell(0.5, "#.##"), 50, "0.5"),
        ("10.99", 1099, "10.99"),
        (Cell("10.99", "_(@_)"), 1099, "10.99"),
        (Cell("10.99", "0.00"), 1099, "10.99"),
        (Cell(1234.5, "#\u202f##0.00"), 123450, "1234.50"),
        (Cell(5, "** 0.00"), 500, "5.00"),
        ("\u00a010.99 ", 1099, "\u00a010.99 "),
        (0.07 * 100, 700, None),
    ],
)  # fmt: skip
def test_what_a_sheet_shows_of_an_amount_is_what_is_charged(tmp_path: Path, amount: Any, minor: int, text: str | None):
    if text is None:
        # Seven with something left over: it shows as 7 and is not 7.
        assert [each.code for each in refused(saved(tmp_path / "a.xlsx", with_line(amount=amount)))] == ["not_as_shown"]
        return
    charge, cells = read(saved(tmp_path / "a.xlsx", with_line(amount=amount)))
    assert (charge.amount.minor, cells[3]) == (minor, text)


@pytest.mark.parametrize(
    ("amount", "code", "said"),
    [
        (10.99000000000001, "not_as_shown", "stored is 10.99000000000001, shown is 10.99"),
        (Cell(10.994, "0.00"), "not_as_shown", "stored is 10.994, shown is 10.99"),
        (Cell(10.996, "#,##0.00"), "not_as_shown", "stored is 10.996, shown is 11.00"),
        (Cell(10.99, "0"), "not_as_shown", "stored is 10.99, shown is 11"),
        (Cell(10.99, "#,##0"), "not_as_shown", "stored is 10.99, shown is 11"),
        (Cell(0.5, "0%"), "number_format", "shows a percentage"),
        (Cell(1500, "0.00E+00"), "number_format", "shows a power of ten"),
        (Cell(1.5, "# ?/?"), "number_format", "shows a fraction"),
        (Cell(1500000, "#,##0,"), "number_format", "shows thousands or millions"),
        (Cell(1500, "0.0,"), "number_format", "shows thousands or millions"),
        (Cell(1234, '0"$"00'), "number_format", "shows something between the digits"),
        (Cell(1234, '0[$€]00'), "number_format", "shows something between the digits"),
        (Cell(1234, "0$00"), "number_format", "shows something between the digits"),
        (Cell(1234, '0"-"00'), "number_format", "shows a sign that the number has not"),
        (Cell(5, "0*0"), "number_format", "fills the cell with more than blanks"),
        (Cell(5, "*10.00"), "number_format", "fills the cell with more than blanks"),
        (Cell(5, "-0.00"), "number_format", "shows a sign that the number has not"),
        (Cell(5, "(0.00)"), "number_format", "shows a sign that the number has not"),
        (Cell(5, "-General"), "number_format", "shows a sign that the number has not"),
        (Cell(0.5, "General%"), "number_format", "is none that is understood"),
        (Cell("10.99", ";;;"), "number_format", "is a text, and its format shows another one"),
        (Cell("10.99", '@"00"'), "number_format", "is a text, and its format shows another one"),
        (Cell("10.99", '0;0;0;"free"'), "number_format", "is a text, and its format shows another one"),
        (Cell(10.99, ";;;"), "number_format", "hides the number"),
        (Cell(10.99, "[>5]0.00;0"), "number_format", "in another way than others"),
        (Cell(10.99, '0.00" k"'), "number_format", 'shows "k" beside the amount'),
        (Cell(10.99, '0.00 "€"'), "another_currency", 'shows "€", and the currency is "USD"'),
        (Cell(10.99, "[$CAD] 0.00"), "another_currency", 'shows "CAD", and the currency is "USD"'),
        (Cell(datetime.date(2026, 11, 30), "yyyy-mm-dd"), "cell_type", "is the date 2026-11-30"),
        (Cell(NOON, "yyyy-mm-dd h:mm"), "number_format", "shows a time"),
        (True, "cell_type", "is the truth value TRUE"),
        ("#N/A", "cell_error", 'shows the error "#N/A"'),
        ("=5+5", "not_calculated", "is a formula without a result"),
        (1e300, "digits_lost", "more than 15 digits"),
    ],
)  # fmt: skip
def test_an_amount_that_is_not_what_is_shown_is_an_error_with_its_cell(
    tmp_path: Path, amount: Any, code: str, said: str
):
    (problem,) = refused(saved(tmp_path / "a.xlsx", with_line(amount=amount)))
    assert (problem.code, problem.line, problem.column) == (code, 2, 4)
    assert said in problem.message
    assert str(problem).startswith(f"{tmp_path / 'a.xlsx'}: November!D2: amount ")


@pytest.mark.parametrize(
    ("stored", "charged"),
    [("10.99", 1099), ("10.990000000000000", 1099), ("10.989999999999999", 0), ("10.990000000000002", 0),
     ("1.1000000000000001", 110), ("1.0990000000000000E1", 1099), ("2.2999999999999998", 230), ("1e999", 0),
     ("0.30000000000000004", 0), ("1_0", 0), ("١", 0), ("nan", 0), ("0x1F", 0), (" 5", 0)],
)  # fmt: skip
def test_a_number_is_the_one_that_a_spreadsheet_has_stored(tmp_path: Path, stored: str, charged: int):
    """A spreadsheet writes 17 digits of a number that it holds in binary: 1.1 is the nearest to 1.1000000000000001."""
    path = changed(
        written(tmp_path / "a.xlsx", with_line(amount=77)), {PART: replacing("<v>77</v>", f"<v>{stored}</v>")}
    )
    if charged:
        assert read(path)[0].amount.minor == charged
    else:
        assert [each.column for each in refused(path)] == [4]


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("00042", "00042"),
        (12345, "12345"),
        (12345.0, "12345"),
        (123456789012345, "123456789012345"),
        (Cell(42, "00000"), "00042"),
        (Cell(42, "#,##0"), "42"),
        ("42", "42"),
    ],
)
def test_a_reference_is_the_text_that_is_shown(tmp_path: Path, reference: Any, text: str):
    charge, cells = read(saved(tmp_path / "a.xlsx", with_line(reference=reference)))
    assert (charge.reference, cells[0]) == (text, text)


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        (1234567890123456, "digits_lost"),
        (1.2e20, "digits_lost"),
        (1.5, "number_format"),
        (Cell(12345, "#,##0"), "number_format"),
        (Cell(42, '"INV-"0'), "number_format"),
        (Cell(12345, "0.00E+00"), "number_format"),
        (Cell(datetime.date(2026, 11, 1), "d-mmm"), "number_format"),
        (Cell(datetime.date(2026, 11, 1), "yyyy-mm-dd"), "cell_type"),
        (False, "cell_type"),
    ],
)
def test_a_reference_that_a_spreadsheet_has_changed_is_refused(tmp_path: Path, reference: Any, code: str):
    (problem,) = refused(saved(tmp_path / "a.xlsx", with_line(reference=reference)))
    assert (problem.code, problem.line, problem.column) == (code, 2, 1)


def test_a_card_number_that_lost_its_digits_is_not_repeated(tmp_path: Path):
    line = [*with_line(reference=4242424242424242), ("4242424242424242", *with_line()[1][1:])]
    assert not [each for each in refused(saved(tmp_path / "a.xlsx", line)) if "4242" in str(each)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Cell(datetime.date(2026, 11, 30), "dd.mm.yyyy"), "2026-11-30"),
        (Cell(datetime.date(2026, 11, 30), "[$-407]d. mmmm yyyy;@"), "2026-11-30"),
        (Cell(NOON, "m/d/yyyy"), "2026-11-30"),
        (True, "TRUE"),
        (2.5, "2.5"),
        (Cell(2.5, "0.00"), "2.50"),
        (7, "7"),
        (" spaced\u00a0", "spaced"),
    ],
)
def test_a_cell_beside_the_money_is_what_it_shows(tmp_path: Path, value: Any, text: str):
    charge, _ = read(saved(tmp_path / "a.xlsx", with_line(**{"metadata.note": value})))
    assert charge.metadata == (("note", text),)


@pytest.mark.parametrize("epoch", [openpyxl.utils.datetime.WINDOWS_EPOCH, openpyxl.utils.datetime.MAC_EPOCH])
def test_a_date_is_the_same_day_whatever_the_workbook_counts_from(tmp_path: Path, epoch: datetime.datetime):
    book = openpyxl.Workbook()
    book.epoch = epoch
    for row in with_line(**{"metadata.due": datetime.date(2026, 11, 30)}):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    assert read(tmp_path / "a.xlsx")[0].metadata == (("due", "2026-11-30"),)


def test_a_result_of_a_formula_is_used_as_if_it_was_typed(tmp_path: Path):
    def calculated(_: Any, sheet: Any) -> None:
        sheet.write_formula("D2", "=5.5*2", None, 11)
        sheet.write_formula("A2", '="INV-"&7', None, "INV-7")

    path = written(tmp_path / "a.xlsx", with_line(), calculated)
    # The library asks for all of it to be worked out anew: what it has stored is not what is shown.
    assert [(each.code, each.column) for each in refused(path)] == [("not_calculated", 1), ("not_calculated", 4)]
    charge, cells = read(changed(path, {"xl/workbook.xml": replacing(' fullCalcOnLoad="1"', "")}))
    assert (charge.reference, charge.amount.minor, cells[3]) == ("INV-7", 1100, "11")


@pytest.mark.parametrize("style", ["9", "x", " 1 ", "99999999999"])
@pytest.mark.parametrize("amount", [11, "11"])
def test_a_number_whose_format_nobody_wrote_down_is_refused(tmp_path: Path, style: str, amount: Any):
    path = written(tmp_path / "a.xlsx", with_line(amount=amount))
    path = changed(path, {PART: replacing('<c r="D2"', f'<c r="D2" s="{style}"')})
    assert [(each.code, each.column) for each in refused(path)] == [("number_format", 4)]


@pytest.mark.parametrize("height", ["0", "0.00", ".01", "0.75", "1e-3", " 0 "])
def test_a_row_or_a_column_too_small_to_be_read_is_hidden(tmp_path: Path, height: str):
    path = written(tmp_path / "a.xlsx", with_line())
    low = changed(path, {PART: replacing('<row r="2"', f'<row r="2" ht="{height}"')})
    assert [each.code for each in refused(low)] == ["hidden"]
    narrow = f'<cols><col min="4" max="4" width="{height}"/></cols><sheetData>'
    path = written(tmp_path / "b.xlsx", with_line())
    assert [each.code for each in refused(changed(path, {PART: replacing("<sheetData>", narrow)}))] == ["hidden"]


def test_every_problem_of_a_line_is_told_at_once(tmp_path: Path):
    line = with_line(reference=1.5, customer="acct_1", amount=Cell(10.994, "0.00"), currency="XXX")
    found = [(each.code, each.column) for each in refused(saved(tmp_path / "a.xlsx", line))]
    assert found == [("number_format", 1), ("id_form", 2), ("not_as_shown", 4), ("currency_unknown", 5)]


@pytest.mark.parametrize("text", ["10,99", "1.234,56"])
def test_a_decimal_comma_in_a_text_is_answered_with_what_helps_in_a_spreadsheet(tmp_path: Path, text: str):
    (problem,) = refused(saved(tmp_path / "a.xlsx", with_line(amount=text)))
    assert (problem.code, problem.hint) == ("amount_comma", "it is a text: make it a number")


def test_what_is_only_carried_along_is_never_refused(tmp_path: Path):
    odd = (Cell(0.5, "0%"), True, "#REF!", "=1+1", Cell(1e300, "0"), Cell(2.5, "0.00"))
    rows = with_line(**{f"odd {place}": value for place, value in enumerate(odd)})
    asked = tuple(f"odd {place}" for place in range(len(odd)))
    _, cells = read(saved(tmp_path / "a.xlsx", rows), ignore=asked)
    assert cells[len(COLUMNS) :] == ("0.5", "TRUE", "#REF!", "", cells[-2], "2.50")


@pytest.mark.parametrize("value", [Cell(49151123456, "0%"), 4915112345678901, Cell(4915.12345, "0.00")])
def test_what_says_who_somebody_is_is_not_repeated(tmp_path: Path, value: Any):
    path = saved(tmp_path / "a.xlsx", [("reference", "email", "phone"), ("P-1", "a@example.org", value)])
    (problem,) = refused(path)
    assert problem.code in {"number_format", "digits_lost", "not_as_shown"}
    assert "4915" not in str(problem)


def test_texts_are_read_as_a_workbook_means_them(tmp_path: Path):
    def rich(book: Any, sheet: Any) -> None:
        sheet.write_rich_string("A2", "INV", book.add_format({"bold": True}), "-1")
        sheet.write_string("F2", "_x0041_ & <b>")

    charge, _ = read(written(tmp_path / "a.xlsx", with_line(**{"metadata.note": "x"}), rich))
    assert (charge.reference, charge.metadata) == ("INV-1", (("note", "_x0041_ & <b>"),))


def test_the_formats_that_need_no_name_are_those_of_another_reader():
    def same(number: int) -> bool:
        ours = shape_for(Decimal("1234.5"), BUILT_IN[number])
        theirs = shape_for(Decimal("1234.5"), BUILTIN_FORMATS[number])
        return (ours.kind, ours.least, ours.most, ours.grouped) == (
            theirs.kind,
            theirs.least,
            theirs.most,
            theirs.grouped,
        )

    assert set(BUILT_IN) == set(BUILTIN_FORMATS)
    # In 44 theirs lacks a semicolon.
    assert [number for number in BUILT_IN if not same(number)] == [44]


@pytest.mark.parametrize("number", sorted(BUILT_IN))
def test_what_another_reader_takes_for_a_date_is_never_a_number(number: int):
    shape = shape_for(Decimal(46356), BUILT_IN[number])
    assert is_date_format(BUILT_IN[number]) <= (shape.kind is Kind.DATE or bool(shape.says))


def test_every_symbol_means_currencies_that_there_are():
    assert {code for codes in SYMBOLS.values() for code in codes} <= set(CURRENCIES)


def test_the_columns_of_money_are_read_as_money_by_some_kind():
    together = {name for schema in SCHEMAS for name in schema.together}
    assert together >= MONEY
    told = {name for schema in SCHEMAS for name in schema.names if name.startswith(("amount", "application_fee"))}
    assert told - {"application_fee_percent"} <= MONEY
    assert {role_of(name) for name in MONEY} == {Role.MONEY}
