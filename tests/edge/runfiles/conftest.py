"""What the tests of the run-file readers share: a header, a good line, and one call that opens a text as a file."""

from collections.abc import Callable
from pathlib import Path

import pytest

from billing.edge.runfiles import RunFile, open_run

HEADER = (
    "reference,customer,payment_method,account,amount,currency,application_fee,description,statement_suffix,"
    "metadata.contract\n"
)
GOOD = "INV-1,cus_A1,pm_A1,acct_N1,10.99,USD,0.55,November coaching,NOV26,C-77\n"


@pytest.fixture
def good_csv() -> str:
    """A header and one good line."""
    return HEADER + GOOD


@pytest.fixture
def line() -> Callable[..., str]:
    """A good line with some fields replaced."""

    def make(**changed: str) -> str:
        names = HEADER.strip().replace("metadata.", "").split(",")
        fields = dict(zip(names, GOOD.strip().split(","), strict=True)) | {"reference": "INV-2"} | changed
        return ",".join(f'"{value}"' if "," in value else value for value in fields.values()) + "\n"

    return make


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., RunFile]:
    """Open text or bytes as a run file; the name's suffix chooses the reader."""
    files: list[RunFile] = []

    def open_text(content: str | bytes, name: str = "run.csv", **asked: object) -> RunFile:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        if name.endswith(".csv"):
            asked.setdefault("run_id", "coaching-2026-11")
        files.append(open_run(path, **asked))
        return files[-1]

    yield open_text
    for file in files:
        file.close()
