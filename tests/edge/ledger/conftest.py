"""What every ledger test starts from."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from ledger_tools import Clock, opened

from billing.edge.ledger.database import DatabaseLedger
from billing.edge.ledger.opening import open_ledger


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Let the tests of a module that says so find their ledger in a file, and again in a server's database."""
    if "ledger" in metafunc.fixturenames and getattr(metafunc.module, "IN_EACH_DATABASE", False):
        metafunc.parametrize("in_postgres", [False, True], ids=["sqlite", "postgres"])


@pytest.fixture
def in_postgres() -> bool:
    """Whether the ledger of a test is in PostgreSQL."""
    return False


@pytest.fixture
async def ledger(tmp_path: Path, in_postgres: bool, request: pytest.FixtureRequest) -> AsyncIterator[DatabaseLedger]:
    if in_postgres:
        url, key_file = request.getfixturevalue("postgres_url"), tmp_path / "ledger.key"
        ledger = await open_ledger(url, key_file=key_file, clock=Clock(), purpose="a test")
    else:
        ledger = await opened(tmp_path)
    yield ledger
    await ledger.aclose()
