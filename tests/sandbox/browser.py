"""Debian's Chromium for tests; without it they are skipped by name, and fail where everything has to be there (CI)."""

import contextlib
import os
import shutil
from collections.abc import AsyncIterator

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
LACKING = "needs a browser: apt-get install chromium, and playwright of the dev extra"


@contextlib.asynccontextmanager
async def launched() -> AsyncIterator:
    """A browser while the context lasts."""
    try:
        from playwright.async_api import async_playwright
    except ImportError:
        _lack()
    if CHROMIUM is None:
        _lack()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


def _lack() -> None:
    if os.environ.get("CI"):
        pytest.fail(LACKING)
    pytest.skip(LACKING)
