"""What every ledger test starts from."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from ledger_tools import Place

from billing.edge.ledger.database import DatabaseLedger


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Let the tests of a module that says so find their ledger in a file, and again in a server's database."""
    if "place" in metafunc.fixturenames and getattr(metafunc.module, "IN_EACH_DATABASE", False):
        metafunc.parametrize("place", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where the ledger is: a file, or in PostgreSQL where a test is parametrised so."""
    if getattr(request, "param", "sqlite") == "postgres":
        return Place(request.getfixturevalue("postgres_url"), tmp_path)
    return Place(f"sqlite:///{tmp_path}/ledger.db", tmp_path)


@pytest.fixture
async def ledger(place: Place) -> AsyncIterator[DatabaseLedger]:
    ledger = await place.open()
    yield ledger
    await ledger.aclose()
