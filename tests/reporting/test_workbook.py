"""The workbook of a run: typed cells, sums that are the ledger's, and checks that a real spreadsheet brings to 0."""

import zipfile
from collections import Counter
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from defusedxml import ElementTree
from openpyxl import Workbook
from openpyxl.utils.escape import unescape

from billing.core.items import Kind
from billing.core.kinds.columns import COLUMNS
from billing.core.life import Group
from billing.flow.outturn import ROWS
from billing.flow.report import EVERY_LINE, known_run, rows
from billing.flow.reporting.kindwords import row_words
from billing.flow.reporting.overview import Overview, overview_of
from billing.flow.reporting.payouts import fees_of, payouts_of
from billing.flow.reporting.workbook.summary import TEST
from billing.flow.reporting.workbook.words import title_of, word_of
from tests.reporting import hostile
from tests.reporting.ledgers import RUN, Made, made
from tests.reporting.test_overview import RUNS
from tests.reporting.workbooks import (
    changed,
    checks,
    minor,
    only,
    read,
    recalculated,
    sums,
    table,
    values_at,
    written,
)

LINES, ACCOUNTS = 300, 9
SHEETS = ["Summary", "Items", "Needs a person", "Accounts", "Discrepancies", "Payouts"]
HEADS = ("Gross", "Stripe fee", "Application fee", "Net")
ZONE = ZoneInfo("Europe/Berlin")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made(tmp_path_factory.mktemp("ledger"), LINES, ACCOUNTS)


