"""Sheets of a workbook: which is read, where its lines are, and what only looks like a line."""

import io
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import xlsxwriter

from billing.core.errors import InvalidInput, Problem, UsageError
from billing.core.items import InputLine
from billing.core.keys import charge_digest
from billing.edge.runfiles import STDIN, RunFile, open_run
from tests.edge.runfiles.workbooks import COLUMNS, LINE, PART, Cell, changed, replacing, saved, with_line, written
from tests.programs import program

RUN = "coaching-2026-11"
CSV = ",".join(COLUMNS) + "\n" + "INV-1,cus_1,acct_1,10.99,USD\n"


def lines_of(run_file: RunFile) -> list[InputLine]:
    with run_file:
        return list(run_file.lines())


def read(path: Path, **asked: Any) -> list[InputLine]:
    return lines_of(open_run(path, run_id=RUN, **asked))


def refused(path: Path, **asked: Any) -> list[Problem]:
    with pytest.raises(InvalidInput) as caught:
        open_run(path, run_id=RUN, **asked)
    return list(caught.value.problems)


def several(path: Path, sheets: Sequence[tuple[str, str, str]]) -> Path:
    """Sheets of one line each: name, state, reference."""
    with xlsxwriter.Workbook(path) as book:
        for name, state, reference in sheets:
            sheet = book.add_worksheet(name)
            for row, cells in enumerate(with_line(reference=reference) if reference else []):
                sheet.write_row(row, 0, cells)
            {"hidden": sheet.hide, "very_hidden": sheet.very_hidden}.get(state, lambda: None)()
        shown = next(each for each, (_, state, _) in zip(book.worksheets(), sheets, strict=True) if state == "visible")
        shown.activate()
        shown.set_first_sheet()
    return path


MONTHS = [("Notes", "hidden", "H-1"), ("Old", "very_hidden", "V-1"), ("November", "visible", "N-1"),
          ("October", "visible", "O-1"), ("Empty", "visible", "")]  # fmt: skip


def test_the_first_sheet_that_can_be_seen_is_read_and_the_others_are_named(tmp_path: Path):
    with open_run(several(tmp_path / "a.xlsx", MONTHS), run_id=RUN) as run_file:
        assert [line.item.reference for line in run_file.lines() if line.item] == ["N-1"]
        assert run_file.sheet == "November"
        (warning,) = run_file.warnings
    assert warning.code == "several_sheets"
    assert warning.message == 'sheet "November" is read, the first of the workbook'
    assert warning.hint == 'it has "October": --sheet NAME'


def test_where_the_first_sheet_has_no_lines_the_others_are_named(tmp_path: Path):
    several(tmp_path / "a.xlsx", [("Empty", "visible", ""), ("November", "visible", "N-1")])
    (problem,) = refused(tmp_path / "a.xlsx")
    assert (problem.code, problem.hint) == ("empty_file", 'it has "November": --sheet NAME')


@pytest.mark.parametrize(
    ("name", "reference"),
    [("October", "O-1"), (" october ", "O-1"), ("Notes", "H-1"), ("Old", "V-1")],
)
def test_a_sheet_that_is_named_is_read_without_a_word_of_others(tmp_path: Path, name: str, reference: str):
    with open_run(several(tmp_path / "a.xlsx", MONTHS), run_id=RUN, sheet=name) as run_file:
        assert [line.item.reference for line in run_file.lines() if line.item] == [reference]
        assert run_file.warnings == ()


def test_a_sheet_that_there_is_not_is_answered_with_those_there_are(tmp_path: Path):
    (problem,) = refused(several(tmp_path / "a.xlsx", MONTHS), sheet="Dezember")
    assert (problem.code, problem.message) == ("no_sheet", 'the workbook has no sheet "Dezember"')
    assert problem.hint == 'it has "Notes", "Old", "November", "October", "Empty": --sheet NAME'


def test_a_workbook_of_which_nothing_can_be_seen_is_refused(tmp_path: Path):
    path = changed(
        written(tmp_path / "a.xlsx", with_line()), {"xl/workbook.xml": replacing("<sheet ", '<sheet state="hidden" ')}
    )
    assert [each.code for each in refused(path)] == ["no_sheet"]


def test_rows_that_a_filter_hides_are_neither_charged_nor_dropped(tmp_path: Path):
    rows = [*with_line(), *((f"INV-{n}", *LINE[1:]) for n in range(2, 9))]

    def hide(_: Any, sheet: Any) -> None:
        for row in (2, 3, 5, 40):
            sheet.set_row(row, None, None, {"hidden": True})

    for skipping in (False, True):
        (problem,) = refused(written(tmp_path / "a.xlsx", rows, hide), skip_invalid=skipping)
        assert (problem.code, problem.line) == ("hidden", 3)
        assert problem.message == "3 rows with values are hidden: 3-4, 6"


