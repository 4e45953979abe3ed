"""Finding what was opened but never answered: pages per account, not per item, and never a false 'not there'."""

from billing.core.states import Group, State
from billing.sandbox.faults import FaultKind
from tests.flow.world import World, with_latency
from tests.virtual import run_virtually

LIST = "payment_intents.list"
OPEN = "payment_intents.create"


def test_intents_behind_stored_errors_are_adopted_and_never_opened_twice(tmp_path):
    world = World.make(tmp_path, items=30, accounts=1, mix={"succeeds": 1})
    world.script(FaultKind.STORED_500_DONE, OPEN, times=30)
    run_virtually(world.charge_all)
    assert run_virtually(world.groups) == {Group.SUCCEEDED: 30}
    assert len(world.sandbox.books().intents) == 30
    run_virtually(world.assert_true)


def test_whoever_comes_while_a_list_is_read_shares_the_next_one(tmp_path):
    world = World.make(tmp_path, with_latency(0.5), items=60, accounts=1, mix={"succeeds": 1})
    world.script(FaultKind.STORED_500_DONE, OPEN, nth=2, times=59)
    run_virtually(world.charge_all)
    assert world.sandbox.requests[LIST].sent < 30
    run_virtually(world.assert_true)


def test_a_list_that_breaks_off_proves_nothing(tmp_path):
    world = World.make(tmp_path, items=1, mix={"succeeds": 1})
    world.script(FaultKind.STORED_500_DONE, OPEN)
    world.script(FaultKind.UNAVAILABLE_503, LIST, times=1000)
    run_virtually(world.charge_all)
    (item,) = run_virtually(world.known)
    assert (item.state, len(world.sandbox.books().intents)) == (State.PREPARING, 1)


def test_an_intent_that_was_cancelled_elsewhere_is_not_adopted(tmp_path):
    world = World.make(tmp_path, items=1, mix={"succeeds": 1})
    world.script(FaultKind.STORED_500_DONE, OPEN)
    world.script(FaultKind.UNAVAILABLE_503, LIST, times=1000)
    run_virtually(world.charge_all)
    account = world.scenario.accounts[0]
    for intent in world.sandbox.world.accounts[account]["pi"]:
        intent["status"] = "canceled"
    world.sandbox.faults.clear()
    run_virtually(world.charge_all)
    (item,) = run_virtually(world.known)
    assert item.state is State.SUCCEEDED
    run_virtually(world.assert_true)
