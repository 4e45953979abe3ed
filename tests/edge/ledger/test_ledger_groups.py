"""One commit for everything that waits, and what happens when a commit fails."""

# ruff: noqa: ASYNC221 - a test has nothing else to do than to wait for the process it measures

import asyncio
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from ledger_tools import BOTH, a_run, lines, move_for, opened, planned, raw

from billing.core.entries import BrokenPromise, Move
from billing.core.errors import LedgerError
from billing.core.kinds.charge import Event, State
from billing.edge.ledger.sqlite.ledger import CHECKPOINT_BYTES


def commits(ledger):
    """Return how many commits have written entries: those of one commit have one time."""
    return len({entry.at for entry in ledger.entries()})


async def held_up(ledger):
    """Queue a plan that stays open until the returned function is called."""
    gate, entered = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow():
        loop.call_soon_threadsafe(entered.set)
        asyncio.run_coroutine_threadsafe(gate.wait(), loop).result()
        yield from lines(900)

    task = asyncio.create_task(ledger.plan_run(a_run("slow"), slow()))
    await entered.wait()

    async def let_go():
        gate.set()
        await task

    return let_go


@BOTH
async def test_everything_queued_during_a_commit_shares_the_next_one(ledger):
    items = await planned(ledger, 50)
    let_go = await held_up(ledger)
    waiting = [asyncio.create_task(ledger.record(item, move_for(item, Event.PREPARE_STARTED))) for item in items]
    await asyncio.sleep(0)
    before = commits(ledger)
    await let_go()
    recorded = await asyncio.gather(*waiting)
    assert commits(ledger) - before == 2  # the slow plan's own, and one for the other fifty
    assert {item.state for item in recorded} == {State.PREPARING}
    assert ledger.verify().faults == ()


@BOTH
async def test_a_write_alone_does_not_wait_for_company(ledger):
    (item,) = await planned(ledger)
    before = commits(ledger)
    for _ in range(3):
        item = await ledger.record(
            item, Move(Event.PREPARE_STARTED, 1) if item.ver == 0 else Move(Event.PREPARED, None, "pi_1", "pm_1")
        )
        if item.state is State.READY:
            break
    assert commits(ledger) - before == 2


@BOTH
async def test_in_a_shared_commit_a_broken_promise_fails_its_own_caller_alone(ledger):
    items = await planned(ledger, 4)
    started = [await ledger.record(item, move_for(item, Event.PREPARE_STARTED)) for item in items]
    let_go = await held_up(ledger)
    moves = [Move(Event.PREPARED, None, intent, f"pm_{n}") for n, intent in enumerate(["pi_a", "pi_b", "pi_a", "pi_c"])]
    waiting = [asyncio.create_task(ledger.record(k, move)) for k, move in zip(started, moves, strict=True)]
    await asyncio.sleep(0)
    before = commits(ledger)
    await let_go()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result).__name__ for result in results] == ["ItemRecord", "ItemRecord", "BrokenPromise", "ItemRecord"]
    assert commits(ledger) - before == 2
    assert [ledger.item(item.id).object_id for item in items] == ["pi_a", "pi_b", None, "pi_c"]
    assert ledger.verify().faults == ()


@BOTH
async def test_what_a_cancelled_caller_queued_is_committed_all_the_same(ledger):
    first, second = await planned(ledger, 2)
    let_go = await held_up(ledger)
    gone = asyncio.create_task(ledger.record(first, move_for(first, Event.PREPARE_STARTED)))
    stays = asyncio.create_task(ledger.record(second, move_for(second, Event.PREPARE_STARTED)))
    await asyncio.sleep(0)
    gone.cancel()
    await let_go()
    assert (await stays).state is State.PREPARING
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert ledger.item(first.id).state is State.PREPARING
    assert ledger.verify().faults == ()


@BOTH
async def test_closing_commits_what_is_queued(place):
    ledger = await place.open()
    items = await planned(ledger, 20)
    waiting = [asyncio.create_task(ledger.record(item, move_for(item, Event.PREPARE_STARTED))) for item in items]
    await asyncio.sleep(0)
    await ledger.aclose()
    assert {item.state for item in await asyncio.gather(*waiting)} == {State.PREPARING}
    with pytest.raises(LedgerError, match="closed"):
        await ledger.record(items[0], Move(Event.ITEM_SKIPPED))


