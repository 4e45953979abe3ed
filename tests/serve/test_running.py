"""`billing serve` as a process beside a run of another process, before a real browser."""

import json
import signal
from contextlib import contextmanager
from urllib.parse import urlencode

import pytest

from tests.conftest import Billing

pytestmark = pytest.mark.asyncio(loop_scope="module")

RUN = "look-2026-11"
SANDBOX = "limits: {platform_rate: 0, endpoint_rate: 0}\nlatency: {median_seconds: 0.02}\n"
LOOKS = 600
LIVE = f"/live?{urlencode({'id': RUN})}"


@contextmanager
def process(billing: Billing, *args: str, ending: int = signal.SIGTERM):
    started = billing.start(*args)
    try:
        yield started
    finally:
        if started.poll() is None:
            started.send_signal(ending)
        started.communicate(timeout=30)


@pytest.fixture
def shop(billing):
    """A sandbox with a sheet, and a ledger in which a few of its lines are charged."""
    (billing.folder / "sandbox.yaml").write_text(SANDBOX)
    made = ("--config", "sandbox.yaml", "--items", "60", "--accounts", "4", "--out", "sheet.csv")
    with process(billing, "sandbox", "--port", "0", *made) as sandbox:
        url = sandbox.stdout.readline().strip().removeprefix("export BILLING_API_BASE=")
        while not sandbox.stdout.readline().startswith("# then"):
            pass
        billing.environ |= {"BILLING_API_BASE": url, "STRIPE_API_KEY": "sk_test_rehearsal12345678"}
        assert billing("run", "sheet.csv", "--run", RUN, "--limit", "3", "--yes").code in (0, 4, 5)
        yield billing


async def under_way(page, base: str) -> None:
    """Open the page of the run until it says that somebody is at it."""
    for _ in range(LOOKS):
        await page.goto(base + LIVE)
        if "lines are done" in await page.locator("[data-n=head]").inner_text():
            return
        await page.wait_for_timeout(100)
    raise AssertionError("the run did not begin")


async def test_a_run_that_goes_on_moves_the_numbers_of_a_page_that_is_not_loaded_again(browser, shop):
    with process(shop, "serve", "--port", "0", "--output", "json") as server:
        url = json.loads("".join(server.stdout.readline() for _ in range(3)))["url"]
        base = url.partition("/?token=")[0]
        still = await browser.new_context(java_script_enabled=False)
        tab = await browser.new_context()
        plain, page = await still.new_page(), await tab.new_page()
        said = []
        page.on("console", lambda line: said.append(line.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        await plain.goto(url)
        await page.goto(url)
        with process(shop, "run", "sheet.csv", "--run", RUN, "--yes", "--rate", "25") as run:
            await under_way(page, base)
            await page.evaluate("window.loaded = 'once'")
            head = page.locator("[data-n=head]")
            seen = {await head.inner_text()}
            await plain.goto(base + LIVE)
            assert "lines are done" in await plain.locator("[data-n=head]").inner_text()
            assert await plain.locator("noscript").count() == 1
            for _ in range(LOOKS):
                seen.add(await head.inner_text())
                assert (await page.title()).endswith(RUN)
                if any("Finished" in each for each in seen):
                    break
                await page.wait_for_timeout(100)
            assert "Finished" in await head.inner_text()
            assert run.wait(timeout=60) in (0, 4, 5)
        assert len(seen) > 2
        assert await page.evaluate("window.loaded") == "once"
        await page.get_by_role("link", name="Open the report").click()
        await page.get_by_role("heading", level=1, name=RUN).wait_for()
        await plain.reload()
        assert "Finished" in await plain.locator("[data-n=head]").inner_text()
        assert said == []
        await tab.close()
        await still.close()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
async def test_it_says_where_and_ends_cleanly_although_somebody_looks_on(browser, shop, ending):
    with process(shop, "run", "sheet.csv", "--run", RUN, "--yes", "--rate", "5"):
        server = shop.start("serve", "--port", "0", "--log-format", "json", "--log-level", "debug")
        said = server.stdout.readline()
        assert said.startswith("The ledger is shown at http://127.0.0.1:")
        assert said.endswith("  Ctrl-C ends it.\n")
        url = said.split()[5]
        base, _, token = url.partition("/?token=")
        tab = await browser.new_context()
        page = await tab.new_page()
        await page.goto(url)
        await under_way(page, base)
        await page.locator("#now[data-told]").wait_for()
        server.send_signal(ending)
        out, err = server.communicate(timeout=10)
        assert server.returncode == 0
        assert token not in out + err
        assert "look-2026" not in err
        await page.locator("#lost:not([hidden])").wait_for()
        assert "The run goes on without it" in await page.locator("#lost").inner_text()
        await tab.close()


async def test_a_port_that_is_taken_is_told_and_where_none_was_asked_for_another_is_taken(shop):
    with process(shop, "serve", "--output", "json") as first:
        one = json.loads("".join(first.stdout.readline() for _ in range(3)))["url"]
        with process(shop, "serve", "--output", "json") as second:
            other = json.loads("".join(second.stdout.readline() for _ in range(3)))["url"]
        assert one.split("/?")[0] != other.split("/?")[0]
        port = one.rpartition(":")[2].partition("/")[0]
        refused = shop("serve", "--port", port)
    assert refused.code == 2
    assert f"127.0.0.1:{port} cannot be used" in refused.err


async def test_without_a_ledger_there_is_nothing_to_serve(billing):
    ended = billing("serve", "--port", "0")
    assert ended.code != 0
    assert ended.out == ""
