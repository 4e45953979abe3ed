"""Killed at any moment: what was acknowledged is there, and what is there agrees with itself."""

# ruff: noqa: ASYNC220, ASYNC251 - a test has nothing else to do than to wait for the process it kills

import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ledger_tools import opened, planned

from billing.core.kinds.charge import State
from billing.edge.ledger.sqlite.connection import connect

KILLS = 20
WRITES_UNTIL_KILLED = """
import asyncio, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from ledger_tools import move_for, opened, a_run, lines, RUN
from billing.core.entries import Note
from billing.core.records import RunStatus
from billing.core.kinds.charge import Event, State

async def go(ledger, account):
    after = 0
    while items := ledger.work(None, [State.PLANNED, State.PREPARING, State.READY], account, after, 5):
        for known in items:
            after = known.id
            if known.state is State.PLANNED:
                known = await ledger.record(known, move_for(known, Event.PREPARE_STARTED))
                print(known.id, known.ver, flush=True)
            if known.state is State.PREPARING:
                known = await ledger.record(known, move_for(known, Event.PREPARED))
                print(known.id, known.ver, flush=True)
            known = await ledger.record(known, move_for(known, Event.CONFIRM_STARTED))
            print(known.id, known.ver, flush=True)

async def main():
    ledger = await opened(Path(sys.argv[1]))
    print("open", flush=True)
    n = len(ledger.runs())
    await ledger.plan_run(a_run(f"run-{n}"), lines(*range(n * 1000, n * 1000 + 500)))
    await ledger.note_run(f"run-{n}", Note.RUN_STARTED, RunStatus.RUNNING)
    await asyncio.gather(*(go(ledger, f"acct_{lane}") for lane in range(3)))
    await ledger.aclose()

asyncio.run(main())
"""


async def test_after_every_kill_the_ledger_opens_and_holds_all_that_was_acknowledged(tmp_path):
    ledger = await opened(tmp_path)
    await planned(ledger, 3)
    await ledger.aclose()
    dice = random.Random(20261101)
    command = [sys.executable, "-c", WRITES_UNTIL_KILLED, str(tmp_path), str(Path(__file__).parent), *sys.path]
    acknowledged: dict[int, int] = {}
    for _ in range(KILLS):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout.readline() == "open\n"
            # A random moment of the plan or, for most, of the moves.
            begun = [writer.stdout.readline() for _ in range(dice.choice([0, 1, dice.randrange(2, 200)]))]
            time.sleep(dice.random() * 0.02)
            writer.kill()
            rest = "".join(begun) + writer.stdout.read()
        whole, _, _ = rest.rpartition("\n")
        for line in whole.splitlines():
            row, ver = line.split()
            acknowledged[int(row)] = int(ver)
        ledger = await opened(tmp_path)  # verifies all of it
        assert all(ledger.item(row).ver >= ver for row, ver in acknowledged.items())
        await ledger.aclose()
    assert len(acknowledged) > KILLS
    ledger = await opened(tmp_path)
    assert sum(ledger.workload(None, State).values()) == 3 + 500 * (len(ledger.runs()) - 1)
    await ledger.aclose()


def test_a_database_whose_log_cannot_be_written_ahead_is_not_written_to():
    """SQLite only answers with the mode it stays in; one in memory never has such a log."""
    with pytest.raises(sqlite3.OperationalError, match="journal_mode stays memory, not wal"):
        connect(Path(":memory:"), write=True)