@pytest.mark.parametrize("inline", [True, False])
async def test_a_full_disk_fails_the_commit_and_everything_after_it(tmp_path, inline):
    ledger = await opened(tmp_path, inline=inline)
    (item,) = await planned(ledger)
    conn = ledger._opened.writer
    (pages,) = conn.execute("PRAGMA page_count").fetchone()
    conn.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(LedgerError, match=r"ledger\.db: database or disk is full"):
        await ledger.plan_run(a_run("big"), lines(*range(1, 5_000)))
    before = commits(ledger)
    conn.execute("PRAGMA max_page_count = 1000000")
    for _ in range(2):
        with pytest.raises(LedgerError, match="disk is full"):
            await ledger.record(item, Move(Event.ITEM_SKIPPED))
    assert commits(ledger) == before
    await ledger.aclose()
    again = await opened(tmp_path)
    assert (again.item(item.id), [run.run_id for run in again.runs()]) == (item, ["coaching-2026-11"])
    await again.aclose()


async def test_a_failing_commit_fails_all_its_callers_and_is_not_repeated(ledger, tmp_path):
    items = await planned(ledger, 3)
    with raw(tmp_path) as conn:
        # Ends the whole transaction under the writer, as SQLite does itself after some errors of the disk.
        conn.execute(
            "CREATE TRIGGER io BEFORE UPDATE ON items WHEN NEW.id = 3 "
            "BEGIN SELECT RAISE(ROLLBACK, 'disk I/O error'); END"
        )
    let_go = await held_up(ledger)
    waiting = [asyncio.create_task(ledger.record(item, move_for(item, Event.PREPARE_STARTED))) for item in items]
    await asyncio.sleep(0)
    await let_go()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [LedgerError] * 3
    assert [ledger.item(item.id) for item in items] == items
    with pytest.raises(LedgerError):
        await ledger.record(items[0], Move(Event.ITEM_SKIPPED))


WRITES_UNTIL_THE_DISK_FAILS = """
import asyncio, resource, signal, sys
from pathlib import Path
sys.path[:0] = sys.argv[3:]
from ledger_tools import opened, planned, move_for
from billing.core.errors import LedgerError
from billing.core.kinds.charge import Event

async def main():
    ledger = await opened(Path(sys.argv[1]))
    items = await planned(ledger, 200)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
    refused = 0
    for known in items:
        try:
            await ledger.record(known, move_for(known, Event.PREPARE_STARTED))
            assert not refused, "a write after a failed commit went through"
            print(known.id, flush=True)
        except LedgerError as error:
            refused += 1
            message = str(error)
    print("refused", refused, message, flush=True)
    await ledger.aclose()

asyncio.run(main())
"""


@pytest.mark.parametrize("kilobytes", [1_000, 1_333, 2_000])
async def test_after_the_disk_refuses_a_write_nothing_is_acknowledged_and_nothing_acknowledged_is_lost(
    tmp_path, kilobytes
):
    here = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", WRITES_UNTIL_THE_DISK_FAILS, str(tmp_path), str(kilobytes * 1000), here, *sys.path],
        capture_output=True,
        text=True,
        check=True,
    )
    *acknowledged, last = done.stdout.splitlines()
    assert last.startswith("refused")
    assert "ledger.db" in last
    assert 0 < len(acknowledged) < 200
    ledger = await opened(tmp_path)
    assert all(ledger.item(int(row)).state is State.PREPARING for row in acknowledged)
    await ledger.aclose()
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


@BOTH
async def test_a_broken_promise_does_not_poison_the_ledger(ledger):
    (item,) = await planned(ledger)
    with pytest.raises(BrokenPromise):
        await ledger.record(item, Move(Event.PREPARE_STARTED, attempt=7))
    assert (await ledger.record(item, move_for(item, Event.PREPARE_STARTED))).attempt == 1


async def test_the_log_is_carried_over_now_and_then_not_with_every_commit(ledger, tmp_path):
    await planned(ledger, 2_000)
    await ledger.plan_run(a_run("big"), lines(*range(3_000, 9_000)))
    seen = []
    ledger._opened.writer.set_trace_callback(lambda sql: seen.append(sql) if "wal_checkpoint" in sql else None)
    for row in range(1, 401):
        item = ledger.item(row)
        await ledger.record(item, move_for(item, Event.PREPARE_STARTED))
    size = (tmp_path / "ledger.db-wal").stat().st_size
    assert len(seen) < 20
    assert size < 3 * CHECKPOINT_BYTES