@pytest.mark.parametrize(("column", "fine"), [(0, True), (1, True), (3, False), (4, False)])
def test_a_hidden_column_may_hold_ids_and_never_money(tmp_path: Path, column: int, fine: bool):
    path = written(
        tmp_path / "a.xlsx", with_line(), lambda _, sheet: sheet.set_column(column, column, 9, None, {"hidden": True})
    )
    if fine:
        assert len(read(path)) == 1
    else:
        assert [(each.code, each.line, each.column) for each in refused(path)] == [("hidden", 1, column + 1)]


@pytest.mark.parametrize(
    ("cells", "fine"),
    [("D2:D3", False), ("A2:B2", False), ("A1:A2", False), ("H2:J3", True), ("A8:E9", True)],
)
def test_merged_cells_among_the_lines_are_refused(tmp_path: Path, cells: str, fine: bool):
    rows = [*with_line(), ("INV-2", *LINE[1:])]
    path = written(tmp_path / "a.xlsx", rows)
    changed(path, {PART: replacing("</sheetData>", f'</sheetData><mergeCells><mergeCell ref="{cells}"/></mergeCells>')})
    if fine:
        assert len(read(path)) == 2
    else:
        assert [(each.code, each.message) for each in refused(path)] == [
            ("merged_cells", f"cells {cells} are merged: only the first of them has a value")
        ]


def test_blank_rows_and_formats_around_the_lines_mean_nothing(tmp_path: Path):
    def around(book: Any, sheet: Any) -> None:
        bold = book.add_format({"bold": True})
        for row in range(60, 3000):
            sheet.set_row(row, 30, bold)
            sheet.write_blank(row, 3, None, bold)
        sheet.write_blank(1048575, 16383, None, bold)
        sheet.write_string(5, 2, " \u00a0", bold)

    rows = [(), (), *with_line(), (None,) * 5, (), ("INV-2", *LINE[1:])]
    assert [line.line for line in read(written(tmp_path / "a.xlsx", rows, around))] == [4, 7]


def test_a_value_beside_the_table_is_told_once_with_its_cell(tmp_path: Path):
    rows = [*with_line(), ("INV-2", *LINE[1:], None, "see above"), ("INV-3", *LINE[1:], "x")]
    (problem,) = refused(saved(tmp_path / "a.xlsx", rows))
    assert (problem.code, problem.line, problem.column) == ("unknown_column", 3, 7)
    assert "November!G3" in str(problem)


def test_a_title_above_the_header_is_told_where_the_header_is(tmp_path: Path):
    rows = [("Billing in November",), (), ("as of", 46356), *with_line()]
    (problem,) = refused(saved(tmp_path / "a.xlsx", rows))
    assert problem.code == "no_header"
    assert problem.message == "the first row is no header; the one in row 4 looks like it"


def test_a_csv_that_was_pasted_into_one_column_is_told_so(tmp_path: Path):
    (problem,) = refused(saved(tmp_path / "a.xlsx", [(line,) for line in CSV.splitlines()]))
    assert (problem.code, problem.line) == ("one_column", 1)


def test_titles_may_be_broken_into_lines_and_must_not_repeat(tmp_path: Path):
    titles = ("Reference\n", " customer\u00a0", "ACCOUNT", "amount", "Currency")
    assert len(read(saved(tmp_path / "a.xlsx", [titles, LINE]))) == 1
    assert len(read(saved(tmp_path / "b.xlsx", [(*titles, "Payment\nMethod"), (*LINE, "pm_1")]))) == 1
    (problem,) = refused(saved(tmp_path / "c.xlsx", [(*titles, "amount"), (*LINE, 1)]))
    assert (problem.code, problem.line, problem.column) == ("duplicate_column", 1, 6)


@pytest.mark.parametrize("rows", [[], [()], [(" ",)]])
def test_a_sheet_with_nothing_in_it_is_empty(tmp_path: Path, rows: list):
    assert [each.code for each in refused(written(tmp_path / "a.xlsx", rows))] == ["empty_file"]


def test_bad_lines_are_given_back_as_they_are_seen(tmp_path: Path):
    rows = [*with_line(), ("INV-2", *LINE[1:3], Cell(10.994, "0.00"), "USD"), (7, *LINE[1:4], "EURO")]
    refused(saved(tmp_path / "a.xlsx", rows), errors_csv=tmp_path / "bad.csv")
    bad = (tmp_path / "bad.csv").read_text(encoding="utf-8-sig").splitlines()
    assert [line[:40] for line in bad] == [
        "reference,customer,account,amount,currency,line,column,code,reason"[:40],
        "INV-2,cus_1,acct_1,10.994,USD,3,4,not_as_shown"[:40],
        "7,cus_1,acct_1,10.99,EURO,4,5,currency_form"[:40],
    ]