@pytest.fixture(scope="module")
def path(done: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with done.read() as ledger:
        return written(ledger, RUN, tmp_path_factory.mktemp("book") / "report.xlsx")


@pytest.fixture(scope="module")
def book(path: Path) -> Workbook:
    return read(path)


@pytest.fixture(scope="module")
def whole(done: Made) -> Overview:
    with done.read() as ledger:
        return overview_of(ledger, RUN)


def test_a_workbook_has_its_sheets_in_their_order_each_set_up_to_be_read_and_printed(book: Workbook):
    assert book.sheetnames == SHEETS
    for sheet in book.worksheets:
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert (sheet.page_setup.fitToHeight, sheet.page_setup.fitToWidth) == (0, None)
        assert TEST in sheet.oddHeader.left.text
    for name, frozen in {"Items": "C2", "Needs a person": "C5", "Accounts": "C4", "Payouts": "D5"}.items():
        sheet = book[name]
        assert sheet.freeze_panes == frozen
        head = int(frozen[1:]) - 1
        assert sheet.auto_filter.ref == f"A{head}:{sheet.cell(1, sheet.max_column).column_letter}{sheet.max_row}"
        assert sheet.print_title_rows == f"${head}:${head}"


def test_the_sums_of_the_items_are_the_ledgers_to_the_minor_unit(book: Workbook, whole: Overview):
    told = {
        (word_of(row, whole.record), currency): [each.lines, each.totals[currency]]
        for currency, by_row in whole.money.items()
        for row, each in by_row.items()
    }
    assert sums(table(book["Items"])) == told
    assert len(told) > 20


def test_the_first_sheet_has_every_row_of_the_overview(book: Workbook, whole: Overview):
    told = {
        (row[0], str(row[1] or "").lower()): (row[2], row[3])
        for row in book["Summary"].iter_rows(values_only=True)
        if isinstance(row[2], int)
    }
    for currency, by_row in whole.money.items():
        for row, each in by_row.items():
            lines, amount = told[word_of(row, whole.record), currency]
            assert lines == each.lines
            assert amount is None if not currency else minor(amount, currency) == each.totals[currency]


def test_the_sums_of_the_accounts_are_the_ledgers(book: Workbook, whole: Overview):
    found = Counter[tuple[str, str]]()
    for line in table(book["Accounts"]):
        if line["To charge"] is not None and line["Currency"]:
            currency = line["Currency"].lower()
            found[line["Account"], currency] += minor(line["Paid"], currency)
    told = {
        (account, currency): each.rows["paid"].totals[currency]
        for account, each in whole.accounts.items()
        if "paid" in each.rows
        for currency in each.rows["paid"].totals
    }
    assert {name: amount for name, amount in found.items() if amount} == told


def test_the_payouts_are_the_ledgers_and_carry_what_is_on_the_balances(done: Made, book: Workbook):
    with done.read() as ledger:
        parts, fees = payouts_of(ledger, known_run(ledger, RUN)), fees_of(ledger, known_run(ledger, RUN))
    lines = list(table(book["Payouts"]))
    assert [(line["Account"], line["Payout"] or "") for line in lines] == [
        (part.account, part.payout) for part in parts
    ]
    assert [minor(line["Net of this run"], part.currency) for line, part in zip(lines, parts, strict=True)] == [
        part.net for part in parts
    ]
    nets = Counter[str]()
    for line in table(book["Accounts"]):
        if line["Net"] is not None:
            nets[line["Currency"]] += minor(line["Net"], line["Currency"].lower())
    by_payout = Counter[str]()
    for part in parts:
        by_payout[part.currency.upper()] += part.net
    assert nets == by_payout
    shown = {
        (line["Account"], line["Currency"].lower()): tuple(
            minor(line[head], line["Currency"].lower()) for head in HEADS
        )
        for line in table(book["Accounts"])
        if line["Net"] is not None
    }
    assert shown == {
        (each.account, each.currency): (each.gross, each.stripe_fee, each.application_fee, each.net)
        for each in fees
        if each.currency
    }


def test_every_cell_of_the_csv_report_stands_in_the_workbook_too(done: Made, book: Workbook):
    with done.read() as ledger:
        told = list(rows(ledger, RUN))
    for line, cells in zip(table(book["Items"]), told, strict=True):
        shown = {str(value) for value in line.values() if isinstance(value, str)}
        for cell in cells:
            is_number = cell.replace(".", "").replace("-", "").isdigit()
            is_moment = cell.startswith("20") and "T" in cell
            assert cell == "" or is_number or is_moment or {cell, cell.upper()} & shown


def test_moments_are_dates_on_the_clocks_of_the_run_and_ids_are_texts(done: Made, book: Workbook):
    with done.read() as ledger:
        told = list(rows(ledger, RUN))
    tried = 0
    for line, cells in zip(table(book["Items"]), told, strict=True):
        iso = next((cell for cell in cells if cell.startswith("20") and "T" in cell), "")
        if iso:
            tried += 1
            shown = line["First try"]
            assert isinstance(shown, datetime)
            exact = datetime.fromisoformat(iso).astimezone(ZONE).replace(tzinfo=None, microsecond=0)
            assert abs((shown - exact).total_seconds()) < 1
        assert isinstance(line["Reference"], str)
        assert line["Payment intent"] is None or line["Payment intent"].startswith("pi_")
    assert tried > LINES / 2


def test_lines_that_need_a_person_stand_by_groups_with_what_to_do(book: Workbook, whole: Overview):
    lines = list(table(book["Needs a person"]))
    groups = [(line["Group"], line["What helps"]) for line in lines]
    assert groups == sorted(groups, key=lambda group: group[0])
    assert Counter(groups) == {(at, helped.title): helped.sum.lines for at, helped in enumerate(whole.helps, 1)}
    deeds = Counter(line["What to do"] for line in lines)
    assert deeds == sum((Counter({need.what_to_do: need.sum.lines}) for need in whole.needs), Counter())
    assert all(line["Why"] or line["Status"] in ("No answer yet", "Not yet") for line in lines)
    shown = {str(line["Reference"]) for line in lines}
    assert {each.reference for need in whole.needs for each in need.shown} <= shown


def test_every_check_is_a_formula_without_a_value_so_that_who_opens_it_works_it_out(path: Path, book: Workbook):
    found = checks(book)
    assert len(found) > 100
    assert all(formula.startswith(("=ROUND(", "=C")) for formula in found.values())
    with zipfile.ZipFile(path) as archive:
        cells = b"".join(archive.read(name) for name in archive.namelist() if name.startswith("xl/worksheets/sheet"))
    assert cells.count(b"<f>") == cells.count(b"</f></c>") == len(found)


def test_a_real_spreadsheet_brings_every_check_to_0_and_another_figure_to_another_check(path: Path, tmp_path: Path):
    places = checks(read(path))
    worked_out = values_at(recalculated(path, tmp_path), places)
    assert {place: value for place, value in worked_out.items() if value != 0} == {}
    items = "xl/worksheets/sheet2.xml"
    with zipfile.ZipFile(path) as archive:
        cell = archive.read(items).partition(b'<c r="D3"')[2].partition(b"</c>")[0]
    (tmp_path / "again").mkdir()
    wrong = changed(path, tmp_path / "again" / "wrong.xlsx", items, cell, cell.partition(b"<v>")[0] + b"<v>7.5</v>")
    seen = values_at(recalculated(wrong, tmp_path / "again"), places)
    assert {place for place, value in seen.items() if value != 0} & {f"Summary!G{row}" for row in range(1, 80)}


@pytest.mark.parametrize("names", [{"statuses": Group.DECLINED}, {"references": "INV-00001*"}])
def test_a_filtered_workbook_says_so_and_its_sums_are_those_of_the_filter(
    done: Made, tmp_path: Path, names: dict[str, str]
):
    wanted = only(**names)
    with done.read() as ledger:
        found = read(written(ledger, RUN, tmp_path / "some.xlsx", wanted))
        told = overview_of(ledger, RUN, wanted)
    assert 0 < told.sheet.lines < LINES
    assert any(wanted.said in str(row[0]) for row in found["Summary"].iter_rows(values_only=True, max_row=5))
    lines = list(table(found["Items"]))
    assert len(lines) == told.sheet.lines
    assert sum(each[1] for (_, code), each in sums(iter(lines)).items() if code == "usd") == told.sheet.totals["usd"]
    accounts = {line["Account"] for line in lines}
    assert {line["Account"] for line in table(found["Payouts"])} <= accounts
    assert wanted is not EVERY_LINE


def test_a_sheet_that_is_full_goes_on_under_the_same_head_and_every_line_is_counted(done: Made, tmp_path: Path):
    with done.read() as ledger:
        path = written(ledger, RUN, tmp_path / "parts.xlsx", rows=120)
    found = read(path)
    assert [name for name in found.sheetnames if name.startswith("Items")] == ["Items", "Items 2", "Items 3"]
    parts = [list(table(found[name])) for name in ("Items", "Items 2", "Items 3")]
    assert [len(part) for part in parts] == [119, 119, 62]
    assert len({tuple(part[0]) for part in parts}) == 1
    assert {
        place: value for place, value in values_at(recalculated(path, tmp_path), checks(found)).items() if value
    } == {}


def test_a_run_that_was_never_compared_says_so_and_what_to_type(tmp_path: Path):
    with made(tmp_path / "made", 30, reconciled=False).read() as ledger:
        found = read(written(ledger, RUN, tmp_path / "report.xlsx"))
    for name in ("Discrepancies", "Payouts"):
        said = [row[0] for row in found[name].iter_rows(values_only=True)]
        assert any("never compared" in str(text) for text in said)
        assert f"billing reconcile {RUN}" in said
    assert any(f"billing reconcile {RUN}" in str(row[0]) for row in found["Summary"].iter_rows(values_only=True))


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, Path]:
    done = made(tmp_path_factory.mktemp("hostile"), 260, hostile=True)
    with done.read() as ledger:
        return done, written(ledger, RUN, tmp_path_factory.mktemp("book") / "report.xlsx")


