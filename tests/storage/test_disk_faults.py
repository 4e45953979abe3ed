"""The disk under the ledger fails at the n-th write or fsync, for every n: nothing is sent after it, nobody pays twice.

(edge/ledger/README.md, "What a commit is")
"""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from tests.storage import syscalls
from tests.storage.lifecycles import Life, continued, fault_of, ledger_of, lived, small_world
from tests.storage.syscalls import FAULTS, Disk, Fault, SeamNotFound, disk_of
from tests.virtual import run_virtually


def met(folder: Path, fault: Fault, nth: int) -> tuple[Life, Disk]:
    """Live one run whose disk fails at the ``nth`` call, then go on with one that is well; all of it must be right."""
    world = small_world(folder)
    ledger = ledger_of(world)
    with disk_of(ledger) as disk:
        disk.fault, disk.nth = fault, nth
        life = run_virtually(lived, world, disk)
    wrong = fault_of(life, disk, ledger)
    assert not wrong, f"call {nth}: {wrong}"
    try:
        run_virtually(continued, world)
    except Exception as error:
        raise AssertionError(f"call {nth}: continued untrue") from error
    shutil.rmtree(folder)
    return life, disk


@pytest.mark.parametrize("name", FAULTS)
def test_after_the_first_failing_call_nothing_is_sent_and_the_continued_run_is_true(scratch, name, record_property):
    fault, cases, ends = FAULTS[name], 0, Counter()
    for nth in count(1):
        life, disk = met(scratch / str(nth), fault, nth)
        if not disk.failed:
            break  # the whole run, its opening and its closing too, makes fewer calls than that
        cases += 1
        ends["while closing" if life.error is None else "after a POST" if life.posts else "before any"] += 1
    assert min(ends["after a POST"], ends["before any"]) > 2, "the fault met every part of a run"
    record_property("evidence", f"storage faults: {cases:,} writes and syncs failing, 0 POSTs after one, 0 double")


def test_a_disk_that_is_well_is_no_fault(scratch):
    """The bench itself: without a fault the same run ends, and the seam has seen it write and sync."""
    life, disk = met(scratch / "well", FAULTS["I/O error"], 10**9)
    assert life.error is None
    assert life.posts > 6
    assert disk.calls["write"] > 100
    assert disk.calls["sync"] > 15


# --- the seam itself


@pytest.mark.parametrize(
    ("number", "found"),
    [(errno.ENOSPC, "SQLITE_FULL"), (errno.EIO, "SQLITE_IOERR_WRITE"), (errno.EROFS, "SQLITE_IOERR_WRITE")],
)
def test_sqlite_sees_the_error_number_itself(tmp_path, number, found):
    """Only ENOSPC makes SQLite say that the disk is full, so the number has arrived in C."""
    with disk_of(tmp_path / "any.db") as disk, closing(sqlite3.connect(tmp_path / "any.db")) as conn:
        disk.fault = Fault(number)
        with pytest.raises(sqlite3.OperationalError) as error:
            conn.execute("CREATE TABLE any (x)")
    assert error.value.sqlite_errorname == found


def test_a_failing_fsync_is_met_as_sqlite_meets_one(tmp_path):
    with disk_of(tmp_path / "any.db") as disk, closing(sqlite3.connect(tmp_path / "any.db")) as conn:
        disk.fault = FAULTS["fsync fails once"]
        with pytest.raises(sqlite3.OperationalError) as error:
            conn.execute("CREATE TABLE any (x)")
    assert error.value.sqlite_errorname == "SQLITE_IOERR_FSYNC"
    assert disk.failed == 1


def test_a_short_write_leaves_half_of_it(tmp_path):
    path = tmp_path / "any.db"
    with disk_of(path) as disk, closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("PRAGMA journal_mode = WAL")
        conn.execute("CREATE TABLE any (x)")
        before, disk.nth = Path(f"{path}-wal").stat().st_size, disk.calls["write"] + 2
        disk.fault = FAULTS["disk full in the middle of a write"]
        with pytest.raises(sqlite3.OperationalError):
            conn.execute("INSERT INTO any VALUES (1)")
        assert Path(f"{path}-wal").stat().st_size == before + 24 + 4096 // 2  # a frame's header and half its page


def test_other_files_are_not_met_and_everything_is_put_back(tmp_path):
    with disk_of(tmp_path / "any.db") as disk:
        disk.fault = FAULTS["I/O error"]
        with closing(sqlite3.connect(tmp_path / "other.db")) as conn:
            conn.execute("CREATE TABLE any (x)")
        assert disk.calls == {}
    with closing(sqlite3.connect(tmp_path / "any.db")) as conn:
        conn.execute("CREATE TABLE any (x)")
    assert disk.failed == 0


def test_a_library_that_cannot_be_reached_is_an_error_not_a_skip(monkeypatch):
    monkeypatch.setattr(syscalls, "_libraries", list)
    with pytest.raises(SeamNotFound, match="cannot be reached"):
        syscalls._seam.__wrapped__()


STRANGER = """
import ctypes, sys
sys.modules["_sqlite3"].__file__ = sys.argv[1]
from pathlib import Path
from tests.storage.syscalls import SeamNotFound, install
try:
    install(Path("any.db"))
except SeamNotFound:
    print("refused")
"""


def test_a_second_copy_of_the_library_is_not_taken_for_the_first(tmp_path):
    """A library that looks right but is not the one in use would count nothing; the probe notices."""
    maps = Path("/proc/self/maps").read_text()
    (library,) = {line.split()[-1] for line in maps.splitlines() if "libsqlite3" in line}
    (tmp_path / "stranger.so").write_bytes(Path(library).read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", "import sqlite3\n" + STRANGER, str(tmp_path / "stranger.so")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout == "refused\n", done.stderr
