"""The power fails at any moment: every commit that was acknowledged is on the disk, and the run goes on truly.

(edge/ledger/README.md, "What a commit is")
"""

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.storage.cuts import Cut, cut, restart
from tests.storage.lifecycles import Life, continued, ledger_of, lived, small_world
from tests.storage.syscalls import Change, Fault, disk_of
from tests.virtual import run_virtually

CUTS_A_SEED, SEEDS = 30, 5
DEAD = Fault(number=5)
# From that call on the machine is gone: nothing is written, nothing is synced, nothing is sent.


def until_dead(folder: Path, on: str, nth: int, items: int):
    """Live one run whose machine dies at the ``nth`` write or sync."""
    world = small_world(folder, items=items)
    with disk_of(ledger_of(world)) as disk:
        disk.fault, disk.nth, disk.changes = Fault(DEAD.number, on=on), nth, []
        life = run_virtually(lived, world, disk)
    return world, life, disk


def still_holds(ledger: Path, life: Life) -> bool:
    """Tell whether the last acknowledged entry is on record with its mac."""
    if not life.head:
        return True
    with closing(sqlite3.connect(ledger)) as conn:
        return conn.execute("SELECT mac FROM entries WHERE seq = ?", (life.head,)).fetchone() == (life.mac,)


def whole_run(folder: Path, items: int) -> dict[str, int]:
    """Count the calls of a run whose machine lives."""
    _, life, disk = until_dead(folder, "write", 10**9, items)
    assert life.error is None
    shutil.rmtree(folder)
    return dict(disk.calls)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_was_acknowledged_survives_and_the_run_goes_on(scratch, seed, record_property):
    dice, found, acknowledged = random.Random(seed), [], 0
    items = dice.randint(3, 6)
    calls = whole_run(scratch / "whole", items)
    for n in range(CUTS_A_SEED):
        on = dice.choice(("write", "sync"))
        world, life, disk = until_dead(scratch / str(n), on, dice.randint(1, calls[on]), items)
        found.append(cut(disk.changes, dice))
        acknowledged += life.head
        restart(ledger_of(world), found[-1])
        place = f"seed {seed}, cut {n}: {on} {disk.nth}"
        assert still_holds(ledger_of(world), life), f"{place}: entry {life.head} was acknowledged and is gone"
        try:
            run_virtually(continued, world)
        except Exception as error:
            raise AssertionError(f"{place}: continued untrue") from error
        shutil.rmtree(world.folder)
    assert acknowledged > 100
    record_property("evidence", told(found, acknowledged))


def told(found: list[Cut], acknowledged: int) -> str:
    unsynced, torn = sum(each.unsynced for each in found), sum(each.torn for each in found)
    losing = sum(each.lost > 0 for each in found)
    assert min(unsynced, torn, losing) > 0, "the cuts took something"
    return f"power cuts: {len(found)}, {acknowledged:,} acknowledged entries all there, 0 double"


def test_a_cut_keeps_what_was_synced_and_only_some_of_the_rest():
    """The bench itself: of a hundred cuts none loses a synced byte, and all sorts of losses come about."""
    changes = [Change("db", "write", 0, b"a" * 2048), Change("db", "sync"), Change("db", "write", 1024, b"b" * 2048)]
    results = {cut(changes, random.Random(n)).files["db"] for n in range(100)}
    assert all(content[:1024] == b"a" * 1024 for content in results)
    assert {b"a" * 2048, b"a" * 1024 + b"b" * 2048} < results
    assert len(results) > 10
