"""Where the ledgers of these tests lie: in memory where the machine has such a disk; syncing is not their point."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")  # noqa: S108 - the test makes a private folder of its own in it


@pytest.fixture
def scratch(tmp_path) -> Iterator[Path]:
    """A folder whose syncs cost nothing; whoever fills it with hundreds of ledgers empties it as it goes."""
    if not os.access(MEMORY, os.W_OK | os.X_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder)
