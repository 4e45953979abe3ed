"""A report as Markdown: its figures are the ledger's, its texts stay texts, and it fits where it is put."""

import re

import pytest

from billing.core import wording
from billing.core.items import Kind
from billing.core.wording import NOTHING
from billing.flow.outturn import outturn_of
from billing.flow.report import Wanted, known_run
from billing.flow.reporting.kindwords import WORDS
from billing.flow.reporting.markdown import LIMIT, as_markdown, label
from billing.flow.reporting.overview import overview_of
from tests.edge.test_markdown import GFM, Elements
from tests.reporting.ledgers import RUN, made
from tests.reporting.test_overview import RUNS

OURS = {
    "h2", "h3", "p", "strong", "code", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "details", "summary",
    "pre", "blockquote",
}  # fmt: skip


def cells_of(text: str) -> list[list[str]]:
    """Return the rows of the first table, without emphasis."""
    lines = text[text.index("|  | lines") :].split("\n\n")[0].splitlines()
    return [[cell.strip().strip("*") for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("attacks", [False, True])
def test_each_row_has_the_lines_and_the_money_of_the_ledger(tmp_path, attacks):
    done = made(tmp_path / "made", 240, hostile=attacks)
    with done.read() as ledger:
        text = "".join(as_markdown(ledger, RUN))
        outturn = outturn_of(ledger, record := known_run(ledger, RUN))
    head, _, *rows = cells_of(text)
    told = {name: dict(zip(head[1:], rest, strict=True)) for name, *rest in rows}
    for code, row in [*outturn.rows.items(), ("sheet", outturn.total)]:
        mine = told["Sheet" if code == "sheet" else label(record.kind, code)]
        assert mine.pop("lines") == f"{row.lines:,}"
        assert mine == {
            one: wording.amount(row.totals[one.lower()], one.lower()) if row.totals[one.lower()] else NOTHING
            for one in mine
        }
    assert "Totals agree with the sheet." in text


def test_texts_of_a_sheet_and_of_stripe_make_no_element(tmp_path):
    with made(tmp_path / "made", 300, hostile=True).read() as ledger:
        texts = ["".join(as_markdown(ledger, RUN, commands=["billing x"]))]
        texts.append("".join(as_markdown(ledger, RUN, Wanted(references=frozenset({"*<*", "`|*"})))))
    for text in texts:
        page = Elements.of(GFM.render(text))
        assert {*page.names} <= OURS
        assert not re.search(r"<(?!details|summary|/details|/summary)", re.sub(r"(`+).*?\1", "", text))


def test_however_large_a_run_is_it_fits_into_a_comment_and_says_what_it_leaves_out(tmp_path):
    with made(tmp_path / "made", 9_000, 400, hostile=True).read() as ledger:
        text = "".join(as_markdown(ledger, RUN))
        needs = overview_of(ledger, RUN).need_lines
    assert len(text) < LIMIT
    deeds = text[text.index("| what to do ") :].split("\n\n")
    listed = sum(int(row.split(" | ")[-2].replace(",", "")) for row in deeds[0].splitlines()[2:])
    more = re.match("([0-9,]+) lines? more", deeds[1])
    assert listed + (int(more[1].replace(",", "")) if more else 0) == needs
    assert " more in `report.csv`." in text


def test_a_report_of_some_lines_says_which(tmp_path):
    with made(tmp_path / "made", 60).read() as ledger:
        text = "".join(as_markdown(ledger, RUN, Wanted(statuses=frozenset({"declined"}))))
    assert "**Only lines of** `status declined`" in text
    assert "**Asked for**" in text
    assert "Totals agree" not in text


@pytest.mark.parametrize("kind", Kind)
async def test_a_run_of_any_kind_is_told_in_its_own_words(tmp_path, kind):
    world = await RUNS[kind](tmp_path)
    async with world.read() as ledger:
        text = "".join(as_markdown(ledger, ledger.runs()[0].run_id))
    assert any(said in text.split(".**")[0] for said in (WORDS[kind].done, WORDS[kind].done_one))
    assert f" · {kind}s · **TEST**" in text
    assert {*Elements.of(GFM.render(text)).names} <= OURS
    assert "None" not in text
