"""Workbooks that somebody made to do harm, or that are none: a sentence, little memory, nothing run."""

import io
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest

from billing.core.errors import InvalidInput, Problem
from billing.edge.runfiles import open_run
from billing.edge.runfiles.workbook import package as package_module
from billing.edge.runfiles.workbook import strings as strings_module
from tests.edge.runfiles.workbooks import PART, Cell, changed, replacing, saved, with_line, written

RUN = "coaching-2026-11"
STRINGS = "xl/sharedStrings.xml"
OLE = bytes.fromhex("d0cf11e0a1b11ae1")


def refused(path: Path, **asked: Any) -> list[Problem]:
    with pytest.raises(InvalidInput) as caught:
        open_run(path, run_id=RUN, **asked)
    return list(caught.value.problems)


def codes(path: Path) -> list[str]:
    return [each.code for each in refused(path)]


def compound(name: str) -> bytes:
    """The beginning of a compound file with one entry of this name."""
    head = bytearray(512)
    head[:8] = OLE
    struct.pack_into("<H", head, 30, 9)
    struct.pack_into("<I", head, 48, 3)
    return bytes(head) + bytes(512 * 3) + name.encode("utf-16-le").ljust(512, b"\0")


def archive(**parts: bytes) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as new:
        for name, content in parts.items():
            new.writestr(name.replace("__", "/"), content)
    return kept.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (compound("Workbook"), "the file is a workbook of the old kind (.xls)"),
        (compound("EncryptedPackage"), "the file is a workbook with a password"),
        (OLE, "the file is a workbook of the old kind (.xls)"),
        (archive(mimetype=b"application/vnd.oasis.opendocument.spreadsheet"), "the file is of LibreOffice (.ods)"),
        (archive(**{"Index__Document.iwa": b""}), "the file is of Numbers"),
        (archive(**{"xl__workbook.bin": b""}), "the file is a binary workbook (.xlsb)"),
        (archive(**{"word__document.xml": b""}), "the file is a text document (.docx)"),
        (archive(**{"sheet.csv": b""}), "the file is a zip archive and no workbook"),
        (b"reference,customer\n", "the file is text and no workbook"),
        (b"", "the workbook is damaged"),
        (b"PK\x03\x04" + bytes(100), "the workbook is damaged"),
    ],
)
def test_what_is_no_workbook_is_told_for_what_it_is(tmp_path: Path, content: bytes, message: str):
    path = tmp_path / "sheet.xlsx"
    path.write_bytes(content)
    assert [each.message for each in refused(path)] == [message]


@pytest.mark.parametrize("suffix", [".csv", ".yaml", ".json", ".tsv"])
def test_a_workbook_of_another_name_is_told_how_to_name_it(tmp_path: Path, suffix: str):
    path = written(tmp_path / "a.xlsx", with_line()).rename(tmp_path / f"a{suffix}")
    with pytest.raises(InvalidInput) as caught:
        open_run(path, run_id=None if suffix in {".yaml", ".json"} else RUN)
    (problem,) = caught.value.problems
    assert (problem.code, problem.hint) == ("not_text", "name it .xlsx")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_workbook_that_was_cut_off_is_damaged(tmp_path: Path, share: float):
    path = written(tmp_path / "a.xlsx", with_line())
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert codes(path) == ["damaged_workbook"]


ENTITIES = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">'


@pytest.mark.parametrize("doctype", [ENTITIES, OUTSIDE])
@pytest.mark.parametrize("part", [PART, STRINGS, "xl/workbook.xml", "xl/styles.xml", "_rels/.rels"])
def test_no_document_type_is_looked_at(tmp_path: Path, part: str, doctype: str):
    path = written(tmp_path / "a.xlsx", with_line())
    changed(path, {part: lambda content: content.replace(b"?>", b"?>" + doctype.encode(), 1)})
    assert codes(path) == ["document_type"]


def _peak(path: Path) -> tuple[list[str], int]:
    tracemalloc.start()
    try:
        return codes(path), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


