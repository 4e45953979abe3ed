"""An output goes over an older one of its own kind and over nothing else; a pipe or a device passes it on."""

import errno
import os
import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from billing.core.errors import RunStopped, UsageError
from billing.edge.outputs import BAD_LINES, PLAN, REHEARSAL, REPORT, Output, Target

OWN = {
    PLAN: '{\n "format_version": "1.0",\n "plan_digest": "ab"}\n',
    REPORT: "reference,line,status,reason_code,reason,what_to_do\n",
    BAD_LINES: "reference,amount,line,column,code,reason\n",
    REHEARSAL: "reference,customer,payment_method,account,amount,currency,application_fee,description\n"
    "INV-00001,cus_1,pm_1,acct_1,1.00,USD,0.10,Item 1\n",
}
OTHERS = {
    "sheet.csv": "reference,customer,account,amount,currency\nINV-1,cus_1,acct_1,1.00,USD\n",
    "run.yaml": "version: 1\nrun: {name: a, period: 2026-11}\n",
    "billing.yaml": "mode: test\n",
    "notes.txt": "what to do\n",
    "data.json": '{"a": 1}\n',
}
EVERY = pytest.mark.parametrize("output", OWN, ids=lambda output: output.noun)


@EVERY
def test_an_output_replaces_an_older_one_of_its_own_kind(tmp_path: Path, output: Output):
    for name, content in {"old": OWN[output], "mark": "\ufeff" + OWN[output], "empty": "", "none": None}.items():
        path = tmp_path / name
        if content is not None:
            path.write_text(content)
        Target(path, output).write(["new", "\n"])
        assert path.read_text() == "new\n"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@EVERY
def test_an_output_replaces_nothing_else_unless_forced(tmp_path: Path, output: Output):
    contents = OTHERS | {kind.noun: text for kind, text in OWN.items() if kind is not output}
    for name, content in contents.items():
        path = tmp_path / name
        path.write_text(content)
        with pytest.raises(UsageError, match="--force"):
            Target(path, output).write(["new"])
        assert path.read_text() == content
        Target(path, output, force=True).write(["new"])
        assert path.read_text() == "new"


@EVERY
def test_not_even_force_replaces_a_ledger_its_key_or_what_is_read(tmp_path: Path, output: Output):
    ledger = sqlite3.connect(tmp_path / "a.db")
    ledger.execute("PRAGMA journal_mode=WAL")
    ledger.execute("CREATE TABLE t(x)")
    (tmp_path / "a.db.lock").write_text("pid 1\n")
    (tmp_path / "ledger.key").write_text("ab" * 32 + "\n")
    (tmp_path / "sheet.csv").write_text(OWN[output])
    names = {each.name for each in tmp_path.iterdir()}
    assert {"a.db", "a.db-wal", "a.db-shm"} <= names
    before = {name: (tmp_path / name).read_bytes() for name in names}
    for name in names:
        target = Target(tmp_path / ".." / tmp_path.name / name, output, (tmp_path / "sheet.csv",), force=True)
        with pytest.raises(UsageError, match="overwrite"):
            target.write(["new"])
    assert {name: (tmp_path / name).read_bytes() for name in names} == before
    ledger.close()


def test_a_link_and_a_folder_are_refused_and_a_wrong_name_is_wrong_usage(tmp_path: Path):
    (tmp_path / "victim").write_text("keep")
    (tmp_path / "link").symlink_to(tmp_path / "victim")
    with pytest.raises(RunStopped):
        Target(tmp_path / "link", REPORT, force=True).write(["new"])
    assert (tmp_path / "victim").read_text() == "keep"
    for path in (tmp_path, tmp_path / "no" / "folder", tmp_path / "victim" / "x", tmp_path / ("x" * 300)):
        with pytest.raises(UsageError):
            Target(path, REPORT).write(["new"])


def test_a_pipe_is_written_when_somebody_reads_it_and_never_waited_for(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(UsageError, match="nobody reads"):
        Target(pipe, REPORT).write(["new"])
    got: list[bytes] = []
    # Open for both: the reader is there before the writer comes.
    handle = os.open(pipe, os.O_RDWR)
    reader = threading.Thread(target=lambda: got.append(os.read(handle, 100)))
    reader.start()
    Target(pipe, REPORT).write(["new"])
    reader.join()
    os.close(handle)
    assert got == [b"new"]
    assert pipe.is_fifo()


def test_a_device_stays_a_device():
    Target(Path("/dev/null"), REPORT).write(["gone"])
    assert Path("/dev/null").is_char_device()


def test_what_is_made_in_a_file_takes_its_place_like_what_is_written(tmp_path: Path):
    (tmp_path / "old").write_text(OWN[REPORT])
    seen: dict[str, int] = {}

    def make(path: Path) -> None:
        (path.parent / "scratch").write_text("scratch")
        path.write_bytes(b"made")
        seen.update(file=stat.S_IMODE(path.stat().st_mode), folder=stat.S_IMODE(path.parent.stat().st_mode))
        assert path.parent.parent == tmp_path

    for name in ("old", "new"):
        Target(tmp_path / name, REPORT).make(make)
        assert (tmp_path / name).read_bytes() == b"made"
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert seen == {"file": 0o600, "folder": 0o700}
    assert {each.name for each in tmp_path.iterdir()} == {"old", "new"}


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("a bug")])
def test_what_cannot_be_made_leaves_what_was_there_and_nothing_beside_it(tmp_path: Path, error: Exception):
    (tmp_path / "old").write_text(OWN[REPORT])

    def make(path: Path) -> None:
        path.write_bytes(b"half of it")
        raise error

    with pytest.raises(RunStopped if isinstance(error, OSError) else RuntimeError):
        Target(tmp_path / "old", REPORT).make(make)
    assert (tmp_path / "old").read_text() == OWN[REPORT]
    assert [each.name for each in tmp_path.iterdir()] == ["old"]


def test_nothing_is_made_where_nothing_may_be_written(tmp_path: Path):
    (tmp_path / "victim").write_text("keep")
    (tmp_path / "link").symlink_to(tmp_path / "victim")
    with pytest.raises(RunStopped):
        Target(tmp_path / "link", REPORT, force=True).make(lambda path: path.write_text("new"))
    assert (tmp_path / "victim").read_text() == "keep"
    with pytest.raises(UsageError, match="--force"):
        Target(tmp_path / "victim", REPORT).make(lambda path: path.write_text("new"))
    for path in (tmp_path, tmp_path / "no" / "folder", tmp_path / ("x" * 300)):
        with pytest.raises(UsageError):
            Target(path, REPORT).make(lambda path: path.write_text("new"))


def test_what_is_made_is_passed_on_to_a_pipe(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    handle = os.open(pipe, os.O_RDWR)
    reader = threading.Thread(target=lambda: got.append(os.read(handle, 100)))
    reader.start()
    Target(pipe, REPORT).make(lambda path: path.write_bytes(b"made"))
    reader.join()
    os.close(handle)
    assert got == [b"made"]
    assert pipe.is_fifo()
