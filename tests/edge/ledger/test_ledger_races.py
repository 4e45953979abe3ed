"""Two writers on one file without the lock, or on one database: each item is moved by one, and every chain holds."""

# ruff: noqa: ASYNC220 - a test has nothing else to do than to wait for the processes it races

import asyncio
import subprocess
import sys
from pathlib import Path

from ledger_tools import move_for, planned

from billing.core.kinds.charge import Event, State
from billing.edge.ledger import LostRace

IN_EACH_DATABASE = True


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


async def test_two_ledgers_in_one_process_share_the_items_between_them(place):
    first = await place.open_beside(0)
    second = await place.open_beside(1)
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
sys.path[:0] = sys.argv[4:]
from ledger_tools import Place
from test_ledger_races import claim

async def main():
    ledger = await Place(sys.argv[1], Path(sys.argv[2])).open_beside(int(sys.argv[3]))
    print("ready", flush=True)
    sys.stdin.readline()
    won, lost = await claim(ledger, [ledger.item(row) for row in range(1, 201)])
    print(*(known.id for known in won))
    await ledger.aclose()

asyncio.run(main())
"""


async def test_processes_without_a_lock_share_the_items_between_them(place):
    ledger = await place.open()
    items = await planned(ledger, 200)
    await ledger.aclose()
    command = [sys.executable, "-c", CLAIMS_EVERYTHING, place.url, str(place.folder)]
    paths, pipe = [str(Path(__file__).parent), *sys.path], subprocess.PIPE
    runners = [
        subprocess.Popen([*command, str(number), *paths], stdin=pipe, stdout=pipe, text=True) for number in range(3)
    ]
    for runner in runners:
        assert runner.stdout.readline() == "ready\n"
    for runner in runners:
        runner.stdin.write("go\n")
        runner.stdin.flush()
    won = [int(row) for runner in runners for row in runner.communicate()[0].split()]
    assert sorted(won) == [item.id for item in items]
    again = await place.open()
    assert again.verify().faults == ()
    await again.aclose()
