"""A ledger opens in a safe place, with its own key, for one runner; otherwise it says what to do."""

# ruff: noqa: ASYNC220, ASYNC221, ASYNC251 - a test has nothing else to do than to wait for the process it needs

import asyncio
import os
import random
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from ledger_tools import Clock, opened, planned, raw

from billing.core.errors import LedgerDamaged, LedgerError, LedgerHeld, LedgerMissing, UsageError
from billing.edge.ledger.custody.keyfile import default_key_file
from billing.edge.ledger.custody.location import check_file_system, file_system, ledger_path
from billing.edge.ledger.custody.lock import holder_of
from billing.edge.ledger.sqlite.opening import open_ledger

MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
23 22 0:21 / /proc rw - proc proc rw
30 22 0:40 / /mnt/nfs\\040share rw shared:1 - nfs4 server:/x rw
31 22 0:41 / /mnt/host rw - 9p host rw
32 22 0:42 / /mnt/ssh rw - fuse.sshfs me@there rw
33 22 0:43 / /mnt/win rw - cifs //server/x rw
34 31 0:44 / /mnt/host/local rw - xfs /dev/vdb rw
35 22 0:45 / /layer rw - overlay overlay rw
"""


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    "url",
    ["postgresql://db/x", "mysql://x", "ledger.db", "sqlite:///", "sqlite:///:memory:", "sqlite:///a?mode=ro", ""],
)
def test_a_url_that_names_no_sqlite_file_is_wrong_usage(url):
    with pytest.raises(UsageError):
        ledger_path(url)


def test_a_url_of_a_server_is_no_path_and_its_password_is_not_repeated():
    with pytest.raises(UsageError) as error:
        ledger_path("postgresql://me:secret@db/billing")
    assert "secret" not in str(error.value)


def test_urls_are_relative_or_absolute():
    assert ledger_path("sqlite:///a/b.db") == Path.cwd() / "a/b.db"
    assert ledger_path("sqlite:////var/b.db") == Path("/var/b.db")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/srv/l.db", "ext4"),
        ("/mnt/nfs share/l.db", "nfs4"),
        ("/mnt/host/l.db", "9p"),
        ("/mnt/host/local/l.db", "xfs"),
        ("/mnt/hostile/l.db", "ext4"),
        ("/mnt/ssh/x/l.db", "fuse.sshfs"),
        ("/mnt/win/l.db", "cifs"),
    ],
)
def test_the_file_system_under_a_path_is_the_nearest_mount_and_unsafe_ones_are_refused(path, found):
    assert file_system(Path(path), MOUNTS) == found
    if found in ("ext4", "xfs"):
        assert check_file_system(Path(path), MOUNTS) == []
    else:
        with pytest.raises(LedgerError, match="local disk"):
            check_file_system(Path(path), MOUNTS)


def test_a_container_layer_is_warned_of_and_a_system_without_mount_table_is_trusted():
    assert "lost with it" in check_file_system(Path("/layer/l.db"), MOUNTS)[0]
    assert check_file_system(Path("/layer/l.db"), "") == []


async def test_everything_a_ledger_makes_is_its_owners_alone_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        ledger = await opened(tmp_path)
        await planned(ledger)
        made = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert {path.name for path in made} >= {
            "ledger.db",
            "ledger.db-wal",
            "ledger.db-shm",
            "ledger.db.lock",
            "ledger.key",
        }
        assert {path.name: oct(mode(path)) for path in made} == {path.name: "0o600" for path in made}
        assert {mode(tmp_path / "keys"), mode(tmp_path / "keys/heads")} == {0o700}
        await ledger.aclose()
    finally:
        os.umask(before)


async def test_wider_permissions_are_warned_of_and_refused_in_live_mode(tmp_path):
    await (await opened(tmp_path)).aclose()
    path = tmp_path / "ledger.db"
    path.chmod(0o644)
    ledger = await opened(tmp_path)
    assert ledger.warnings == (f"{path}: mode 0644 lets others at it; type: chmod 600 {path}",)
    await ledger.aclose()
    with pytest.raises(LedgerError, match="chmod 600"):
        await opened(tmp_path, live=True)
    path.chmod(0o600)
    (tmp_path / "keys/ledger.key").chmod(0o644)
    with pytest.raises(LedgerError, match="chmod 600"):
        await opened(tmp_path, live=True)
    (tmp_path / "keys/ledger.key").chmod(0o440)
    ledger = await opened(tmp_path, live=True)
    assert ledger.warnings == ()
    await ledger.aclose()


async def test_a_second_runner_is_told_who_holds_the_ledger(tmp_path):
    ledger = await opened(tmp_path, purpose="run coaching-2026-11")
    with pytest.raises(LedgerHeld, match=rf"run coaching-2026-11 \(pid {os.getpid()} on .*, since 2026-11-01T08"):
        await opened(tmp_path)
    reader = await opened(tmp_path, write=False)
    await reader.aclose()
    await ledger.aclose()
    await (await opened(tmp_path)).aclose()


async def test_a_runner_that_waits_takes_over_when_the_other_ends(tmp_path):
    ledger = await opened(tmp_path)
    with pytest.raises(LedgerHeld):
        await opened(tmp_path, wait=0.15)
    waiting = asyncio.create_task(opened(tmp_path, wait=30))
    await asyncio.sleep(0.01)
    await ledger.aclose()
    await (await waiting).aclose()


async def test_the_lock_of_a_killed_runner_is_free(tmp_path):
    code = (
        "import asyncio, sys, time; from pathlib import Path; sys.path[:0] = sys.argv[2:]\n"
        "from ledger_tools import opened\n"
        "async def main():\n  ledger = await opened(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)\n"
        "asyncio.run(main())"
    )
    command = [sys.executable, "-c", code, str(tmp_path), str(Path(__file__).parent), *sys.path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LedgerHeld, match=f"pid {holder.pid}"):
            await opened(tmp_path)
        holder.kill()
    await (await opened(tmp_path)).aclose()


async def test_a_link_planted_for_the_lock_is_not_followed(tmp_path):
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "ledger.db.lock").symlink_to(tmp_path / "victim")
    with pytest.raises(LedgerError, match="lock"):
        await opened(tmp_path)
    assert (tmp_path / "victim").read_text() == "precious"


async def test_one_ledger_under_two_names_has_one_lock(tmp_path):
    ledger = await opened(tmp_path)
    (tmp_path / "other.db").symlink_to(tmp_path / "ledger.db")
    with pytest.raises(LedgerHeld):
        await open_ledger(f"sqlite:///{tmp_path}/other.db", key_file=tmp_path / "keys/ledger.key", clock=Clock())
    await ledger.aclose()
    os.link(tmp_path / "ledger.db", tmp_path / "hard.db")
    with pytest.raises(LedgerError, match="hard links"):
        await opened(tmp_path)


async def test_the_key_is_made_once_and_another_key_is_refused(tmp_path):
    await (await opened(tmp_path)).aclose()
    key = tmp_path / "keys" / "ledger.key"
    text = key.read_text()
    assert len(bytes.fromhex(text)) == 32
    await (await opened(tmp_path)).aclose()
    assert key.read_text() == text
    for other, says in (("0" * 64, "is not its key"), ("short", "is no ledger key")):
        key.write_text(other)
        for write in (True, False):
            with pytest.raises(LedgerError, match=says):
                await opened(tmp_path, write=write)
    key.unlink()
    with pytest.raises(LedgerError, match="BILLING_LEDGER_KEY_FILE") as missing:
        await opened(tmp_path)
    # Both by name: the ledger may be one that was found in a folder above.
    assert (str(key) in str(missing.value), ".db: the key" in str(missing.value)) == (True, True)
    assert not key.exists()


@pytest.mark.parametrize("around", ["{}", "{}\r\n", "\ufeff{}\n"])
async def test_what_an_editor_puts_around_the_ledgers_key_is_no_part_of_it(tmp_path, around):
    await (await opened(tmp_path)).aclose()
    key = tmp_path / "keys" / "ledger.key"
    kept = key.read_text().strip()
    key.write_text(around.format(kept), encoding="utf-8", newline="")
    ledger = await opened(tmp_path)
    faults = ledger.verify().faults
    await ledger.aclose()
    assert faults == ()
    assert kept in key.read_text(encoding="utf-8")


async def test_a_ledgers_key_that_is_a_pipe_or_endless_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for place, says in ((tmp_path / "pipe", "is no regular file"), (Path("/dev/zero"), "is no regular file")):
        with pytest.raises(LedgerError, match=says):
            await opened(tmp_path, key_file=place)
    (tmp_path / "big").write_text("0" * 10_000)
    with pytest.raises(LedgerError, match="is larger than"):
        await opened(tmp_path, key_file=tmp_path / "big")


def test_the_users_own_key_file_needs_a_home():
    assert default_key_file({"HOME": "/h"}) == Path("/h/.config/connect-billing/ledger.key")
    assert default_key_file({"HOME": "/h", "XDG_CONFIG_HOME": "/c"}) == Path("/c/connect-billing/ledger.key")
    with pytest.raises(LedgerError, match="BILLING_LEDGER_KEY_FILE"):
        default_key_file({})


async def test_a_place_that_cannot_hold_a_ledger_is_named(tmp_path):
    with pytest.raises(LedgerMissing, match="mkdir -p"):
        await opened(tmp_path / "nowhere")
    (tmp_path / "ledger.db").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        await opened(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerMissing, match="there is no folder"):
        await open_ledger(f"sqlite:///{tmp_path}/file/l.db", key_file=None, clock=Clock())


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")
async def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    code = (
        "import asyncio, os, sys; from pathlib import Path; sys.path[:0] = sys.argv[2:]\n"
        "from ledger_tools import opened\n"
        "from billing.core.errors import LedgerError\n"
        "os.setuid(65534)\n"
        "try: asyncio.run(opened(Path(sys.argv[1]), key_file=Path('/nowhere/key')))\n"
        "except LedgerError as error: print(error)"
    )
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if parent.name.startswith(("pytest-", "popen-")):
            parent.chmod(0o755)
    command = [sys.executable, "-c", code, str(tmp_path), str(Path(__file__).parent), *sys.path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "cannot write in" in done.stdout


async def test_reading_what_is_not_there_makes_nothing_and_is_wrong_usage(tmp_path):
    with pytest.raises(LedgerMissing, match="there is no ledger yet") as error:
        await opened(tmp_path, write=False)
    assert error.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("left", ["nothing", "an empty file", "no folder"])
async def test_whoever_reads_a_ledger_that_is_gone_is_told_so_like_whoever_charges(tmp_path, left):
    home = tmp_path / "data"
    home.mkdir()
    key = tmp_path / "keys" / "ledger.key"
    ledger = await opened(home, key_file=key)
    await planned(ledger)
    await ledger.aclose()
    (home / "ledger.db").unlink()
    if left == "an empty file":
        (home / "ledger.db").touch()
    if left == "no folder":
        shutil.rmtree(home)
    for write in (True, False):
        with pytest.raises(
            LedgerDamaged, match=r"was here and is gone|is empty, and had|does not say any more"
        ) as error:
            await opened(home, key_file=key, write=write)
        assert error.value.exit_code == 6


async def test_a_ledger_that_is_just_being_made_is_not_there_yet_for_whoever_reads(tmp_path):
    await (await opened(tmp_path)).aclose()
    path = tmp_path / "ledger.db"
    path.unlink()
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("PRAGMA journal_mode = WAL")
    with pytest.raises(LedgerMissing):
        await opened(tmp_path, write=False)


async def test_the_lock_tells_who_charges_and_that_nobody_does(tmp_path):
    path = tmp_path / "ledger.db"
    assert holder_of(path) is None
    ledger = await opened(tmp_path, purpose="run coaching-2026-11")
    found = holder_of(path)
    assert (found.purpose, found.pid, found.host) == ("run coaching-2026-11", os.getpid(), socket.gethostname())
    assert found.since.startswith("2026-11-01T08")
    await ledger.aclose()
    assert holder_of(path) is None


async def test_whoever_asks_for_the_holder_all_the_time_turns_no_runner_away(tmp_path):
    await (await opened(tmp_path)).aclose()
    code = (
        "import sys; from pathlib import Path; sys.path[:0] = sys.argv[2:]\n"
        "from billing.edge.ledger.custody.lock import holder_of\n"
        "print('asking', flush=True)\n"
        "while True: holder_of(Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "ledger.db"), *sys.path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as asker:
        assert asker.stdout.readline() == "asking\n"
        for _ in range(20):
            await (await opened(tmp_path)).aclose()
        asker.kill()


async def test_what_is_not_a_ledger_is_left_alone(tmp_path):
    await (await opened(tmp_path)).aclose()
    path = tmp_path / "ledger.db"
    path.write_bytes(b"reference,amount\n" * 500)
    with pytest.raises(LedgerDamaged, match="not a SQLite database"):
        await opened(tmp_path)
    path.unlink()
    with sqlite3.connect(path) as conn:
        conn.execute("CREATE TABLE theirs (x)")
    conn.close()
    with pytest.raises(UsageError, match="not a ledger"):
        await opened(tmp_path)


async def test_another_database_where_a_ledger_with_entries_was_is_damage(tmp_path):
    ledger = await opened(tmp_path)
    await planned(ledger)
    await ledger.aclose()
    with raw(tmp_path) as conn:
        conn.execute("PRAGMA application_id = 1")
    with pytest.raises(LedgerDamaged, match="does not say any more"):
        await opened(tmp_path)


@pytest.mark.parametrize("write", [True, False])
async def test_a_ledger_of_a_newer_release_is_refused(tmp_path, write):
    await (await opened(tmp_path)).aclose()
    with raw(tmp_path) as conn:
        conn.execute("PRAGMA user_version = 9")
    with pytest.raises(LedgerError, match="version 9"):
        await opened(tmp_path, write=write)


async def test_a_refused_opening_lets_go_of_the_lock(tmp_path):
    await (await opened(tmp_path)).aclose()
    (tmp_path / "ledger.db").chmod(0o644)
    with pytest.raises(LedgerError):
        await opened(tmp_path, live=True)
    await (await opened(tmp_path)).aclose()


async def test_a_commit_is_synced_and_the_log_is_ahead_of_the_database(ledger):
    conn = ledger._opened.writer
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0, "cell_size_check": 1}
    assert {name: conn.execute(f"PRAGMA {name}").fetchone()[0] for name in wanted} == wanted
    assert ledger._reader._conn.execute("PRAGMA query_only").fetchone() == (1,)


MAKES_A_LEDGER = """
import asyncio, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from ledger_tools import opened
print("go", flush=True)
asyncio.run(opened(Path(sys.argv[1])))
"""


async def test_a_kill_while_a_ledger_is_made_leaves_one_that_opens(tmp_path):
    dice = random.Random(5)
    for n in range(8):
        folder = tmp_path / str(n)
        folder.mkdir()
        command = [sys.executable, "-c", MAKES_A_LEDGER, str(folder), str(Path(__file__).parent), *sys.path]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as maker:
            assert maker.stdout.readline() == "go\n"
            time.sleep(dice.random() * 0.02)  # a random moment of making it
            maker.kill()
        ledger = await opened(folder)
        await planned(ledger)
        await ledger.aclose()


async def test_closing_twice_is_closing_once(tmp_path):
    ledger = await opened(tmp_path)
    (item,) = await planned(ledger)
    await ledger.aclose()
    closed = (tmp_path / "ledger.db").read_bytes()
    await ledger.aclose()
    assert (tmp_path / "ledger.db").read_bytes() == closed
    again = await opened(tmp_path)  # the lock was let go
    assert again.item(item.id) == item
    await again.aclose()


async def test_a_sqlite_that_cannot_move_many_items_at_once_is_refused_before_anything_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 32, 3))
    with pytest.raises(LedgerError, match=r"too old, 3\.33 is needed"):
        await opened(tmp_path)
    assert not (tmp_path / "ledger.db").exists()
