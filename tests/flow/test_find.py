"""Accounts are listed before anything is opened there: pages per account, not per item; never a false "not there"."""

import json
from dataclasses import replace

from billing.core.kinds.charge import State
from billing.core.life import Group
from billing.core.wire import WireRequest, WireResponse
from billing.edge.stripe.calls.charge import cancel_intent
from billing.edge.stripe.lookups import LOOKUP_SENDS
from billing.flow.kinds.charge.find import Finder
from billing.sandbox.faults import FaultKind
from billing.sandbox.inprocess import InProcess
from tests.flow.world import World, with_latency
from tests.virtual import run_virtually

LIST = "payment_intents.list"
OPEN = "payment_intents.create"
CONFIRM = "payment_intents.confirm"
HOUR = 3600


async def cancel_all(world: World) -> None:
    """Cancel every intent of the run, as somebody does in the Dashboard."""
    async with world.services() as services:
        for item in world.items(services):
            for intent in world.sandbox.books().by_item().get(item.item_id, []):
                found = replace(item, object_id=intent.intent)
                await services.gateway.send(found, cancel_intent(found))


def sent(world: World, operation: str) -> int:
    return world.sandbox.requests[operation].sent


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
    assert sent(world, LIST) < 30
    run_virtually(world.assert_true)


def test_a_run_lists_each_account_once_however_many_items_it_has(tmp_path):
    world = World.make(tmp_path, items=60, accounts=3, mix={"succeeds": 1})
    run_virtually(world.charge_all)
    assert (sent(world, LIST), sent(world, OPEN)) == (3, 60)


def test_while_lists_break_off_nothing_is_opened_and_the_next_run_goes_on(tmp_path):
    world = World.make(tmp_path, items=30, accounts=2, mix={"succeeds": 1})
    world.script(FaultKind.UNAVAILABLE_503, LIST, times=1000)
    run_virtually(world.charge_all)
    assert run_virtually(world.groups) == {Group.PENDING: 30}
    assert {item.state for item in run_virtually(world.item)} == {State.PLANNED}
    assert (sent(world, OPEN), sent(world, LIST)) == (0, 2 * LOOKUP_SENDS)
    world.sandbox.faults.clear()
    run_virtually(world.charge_all)
    assert run_virtually(world.groups) == {Group.SUCCEEDED: 30}


def test_while_no_list_can_be_had_an_open_is_not_repeated_either(tmp_path):
    world = World.make(tmp_path, items=1, mix={"succeeds": 1})
    world.script(FaultKind.STORED_500_DONE, OPEN)
    world.script(FaultKind.UNAVAILABLE_503, LIST, nth=2, times=1000)
    run_virtually(world.charge_all)
    (item,) = run_virtually(world.item)
    assert (item.state, len(world.sandbox.books().intents)) == (State.PREPARING, 1)


class Barred:
    """A wire on which one account lets nobody list its intents."""

    def __init__(self, world: World, account: str) -> None:
        self._wire, self._account = InProcess(world.sandbox), account

    async def send(self, request: WireRequest) -> WireResponse:
        if request.method == "GET" and request.headers.get("Stripe-Account") == self._account:
            error = {"type": "invalid_request_error", "code": "account_invalid", "message": "no access"}
            return WireResponse(403, {}, json.dumps({"error": error}).encode())
        return await self._wire.send(request)

    async def aclose(self) -> None:
        await self._wire.aclose()


def test_a_list_that_a_dead_account_refuses_costs_one_request_and_leaves_no_item_of_it_preparing(tmp_path):
    world = World.make(tmp_path, items=60, accounts=4, mix={"succeeds": 1})
    dead = world.scenario.accounts[0]

    async def run() -> None:
        async with world.services(wire=Barred(world, dead)) as services:
            await world.plan(services)
            await world.run(services)

    run_virtually(run)
    ends = {item.state for item in run_virtually(world.item) if item.account == dead}
    assert ends <= {State.SKIPPED, State.PLANNED}
    assert len([item for item in run_virtually(world.item) if item.state is State.SUCCEEDED]) == sent(world, OPEN) > 0
    run_virtually(world.assert_true)


def test_an_intent_that_was_cancelled_elsewhere_is_not_opened_again(tmp_path):
    world = World.make(tmp_path, items=1, mix={"succeeds": 1})
    world.script(FaultKind.STORED_500_DONE, OPEN)
    world.script(FaultKind.UNAVAILABLE_503, LIST, nth=2, times=1000)
    run_virtually(world.charge_all)
    world.sandbox.faults.clear()
    run_virtually(cancel_all, world)
    run_virtually(world.charge_all)
    (item,) = run_virtually(world.item)
    assert (item.state, item.facts["reason_code"]) == (State.FAILED, "closed_elsewhere")
    assert sent(world, CONFIRM) == 0
    run_virtually(world.assert_true)


def test_a_list_older_than_22_hours_is_renewed_before_anything_more_is_opened(tmp_path):
    world = World.make(tmp_path, items=3, accounts=1, items_per_customer=3, mix={"succeeds": 1})

    async def two_days() -> list[int]:
        lists = []
        async with world.services() as services:
            await world.plan(services)
            for hours in (0, 21, 2):
                world.sandbox.advance(hours * HOUR)
                await services.gateway.own_account()  # any answer tells the time
                await world.run(services, limit=1)
                lists.append(sent(world, LIST))
        return lists

    assert run_virtually(two_days) == [1, 1, 2]
    assert run_virtually(world.groups) == {Group.SUCCEEDED: 3}


def test_the_wall_clock_of_the_machine_makes_no_list_young(tmp_path):
    """A list that is made before any answer has told the time is as old as Stripe says."""
    world = World.make(tmp_path, items=2, accounts=1, items_per_customer=2, mix={"succeeds": 1})

    async def run() -> int:
        async with world.services(skew=72 * HOUR) as services:
            await world.plan(services)
            await world.run(services, limit=1)
            world.sandbox.advance(23 * HOUR)
            await services.gateway.own_account()
            await world.run(services)
        return sent(world, LIST)

    assert run_virtually(run) == 2


def test_a_continued_run_keeps_nothing_of_what_its_ledger_has_on_record(tmp_path):
    world = World.make(tmp_path, items=40, accounts=1, mix={"succeeds": 1})

    async def continued() -> bool:
        async with world.services() as services:
            await world.plan(services)
            await world.run(services, limit=30)
        async with world.services() as services:
            await world.run(services)
            return services.shared(Finder).shows(world.scenario.accounts[0])

    assert not run_virtually(continued)


def test_a_run_before_its_period_lists_what_is_opened_today(tmp_path):
    """The window of a period that is far away must not begin in the future."""
    world = World.make(tmp_path, items=1, mix={"succeeds": 1})

    async def window() -> tuple[float, float]:
        async with world.services() as services:
            return services.shared(Finder).window("2099-12"), services.clock.epoch()

    begins, now = run_virtually(window)
    assert now - begins >= 31 * 24 * HOUR
