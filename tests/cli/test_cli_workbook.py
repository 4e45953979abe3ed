"""A workbook on the command line: its sheet is named, and the next command reads the same one."""

import json
import shlex

import openpyxl
import pytest

LINE = ("INV-1", "cus_1", "acct_1", 10.99, "USD")
NAME = "Coaching 'Nov'"


@pytest.fixture
def book(billing):
    kept = openpyxl.Workbook()
    kept.active.title = "Notes"
    kept.active.append(["not a table"])
    sheet = kept.create_sheet(NAME)
    sheet.append(["reference", "customer", "account", "amount", "currency"])
    sheet.append(LINE)
    kept.save(billing.folder / "book.xlsx")
    return billing


def test_the_first_sheet_is_no_table_and_the_right_one_is_named(book):
    ended = book("check", "book.xlsx", "--run", "a-2026-11")
    assert (ended.code, ended.out) == (3, "")
    assert ended.err.splitlines()[0].startswith("book.xlsx: Notes!A1: the first line is no header")
    assert "--sheet NAME" in ended.err


def test_what_comes_next_reads_the_same_sheet(book):
    checked = book("check", "book.xlsx", "--run", "a-2026-11", "--sheet", NAME)
    assert checked.out.startswith(f'book.xlsx, sheet "{NAME}": run a-2026-11')
    following = checked.out.split("Next: billing ")[1]
    planned = book(*shlex.split(following), "--offline", "--output", "json")
    assert (planned.code, json.loads(planned.out)["totals"]) == (0, {"usd": 1099})
    assert json.loads(planned.out)["read"]["sheet"] == NAME


def test_a_bad_cell_is_named_as_the_spreadsheet_names_it(book):
    kept = openpyxl.load_workbook(book.folder / "book.xlsx")
    kept[NAME]["D2"] = 10.994
    kept[NAME]["D2"].number_format = "0.00"
    kept.save(book.folder / "book.xlsx")
    asked = ("check", "book.xlsx", "--run", "a-2026-11", "--sheet", NAME)
    ended = book(*asked)
    said = "amount is not what the sheet shows: stored is 10.994, shown is 10.99"
    assert (ended.code, ended.err.split(" (")[0]) == (3, f"book.xlsx: 'Coaching ''Nov'''!D2: {said}")
    (problem,) = json.loads(book(*asked, "--output", "json").out)["problems"]
    assert (problem["sheet"], problem["line"], problem["column"]) == (NAME, 2, 4)
