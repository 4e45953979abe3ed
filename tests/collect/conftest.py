"""One browser for all the tests of a module, and a port that nobody has."""

import socket

import pytest
import pytest_asyncio

from tests.browser import launched


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser():
    async with launched() as browser:
        yield browser


@pytest.fixture
def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