BOMBS = {
    "a value without an end": (PART, "<v>", "<v>" + "9" * 40_000_000, "too_long"),
    "a text without an end": (STRINGS, "<t>", "<t>" + "x" * 40_000_000, "too_long"),
    "a tag without an end": (PART, "<sheetData>", "<sheetData><row " + "x" * 40_000_000, "damaged_workbook"),
    "an attribute without an end": (PART, "<sheetData>", '<sheetData x="' + "x" * 40_000_000, "damaged_workbook"),
    "tags in tags": (PART, "<sheetData>", "<sheetData>" + "<a>" * 10_000_000, "damaged_workbook"),
    "blanks": (PART, "</sheetData>", "</sheetData>" + " " * 60_000_000, ""),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_part_that_swells_takes_little_memory(tmp_path: Path, bomb: str):
    part, old, new, code = BOMBS[bomb]
    path = written(tmp_path / "a.xlsx", with_line(amount="x"))
    changed(path, {part: lambda content: content.replace(old.encode(), new.encode(), 1)})
    assert path.stat().st_size < 1_000_000
    found, peak = _peak(path)
    assert found == [code or "amount_not_number"]
    assert peak < 12_000_000


def test_a_part_larger_than_any_is_not_unpacked_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(package_module, "LARGEST_PART", 1_000_000)
    path = written(tmp_path / "a.xlsx", with_line())
    changed(path, {PART: replacing("</sheetData>", "</sheetData>" + " " * 2_000_000)})
    assert codes(path) == ["too_large"]


def test_more_parts_and_texts_than_a_workbook_has_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = written(tmp_path / "a.xlsx", with_line())
    monkeypatch.setattr(strings_module, "MOST", 2)
    assert codes(path) == ["too_large"]
    with zipfile.ZipFile(path, "a") as book:
        for number in range(70_000):
            book.writestr(f"{number:080}.xml", b"")
    assert codes(path) == ["too_many_parts"]


def test_a_part_with_a_password_or_packed_unusually_is_refused(tmp_path: Path):
    path = written(tmp_path / "a.xlsx", with_line())
    content = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        at = -1
        while (at := content.find(mark, at + 1)) >= 0:
            content[at + flags] |= 1
    (tmp_path / "b.xlsx").write_bytes(content)
    assert codes(tmp_path / "b.xlsx") == ["encrypted_workbook"]
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "c.xlsx", "w", zipfile.ZIP_LZMA) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    assert codes(tmp_path / "c.xlsx") == ["damaged_workbook"]


def test_two_parts_of_one_name_are_refused(tmp_path: Path):
    path = written(tmp_path / "a.xlsx", with_line())
    with zipfile.ZipFile(path) as old:
        sheet = old.read(PART)
    with zipfile.ZipFile(path, "a") as book, pytest.warns(UserWarning, match="Duplicate name"):
        book.writestr(PART, sheet.replace(b"10.99", b"99.99"))
    assert codes(path) == ["damaged_workbook"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('<c r="B2"', '<c r="A2"'),
        ('<c r="B2"', '<c r="B3"'),
        ('<c r="B2"', '<c r="XFE2"'),
        ('<c r="B2"', '<c r="b2"'),
        ('<c r="B2"', '<c r=""'),
        ('<row r="2"', '<row r="1"'),
        ('<row r="2"', '<row r="1048577"'),
        ('<row r="2"', '<row r="0"'),
        ("</sheetData>", "<sheetData>"),
        ("</sheetData>", '</sheetData><extLst><row r="3"><c r="A3"><v>1</v></c></row></extLst>'),
        ("</sheetData>", '</sheetData><extLst><ext><sheetData><row r="3"/></sheetData></ext></extLst>'),
        ("</sheetData>", '<x><row r="3"><c r="A3"><v>1</v></c></row></x></sheetData>'),
        ("<v>4</v>", "<v>99999</v>"),
        ("<v>4</v>", "<v>-1</v>"),
        ("<v>4</v>", "<v>x</v>"),
        ('<row r="2"', '<c r="A2"><v>0</v></c><row r="2"'),
        ("<v>4</v>", "<v>4</v><v>5</v>"),
        ("<v>4</v>", "<v>4</v><is><t>x</t></is>"),
        ("<v>10.99</v>", "</c><v>9</v><c>"),
        ('<c r="B2"', '<c r="B2"><c r="B2"/></c><c r="B2"'),
        ('encoding="UTF-8"', 'encoding="klingon"'),
    ],
)
def test_a_sheet_that_two_programs_would_read_differently_is_refused(tmp_path: Path, old: str, new: str):
    path = changed(written(tmp_path / "a.xlsx", with_line()), {PART: replacing(old, new)})
    assert codes(path) == ["damaged_workbook"]


