"""One browser for all the tests of a module."""

import pytest_asyncio

from tests.browser import launched


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser():
    async with launched() as browser:
        yield browser
