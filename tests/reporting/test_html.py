"""The page of a report as files: what is written where, what is refused, and what it never holds."""

import re
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.core.errors import RunStopped, UsageError
from billing.flow.report import Wanted
from billing.flow.reporting.html import html_text
from billing.flow.reporting.page.parts import MOST, shared_out
from tests.reporting.conftest import LINES, LONG
from tests.reporting.pages import written

ANCHOR = re.compile(r'<tr role="row" id="([^"]*)"')
LINK = re.compile(r'<a class="any" href="([^"#]*)#([^"]*)"')


def test_a_page_needs_nothing_but_itself(plain, tmp_path):
    written(plain, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text("utf-8")
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").stat().st_mode & 0o777 == 0o600
    assert not re.search(r"""\s(style|on[a-z]+)=["']""", text.partition("<body>")[2])
    addresses = re.findall(r'(?:href|src)="(?!#)([^"]*)"', text)
    assert all(each.startswith("https://dashboard.stripe.com/") for each in addresses)
    assert not re.search(r"url\(|@import|<link|<img|<iframe", text)


def test_links_lead_to_the_account_that_was_charged_in_the_mode_of_the_run(plain, tmp_path):
    written(plain, tmp_path / "report.html")
    found = re.findall(r'href="https://dashboard.stripe.com/([^"]*)"', (tmp_path / "report.html").read_text("utf-8"))
    assert found
    assert all(re.match(r"acct_[0-9]+/test/(payments|dashboard|payouts|disputes)\b", each) for each in found)


def test_no_text_of_the_sheet_stands_in_a_page_but_ids_and_amounts(plain, tmp_path):
    written(plain, tmp_path / "report.html")
    text = unescape((tmp_path / "report.html").read_text("utf-8"))
    with plain.read() as ledger:
        columns = ledger.run(plain.run_id).header["columns"]
        lines = list(ledger.report(plain.run_id))
    told = {line.cells[columns.index("description")] for line in lines} | {line.detail for line in lines if line.detail}
    assert len(told) > 1
    assert [each for each in told if each in text] == []


def test_a_part_of_a_run_says_so_and_has_those_lines_alone(plain, tmp_path):
    written(plain, tmp_path / "report.html", Wanted(statuses=frozenset({"declined"})))
    text = (tmp_path / "report.html").read_text("utf-8")
    assert "Only a part of the run:" in text
    assert "lines of status declined." in text
    assert 0 < len(ANCHOR.findall(text)) < LINES
    assert "Totals tie" not in text


def test_a_page_to_stdout_is_the_one_that_is_written(plain, tmp_path):
    written(plain, tmp_path / "report.html")
    with plain.read() as ledger:
        text = "".join(html_text(ledger, plain.run_id))
    moment = re.compile(r"figures as of [^·]*·")
    assert moment.sub("", text) == moment.sub("", (tmp_path / "report.html").read_text("utf-8"))


def test_a_long_list_stands_in_a_folder_with_every_line_once_and_an_index_that_finds_it(long, tmp_path):
    (said,) = written(long, tmp_path / "report.html")
    folder = tmp_path / "report-lines"
    lines = {page.name: ANCHOR.findall(page.read_text("utf-8")) for page in sorted(folder.glob("lines-*.html"))}
    anchors = [anchor for page in lines.values() for anchor in page]
    assert len(anchors) == len(set(anchors)) == LONG
    assert all(len(page) <= MOST for page in lines.values())
    index = [entry for page in sorted(folder.glob("references-*.html"))
             for entry in LINK.findall(page.read_text("utf-8"))]  # fmt: skip
    assert {(page, anchor) for page, anchor in index} == {(page, each) for page in lines for each in lines[page]}
    assert [anchor for _, anchor in index] == sorted(anchors)
    assert ANCHOR.findall((tmp_path / "report.html").read_text("utf-8")) == []
    assert f"{len(lines)} pages" in said
    assert {each.stat().st_mode & 0o777 for each in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    with long.read() as ledger, pytest.raises(UsageError, match=r"name a file with -o report\.html"):
        list(html_text(ledger, long.run_id))
    with pytest.raises(UsageError, match="too many for one page"):
        written(long, Path("/dev/null"))
    written(long, tmp_path / "report.html", Wanted(accounts=frozenset({"acct_1000000000000003"})))
    assert not folder.exists()


def test_a_folder_that_holds_anything_else_is_left_alone(long, tmp_path):
    folder = tmp_path / "report-lines"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"notes\.txt is not from a report"):
        written(long, tmp_path / "report.html")
    assert [each.name for each in tmp_path.iterdir()] == ["report-lines"]
    (folder / "notes.txt").unlink()
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(RunStopped, match="symbolic link"):
        written(long, tmp_path / "report.html")


@given(st.lists(st.integers(min_value=1, max_value=40), max_size=30), st.integers(min_value=1, max_value=20))
def test_accounts_are_shared_out_to_pages_whole_in_their_order_and_none_is_too_long(counts, most):
    accounts = {f"acct_{at:03}": lines for at, lines in enumerate(counts)}
    pages = list(shared_out(accounts, most))
    pieces = [piece for page in pages for piece in page]
    assert all(1 <= sum(piece.after - piece.first for piece in page) <= most for page in pages)
    spread = [(piece.account, at) for piece in pieces for at in range(piece.first, piece.after)]
    assert sorted(spread) == [(account, at) for account, lines in accounts.items() for at in range(lines)]
    assert all(sum(piece.account == account for piece in pieces) == -(-lines // most)
               for account, lines in accounts.items())  # fmt: skip
