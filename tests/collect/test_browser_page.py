"""What a payer sees, hears and reaches: phone, keyboard, screen reader, dark, five languages, and hostile texts."""

from datetime import UTC, datetime

import pytest
from axe_playwright_python.async_playwright import Axe
from browser_tools import DECLINED, world
from hostile import HOSTILE
from site_tools import NOW, token

from billing.edge.collect.invitations import Answer, Asked
from billing.edge.collect.texts import load_languages

pytestmark = pytest.mark.asyncio(loop_scope="module")
LANGUAGES = load_languages()
PHONE, NARROW = {"width": 390, "height": 844}, {"width": 320, "height": 640}
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
TAGS = "[...document.querySelectorAll('*')].map((each) => each.tagName).join(' ')"
SMALL = """[...document.querySelectorAll('a, button, summary')].filter((each) => {
    const box = each.getBoundingClientRect();
    return box.width && (box.height < 44 || box.width < 24);
}).map((each) => each.textContent)"""


async def complaints(page) -> list[str]:
    """Return what axe-core finds; Stripe's frame is Stripe's."""
    found = await Axe().run(page, options={"iframes": False})
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found.response["violations"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_screen_reader_finds_nothing_missing_on_the_form_and_its_message(browser, scheme, record_property):
    async with world(browser, color_scheme=scheme, bypass_csp=True, types=("card", "us_bank_account")) as payer:
        await payer.visit()
        assert await complaints(payer.page) == []
        await payer.page.locator("summary").click()
        assert await complaints(payer.page) == []
        await payer.type_card(DECLINED)
        await payer.save()
        await payer.message()
        assert await complaints(payer.page) == []
    record_property("evidence", "page of payers: 3 views, 0 complaints of axe-core")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_screen_reader_finds_nothing_missing_on_the_other_pages(browser, scheme, record_property):
    async with world(browser, color_scheme=scheme, bypass_csp=True) as payer:
        for link in (token(end=NOW - 1), "forged"):
            await payer.visit(link=link)
            assert await complaints(payer.page) == []
        for answer in (Answer.SAVED, Answer.CLOSED, Answer.STUCK, Answer.PROCESSING):
            payer.payer.asked = Asked("MEM-1", types=("us_bank_account",), answer=answer)
            await payer.visit()
            assert await complaints(payer.page) == []
        await payer.visit("/done")
        assert await complaints(payer.page) == []
    record_property("evidence", "page of payers: 7 views, 0 complaints of axe-core")


async def test_a_card_is_saved_with_the_keyboard_alone(browser):
    async with world(browser) as payer:
        await payer.visit()
        keys = payer.page.keyboard
        await payer.frame.get_by_label("Card number").focus()
        for typed in ("4242424242424242", "12 / 34", "123"):
            await keys.type(typed)
            await keys.press("Tab")
        assert await payer.page.evaluate("document.activeElement.id") == "save"
        ring = await payer.page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert ring == "3px"
        await keys.press("Enter")
        await payer.heading("Saved. Thank you.")


async def test_the_keyboard_reaches_everything_in_the_order_of_the_page(browser):
    async with world(browser) as payer:
        await payer.visit()
        met = []
        for _ in range(20):
            await payer.page.keyboard.press("Tab")
            met.append(
                await payer.page.evaluate("document.activeElement.textContent.trim() || document.activeElement.tagName")
            )
            if met[-1] == "Terms":
                break
        assert met[0].startswith("Language")
        assert [each for each in met[1:] if each != "IFRAME"] == [
            "SavePlease waitTry again", "billing@northwind.example", "Privacy", "Terms",
        ]  # fmt: skip
        assert "IFRAME" in met


@pytest.mark.parametrize(("code", "viewport"), [("en", PHONE), *((code, NARROW) for code in LANGUAGES)])
async def test_on_a_phone_nothing_is_wider_than_the_screen_and_everything_can_be_touched(browser, viewport, code):
    async with world(browser, viewport=viewport, has_touch=True, locale=code) as payer:
        payer.payer.asked = Asked("MEM-" + "20417" * 12, "Coaching " + "x" * 80, types=("card", "us_bank_account"))
        await payer.visit()
        assert await payer.page.evaluate(SIDEWAYS) == 0
        assert await payer.page.evaluate(SMALL) == []
        assert await payer.page.evaluate("document.documentElement.lang") == code
        assert await payer.page.get_by_role("heading", level=1).count() == 1
        await payer.page.locator("#save").tap()
        assert await payer.message() == "invalid"
        assert await payer.page.evaluate(SIDEWAYS) == 0


async def test_text_of_twice_the_size_is_still_within_the_screen(browser):
    async with world(browser) as payer:
        await payer.visit()
        await payer.page.evaluate("document.documentElement.style.setProperty('font-size', '200%')")
        assert await payer.page.evaluate(SIDEWAYS) == 0


async def test_whoever_asked_for_no_motion_sees_none(browser):
    async with world(browser, reduced_motion="reduce") as payer:
        await payer.visit()
        moving = "[...document.querySelectorAll('.spin')].map((each) => getComputedStyle(each).animationName)"
        assert set(await payer.page.evaluate(moving)) == {"none"}


async def test_a_dark_page_dresses_stripes_frame_dark_too(browser):
    async with world(browser, color_scheme="dark") as payer:
        await payer.visit()
        assert await payer.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 18, 20)"
        told = await payer.frame.locator("html").evaluate("(each) => each.style.getPropertyValue('--colorBackground')")
        assert told == "#171a1d"


async def test_the_language_is_the_lines_and_the_payer_may_choose_another_that_stays(browser):
    async with world(browser, locale="fr-FR") as payer:
        payer.payer.asked = Asked("MEM-1", locale="de")
        await payer.visit()
        await payer.heading("Karte hinterlegen")
        await payer.page.locator("summary").click()
        await payer.page.get_by_role("link", name="日本語").click()
        await payer.heading("カードの登録")
        await payer.type_card()
        await payer.save()
        await payer.heading("登録しました。ありがとうございます。")
        assert payer.page.url.endswith("/done?lang=ja")


async def test_without_a_script_the_page_says_what_it_needs_and_shows_no_dead_form(browser):
    async with world(browser, java_script_enabled=False) as payer:
        await payer.page.goto(f"{payer.url}/s/{token()}")
        assert "This page needs JavaScript" in await payer.page.locator("main").inner_text()
        assert not await payer.page.locator("#save").is_visible()
        assert payer.payer.opens == 0


async def test_no_hostile_text_becomes_an_element_or_runs(browser, record_property):
    async with world(browser) as payer:
        await payer.page.route("**/stripe.js", lambda route: route.abort())
        over = token(end=datetime(2026, 11, 1, tzinfo=UTC).timestamp())
        pages = [(token(), text) for text in ("harmless", *HOSTILE)] + [(over, "harmless"), (over, "".join(HOSTILE))]
        expected = {}
        for link, text in pages:
            payer.payer.asked = Asked(text, text, locale=text)
            await payer.page.goto(f"{payer.url}/s/{link}", wait_until="domcontentloaded")
            shown = await payer.page.evaluate(TAGS)
            assert shown == expected.setdefault(link, shown), text
            assert await payer.page.evaluate("window.hit") is None
        record_property("evidence", f"page of payers: {len(HOSTILE)} hostile texts, 0 became an element")
    assert len(HOSTILE) == 50
