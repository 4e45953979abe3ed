"""Laws of workbooks over the grammar: they say what the same lines say as CSV, and damage never ends in a crash."""

import io
import zipfile
from contextlib import suppress
from typing import Any

import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from billing.core.errors import InvalidInput, UsageError
from billing.core.keys import charge_digest
from billing.flow.planning.plan import plan_offline
from tests.fuzz.grammar import CORE, Sheet, as_csv, cells_of, sheets
from tests.fuzz.reading import opened

MONEY = {CORE.index("amount"), CORE.index("application_fee")}
FORMATS = st.sampled_from(["General", "0.00##", "#,##0.00##", "@", "_-* #,##0.00##_-;-* #,##0.00##_-", "0.000"])
BYTES = st.binary(min_size=0, max_size=4) | st.sampled_from(
    [b"<", b">", b"/>", b'"', b"&", b"&lt;", b"<v>", b"</c>", b"</row>", b"<c>", b"<f/>", b'r="', b't="s"', b't="e"',
     b"-", b"1e9", b"9999999999", b"\0", b"\xff", b"PK\x01\x02", b"PK\x05\x06", b"<!DOCTYPE x>", b"<![CDATA[",
     b"<!--", b"\x08\0"]
)  # fmt: skip


def as_xlsx(sheet: Sheet, code: str, typed: list[bool]) -> bytes:
    """The items as a workbook; what can be a number is one where ``typed`` says so, in turn."""
    kept, turn = io.BytesIO(), 0
    with xlsxwriter.Workbook(kept, {"in_memory": True}) as book:
        page, shown = book.add_worksheet(), book.add_format({"num_format": code})
        page.write_row(0, 0, sheet.columns)
        for row, item in enumerate(sheet.items, 1):
            for column, text in enumerate(cells_of(item, sheet.keys)):
                turn += 1
                plain = text.isascii() and text.isdigit() and len(text) <= 15 and str(int(text)) == text
                if column in MONEY and text and typed[turn % len(typed)]:
                    page.write_number(row, column, float(text), shown)
                elif column == 0 and plain and typed[turn % len(typed)]:
                    page.write_number(row, column, int(text))
                elif text:
                    page.write_string(row, column, text)
    return kept.getvalue()


@given(sheets(), FORMATS, st.lists(st.booleans(), min_size=1, max_size=5))
def a_workbook_says_what_a_csv_says(sheet: Sheet, code: str, typed: list[bool]) -> None:
    """The same lines, whichever cells are numbers, are the same charges with the same digests in the same plan."""
    found: list[Any] = []
    rows = [cells_of(item, sheet.keys) for item in sheet.items]
    for content, suffix in ((as_xlsx(sheet, code, typed), ".xlsx"), (as_csv(sheet.columns, rows), ".csv")):
        with opened(content, suffix) as run_file:
            lines = [(line.line, line.item) for line in run_file.lines()]
            digest = plan_offline(run_file, None, "acct_P").digest
        found.append((lines, [charge_digest(item) for _, item in lines if item is not None], digest))
    assert [item for _, item in found[0][0]] == list(sheet.items)
    assert found[0] == found[1]


NUMBERS = st.integers(0, 10**6)


@given(sheets(least=1, most=2), NUMBERS, st.integers(0, 12), NUMBERS, st.integers(0, 9), BYTES)
def a_damaged_workbook_never_ends_in_a_crash(sheet: Sheet, part: int, way: int, at: int, cut: int, put: bytes) -> None:
    """A workbook changed anywhere, packed or inside of a part, is read or refused in words."""
    content = _damaged(as_xlsx(sheet, "0.00##", [True]), part, way, at, cut, put)
    with suppress(InvalidInput, UsageError), opened(content, ".xlsx") as run_file:
        for line in run_file.lines():
            assert line.item is None or line.item.amount.minor > 0


def _damaged(content: bytes, part: int, way: int, at: int, cut: int, put: bytes) -> bytes:
    if way == 0:
        return _changed(content, at, cut, put)
    with zipfile.ZipFile(io.BytesIO(content)) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    read = [name for name in parts if not name.startswith("docProps") and "theme" not in name]
    name, other = read[part % len(read)], read[at % len(read)]
    if way == 1:
        del parts[name]
    elif way == 2:
        parts[name] = parts[other]
    else:
        parts[name] = _changed(parts[name], at, cut, put)
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as new:
        for each, told in parts.items():
            new.writestr(each, told)
    return kept.getvalue()


def _changed(content: bytes, at: int, cut: int, put: bytes) -> bytes:
    at %= len(content) + 1
    return content[:at] + put + content[at + cut :]
