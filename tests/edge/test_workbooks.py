"""Cells of a workbook: whatever stands in a text, it is read back as that text, and every amount as that amount."""

import tempfile
import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from defusedxml import ElementTree
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.utils.escape import unescape
from xlsxwriter import Workbook as Plain

from billing.core.money import CURRENCIES
from billing.core.tones import TONES, Tone
from billing.edge.outputs import REPORT
from billing.edge.pages.rendering import HERE
from billing.edge.workbooks.book import opened
from billing.edge.workbooks.cells import (
    CUT,
    EXACT,
    LONGEST,
    Amount,
    Cell,
    Check,
    Day,
    Moment,
    Right,
    State,
    number_of,
    serial_of,
    text_of,
)
from billing.edge.workbooks.formats import COLOURS, INK, tint
from billing.edge.workbooks.mark import is_own_workbook
from billing.edge.workbooks.rows import text
from billing.edge.workbooks.sheet import Column
from billing.edge.workbooks.spool import Spool
from tests.reporting.hostile import TEXTS

BERLIN = ZoneInfo("Europe/Berlin")
WIDE = st.text(st.characters(exclude_categories=()))
ODD = [
    "<r><t>x</t></r>",
    "<r></r></t></is></c>",
    "_x0041_",
    "_X0041_",
    "\ud800",
    "\udfff a",
    " a ",
    "\n",
    "\r\n",
    "\x00",
]


def book_of(path: Path, *lines: list[Cell]) -> Path:
    """Write a workbook of one sheet with these lines."""
    path.touch()
    with opened(path, BERLIN) as book:
        sheet = book.sheet("Sheet")
        for line in lines:
            sheet.line(line)
        book.finish("head", "foot & more")
    return path


def shown(cell: str) -> str:
    """Return what a spreadsheet shows of a cell as `text` writes it."""
    held = ElementTree.fromstring(cell)[0][0].text or ""
    return str(unescape(held))


@given(WIDE | st.sampled_from([*TEXTS, *ODD]))
def test_any_text_is_read_back_character_by_character_from_sound_xml(value: str):
    cell = text("A1", 1, text_of(value))
    cell.encode()
    assert shown(cell) == value.encode("utf-8", "backslashreplace").decode()


