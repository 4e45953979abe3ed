"""The workbook as a person asks for it: for its owner alone, over an older one of ours and over nothing else."""

import stat

from cli_tools import ID
from openpyxl import Workbook, load_workbook


def test_a_workbook_is_written_by_its_suffix_replaced_while_it_is_ours_and_never_on_stdout(finished):
    billing, path = finished.billing, finished.billing.folder / "report.xlsx"
    for _ in range(2):
        ended = billing("report", ID, "-o", "report.xlsx")
        assert (ended.code, ended.out) == (0, "")
        assert ended.err == "report.xlsx: written, 30 lines and their sums as a workbook\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    book = load_workbook(path)
    paid = sum(row[2] == "Paid" for row in book["Items"].iter_rows(values_only=True))
    assert paid == finished.summary["counts"]["succeeded"]
    refused = billing("report", ID, "--format", "xlsx")
    assert (refused.code, refused.out) == (2, "")
    book.properties.lastModifiedBy = "Somebody"
    book.save(path)
    Workbook().save(path.with_name("theirs.xlsx"))
    for name in ("report.xlsx", "theirs.xlsx"):
        before = path.with_name(name).read_bytes()
        refused = billing("report", ID, "-o", name)
        assert refused.code == 2
        assert "--force" in refused.err
        assert path.with_name(name).read_bytes() == before
        assert billing("report", ID, "-o", name, "--force").code == 0
    assert not list(path.parent.glob(".*xlsx*"))


def test_a_workbook_of_some_lines_has_those_alone(finished):
    assert finished.billing("report", ID, "-o", "some.xlsx", "--reference", "INV-0000*").code == 0
    items = load_workbook(finished.billing.folder / "some.xlsx")["Items"]
    assert {row[1] for row in items.iter_rows(min_row=2, values_only=True)} == {f"INV-0000{n}" for n in range(1, 10)}


def test_where_no_file_can_be_made_the_workbook_is_refused_like_every_other_output(finished):
    (finished.billing.folder / "link.xlsx").symlink_to("elsewhere.xlsx")
    assert finished.billing("report", ID, "-o", "no/such/folder.xlsx").code == 2
    assert finished.billing("report", ID, "-o", "link.xlsx").code == 6
    assert not (finished.billing.folder / "elsewhere.xlsx").exists()
