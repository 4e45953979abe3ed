"""A real browser, Debian's Chromium: required where TEST_BROWSER says so, else who has none sees these tests skipped.

Its flags keep it from looking for Google's hosts at each start, and let root start it.
"""

import os
import shutil

import pytest
import pytest_asyncio

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
MISSING = "a browser is missing: apt-get install chromium"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser():
    chromium = shutil.which("chromium")
    if chromium is None and os.environ.get("TEST_BROWSER") == "required":
        pytest.fail(MISSING)
    if chromium is None:
        pytest.skip(MISSING)
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        await browser.close()
