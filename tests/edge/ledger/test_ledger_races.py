"""Two writers on one file, without the lock: each item is moved by one of them, and the chain stays one chain."""

# ruff: noqa: ASYNC220 - a test has nothing else to do than to wait for the processes it races

import asyncio
import subprocess
import sys
from pathlib import Path

from ledger_tools import move_for, opened, planned

from billing.core.kinds.charge import Event, State
from billing.edge.ledger import LostRace


async def claim(ledger, items):
    """Try to start every item; return those won and those lost, whose winner's word must then be on record."""
    won, lost = [], []
    for item in items:
        try:
            won.append(await ledger.record(item, move_for(item, Event.PREPARE_STARTED)))
        except LostRace as race:
            lost.append(race.item)
    assert all(item.state is State.PREPARING for item in won + lost)
    return won, lost


async def test_two_ledgers_in_one_process_share_the_items_between_them(tmp_path):
    first = await opened(tmp_path, lock=False)
    second = await opened(tmp_path, lock=False)
    items = await planned(first, 100)
    (won, lost), (also_won, also_lost) = await asyncio.gather(claim(first, items), claim(second, items))
    assert sorted(item.id for item in won + also_won) == [item.id for item in items]
    assert (len(won), len(also_won)) == (len(also_lost), len(lost))
    await second.aclose()
    assert first.verify().faults == ()
    await first.aclose()


async def test_many_tasks_of_one_ledger_move_each_item_once(ledger):
    items = await planned(ledger, 50)
    results = await asyncio.gather(*(claim(ledger, items) for _ in range(5)))
    assert sorted(item.id for won, _ in results for item in won) == [item.id for item in items]
    assert ledger.verify().entries == 50 + 1 + 50


CLAIMS_EVERYTHING = """
import asyncio, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from ledger_tools import opened
from test_ledger_races import claim

async def main():
    ledger = await opened(Path(sys.argv[1]), lock=False)
    print("ready", flush=True)
    sys.stdin.readline()
    won, lost = await claim(ledger, [ledger.item(row) for row in range(1, 201)])
    print(*(known.id for known in won))
    await ledger.aclose()

asyncio.run(main())
"""


async def test_processes_without_a_lock_share_the_items_between_them(tmp_path):
    ledger = await opened(tmp_path)
    items = await planned(ledger, 200)
    await ledger.aclose()
    command = [sys.executable, "-c", CLAIMS_EVERYTHING, str(tmp_path), str(Path(__file__).parent), *sys.path]
    runners = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for runner in runners:
        assert runner.stdout.readline() == "ready\n"
    for runner in runners:
        runner.stdin.write("go\n")
        runner.stdin.flush()
    won = [int(row) for runner in runners for row in runner.communicate()[0].split()]
    assert sorted(won) == [item.id for item in items]
    again = await opened(tmp_path)
    assert again.verify().faults == ()
    await again.aclose()
