"""A hostile ledger for all of a module, and one browser."""

import pytest
import pytest_asyncio

from tests.browser import launched
from tests.reporting.ledgers import Made, made


@pytest.fixture(scope="session")
def hostile(tmp_path_factory) -> Made:
    return made(tmp_path_factory.mktemp("hostile"), 120, 12, hostile=True)


@pytest.fixture(scope="session")
def plain(tmp_path_factory) -> Made:
    return made(tmp_path_factory.mktemp("plain"), 460, 5)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser():
    async with launched() as browser:
        yield browser
