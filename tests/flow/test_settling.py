"""Settling reads by the hundred: what a run costs in requests, and what a list that breaks off changes (nothing)."""

from collections import Counter
from functools import partial

import pytest

from billing.core.kinds.charge import State
from billing.sandbox.faults import FaultKind
from tests.flow.test_returns import DAY, accounts, bring_back, items
from tests.flow.world import InProcess, Recording, World
from tests.virtual import run_virtually

MOST_READS_AN_ITEM = 0.15
# Stripe allows 500 reads for each transaction in 30 days, over all that a platform does; what is followed daily must
# cost nearly nothing. (docs.stripe.com/rate-limits)


def reads(world: World, verb: str = "settle") -> Counter[str]:
    """Look once more; return how many requests of each path left."""
    wire = Recording(InProcess(world.sandbox))

    async def look() -> None:
        async with world.services(wire=wire) as services:
            await getattr(world, verb)(services)

    run_virtually(look)
    return Counter("/".join(request.url.split("?")[0].split("/")[3:5]) for request in wire.requests)


def a_world(folder, items: int, shops: int) -> World:
    """Return a platform whose debits are all with the banks."""
    world = World.make(folder, items=items, accounts=shops, mix={"debit_succeeds": 0.8, "debit_fails": 0.2})
    run_virtually(world.charge_all)
    return world


def cost(found: Counter[str], world: World) -> float:
    return sum(found.values()) / len(items(world))


@pytest.mark.parametrize(("items_", "shops"), [(160, 4), (60, 10)], ids=["many an account", "ten an account"])
def test_a_look_at_debits_costs_pages_and_not_items_while_they_wait_when_they_end_and_ever_after(
    tmp_path, items_, shops
):
    world = a_world(tmp_path, items_, shops)
    world.sandbox.advance(DAY)
    assert cost(reads(world), world) <= MOST_READS_AN_ITEM
    world.sandbox.advance(6 * DAY)
    found = reads(world)
    assert cost(found, world) <= MOST_READS_AN_ITEM, found
    assert Counter(item.state for item in items(world).values()).keys() == {State.SUCCEEDED, State.UNPAID}
    for _ in range(3):
        world.sandbox.advance(DAY)
        found = reads(world)
        assert cost(found, world) <= MOST_READS_AN_ITEM, found
        assert found.keys() <= {"v1/disputes"}


def known(world: World) -> dict[str, tuple]:
    """Return what the ledger knows of each line, but which request told it."""
    told = items(world).values()
    return {
        one.reference: (
            one.state,
            one.attempt,
            {k: v for k, v in one.facts.items() if k not in ("request_id", "next_try")},
        )
        for one in told
    }


@pytest.mark.parametrize("fault", [FaultKind.UNAVAILABLE_503, FaultKind.REDIRECT], ids=str)
def test_a_list_that_breaks_off_leaves_it_to_single_reads_and_nothing_is_known_otherwise(tmp_path, fault):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    found = []
    for folder in (whole, broken):
        folder.mkdir()
        world = a_world(folder, 40, 4)
        world.sandbox.advance(7 * DAY)
        if folder is broken:
            world.script(fault, "payment_intents.list", times=100)
        found.append((reads(world), known(world)))
    (listed, by_list), (single, one_by_one) = found
    assert by_list == one_by_one
    assert sum(listed.values()) * 4 < sum(single.values())


def test_what_a_list_shows_contradicting_a_line_stops_as_a_read_would(tmp_path):
    world = a_world(tmp_path, 20, 2)
    world.sandbox.advance(7 * DAY)
    item = next(iter(items(world).values()))
    row = next(row for row in world.sandbox.world.accounts[item.account]["pi"] if row["id"] == item.object_id)
    row["amount"] += 1
    reads(world)
    after = items(world)[item.reference]
    assert (after.state, after.facts["reason_code"]) == (State.UNSETTLED, "contradicted")


def test_one_debit_alone_is_read_by_itself(tmp_path):
    world = a_world(tmp_path, 1, 1)
    found = reads(world)
    assert found == {"v1/payment_intents": 1}


def test_a_return_is_found_by_the_same_look_that_found_it_paid(tmp_path):
    world = a_world(tmp_path, 60, 10)
    world.sandbox.advance(7 * DAY)
    rows = {row["payment_intent"]: row for shop in world.sandbox.world.accounts.values() for row in shop["ch"]}
    item = next(one for one in items(world).values() if rows[one.object_id]["paid"])
    bring_back(world, item)
    found = reads(world)
    assert items(world)[item.reference].state is State.RETURNED
    assert found["v1/disputes"] == 2, "one account is listed, and one dispute is read"
    assert len(accounts(world)) > 2


def test_resolving_reads_by_the_hundred_too(tmp_path):
    world = World.make(tmp_path, items=60, accounts=2, mix={"succeeds": 1.0})
    world.script(FaultKind.LOST_AFTER, "payment_intents.confirm", times=60)
    world.script(FaultKind.UNAVAILABLE_503, "payment_intents.retrieve", times=10_000)
    run_virtually(world.charge_all)
    lost = sum(item.state in (State.UNKNOWN, State.PARKED) for item in items(world).values())
    assert lost > 20
    found = run_virtually(partial(_resolved, world))
    assert found <= 4
    assert Counter(item.state for item in items(world).values()) == {State.SUCCEEDED: 60}


async def _resolved(world: World) -> int:
    wire = Recording(InProcess(world.sandbox))
    async with world.services(wire=wire) as services:
        await world.resolve(services)
    return len(wire.requests)
