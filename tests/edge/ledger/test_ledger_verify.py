"""A check says "damaged" of nothing but damage, whatever other processes do meanwhile."""

# ruff: noqa: ASYNC220 - a test has nothing else to do than to wait for the process it needs

import subprocess
import sys
from pathlib import Path

import pytest
from ledger_tools import opened, raw, unguarded

from billing.edge.ledger import verify as verify_module

WRITES_FLAT_OUT = """
import asyncio, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from ledger_tools import a_run, lines, move_for, opened
from billing.core.kinds.charge import Event

IN_EACH_DATABASE = True

async def main():
    ledger = await opened(Path(sys.argv[1]))
    for month in range(1, 10_000):
        period = f"{2000 + month // 12}-{1 + month % 12:02d}"
        await ledger.plan_run(a_run(f"coaching-{period}", period), lines(*range(40), period=period))
        for known in ledger.work(f"coaching-{period}", ["planned"], "acct_1", 0, 50):
            await ledger.record(known, move_for(known, Event.PREPARE_STARTED))
        print(month, flush=True)

asyncio.run(main())
"""


async def test_a_check_while_another_process_writes_finds_nothing(tmp_path):
    command = [sys.executable, "-c", WRITES_FLAT_OUT, str(tmp_path), str(Path(__file__).parent), *sys.path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "1\n"
        checked = []
        for _ in range(25):
            reader = await opened(tmp_path, write=False)
            checked.append(reader.verify())
            await reader.aclose()
        assert writer.poll() is None, "the writer wrote to the end"
        writer.kill()
    assert [found.faults for found in checked] == [()] * len(checked)
    seen = [found.entries for found in checked]
    assert seen == sorted(seen)
    assert seen[0] < seen[-1], "nothing was written meanwhile"


async def test_what_only_one_look_finds_is_no_damage(ledger, monkeypatch):
    """A read that fails once, as while a disk or its controller recovers, must not make anybody destroy a ledger."""
    real, asked = verify_module._Checks.database, []

    def once(checks):
        asked.append(checks)
        if len(asked) == 1:
            checks.fault("database: cannot be read (disk I/O error)")
        else:
            real(checks)

    monkeypatch.setattr(verify_module._Checks, "database", once)
    assert ledger.verify().faults == ()
    assert len(asked) == 2


@pytest.mark.parametrize("column", ["mac", "facts"])
async def test_what_two_looks_find_is_damage(tmp_path, column):
    from ledger_tools import planned

    ledger = await opened(tmp_path)
    await planned(ledger, 3)
    await ledger.aclose()
    with raw(tmp_path) as conn:
        back = unguarded(conn)
        conn.execute(f"UPDATE entries SET {column} = CAST('x' AS BLOB) WHERE seq = 2")  # noqa: S608 - a constant
        for sql in back:
            conn.execute(sql)
    reader = await opened(tmp_path, write=False)
    assert reader.verify().faults
    await reader.aclose()
