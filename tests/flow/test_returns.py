"""Debits that come back after they had succeeded: found by the page, recorded once, and charged again by nobody."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from billing.core.exits import Exit
from billing.core.groups import exit_for, group_of
from billing.core.kinds.charge import State
from billing.core.life import Group
from billing.core.returns import RETURN_DAYS
from billing.edge.stripe.found import LookupFailed
from billing.edge.stripe.lookups import LOOKUP_SENDS
from billing.flow.kinds.charge.returns import look_at_dispute
from billing.flow.report import summary
from billing.sandbox import levers
from billing.sandbox.faults import FaultKind
from tests.flow.test_amend import Services as Office
from tests.flow.test_rebuild_generations import chain, found_again, without_reason
from tests.flow.world import RUN, Recording, World
from tests.flow.world import InProcess as Wire
from tests.virtual import run_virtually

DAY = 86_400
DEBITS = {"items": 10, "accounts": 8, "mix": {"debit_succeeds": 1.0}}


async def settled(world: World, *, wire=None):
    async with world.services(wire=wire) as services:
        ending = await world.settle(services)
        return ending, summary(services.ledger, RUN)


async def paid(world: World) -> None:
    """Charge everything by debit, and follow it until the banks have paid."""
    await world.charge_all()
    world.sandbox.advance(7 * DAY)
    await settled(world)


def bring_back(world: World, item, reason: str = "insufficient_funds") -> str:
    return str(levers.return_debit(world.sandbox, item.account, item.facts["charge"], reason)["id"])


def a_world(folder, **spec) -> World:
    return World.make(folder, **(DEBITS | spec))


def items(world: World) -> dict[str, object]:
    return {item.reference: item for item in run_virtually(world.item)}


def accounts(world: World) -> set[str]:
    return {item.account for item in items(world).values()}


def test_a_debit_that_came_back_is_told_once_with_its_day_and_what_to_do(tmp_path):
    world = a_world(tmp_path)
    run_virtually(paid, world)
    assert run_virtually(world.groups) == {Group.SUCCEEDED: 10}
    world.sandbox.advance(20 * DAY)
    first, second, *_ = items(world).values()
    dispute = bring_back(world, first)
    bring_back(world, second, "debit_not_authorized")
    ending, told = run_virtually(settled, world)
    assert (ending.changed, exit_for(ending.ended)) == (2, Exit.DECLINES)
    counts, money = told["counts"], told["totals"]["usd"]
    assert (counts["succeeded"], counts["declined"], counts["needs_customer"]) == (8, 1, 1)
    assert money["succeeded"] == sum(item.amount for item in items(world).values() if item.state is State.SUCCEEDED)
    later, never = items(world)[first.reference], items(world)[second.reference]
    day = world.sandbox.now
    assert (later.state, later.facts["dispute"], later.facts["remedy"]) == (State.RETURNED, dispute, "later")
    assert later.facts["next_try"] > later.facts["returned_at"]
    assert later.facts["returned_at"][:10] in later.facts["reason"]
    assert later.facts["return_fee"] > 0
    assert "amount_charged" not in later.facts
    assert (never.facts["remedy"], "next_try" in never.facts) == ("never", False)
    assert group_of(never) is Group.NEEDS_CUSTOMER
    again, _ = run_virtually(settled, world)
    assert (again.changed, again.ended, world.sandbox.now) == (0, (), day)


@pytest.mark.parametrize("times", [1, 3])
def test_what_came_back_is_charged_again_by_no_run_resolve_or_settle(tmp_path, times):
    world = a_world(tmp_path)
    run_virtually(paid, world)
    bring_back(world, next(iter(items(world).values())))
    run_virtually(settled, world)
    before = len(world.sandbox.books().intents)
    for _ in range(times):
        world.sandbox.advance(10 * DAY)
        run_virtually(world.charge_all)
        run_virtually(settled, world)
    assert len(world.sandbox.books().intents) == before
    assert Counter(item.state for item in items(world).values()) == {State.SUCCEEDED: 9, State.RETURNED: 1}


def test_a_return_that_lies_before_the_first_look_after_the_success_is_found(tmp_path):
    world = a_world(tmp_path, mix={"debit_succeeds": 1.0})
    run_virtually(world.charge_all)
    world.sandbox.advance(7 * DAY)
    charges = {row["payment_intent"]: row["id"] for row in _charges(world)}
    item = next(iter(items(world).values()))
    levers.return_debit(world.sandbox, item.account, charges[item.object_id], "bank_cannot_process")
    world.sandbox.advance(3 * DAY)
    ending, _ = run_virtually(settled, world)
    assert items(world)[item.reference].state is State.RETURNED
    assert ending.changed == len(items(world)) + 1


def _charges(world: World):
    return [row for account in world.sandbox.world.accounts.values() for row in account["ch"]]


def test_disputes_that_are_no_returns_move_nothing(tmp_path):
    world = a_world(tmp_path, items=20, mix={"succeeds": 0.5, "debit_succeeds": 0.5})
    run_virtually(paid, world)
    kinds = {row["payment_intent"]: row["payment_method_details"]["type"] for row in _charges(world)}
    cards = [item for item in items(world).values() if kinds[item.object_id] == "card"]
    debits = [item for item in items(world).values() if kinds[item.object_id] != "card"]
    open_dispute = partial(levers.open_dispute, world.sandbox)
    open_dispute(cards[0].account, cards[0].facts["charge"], "fraudulent", final=True)
    open_dispute(cards[1].account, cards[1].facts["charge"], "fraudulent", inquiry=True)
    open_dispute(cards[2].account, cards[2].facts["charge"], "fraudulent")
    open_dispute(debits[0].account, debits[0].facts["charge"], "insufficient_funds", final=True, amount=1)
    ending, _ = run_virtually(settled, world)
    assert (ending.changed, run_virtually(world.groups)) == (0, {Group.SUCCEEDED: 20})


@pytest.mark.parametrize("operation", ["disputes.list", "disputes.retrieve"])
def test_what_cannot_be_read_now_is_looked_at_the_next_time(tmp_path, operation):
    world = a_world(tmp_path)
    run_virtually(paid, world)
    item = next(iter(items(world).values()))
    bring_back(world, item)
    sends = LOOKUP_SENDS * (1 if operation.endswith("retrieve") else len(accounts(world)))
    world.script(FaultKind.UNAVAILABLE_503, operation, times=sends)
    run_virtually(settled, world)
    assert items(world)[item.reference].state is State.SUCCEEDED
    world.sandbox.advance(2 * DAY)
    run_virtually(settled, world)
    assert items(world)[item.reference].state is State.RETURNED


def test_what_came_back_is_looked_for_as_long_as_banks_may_send_it_back_and_no_longer(tmp_path):
    world = a_world(tmp_path)
    run_virtually(paid, world)
    for days, looks in ((RETURN_DAYS - 10, True), (20, False)):
        world.sandbox.advance(days * DAY)
        wire = Recording(Wire(world.sandbox))
        run_virtually(partial(settled, world, wire=wire))
        assert any("/v1/disputes" in request.url for request in wire.requests) == looks


def test_a_look_costs_a_page_an_account_and_begins_where_the_last_one_ended(tmp_path):
    world = a_world(tmp_path)
    run_virtually(paid, world)
    world.sandbox.advance(DAY)
    run_virtually(settled, world)
    world.sandbox.advance(DAY)
    wire = Recording(Wire(world.sandbox))
    run_virtually(partial(settled, world, wire=wire))
    assert len(wire.requests) == len(accounts(world)) > 1
    begins = {request.url.rpartition("[gte]=")[2] for request in wire.requests}
    assert all(int(begin) > world.sandbox.now - timedelta(days=2, hours=1).total_seconds() for begin in begins)


def test_one_dispute_is_read_and_recorded_by_its_id(tmp_path):
    world = a_world(tmp_path)
    run_virtually(paid, world)
    item = next(iter(items(world).values()))
    dispute = bring_back(world, item)

    async def look(name: str, account: str = item.account):
        async with world.services() as services:
            return await look_at_dispute(services, account, name, lambda _: world.policies)

    other = next(other.account for other in items(world).values() if other.account != item.account)
    assert isinstance(run_virtually(partial(look, dispute, other)), LookupFailed)
    assert run_virtually(partial(look, dispute)).state is State.RETURNED
    assert run_virtually(partial(look, dispute)) is None
    assert isinstance(run_virtually(partial(look, "dp_nobody")), LookupFailed)


def test_a_debit_that_was_given_back_before_it_came_back_is_for_a_person(tmp_path):
    world = a_world(tmp_path)
    run_virtually(paid, world)
    item = next(iter(items(world).values()))
    charge = next(row for row in _charges(world) if row["id"] == item.facts["charge"])
    bring_back(world, item)
    charge["amount_refunded"] = charge["amount"]
    run_virtually(settled, world)
    after = items(world)[item.reference]
    assert (after.facts["remedy"], "next_try" in after.facts) == ("check", False)


def test_attempts_that_are_spent_leave_it_to_the_customer(tmp_path):
    world = a_world(tmp_path)
    world.policies = replace(world.policies, dunning=replace(world.policies.dunning, soft=()))
    run_virtually(paid, world)
    item = next(iter(items(world).values()))
    bring_back(world, item)
    run_virtually(settled, world)
    assert group_of(items(world)[item.reference]) is Group.NEEDS_CUSTOMER


@pytest.mark.parametrize("again", [True, False], ids=["asked for anew", "not yet"])
async def test_a_ledger_rebuilt_after_a_return_knows_every_generation_and_charges_nothing_again(tmp_path, again):
    office = Office(a_world(tmp_path, items=6))
    world = office.world
    await office.run()
    world.sandbox.advance(7 * DAY)
    await settled(world)
    item = (await world.item())[0]
    bring_back(world, item, "incorrect_account_details")
    await settled(world)
    if again:
        row = office.row(item.reference)
        row |= {"customer": other(office, row)["customer"], "payment_method": other(office, row)["payment_method"]}
        await office.run()
        world.sandbox.advance(7 * DAY)
        await settled(world)
    before, paid = await chain(world), office.paid()
    assert Counter(state for _, _, state, *_ in before)[State.RETURNED] == 1
    assert max(generation for _, generation, *_ in before) == int(again)
    found = await found_again(office)
    assert (found.unopened, found.left_out, found.strays) == ([], [], [])
    await office.run(amend=False)
    await settled(world)
    assert without_reason(await chain(world)) == without_reason(before)
    assert office.paid() == paid


def other(office: Office, row: dict[str, str]) -> dict[str, str]:
    return next(each for each in office.rows if each["customer"] != row["customer"])


async def test_a_debit_that_comes_back_again_and_again_is_tried_twice_more_and_then_left_to_its_customer(tmp_path):
    office = Office(a_world(tmp_path, items=1))
    world, waits = office.world, []
    for number in range(4):
        await office.run()
        world.sandbox.advance(7 * DAY)
        await settled(world)
        bring_back(world, next(item for item in await world.item() if item.state is State.SUCCEEDED))
        await settled(world)
        newest = max(await world.item(), key=lambda item: item.generation)
        waits.append("next_try" in newest.facts)
        office.rows[0] |= {"amount": f"{20 + number}.00", "application_fee": ""}
    assert waits == [True, True, False, False]
    assert group_of(newest) is Group.NEEDS_CUSTOMER
