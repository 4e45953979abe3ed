"""A page of ours in a real browser: what it says, what it asks for, what a screen reader and a ruler find."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axe_playwright_python.async_playwright import Axe

WIDE, PHONE, NARROW = ({"width": width, "height": 900} for width in (1280, 360, 320))
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SHAPES = """[...new Set([...document.querySelectorAll('body *')].map((each) => [each.parentElement.tagName,
    each.tagName, ...each.getAttributeNames().filter((name) => name != 'hidden').sort()].join(' ')))].sort()"""
OUTLINE = "[...document.querySelectorAll('h1, h2, h3')].map((each) => [each.tagName, each.textContent.trim()])"
IDS = "[...document.querySelectorAll('[id]')].map((each) => each.id)"
TEXT = "[...document.querySelectorAll({!r})].map((each) => each.textContent.trim())"
TOTALS = """Object.fromEntries([...document.querySelectorAll('#money .card')].map((card) => [
    card.querySelector('h3').textContent.trim(),
    [...card.querySelectorAll('tbody tr')].map((row) => [...row.children].map((cell) => cell.textContent.trim()))]))"""


@dataclass
class Shown:
    """A page in a tab.

    Attributes:
        said: what the browser wrote to its console, such as a policy that was broken.
        sent: what it asked for, beside the page itself.
    """

    tab: Any
    said: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)

    async def look(self, script: str) -> Any:
        """Return what a script finds on the page."""
        return await self.tab.evaluate(script)

    async def texts(self, selector: str) -> list[str]:
        """Return what stands in each of these elements."""
        return await self.look(TEXT.format(selector))

    async def wide_at(self, view: dict[str, int]) -> int:
        """Return how many pixels the page is wider than a window of this size."""
        await self.tab.set_viewport_size(view)
        return await self.look(SIDEWAYS)

    async def complaints(self) -> list[str]:
        """Return what axe-core finds."""
        found = await Axe().run(self.tab)
        return [f"{each['id']}: {each['nodes'][0]['html'][:300]}" for each in found.response["violations"]]


@asynccontextmanager
async def shown(browser: Any, address: Path | str, **context: Any) -> AsyncIterator[Shown]:
    """Open a file, or an address, in a tab of its own; ``context`` is how the browser is set up."""
    url = address.as_uri() if isinstance(address, Path) else address
    tab = await browser.new_context(**({"viewport": WIDE} | context))
    tab.set_default_timeout(30_000)
    page = await tab.new_page()
    found = Shown(page)
    page.on("console", lambda line: found.said.append(line.text))
    page.on("pageerror", lambda error: found.said.append(str(error)))
    page.on(
        "request", lambda request: request.url.split("#")[0] != url.split("#")[0] and found.sent.append(request.url)
    )
    try:
        await page.goto(url)
        yield found
    finally:
        await tab.close()
