"""A confirm whose key another ledger has used for its own clone: the intent says what became of it; nobody stops."""

from collections.abc import Callable

import pytest

from billing.core.exits import Exit
from billing.core.kinds.charge import State
from billing.core.life import Group
from billing.flow.kinds.charge.find import Finder
from billing.flow.options import Ending
from billing.sandbox.faults import FaultKind
from tests.flow.test_elsewhere import CLONE, CONFIRM, elsewhere, first
from tests.flow.world import World
from tests.virtual import run_virtually


def beside(world: World, second: World, between: Callable[[], None] = lambda: None) -> Ending:
    """Let the second ledger list the accounts, the first one run, then the second one run with clones of its own.

    A server error that nobody stored makes the first one take the next key for its clones; the second does not know.
    """

    async def run() -> Ending:
        async with second.services() as services:
            await second.plan(services)
            for account in world.scenario.accounts:
                await services.shared(Finder).list(account, services.shared(Finder).window("2026-11"))
            world.script(FaultKind.PASSING_500_UNDONE, CLONE, times=len(second.items(services)))
            await world.charge_all()
            between()
            return await second.run(services)

    return run_virtually(run)


def told(world: World) -> int:
    return sum(event == "key_used" for event, _ in world.events)


def test_a_stored_error_under_a_key_that_another_ledger_has_used_stops_nothing_and_the_next_key_charges_once(tmp_path):
    world = first(tmp_path, items=4)
    world.script(FaultKind.STORED_500_UNDONE, CONFIRM, times=4)
    world.script(FaultKind.LOST_BEFORE, CONFIRM, nth=5, times=1000)
    second = elsewhere(world, tmp_path / "second")
    ending = beside(world, second, world.sandbox.faults.clear)
    assert ending.exit is Exit.OK
    assert told(second)
    assert run_virtually(second.groups) == {Group.SUCCEEDED: 4}

    async def look() -> None:
        async with world.services() as services:
            await world.resolve(services)

    run_virtually(look)
    assert run_virtually(world.groups) == {Group.SUCCEEDED: 4}
    for ledger in (world, second):
        run_virtually(ledger.assert_true)


def test_what_another_ledger_has_paid_under_the_key_is_paid(tmp_path):
    world = first(tmp_path, items=4)
    second = elsewhere(world, tmp_path / "second")
    assert beside(world, second).exit is Exit.OK
    assert told(second)
    assert run_virtually(second.groups) == {Group.SUCCEEDED: 4}
    run_virtually(second.assert_true)


@pytest.mark.parametrize("outcome", ["insufficient_funds", "stolen_card"])
def test_a_card_that_another_ledger_has_tried_under_the_key_is_not_tried_again(tmp_path, outcome):
    world = first(tmp_path, items=3, mix={outcome: 1})
    second = elsewhere(world, tmp_path / "second")
    tried: list[int] = []
    assert beside(world, second, lambda: tried.append(charges(world))).exit is Exit.OK
    assert told(second)
    assert tried == [charges(world)] == [3]
    ends = {Group.DECLINED, Group.NEEDS_CUSTOMER, Group.FAILED}  # failed: the other ledger's fence is found closed
    assert set(run_virtually(second.groups)) <= ends
    assert State.SUCCEEDED not in {item.state for item in run_virtually(second.item)}
    run_virtually(second.assert_true)


def charges(world: World) -> int:
    """How often a bank was asked."""
    return sum(row.confirms for row in world.sandbox.books().intents)