@given(st.integers(0, 3), st.sampled_from(["a", "\N{GRINNING FACE}"]), st.sampled_from([1, LONGEST, 3 * LONGEST]))
def test_a_text_fits_a_cell_or_is_cut_and_says_so(less: int, char: str, units: int):
    value = char * max(1, units // (len(char.encode("utf-16-le")) // 2) - less)
    kept = text_of(value)
    assert len(kept.encode("utf-16-le")) // 2 <= LONGEST
    assert kept == value or (kept.endswith(CUT) and value.startswith(kept.removesuffix(CUT)))
    assert (kept == value) is (len(value.encode("utf-16-le")) // 2 <= LONGEST)


@given(st.integers(-EXACT + 1, EXACT - 1), st.sampled_from(sorted(CURRENCIES)))
def test_an_amount_is_exactly_its_minor_units_as_far_as_a_number_can_be(minor: int, currency: str):
    number = number_of(Amount(minor, currency))
    assert number is not None
    assert Decimal(f"{number:.15G}").scaleb(CURRENCIES[currency].exponent) == minor
    assert number_of(Amount(minor + (EXACT if minor >= 0 else -EXACT), currency)) is None


@pytest.mark.parametrize("iso", ["", "soon", "1899-12-31T00:00:00+00:00", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_moment_that_a_spreadsheet_can_show_is_none(iso: str):
    assert serial_of(iso, BERLIN) is None


def test_a_workbook_reads_back_with_its_types_and_nothing_of_its_texts_is_a_formula(tmp_path: Path):
    moment = "2026-11-28T16:44:26.500+00:00"
    lines: list[list[Cell]] = [
        [7, Amount(-1_234_567, "usd"), Amount(1500, "jpy"), Amount(1230, "kwd"), Amount(EXACT, "usd")],
        [Moment(moment), Day("2026-12-09"), State("Paid", Tone.PAID), Right("12 %"), Check("A1-7")],
        *[[each] for each in TEXTS],
    ]
    sheet = load_workbook(book_of(tmp_path / "a.xlsx", *lines))["Sheet"]
    first, second, *texts = list(sheet.iter_rows())
    assert [cell.value for cell in first] == [7, -12345.67, 1500, 1.23, "10000000000000.00"]
    assert [cell.number_format for cell in first][1:4] == ["#,##0.00", "#,##0", "#,##0.000"]
    assert f"{second[0].value:%Y-%m-%d %H:%M:%S}" == "2026-11-28 17:44:26"
    assert f"{second[1].value:%Y-%m-%d}" == "2026-12-09"
    assert [cell.value for cell in second][2:] == ["Paid", "12 %", "=A1-7"]
    assert [unescape(row[0].value) for row in texts] == [*TEXTS]
    assert [row[0].data_type for row in texts] == ["s"] * len(TEXTS)
    assert len([cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]) == 1


def test_columns_without_anything_are_out_of_sight_and_the_others_are_not(tmp_path: Path):
    path = tmp_path / "a.xlsx"
    path.touch()
    with opened(path, BERLIN) as book:
        sheet = book.sheet("Sheet")
        sheet.table([Column("One", quiet=True), Column("Two", quiet=True), Column("Three")])
        sheet.line(["a", "", None])
        book.finish("", "")
    widths = load_workbook(path)["Sheet"].column_dimensions
    assert [widths[name].hidden for name in "ABC"] == [False, True, False]


def test_a_workbook_that_fails_leaves_no_open_file_behind(tmp_path: Path):
    path = tmp_path / "made"
    path.touch()
    with pytest.raises(ZeroDivisionError), opened(path, BERLIN) as book:
        book.sheet("Sheet").line(["a"] * (1 // 0))
    assert path.read_bytes() == b""


def test_only_a_workbook_that_billing_wrote_and_nobody_saved_is_its_own(tmp_path: Path):
    with opened(tmp_path / "ours.xlsx", BERLIN) as book:
        book.sheet("Sheet").line(["a"])
        book.describe("title", datetime(2026, 11, 30, tzinfo=UTC), {"Run": "a-2026-11"})
        book.finish("", "")
    Plain(str(tmp_path / "theirs.xlsx")).close()
    Workbook().save(tmp_path / "other.xlsx")
    saved = load_workbook(tmp_path / "ours.xlsx")
    saved.properties.lastModifiedBy = "Somebody"
    saved.save(tmp_path / "saved.xlsx")
    (tmp_path / "cut.xlsx").write_bytes((tmp_path / "ours.xlsx").read_bytes()[:-200])
    (tmp_path / "text.xlsx").write_text("PK\x03\x04")
    with zipfile.ZipFile(tmp_path / "empty.xlsx", "w"):
        pass
    own = {path.name for path in tmp_path.iterdir() if is_own_workbook(path)}
    assert own == {"ours.xlsx"}
    assert REPORT.is_workbook(tmp_path / "ours.xlsx")


def test_the_tones_are_those_of_the_pages_and_the_words_on_them_can_be_read():
    css = (HERE / "static" / "base.css").read_text()
    light = css[: css.index("@media")]
    for tone in set(TONES.values()):
        assert f"--{tone}:{COLOURS[tone].lower()}" in light
        assert _contrast(tint(tone), INK) > 7
    assert _contrast(tint(Tone.FINAL), COLOURS[Tone.FINAL]) > 4.5


def _contrast(one: str, other: str) -> float:
    """Return the contrast of two colours. (WCAG 2.2, relative luminance)"""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@given(st.lists(st.tuples(st.integers(0, 3), WIDE)))
def test_a_spool_gives_back_each_group_in_the_order_in_which_it_came(records: list[tuple[int, str]]):
    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(Path(folder) / "spool")
        for group, word in records:
            spool.keep(group, (group, word, None))
        for wanted in range(4):
            assert list(spool.of(wanted)) == [(group, word, None) for group, word in records if group == wanted]
        spool.close()
