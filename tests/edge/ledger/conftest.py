"""What every ledger test starts from."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from ledger_tools import opened

from billing.edge.ledger.sqlite.ledger import SqliteLedger


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SqliteLedger]:
    ledger = await opened(tmp_path)
    yield ledger
    await ledger.aclose()
