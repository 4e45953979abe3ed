"""One browser for all the tests of a module, and ledgers that several modules read."""

import pytest
import pytest_asyncio

from tests.browser import launched
from tests.reporting.ledgers import Made, made

LINES = 300
LONG = 5_040


@pytest.fixture(scope="session")
def plain(tmp_path_factory) -> Made:
    return made(tmp_path_factory.mktemp("plain"), LINES, 20)


@pytest.fixture(scope="session")
def attacked(tmp_path_factory) -> Made:
    return made(tmp_path_factory.mktemp("attacked"), LINES, 20, hostile=True)


@pytest.fixture(scope="session")
def long(tmp_path_factory) -> Made:
    return made(tmp_path_factory.mktemp("long"), LONG, 30, reconciled=False)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser():
    async with launched() as browser:
        yield browser
