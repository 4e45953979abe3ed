"""The witness knows every commit, survives a kill in the middle of its own writing, and forgets only when deleted."""

# ruff: noqa: ASYNC220, ASYNC251 - a test has nothing else to do than to wait for the process it kills

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from ledger_tools import move_for, opened, planned

from billing.core.errors import LedgerDamaged, LedgerError
from billing.core.kinds.charge import Event, State
from billing.edge.ledger.chain import Head
from billing.edge.ledger.custody import witness as witness_module
from billing.edge.ledger.custody.witness import WITNESS_ENTRIES, Trace, Witness, traces, traces_at, witnesses_of

LEDGER = "ab" * 16


def file_of(folder: Path) -> Path:
    """Return the one witness of a folder's ledger."""
    (found,) = (folder / "keys" / "heads").glob("[!.]*")
    return found


def seen(folder: Path) -> Head:
    file = file_of(folder)
    return Witness(file.parent, file.name, folder / "ledger.db").seen()


def head(n: int) -> Head:
    return Head(n, n.to_bytes(32, "big"))


@pytest.fixture
def witness(tmp_path) -> Witness:
    """A witness that has seen ten entries."""
    made = Witness(tmp_path / "heads", LEDGER, tmp_path / "ledger.db")
    for n in range(1, 11):
        assert made.keep(head(n), durable=n == 1) == ""
    return made


@pytest.fixture
def syncs(monkeypatch) -> list[int]:
    """The syncs Python itself asked for; SQLite's own do not pass here."""
    asked: list[int] = []
    real = os.fsync
    monkeypatch.setattr(witness_module.os, "fsync", lambda descriptor: (asked.append(descriptor), real(descriptor)))
    return asked


async def test_a_witness_that_cannot_be_kept_is_warned_of(tmp_path):
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "heads").write_text("in the way")
    ledger = await opened(tmp_path)
    assert any("will not be noticed" in warning for warning in ledger.warnings)
    await planned(ledger)
    await ledger.aclose()


async def test_the_witness_knows_every_commit_once_it_is_durable(tmp_path):
    ledger = await opened(tmp_path, inline=True)
    for item in await planned(ledger, 5):
        await ledger.record(item, move_for(item, Event.PREPARE_STARTED))
        assert seen(tmp_path).mac.hex() == ledger.head
    await ledger.aclose()
    reader = await opened(tmp_path, write=False)
    assert seen(tmp_path).mac.hex() == reader.head
    await reader.aclose()


async def test_a_failed_commit_is_not_told_to_the_witness(tmp_path):
    ledger = await opened(tmp_path, inline=True)
    (item,) = await planned(ledger)
    before = seen(tmp_path)
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as conn:
        conn.execute("CREATE TRIGGER forged BEFORE INSERT ON entries BEGIN SELECT 1 / json('no'); END")
    with pytest.raises(LedgerError):
        await ledger.record(item, move_for(item, Event.PREPARE_STARTED))
    await ledger.aclose()
    assert seen(tmp_path) == before


async def test_the_witness_is_synced_at_milestones_and_now_and_then_in_a_long_run(tmp_path, syncs):
    ledger = await opened(tmp_path, inline=True)
    items = await planned(ledger, WITNESS_ENTRIES + 1)
    syncs.clear()
    for item in items[:-2]:
        await ledger.record(item, move_for(item, Event.PREPARE_STARTED))
    assert syncs == []
    await ledger.record(items[-2], move_for(items[-2], Event.PREPARE_STARTED))
    assert len(syncs) == 1
    await ledger.aclose()
    assert len(syncs) == 2


async def test_a_kill_before_the_witness_heard_of_a_commit_is_no_damage(tmp_path):
    ledger = await opened(tmp_path)
    (item,) = await planned(ledger)
    before = file_of(tmp_path).read_bytes()
    await ledger.record(item, move_for(item, Event.PREPARE_STARTED))
    await ledger.aclose()
    file_of(tmp_path).write_bytes(before)
    ledger = await opened(tmp_path)
    assert ledger.item(1).state is State.PREPARING
    await ledger.aclose()


