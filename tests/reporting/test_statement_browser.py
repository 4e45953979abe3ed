"""What the owner of an account sees, hears and prints of a statement, also narrow, without a script, and hostile."""

import pytest

from billing.edge.ownfolder import OwnFolder
from billing.flow.report import EVERY_LINE
from billing.flow.report_files import Layout
from billing.flow.reporting.statement_files import write_statements
from tests.reporting.browser import NARROW, PHONE, SHAPES, WIDE, shown
from tests.reporting.ledgers import RUN
from tests.reporting.pages import minor

pytestmark = pytest.mark.asyncio(loop_scope="module")


def statements(made, folder):
    with made.read() as ledger, ledger.at_one_moment():
        list(write_statements(ledger, RUN, EVERY_LINE, Layout(), OwnFolder(folder), "billing reconcile"))
    pages = sorted(folder.glob("*.html"), key=lambda path: -path.stat().st_size)
    return [path for path in pages if path.name != "index.html"], folder / "index.html"


@pytest.fixture(scope="session")
def ordinary(plain, tmp_path_factory):
    return statements(plain, tmp_path_factory.mktemp("ordinary"))


@pytest.fixture(scope="session")
def hostile(attacked, tmp_path_factory):
    return statements(attacked, tmp_path_factory.mktemp("hostile"))


@pytest.mark.parametrize(("scheme", "view"), [("light", WIDE), ("dark", PHONE)], ids=["light, wide", "dark, phone"])
async def test_a_screen_reader_finds_nothing_missing(browser, ordinary, scheme, view, record_property):
    pages, index = ordinary
    for path in (*pages[:2], index):
        async with shown(browser, path, color_scheme=scheme, viewport=view, bypass_csp=True) as page:
            assert await page.complaints() == []
    record_property("evidence", "statements as pages: 3 views, 0 complaints of axe-core")


async def test_nothing_has_to_be_pushed_sideways_but_the_wide_list_in_its_own_frame(browser, ordinary, hostile):
    for pages, index in (ordinary, hostile):
        for path in (*pages[:3], index):
            async with shown(browser, path) as page:
                for view in (WIDE, PHONE, NARROW):
                    assert await page.wide_at(view) == 0, (path, view)


async def test_hostile_texts_make_no_element_no_request_and_no_complaint(browser, ordinary, hostile):
    shapes = []
    for pages, index in (ordinary, hostile):
        seen: set[str] = set()
        for path in (*pages[:8], index):
            async with shown(browser, path) as page:
                assert (page.said, page.sent) == ([], []), path
                seen |= set(await page.look(SHAPES))
        shapes.append(seen)
    assert shapes[1] <= shapes[0], shapes[1] - shapes[0]


async def test_the_sums_of_a_page_add_up(browser, ordinary):
    pages, _ = ordinary
    for path in pages[:6]:
        async with shown(browser, path, java_script_enabled=True) as page:
            rows = await page.look(
                "[...document.querySelectorAll('#money tbody tr')].map((row) => "
                "[row.className, ...[...row.children].map((cell) => cell.textContent)])"
            )
        names = [row[1] for row in rows]
        total = names.index("Yours")
        assert rows[total][0] == "sum"
        for column in range(2, len(rows[0])):
            figures = [minor(row[column]) for row in rows]
            assert sum(figures[:total]) == figures[total] == sum(figures[total + 1 :])


async def test_a_statement_is_printed_whole(browser, ordinary):
    (path, *_), _ = ordinary
    async with shown(browser, path) as page:
        await page.tab.emulate_media(media="print")
        assert not await page.tab.locator(".jump").is_visible()
        for section in ("#money", "#payouts", "#states", "#lines"):
            assert await page.tab.locator(section).is_visible()
        assert (await page.tab.pdf(format="A4")).startswith(b"%PDF")