def test_the_same_lines_are_the_same_items_from_a_csv_and_from_a_workbook(tmp_path: Path):
    (tmp_path / "a.csv").write_text(CSV, encoding="utf-8")
    text, book = read(tmp_path / "a.csv"), read(saved(tmp_path / "a.xlsx", with_line()))
    assert text == book
    assert [charge_digest(line.item) for line in text] == [charge_digest(line.item) for line in book]


def test_a_yaml_file_may_name_a_workbook_and_its_sheet(tmp_path: Path):
    several(tmp_path / "a.xlsx", MONTHS)
    head = "version: 1\nrun: {name: coaching, period: 2026-11}\n"
    run = tmp_path / "run.yaml"
    run.write_text(head + "source: {xlsx: a.xlsx, sheet: October, map: {reference: Reference}}\n")
    assert [line.item.reference for line in lines_of(open_run(run)) if line.item] == ["O-1"]
    assert [line.item.reference for line in lines_of(open_run(run, sheet="Notes")) if line.item] == ["H-1"]
    (tmp_path / "a.csv").write_text(CSV)
    bad = {
        "{xlsx: a.xlsx, csv: a.csv}": "source.csv and source.xlsx are both given",
        "{xlsx: a.xlsx, decimal: comma}": "source.decimal is for a CSV",
        "{csv: a.csv, sheet: October}": "source.sheet is for a workbook",
        "{xlsx: a.csv}": 'source.xlsx "a.csv" is text and no workbook',
        "{csv: a.xlsx}": 'source.csv "a.xlsx" is packed as a workbook is, and no text',
        "{xlsx: b.xlsx}": 'source.xlsx "b.xlsx" does not exist',
    }
    for source, message in bad.items():
        run.write_text(f"{head}source: {source}\n")
        with pytest.raises(InvalidInput) as caught:
            open_run(run)
        assert [(each.file, each.line, each.message) for each in caught.value.problems] == [(str(run), 3, message)]


@pytest.mark.parametrize("options", [{"delimiter": ";"}, {"decimal": "comma"}])
def test_options_of_a_csv_are_wrong_beside_a_workbook(tmp_path: Path, options: dict):
    with pytest.raises(UsageError, match="is for CSV, and"):
        read(saved(tmp_path / "a.xlsx", with_line()), **options)


def test_a_sheet_cannot_be_named_of_what_is_no_workbook(tmp_path: Path):
    (tmp_path / "a.csv").write_text(CSV)
    with pytest.raises(UsageError, match="--sheet is for workbooks"):
        read(tmp_path / "a.csv", sheet="November")


def test_a_workbook_may_come_through_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    content = several(tmp_path / "a.xlsx", MONTHS).read_bytes()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content), isatty=lambda: False))
    assert [line.item.reference for line in read(STDIN, sheet="October") if line.item] == ["O-1"]


def test_a_workbook_with_macros_is_read_and_nothing_in_it_runs(tmp_path: Path):
    path = changed(written(tmp_path / "a.xlsm", with_line()), {"xl/vbaProject.bin": lambda _: b"Auto_Open" * 100})
    assert len(read(path)) == 1


def test_a_workbook_that_libreoffice_saved_is_read_as_it_shows_it(tmp_path: Path):
    rows = [
        *with_line(**{"metadata.due": "x"}),
        (Cell(42, "00000"), "cus_2", "acct_1", Cell(1234.5, "#,##0.00 [$$-409]"), "USD", "30.11.2026"),
        ("00043", "cus_3", "acct_1", "=5*2.2", "USD", None),
    ]
    written(tmp_path / "source.xlsx", rows)
    office = program("soffice", "libreoffice-calc")
    subprocess.run(
        [office, f"-env:UserInstallation={(tmp_path / 'office').as_uri()}", "--headless", "--convert-to", "ods",
         "--outdir", tmp_path / "ods", tmp_path / "source.xlsx"],
        check=True, capture_output=True, timeout=240,
    )  # fmt: skip
    assert [each.message for each in refused(shutil.copy(tmp_path / "ods/source.ods", tmp_path / "named.xlsx"))] == [
        "the file is of LibreOffice (.ods)"
    ]
    subprocess.run(
        [office, f"-env:UserInstallation={(tmp_path / 'office').as_uri()}", "--headless", "--convert-to", "xlsx",
         "--outdir", tmp_path / "out", tmp_path / "ods/source.ods"],
        check=True, capture_output=True, timeout=240,
    )  # fmt: skip
    items = [line.item for line in read(tmp_path / "out/source.xlsx") if line.item]
    told = [(item.reference, item.amount.minor) for item in items]
    assert told == [("INV-1", 1099), ("00042", 123450), ("00043", 1100)]
