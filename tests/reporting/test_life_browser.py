"""What somebody sees and hears of the page of one line: wide, narrow, light, dark, and with hostile texts in it."""

import pytest

from billing.flow.reporting.life_page import Places, item_page
from tests.reporting.browser import NARROW, PHONE, WIDE, shown
from tests.reporting.life_laws import explained

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLACES = Places("/run?id=a", "/account?id=b", "/customer?id=c", lambda _run, _reference: "/item?run=a&reference=b")
ELEMENTS = "[...new Set([...document.querySelectorAll('body *')].map((each) => each.tagName.toLowerCase()))].sort()"
OURS = {
    "a", "svg", "symbol", "path", "use", "div", "header", "main", "footer", "aside", "section", "p", "span", "h1", "h2",
    "h3", "h4", "strong", "table", "caption", "tbody", "tr", "th", "td", "dl", "dt", "dd", "ol", "ul", "li", "details",
    "summary", "code", "pre",
}  # fmt: skip


def pages(made, folder) -> list:
    """A page for one line of each row of an outturn."""
    with made.read() as ledger, ledger.at_one_moment():
        stories = {story.head.row: story for _, story in explained(ledger)}
    found = []
    for row, story in stories.items():
        path = folder / f"{row}.html"
        path.write_text("".join(item_page(story, PLACES)), "utf-8", "backslashreplace")
        found.append(path)
    return found


@pytest.fixture(scope="module")
def ordinary(plain, tmp_path_factory):
    return pages(plain, tmp_path_factory.mktemp("ordinary"))


@pytest.fixture(scope="module")
def hostile(attacked, tmp_path_factory):
    return pages(attacked, tmp_path_factory.mktemp("hostile"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_screen_reader_finds_nothing_missing(browser, ordinary, hostile, scheme, record_property):
    for path in (*ordinary[:6], *hostile[:1]):
        async with shown(browser, path, color_scheme=scheme, bypass_csp=True) as page:
            assert await page.complaints() == [], path
    record_property("evidence", f"pages of one line: 7 in {scheme}, 0 complaints of axe-core")


async def test_nothing_has_to_be_pushed_sideways(browser, ordinary, hostile):
    for path in (*ordinary[:6], *hostile):
        async with shown(browser, path) as page:
            for view in (WIDE, PHONE, NARROW):
                assert await page.wide_at(view) == 0, (path, view)


async def test_no_text_becomes_an_element_asks_for_anything_or_breaks_the_policy(browser, ordinary, hostile):
    for path in (*ordinary, *hostile):
        async with shown(browser, path) as page:
            assert set(await page.look(ELEMENTS)) <= OURS
            assert (page.said, page.sent) == ([], []), path


async def test_every_record_opens_by_keyboard_alone(browser, ordinary):
    async with shown(browser, ordinary[0]) as page:
        count = await page.look("document.querySelectorAll('details').length")
        await page.look("document.querySelector('details summary').focus()")
        await page.tab.keyboard.press("Enter")
        assert count > 0
        assert await page.look("document.querySelector('details').open")
        assert "item_planned" in (await page.texts("details[open] code"))[0]
