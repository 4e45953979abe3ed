"""A real browser, Debian's Chromium (`tests.programs` says what happens where there is none).

Its flags keep it from looking for Google's hosts at each start, and let root start it.
"""

import contextlib
from collections.abc import AsyncIterator

from tests.programs import program

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@contextlib.asynccontextmanager
async def launched() -> AsyncIterator:
    """A browser while the context lasts."""
    chromium = program("chromium", "chromium")
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()
