"""A real browser, Debian's Chromium: required where TEST_BROWSER says so, else who has none sees its tests skipped.

Its flags keep it from looking for Google's hosts at each start, and let root start it.
"""

import contextlib
import os
import shutil
from collections.abc import AsyncIterator

import pytest

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
MISSING = "a browser is missing: apt-get install chromium"


@contextlib.asynccontextmanager
async def launched() -> AsyncIterator:
    """A browser while the context lasts."""
    chromium = shutil.which("chromium")
    if chromium is None:
        (pytest.fail if os.environ.get("TEST_BROWSER") == "required" else pytest.skip)(MISSING)
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()
