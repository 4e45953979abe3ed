"""The pages in a real browser: hostile texts stay texts, a keyboard reaches everything, axe-core has nothing to say."""

from contextlib import asynccontextmanager
from urllib.parse import urlencode

import pytest
from axe_playwright_python.async_playwright import Axe
from serve_tools import RUN, served

pytestmark = pytest.mark.asyncio(loop_scope="module")

VIEWS = (("light", 1280), ("dark", 360))
MADE = "script, iframe, object, embed, base, img, form, template, math, video, audio, link"
ATTACK = '"><script>alert(1)</script>'
TRIES = f"""<h1>other</h1><iframe src="{{site}}/"></iframe><img src="{{site}}/"><script src="{{site}}/"></script>
<script>window.got = []; window.heard = [];
fetch("{{site}}/", {{credentials: "include"}}).then((answer) => got.push(answer.status), () => got.push("refused"));
fetch("{{site}}/", {{method: "POST", mode: "no-cors", credentials: "include"}});
const source = new EventSource("{{site}}/live/events?{RUN}", {{withCredentials: true}});
source.onerror = () => heard.push("refused")</script><a href="{{site}}/">go</a>"""
FOCUSABLE = "a[href], button, input:not([type=hidden]), select, summary"


def pages(made) -> dict[str, str]:
    """Return an address of every page, with texts that attack where they can be chosen."""
    with made.read() as ledger:
        items = [line.item for line in ledger.report("coaching-2026-11") if line.item is not None and line.owned]
    attack = next(item for item in items if "<" in item.account)
    named = next(item for item in items if "<" in item.reference and item.attempt)
    return {
        "runs": "/",
        "run": f"/run?{RUN}",
        "lines": f"/run/lines?{RUN}&{urlencode({'account': attack.account})}",
        "differences": f"/run/differences?{RUN}",
        "live": f"/live?{RUN}",
        "item": f"/item?{urlencode({'run': 'coaching-2026-11', 'reference': named.reference})}",
        "account": f"/account?{urlencode({'id': attack.account})}",
        "customer": f"/customer?{urlencode({'id': attack.payer})}",
        "search": f"/search?{urlencode({'q': '<'})}",
        "nothing": f"/search?{urlencode({'q': ATTACK})}",
        "missing": "/nowhere",
    }


@asynccontextmanager
async def tab(browser, site, **context):
    """Open a tab that has the cookie, and give it with what it says and what it asks for."""
    opened = await browser.new_context(**context)
    opened.set_default_timeout(20_000)
    page = await opened.new_page()
    said, sent = [], []
    page.on("console", lambda line: said.append(line.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: sent.append(request.url))
    try:
        await page.goto(site.first)
        yield page, said, sent
    finally:
        await opened.close()


async def visit(page, url: str) -> None:
    """Open a page; one that goes on by itself is waited for until it was told something."""
    await page.goto(url)
    if "/live?" in url:
        await page.locator("#now[data-told]").wait_for()


async def test_hostile_texts_make_no_element_no_request_and_no_complaint_on_any_page(browser, hostile, record_property):
    async with served(hostile) as site:
        addresses = pages(hostile)
        for scheme, width in VIEWS:
            view = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
            async with tab(browser, site, **view) as (page, said, sent):
                for name, address in addresses.items():
                    sent.clear()
                    await visit(page, site.url + address)
                    expected = {"live": ["SCRIPT"], "runs": ["FORM"], "lines": ["FORM"], "search": ["FORM"],
                                "nothing": ["FORM"], "run": ["FORM", "SCRIPT"]}.get(name, [])  # fmt: skip
                    made = await page.evaluate(f"[...document.querySelectorAll({MADE!r})].map((each) => each.tagName)")
                    assert sorted(set(made)) in (expected, []), (name, made)
                    assert await page.title() != "owned"
                    stray = await page.evaluate("""[...document.querySelectorAll('*')].flatMap((each) =>
                        each.getAttributeNames()).filter((name) => name == 'style' || name.startsWith('on'))""")
                    assert stray == [], name
                    others = [url for url in sent if url not in (site.url + address, f"{site.url}/live/events?{RUN}")]
                    assert others == [], name
                    wide = await page.evaluate(
                        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                    )
                    assert wide <= 0, (name, width)
                    found = await Axe().run(page)
                    assert [each["id"] for each in found.response["violations"]] == [], name
                expected = [line for line in said if "404" in line]
                assert said == expected
    record_property(
        "evidence", f"served pages: {len(addresses)} in 2 views with hostile texts, 0 complaints of axe-core"
    )


async def test_everything_is_reached_by_keyboard(browser, hostile):
    async with served(hostile) as site, tab(browser, site) as (page, _, _):
        for name, address in pages(hostile).items():
            if name in ("run", "lines", "search"):  # the same lists, longer
                continue
            await page.goto(site.url + address)
            shown = await page.evaluate(
                f"[...document.querySelectorAll({FOCUSABLE!r})].filter((each) => each.checkVisibility()).length"
            )
            reached = 0
            for _ in range(shown + 1):
                await page.keyboard.press("Tab")
                reached += await page.evaluate(
                    """(() => { const at = document.activeElement, first = !at.dataset.reached;
                    if (at === document.body) return 0; at.dataset.reached = '1'; return first ? 1 : 0 })()"""
                )
            assert reached >= shown, name


async def test_a_person_gets_from_all_runs_to_a_line_and_by_a_search_to_its_customer(browser, plain):
    async with served(plain) as site, tab(browser, site) as (page, _, _):
        await page.get_by_role("link", name="coaching-2026-11").first.click()
        await page.get_by_role("heading", name="coaching-2026-11", level=1).wait_for()
        await page.locator("#lines").get_by_role("link", name="INV-000007").click()
        await page.get_by_role("heading", name="INV-000007", level=1).wait_for()
        await page.get_by_role("link", name="Search").click()
        await page.get_by_role("searchbox").fill("INV-000007")
        await page.keyboard.press("Enter")
        await page.get_by_role("row").filter(has_text="INV-000007").get_by_role("link", name="cus_").click()
        await page.get_by_role("heading", name="cus_", level=1).wait_for()
        assert site.access.token not in page.url


async def test_another_site_gets_nothing_from_a_browser_that_has_the_cookie(browser, plain):
    """A page of another origin navigates here, frames it, asks by script, and loads it as a script and a picture."""
    import aiohttp.web

    async with served(plain) as site, tab(browser, site) as (page, _, _):
        tries = TRIES.replace("{site}", site.url)

        async def other(_request):
            return aiohttp.web.Response(text=tries, content_type="text/html")

        app = aiohttp.web.Application()
        app.router.add_get("/", other)
        runner = aiohttp.web.AppRunner(app)
        await runner.setup()
        try:
            server = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
            await server.start()
            port = runner.addresses[0][1]
            site.log.told.clear()
            await page.goto(f"http://localhost:{port}/")
            await page.wait_for_function("got.length && heard.length")
            assert await page.evaluate("got") == ["refused"]
            shown = [await frame.content() for frame in page.frames]
            assert "All runs" not in "".join(shown)
            async with page.expect_navigation():
                await page.get_by_role("link", name="go").click()
            assert "This page needs its key" in await page.content()
        finally:
            await runner.cleanup()
        statuses = {line["status"] for line in site.log.told if line["event"] == "serve_request"}
        assert statuses == {403, 405}