WRITES_UNTIL_KILLED = """
import asyncio, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from ledger_tools import move_for, opened, planned
from billing.core.kinds.charge import Event

async def main():
    ledger = await opened(Path(sys.argv[1]))
    for known in await planned(ledger, 400):
        await ledger.record(known, move_for(known, Event.PREPARE_STARTED))
        print(known.id, flush=True)

asyncio.run(main())
"""


def copied(folder: Path, to: Path) -> int:
    """Copy a ledger that is being written, as a backup would, and return how many entries the copy has."""
    with closing(sqlite3.connect(folder / "ledger.db")) as source, closing(sqlite3.connect(to)) as copy:
        source.backup(copy)
        return copy.execute("SELECT max(seq) FROM entries").fetchone()[0]


async def test_a_copy_from_just_before_a_kill_is_refused(tmp_path):
    command = [sys.executable, "-c", WRITES_UNTIL_KILLED, str(tmp_path), str(Path(__file__).parent), *sys.path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        for _ in range(20):
            assert writer.stdout.readline()
        entries = copied(tmp_path, tmp_path / "backup.db")
        for _ in range(20):
            assert writer.stdout.readline()
        time.sleep(0.01)
        writer.kill()
    ledger = await opened(tmp_path, write=False)
    lost = sum(1 for _ in ledger.entries()) - entries
    await ledger.aclose()
    assert 0 < lost < WITNESS_ENTRIES, "no milestone came between the copy and the kill"
    for end in ("-wal", "-shm"):
        (tmp_path / f"ledger.db{end}").unlink(missing_ok=True)
    shutil.copy(tmp_path / "backup.db", tmp_path / "ledger.db")
    with pytest.raises(LedgerDamaged, match="is an older copy"):
        await opened(tmp_path)


def test_a_write_that_is_cut_short_anywhere_leaves_this_head_or_the_one_before(witness):
    before = witness.file.read_bytes()
    witness.keep(head(11), durable=False)
    after = witness.file.read_bytes()
    for cut in range(len(after) + 1):
        witness.file.write_bytes(after[:cut] + before[cut:])
        assert witness.seen() in (head(10), head(11))
    assert witness.seen() == head(11)


def test_the_newest_head_counts_whoever_writes_last(witness):
    Witness(witness.folder, witness.ledger, witness.place).keep(head(12))
    witness.keep(head(11))  # another runner on the same ledger, a moment late
    assert witness.seen() == head(12)


def test_a_damaged_line_is_not_believed(witness):
    content = bytearray(witness.file.read_bytes())
    for place in range(content.index(b"{")):
        changed = content.copy()
        changed[place] ^= 1 << place % 8
        witness.file.write_bytes(changed)
        assert witness.seen() in (head(9), head(10))


def test_only_its_owner_can_read_it_and_one_written_over_stays_one_file(witness):
    assert witness.file.stat().st_mode & 0o777 == 0o600
    inode = witness.file.stat().st_ino
    witness.keep(head(11))
    assert witness.file.stat().st_ino == inode
    assert [file.name for file in witness.folder.iterdir()] == [LEDGER]


def test_a_link_in_its_place_is_not_followed(witness, tmp_path):
    witness.file.unlink()
    (tmp_path / "elsewhere").write_text("mine")
    witness.file.symlink_to(tmp_path / "elsewhere")
    assert "cannot be kept" in witness.keep(head(11))
    assert (tmp_path / "elsewhere").read_text() == "mine"


def test_deleting_it_forgets_and_the_next_commit_begins_it_anew(witness):
    witness.file.unlink()
    assert witness.seen() is None
    assert traces(witness.folder) == []
    witness.keep(head(3), durable=False)
    assert witness.seen() == head(3)


def test_it_remembers_where_the_ledger_lies_and_every_place_where_it_lay(witness, tmp_path):
    first = witness.place
    assert traces_at(witness.folder, first) == [Trace(witness.file, 10, (str(first),))]
    second, third = tmp_path / "second" / "ledger.db", tmp_path / 'third "place", {"path": "x"}.db'
    for n, (place, before) in enumerate([(second, (first,)), (third, (second, first)), (first, (third, second))], 11):
        moved = Witness(witness.folder, LEDGER, place)
        moved.keep(head(n), durable=False)
        moved.keep(head(n), durable=False)
        assert traces(witness.folder) == [Trace(witness.file, n, (str(place), *map(str, before)))]
        assert moved.seen() == head(n)
    for place in (first, second, third):
        assert [trace.file for trace in traces_at(witness.folder, place)] == [witness.file]
    assert traces_at(witness.folder, tmp_path / "fourth.db") == []


def test_a_place_whose_name_begins_like_another_is_another_place(witness):
    longer = Witness(witness.folder, LEDGER, witness.place.with_name("ledger.db2"))
    longer.keep(head(11), durable=False)
    assert traces(witness.folder)[0].places == (str(longer.place), str(witness.place))
    witness.keep(head(12), durable=False)
    assert traces(witness.folder)[0].places == (str(witness.place), str(longer.place))


def test_a_witness_that_knows_one_place_only_is_read(witness):
    """As every release before this one has written it."""
    content = witness.file.read_bytes()
    assert content.endswith(b'{"path": ' + json.dumps(str(witness.place)).encode() + b"}\n")
    assert traces(witness.folder)[0].places == (str(witness.place),)


def test_the_witness_of_release_0_1_is_read_and_then_kept_in_the_new_form(tmp_path):
    witness = Witness(tmp_path / "heads", LEDGER, tmp_path / "ledger.db")
    witness.folder.mkdir()
    old = {"path": str(witness.place), "seq": 7, "mac": head(7).mac.hex()}
    witness.file.write_text(json.dumps(old))
    assert witness.seen() == head(7)
    assert traces(witness.folder) == [Trace(witness.file, 7, (str(witness.place),))]
    witness.keep(head(8), durable=False)
    assert witness.seen() == head(8)
    assert witness.file.stat().st_mode & 0o777 == 0o600


async def test_an_older_copy_is_refused_by_a_witness_of_release_0_1(tmp_path):
    ledger = await opened(tmp_path)
    items = await planned(ledger, 2)
    await ledger.aclose()
    shutil.copy(tmp_path / "ledger.db", tmp_path / "backup.db")
    ledger = await opened(tmp_path)
    await ledger.record(items[0], move_for(items[0], Event.PREPARE_STARTED))
    await ledger.aclose()
    last = seen(tmp_path)
    old = {"path": str(tmp_path / "ledger.db"), "seq": last.seq, "mac": last.mac.hex()}
    file_of(tmp_path).write_text(json.dumps(old))
    await (await opened(tmp_path)).aclose()
    file_of(tmp_path).write_text(json.dumps(old))
    shutil.copy(tmp_path / "backup.db", tmp_path / "ledger.db")
    with pytest.raises(LedgerDamaged, match="is an older copy"):
        await opened(tmp_path)


def test_each_chain_of_a_ledger_is_remembered_in_a_file_of_its_own_and_the_ledger_once(tmp_path):
    place = "postgresql://db:5432/billing"
    for chain, seq in ((0, 5), (3, 9), (12, 7)):
        Witness(tmp_path, LEDGER, place, chain).keep(head(seq))
    assert [Witness(tmp_path, LEDGER, place, chain).seen() for chain in (0, 3, 12)] == [head(5), head(9), head(7)]
    (tmp_path / f"{LEDGER}.bak").write_text("somebody's copy")
    own = Witness(tmp_path, LEDGER, place, 3)
    assert [each.chain for each in witnesses_of(own)] == [3, 0, 12]
    (tmp_path / f"{LEDGER}.bak").unlink()
    (trace,) = traces_at(tmp_path, place)
    assert (trace.ledger, trace.entries, trace.places) == (LEDGER, 9, (place,))
    assert sorted(file.name for file in trace.files) == [LEDGER, f"{LEDGER}.12", f"{LEDGER}.3"]