def test_no_text_of_a_sheet_or_of_stripe_is_a_formula_a_link_or_a_number(attacked: tuple[Made, Path], tmp_path: Path):
    done, path = attacked
    found = read(path)
    with done.read() as ledger:
        told = list(rows(ledger, RUN))
        whole = overview_of(ledger, RUN)
    items = found["Items"]
    assert {cell.data_type for row in items.iter_rows() for cell in row} <= {"s", "n", "d"}
    heads = [cell.value for cell in items[1]]
    texts = {at for at, head in enumerate(heads) if head in ("Reference", "Customer", "Account", "Reason")}
    assert all(row[at].data_type == "s" or row[at].value is None for row in items.iter_rows(min_row=2) for at in texts)
    references = [unescape(line["Reference"]) for line in table(items)]
    assert references == [cells[0] for cells in told]
    assert {TEXT for TEXT in hostile.TEXTS if TEXT.startswith("=")} & {cell for cells in told for cell in cells}
    assert sum(lines for lines, _ in sums(table(items)).values()) == whole.sheet.lines
    own = checks(found)
    assert all(formula.startswith(("=ROUND(", "=C")) for formula in own.values())
    worked_out = recalculated(path, tmp_path)
    assert {place: value for place, value in values_at(worked_out, own).items() if value != 0} == {}
    assert not [cell for sheet in worked_out.worksheets for row in sheet.iter_rows() for cell in row if cell.hyperlink]


def test_every_part_of_an_attacked_workbook_is_sound_xml_and_reaches_nothing(attacked: tuple[Made, Path]):
    with zipfile.ZipFile(attacked[1]) as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            content = archive.read(name)
            assert ElementTree.fromstring(content) is not None
            assert b"<hyperlink" not in content
            assert b'TargetMode="External"' not in content
        assert not [name for name in archive.namelist() if "externalLink" in name]


@pytest.mark.parametrize("kind", Kind)
async def test_a_run_of_any_kind_has_a_workbook_whose_sums_are_its_overviews(kind: Kind, tmp_path: Path):
    world = await RUNS[kind](tmp_path)
    async with world.read() as ledger:
        run_id = ledger.runs()[0].run_id
        found = read(written(ledger, run_id, tmp_path / "report.xlsx"))
        whole, told = overview_of(ledger, run_id), list(rows(ledger, run_id))
    assert found.sheetnames == SHEETS
    lines = list(table(found["Items"]))
    assert len(lines) == len(told) > 0
    assert sums(iter(lines)) == {
        (word_of(row, whole.record), currency): [each.lines, each.totals[currency]]
        for currency, by_row in whole.money.items()
        for row, each in by_row.items()
    }
    hidden = {name for name, column in found["Items"].column_dimensions.items() if column.hidden}
    assert ("E" in hidden) is not any(line["Currency"] for line in lines)
    heads = {str(cell.value) for cell in found["Items"][1]}
    assert {title_of(name) for name in COLUMNS[kind].names} <= heads


@pytest.mark.parametrize("kind", Kind)
def test_no_two_rows_of_a_kind_have_one_word_nor_one_that_a_spreadsheet_takes_for_a_pattern(kind: Kind):
    words = [row_words(kind, row).lower() for row in ROWS]
    assert len(set(words)) == len(words)
    assert not {char for word in words for char in word} & {*"*?~=<>"}
