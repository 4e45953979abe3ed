"""Many moves in a few statements: every row once, in order, and nothing is believed that is not on record."""

import asyncio
import sqlite3
import time
from dataclasses import replace

import pytest
from ledger_tools import BOTH, move_for, planned
from test_ledger_groups import held_up

from billing.core.kinds.charge import Event, State
from billing.edge.ledger import LostRace
from billing.edge.ledger.sqlite.bulk import SIZES, write


@pytest.mark.parametrize("count", [0, 1, 2, 3, 63, 64, 65, 127, 200, 1000])
def test_any_number_of_rows_is_written_once_and_in_order_by_a_few_statements(count, tmp_path):
    conn = sqlite3.connect(tmp_path / "x.db")
    conn.execute("CREATE TABLE t (place INTEGER PRIMARY KEY AUTOINCREMENT, a, b)")
    rows = [(n, f"row {n}") for n in range(count)]
    statements = []
    conn.set_trace_callback(statements.append)
    assert write(conn, "INSERT INTO t (a, b) VALUES {rows}", rows) == count
    conn.set_trace_callback(None)
    assert len([sql for sql in statements if sql.startswith("INSERT")]) <= count // SIZES[0] + len(SIZES) - 1
    assert conn.execute("SELECT a, b FROM t ORDER BY place").fetchall() == rows
    conn.close()


async def recorded_together(ledger, items, event):
    """Record one event for all items in one commit; return the results."""
    let_go = await held_up(ledger)
    waiting = [asyncio.create_task(ledger.record(item, move_for(item, event))) for item in items]
    await asyncio.sleep(0)
    await let_go()
    return await asyncio.gather(*waiting, return_exceptions=True)


async def test_items_that_move_together_are_neither_read_nor_shielded_while_none_fails(ledger):
    items = await planned(ledger, 100)
    statements = []
    ledger._opened.writer.set_trace_callback(statements.append)
    results = await recorded_together(ledger, items, Event.PREPARE_STARTED)
    assert {item.state for item in results} == {State.PREPARING}
    assert not [sql for sql in statements if sql.startswith(("SAVEPOINT", "SELECT items"))]
    assert [ledger.item(item.id) for item in items] == results
    assert ledger.verify().faults == ()


@BOTH
async def test_an_item_that_has_moved_meanwhile_fails_alone_in_a_commit_of_many(ledger):
    items = await planned(ledger, 20)
    moved = await ledger.record(items[7], move_for(items[7], Event.PREPARE_STARTED))
    results = await recorded_together(ledger, items, Event.PREPARE_STARTED)
    lost = [place for place, result in enumerate(results) if isinstance(result, LostRace)]
    assert lost == [7]
    assert results[7].item == moved == ledger.item(moved.id)
    assert ledger.verify().faults == ()


@BOTH
async def test_one_item_moved_twice_in_one_commit_moves_once(ledger):
    (item,) = await planned(ledger)
    results = await recorded_together(ledger, [item, item], Event.PREPARE_STARTED)
    assert [type(result).__name__ for result in results] == ["ItemRecord", "LostRace"]
    assert ledger.item(item.id).ver == 1
    assert ledger.verify().faults == ()


@BOTH
@pytest.mark.parametrize("belief", [{"ver": 3}, {"attempt": 1}, {"state": State.PREPARING}])
async def test_a_belief_that_differs_in_one_thing_moves_nothing(belief, ledger):
    (item,) = await planned(ledger)
    with pytest.raises(LostRace):
        await ledger.record(replace(item, **belief), move_for(item, Event.PREPARE_STARTED))
    assert ledger.item(item.id) == item


@BOTH
async def test_what_the_last_turn_before_closing_brought_is_committed(ledger):
    (item,) = await planned(ledger)
    waiting = asyncio.create_task(ledger.record(item, move_for(item, Event.PREPARE_STARTED)))
    closing = asyncio.create_task(ledger.aclose())
    asyncio.get_running_loop().call_soon(time.sleep, 0.2)  # the writer's thread has time to end before the next turn
    async with asyncio.timeout(10):
        assert (await waiting).state is State.PREPARING
        await closing
