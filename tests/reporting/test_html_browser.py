"""What a person sees, hears, prints and reaches of the page of a report, also narrow, without a script, and hostile."""

from collections import Counter
from itertools import pairwise

import pytest

from billing.flow.outturn import ROWS
from billing.flow.reporting.kindwords import first_up, row_words
from billing.flow.reporting.overview import overview_of
from billing.flow.reporting.page.listing import OWN
from tests.reporting import hostile
from tests.reporting.browser import IDS, NARROW, OUTLINE, PHONE, SHAPES, SIDEWAYS, TOTALS, WIDE, shown
from tests.reporting.ledgers import made
from tests.reporting.pages import minor, written

pytestmark = pytest.mark.asyncio(loop_scope="module")
ROW = "#all tbody tr:not([hidden])"


@pytest.fixture(scope="session")
def report(plain, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    written(plain, path)
    return path


@pytest.fixture(scope="session")
def short_report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("short")
    written(made(folder, 42, 3), folder / "report.html")
    return folder / "report.html"


@pytest.fixture(scope="session")
def attacked_report(attacked, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    written(attacked, path)
    return path


@pytest.mark.parametrize("view", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_screen_reader_finds_nothing_missing(browser, short_report, scheme, view, record_property):
    async with shown(browser, short_report, color_scheme=scheme, viewport=view, bypass_csp=True) as page:
        assert await page.complaints() == []
    record_property("evidence", "report as a page: 1 views, 0 complaints of axe-core")


async def test_the_totals_are_those_of_the_ledger_to_the_minor_unit(browser, report, plain):
    with plain.read() as ledger:
        overview = overview_of(ledger, plain.run_id)
    async with shown(browser, report) as page:
        cards = await page.look(TOTALS)
    assert cards.keys() == {code.upper() for code in overview.currencies}
    for code in overview.currencies:
        rows = {words: (int(lines.replace(",", "")), minor(money)) for words, lines, money in cards[code.upper()]}
        expected = {first_up(row_words(overview.record.kind, row)): (each.lines, each.totals[code])
                    for row, each in overview.rows_in(code)}  # fmt: skip
        assert {words: rows[words] for words in expected} == expected
        whole = [each for row, each in overview.rows_in(code) if row in ROWS]
        assert rows["All lines"] == (sum(each.lines for each in whole), sum(each.totals[code] for each in whole))
        assert rows["To charge"][1] == sum(
            each.totals[code] for row, each in overview.rows_in(code) if row not in ("nothing_owed", "left_out")
        )


async def test_every_line_stands_in_the_list_once_and_has_an_address_of_its_own(browser, report, plain):
    async with shown(browser, report) as page:
        ids = await page.look(IDS)
        names = await page.texts("#all tbody th")
        assert len(ids) == len(set(ids))
        assert names == [f"INV-{n:06}" for n in range(plain.lines)]
        assert set(names) <= set(ids)
        await page.tab.goto(f"{report.as_uri()}#{names[250]}")
        assert await page.look("document.querySelector('tr:target').id") == names[250]


async def test_no_id_of_the_page_itself_can_be_that_of_a_line(browser, report, plain):
    async with shown(browser, report) as page:
        own = set(await page.look(IDS)) - {f"INV-{n:06}" for n in range(plain.lines)}
    assert own <= OWN


async def test_the_list_is_filtered_by_text_and_state(browser, report):
    async with shown(browser, report) as page:
        find = page.tab.get_by_label("Reference, customer, account or amount")
        await find.fill("inv-00010")
        assert await page.texts(f"{ROW} th") == [f"INV-00010{n}" for n in range(10)]
        assert await page.texts("#found") == ["10 of 300 lines"]
        await find.fill("")
        await page.tab.locator("select[name=s]").select_option("on_its_way")
        assert {text.split(",")[0] for text in await page.texts(f"{ROW} td:last-child")} == {"On its way"}
        assert page.said == []


async def test_without_a_script_the_page_is_whole_and_offers_no_form(browser, report, plain):
    async with shown(browser, report, java_script_enabled=False) as page:
        assert await page.tab.locator(ROW).count() == plain.lines
        assert not await page.tab.locator("form").is_visible()
        await page.tab.locator("summary").first.click()
        assert await page.tab.locator("figure table").first.is_visible()


async def test_a_section_has_a_heading_and_a_link_to_it(browser, report):
    async with shown(browser, report) as page:
        links = await page.look("[...document.querySelectorAll('nav a')].map((each) => each.hash.slice(1))")
        sections = await page.look("[...document.querySelectorAll('main section[id]')].map((each) => each.id)")
        levels = [int(tag[1]) for tag, _ in await page.look(OUTLINE)]
    assert links == sections
    assert sections == ["money", "person", "why", "back", "bank", "accounts", "agree", "speed", "lines", "proof"]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("view", [NARROW, PHONE, {"width": 761, "height": 900}, {"width": 1600, "height": 900}])
async def test_nothing_is_cut_off_and_nothing_has_to_be_pushed_sideways(browser, report, attacked_report, view):
    for path in (report, attacked_report):
        async with shown(browser, path, viewport=view) as page:
            assert await page.look(SIDEWAYS) == 0
            await page.look("document.querySelectorAll('details').forEach((each) => { each.open = true })")
            assert await page.look(SIDEWAYS) == 0


@pytest.mark.parametrize("view", [WIDE, {"width": 640, "height": 900}], ids=["wide", "half"])
async def test_text_of_twice_the_size_fits(browser, report, view):
    async with shown(browser, report, viewport=view) as page:
        chromium = await page.tab.context.new_cdp_session(page.tab)
        await chromium.send("Page.setFontSizes", {"fontSizes": {"standard": 32, "fixed": 26}})
        assert await page.look("getComputedStyle(document.documentElement).fontSize") == "32px"
        assert await page.look(SIDEWAYS) == 0


async def test_print_opens_the_figures_and_leaves_out_what_cannot_be_used_on_paper(browser, report):
    async with shown(browser, report, color_scheme="dark") as page:
        await page.tab.emulate_media(media="print")
        for selector in ("nav", "#find", "#all", ".jump"):
            assert not await page.tab.locator(selector).first.is_visible()
        assert await page.tab.get_by_text("The list is not printed").is_visible()
        assert await page.look("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert await page.tab.locator("figure table").first.is_visible()


async def test_the_keyboard_reaches_content_sections_and_filter_in_that_order(browser, report):
    async with shown(browser, report) as page:
        await page.tab.keyboard.press("Tab")
        assert await page.look("document.activeElement.textContent") == "Skip to the content"
        await page.tab.keyboard.press("Tab")
        assert await page.look("document.activeElement.hash") == "#money"
        assert await page.look("getComputedStyle(document.activeElement).outlineWidth") == "3px"
        order = await page.look(
            "[...document.querySelectorAll('a, input, select, summary')].every((each) => each.tabIndex === 0)"
        )
    assert order


async def test_hostile_texts_are_texts_and_make_no_element_no_request_and_no_error(
    browser, report, attacked_report, record_property
):
    async with shown(browser, report) as harmless, shown(browser, attacked_report) as page:
        assert set(await page.look(SHAPES)) <= set(await harmless.look(SHAPES))
        ids = await page.look(IDS)
        assert await page.tab.title() == await harmless.tab.title()
        await page.tab.get_by_label("Reference, customer, account or amount").fill("<script>")
        await page.tab.locator("#found").get_by_text("lines").wait_for()
        assert (page.said, page.sent) == ([], [])
        assert [most for most in Counter(ids).most_common(1) if most[1] > 1] == []
        assert "<script>" in "".join(await page.texts("#all"))
    record_property(
        "evidence", f"report as a page: {len(hostile.TEXTS)} hostile texts in every field, 0 elements of theirs"
    )


@pytest.fixture(scope="session")
def long_report(long, tmp_path_factory):
    path = tmp_path_factory.mktemp("long page") / "report of november.html"
    written(long, path)
    return path


async def test_a_reference_leads_from_the_page_of_a_long_run_to_its_line(browser, long_report):
    async with shown(browser, long_report) as page:
        assert await page.tab.locator("tr[data-s]").count() == 0
        await page.tab.get_by_label("Reference").fill("INV-005021")
        await page.tab.keyboard.press("Enter")
        await page.tab.wait_for_url("**/references-*.html#INV-005021")
        await page.tab.locator("li:target a").click()
        await page.tab.wait_for_url("**/lines-*.html#INV-005021")
        assert await page.look("document.querySelector('tr:target th').textContent") == "INV-005021"
        await page.tab.get_by_role("link", name="coaching-2026-11").first.click()
        await page.tab.wait_for_url("**/report%20of%20november.html")
        assert page.said == []


async def test_without_a_script_links_lead_to_every_line_of_a_long_run(browser, long_report, long):
    async with shown(browser, long_report, java_script_enabled=False) as page:
        for section, rows in (("#parts", "#all tbody tr"), ("#references", ".index li")):
            found = 0
            for place in range(await page.tab.locator(f"{section} a").count()):
                async with page.tab.expect_navigation(wait_until="load"):
                    await page.tab.locator(f"{section} a").nth(place).click()
                found += await page.tab.locator(rows).count()
                await page.tab.goto(long_report.as_uri())
            assert found == long.lines


@pytest.mark.parametrize("name", ["lines-002.html", "references-002.html"])
async def test_a_screen_reader_finds_nothing_missing_on_the_pages_of_a_long_run(browser, long_report, name):
    page_file = long_report.with_name("report of november-lines") / name
    async with shown(browser, page_file, viewport=PHONE, bypass_csp=True) as page:
        assert await page.complaints() == []
        assert await page.look(SIDEWAYS) == 0