def test_a_format_of_a_condition_is_none_of_a_cell(tmp_path: Path):
    def look(content: bytes) -> bytes:
        found = b'<dxf><numFmt numFmtId="164" formatCode="0.00"/></dxf>'
        return content.replace(b'<dxfs count="0"/>', b'<dxfs count="1">' + found + b"</dxfs>")

    path = written(tmp_path / "a.xlsx", with_line(amount=Cell(10.99, '0.00" k"')))
    assert codes(changed(path, {"xl/styles.xml": look})) == ["number_format"]


def test_a_condition_that_shows_another_number_is_refused(tmp_path: Path):
    def conditional(book: Any, sheet: Any) -> None:
        free = book.add_format({"num_format": '"free"'})
        sheet.conditional_format("D2", {"type": "cell", "criteria": ">", "value": 0, "format": free})

    def coloured(book: Any, sheet: Any) -> None:
        red = book.add_format({"bg_color": "red"})
        sheet.conditional_format("D2", {"type": "cell", "criteria": ">", "value": 0, "format": red})

    assert codes(written(tmp_path / "a.xlsx", with_line(), conditional)) == ["number_format"]
    with open_run(written(tmp_path / "b.xlsx", with_line(), coloured), run_id=RUN) as opened:
        assert opened.count == 1


@pytest.mark.parametrize("part", [PART, STRINGS, "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "_rels/.rels"])
def test_a_workbook_without_one_of_its_parts_is_refused(tmp_path: Path, part: str):
    path = changed(written(tmp_path / "a.xlsx", with_line()), {part: lambda _: None})
    assert codes(path)[0] in {"damaged_workbook", "not_a_workbook"}


def test_what_lies_outside_of_the_workbook_is_never_asked_for(tmp_path: Path):
    path = written(tmp_path / "a.xlsx", with_line())
    outside = (
        '<Relationship Id="rId1" Type="http://x/worksheet" Target="http://127.0.0.1:9/x.xml" TargetMode="External"/>'
    )
    links = "xl/_rels/workbook.xml.rels"
    changed(path, {links: lambda content: content.replace(b"</Relationships>", outside.encode() + b"</Relationships>")})
    with open_run(path, run_id=RUN) as run_file:
        assert run_file.count == 1
    changed(path, {links: replacing("worksheets/sheet1.xml", "../../../../etc/passwd")})
    assert codes(path) == ["damaged_workbook"]


@pytest.mark.parametrize("name", ["a\u202eb", "<b>x</b>", "=1+1", "x'y", "y" * 31])
def test_the_name_of_a_sheet_is_shown_and_nothing_more(tmp_path: Path, name: str):
    path = written(tmp_path / "a.xlsx", with_line(amount="x"))
    escaped = name.replace("<", "&lt;").replace("'", "&apos;")
    changed(path, {"xl/workbook.xml": replacing('name="November"', f'name="{escaped}"')})
    (problem,) = refused(path)
    assert problem.sheet == name
    assert "!D2: amount " in str(problem)


def test_absurd_dimensions_mean_nothing(tmp_path: Path):
    path = saved(tmp_path / "a.xlsx", with_line())
    changed(path, {PART: replacing('<dimension ref="A1:E2"', '<dimension ref="A1:XFD1048576"')})
    with open_run(path, run_id=RUN) as run_file:
        assert run_file.count == 1
