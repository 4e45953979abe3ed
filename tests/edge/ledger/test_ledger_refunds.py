"""The laws of the ledger hold a refund to its own table: for this program, and for a hand with a database tool."""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from itertools import product

from ledger_tools import PERIOD, PLATFORM, a_run, planned

from billing.core.entries import ItemRecord, Move
from billing.core.items import Kind, Mode
from billing.core.keys import item_id
from billing.core.kinds.refund import REFUND_LIFE, Event, State
from billing.core.life import OnRecord
from billing.core.records import NewItem, PlannedLine

IN_EACH_DATABASE = True


def way(to: StrEnum) -> list[tuple[StrEnum, StrEnum]]:
    """The shortest way from planned to a state: its edges."""
    ways: dict[StrEnum, list[tuple[StrEnum, StrEnum]]] = {REFUND_LIFE.planned: []}
    todo = deque(ways)
    while todo:
        at = todo.popleft()
        for (state, event), edge in REFUND_LIFE.edges.items():
            if state is at and edge.to not in ways:
                ways[edge.to] = [*ways[at], (state, event)]
                todo.append(edge.to)
    return ways[to]


def move(item: ItemRecord, event: StrEnum) -> Move:
    """The entry of an event that its edge allows."""
    edge = REFUND_LIFE.edges[item.state, event]
    needs = edge.object is OnRecord.NEEDS
    return Move(event, item.attempt + 1 if edge.attempt else None, item.object_id or f"re_{item.id}" if needs else None)


def refunds(count: int) -> Iterator[PlannedLine]:
    for number in range(count):
        named = item_id(Mode.TEST, PLATFORM, PERIOD, f"INV-{number:04d}", 0, Kind.REFUND)
        new = NewItem(
            named, Kind.REFUND, f"INV-{number:04d}", 0, "acct_1", f"cus_{number}", 100, "usd", "d" * 64,
            {"intent": f"pi_{number}", "charge": "", "fee": "keep"},
        )  # fmt: skip
        yield PlannedLine(number + 2, (f"INV-{number:04d}",), new)


async def planned_refunds(ledger, count: int) -> list[ItemRecord]:
    record = await ledger.plan_run(replace(a_run("undo-2026-11"), kind=Kind.REFUND), refunds(count))
    return [line.item for line in ledger.report(record.run_id)]


async def test_every_edge_of_a_refund_can_be_recorded_and_is_verified(ledger):
    items = await planned_refunds(ledger, len(REFUND_LIFE.edges))
    for item, ((state, event), edge) in zip(items, REFUND_LIFE.edges.items(), strict=True):
        for _, step in way(state):
            item = await ledger.record(item, move(item, step))
        after = await ledger.record(item, move(item, event))
        assert after.state is edge.to
    assert ledger.verify().faults == ()


async def test_raw_sql_takes_exactly_the_edges_of_a_refund(ledger, place):
    items = dict(zip(State, await planned_refunds(ledger, len(State)), strict=True))
    for state, item in items.items():
        for _, step in way(state):
            item = await ledger.record(item, move(item, step))
        items[state] = item
    forged: dict[tuple[object, ...], bool] = {}
    for (state, item), event, attempt in product(items.items(), Event, (0, 1)):
        for to, seen in product(set(State) - {state}, {item.object_id, item.object_id or "re_x"}):
            edge = REFUND_LIFE.edges.get((state, event))
            may = edge is not None and (edge.to, edge.attempt) == (to, bool(attempt)) and edge.object.allows(seen)
            forged[to, event, seen, attempt, item.id] = may
    with place.by_hand() as conn:
        told = conn.taken(list(forged))
    assert dict(zip(forged, told, strict=True)) == forged


async def test_a_charge_and_its_refund_may_have_one_reference(ledger):
    (charge,) = await planned(ledger, 1)
    (refund,) = await planned_refunds(ledger, 1)
    assert charge.item_id != refund.item_id
    assert charge.reference == refund.reference
