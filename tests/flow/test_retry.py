"""Trying again: what rests is tried when its time has come, on its own intent, no card more often than it may be."""

from collections import Counter
from dataclasses import replace

import pytest

from billing.core.errors import InvalidInput, UsageError
from billing.core.exits import Exit
from billing.core.kinds.charge import State
from billing.flow.cancelling import cancel, look_through
from billing.flow.kinds.charge.returns import look_at_dispute
from billing.flow.options import RunOptions, Selection
from billing.flow.retrying.due import Left, Why
from billing.sandbox.faults import FaultKind
from billing.sandbox.levers import return_debit
from billing.sandbox.scenario import save_customer
from tests.flow.retry_world import AGAIN, DAY, attempts, by_reference, excesses, tried, try_again
from tests.flow.world import RUN, World
from tests.virtual import run_virtually

MIX = {"succeeds": 0.4, "insufficient_funds": 0.3, "stolen_card": 0.15, "authentication_required": 0.15}
CONFIRM = "payment_intents.confirm"


def declining(tmp_path, items=1, **spec) -> World:
    return World.make(tmp_path, items=items, accounts=spec.pop("accounts", 1), mix={"insufficient_funds": 1}, **spec)


def heal(world: World) -> None:
    """Every card pays from now on."""
    for account in [world.sandbox.world.platform, *world.sandbox.world.accounts.values()]:
        for instrument in account.instruments.values():
            instrument.acts = replace(instrument.acts, act="pays", decline=None)


def another_method(world: World, customer: str, test_method: str = "pm_card_visa", *, default: bool = False) -> str:
    """A second method saved for a customer, made its default if that is said."""
    _, method = save_customer(world.sandbox, test_method)
    platform = world.sandbox.world.platform
    platform["pm"].find(method, False)["customer"] = customer
    if default:
        platform["cus"].find(customer, False)["invoice_settings"]["default_payment_method"] = method
    return method


def test_only_what_rests_and_is_due_is_tried_again_on_its_own_intent(tmp_path):
    world = World.make(tmp_path, items=40, accounts=4, mix=MIX)

    async def main():
        await world.charge_all()
        before, first = attempts(world), await by_reference(world)
        done = await tried(world, agree=pytest.fail)
        assert attempts(world) == before, "nothing is due on the day of the decline, so nobody is asked"
        assert done.exit is Exit.DECLINES
        world.sandbox.advance(AGAIN)
        await tried(world)
        await tried(world)
        due = {item.object_id for item in first.values() if item.state is State.UNPAID and item.facts.get("next_try")}
        assert due
        assert attempts(world) - before == Counter(dict.fromkeys(due, 1)), "once each, however often it is asked"
        for reference, item in (await by_reference(world)).items():
            was = first[reference]
            assert item.object_id == was.object_id
            assert item.attempt == was.attempt + (item.object_id in due)
        await world.assert_true()

    run_virtually(main)


def test_attempts_that_are_spent_end_at_the_fence_and_the_command_ends_by_itself(tmp_path):
    world = declining(tmp_path, items=6, accounts=2)

    async def main():
        await world.charge_all()
        for _ in range(60):
            world.sandbox.advance(DAY)
            await tried(world)
        assert {item.state for item in await world.item()} == {State.FAILED}
        assert set(attempts(world).values()) == {4}, "the first one and one after each gap of the schedule"
        done = await tried(world, agree=pytest.fail)
        assert (done.exit, done.runs) == (Exit.OK, ())
        assert excesses(world) == []
        await world.assert_true()

    run_virtually(main)


def test_what_a_later_try_recovers_is_paid_once(tmp_path):
    world = declining(tmp_path, items=5, accounts=2)

    async def main():
        await world.charge_all()
        heal(world)
        world.sandbox.advance(AGAIN)
        done = await tried(world)
        assert {item.state for item in await world.item()} == {State.SUCCEEDED}
        assert done.exit is Exit.OK
        await world.assert_true()

    run_virtually(main)


def test_one_card_on_one_account_is_tried_once_a_day_whatever_number_of_lines_is_due(tmp_path):
    world = declining(tmp_path, items=4, items_per_customer=4)

    async def main():
        await world.charge_all()
        world.sandbox.advance(AGAIN)
        found = []
        await tried(world, agree=lambda rounds: found.extend(rounds))
        assert found[0].tried.lines == 0, "four first attempts within 30 days leave no room for a fifth"
        assert found[0].left[Left.CARD_FULL].lines == 4

    async def few():
        await world.charge_all()
        world.sandbox.advance(AGAIN)
        found = []
        await tried(world, agree=lambda rounds: found.extend(rounds))
        assert (found[0].tried.lines, found[0].left[Left.CARD_FULL].lines) == (1, 1)
        assert excesses(world) == []

    with pytest.raises(IndexError):
        run_virtually(main)  # nobody is even asked
    (tmp_path / "few").mkdir()
    world = declining(tmp_path / "few", items=2, items_per_customer=2)
    run_virtually(few)


def test_a_try_killed_between_clone_and_confirm_counts_when_it_is_confirmed_and_not_before(tmp_path):
    world = declining(tmp_path, items=2, items_per_customer=2)

    async def main():
        await world.charge_all()
        first = await by_reference(world)
        world.sandbox.advance(AGAIN)
        # The first line gets its clone, and no confirm: its limiter turns it away until the visit is over.
        world.script(FaultKind.RATE_LIMITED, CONFIRM, nth=1, times=400)
        async with world.services() as services:
            await try_again(world, services, options=RunOptions(deadline=30))
        ready = [item for item in (await by_reference(world)).values() if item.state is State.READY]
        assert [item.attempt for item in ready] == [2]
        world.sandbox.faults.clear()
        # Days later the run itself goes on with it; meanwhile the other line took the card's room of that day.
        (other,) = [item.reference for item in first.values() if item.reference != ready[0].reference]
        world.sandbox.advance(3 * DAY)
        await tried(world, options=RunOptions(selection=Selection(only=(other,))))
        async with world.services() as services:
            await world.run(services)
        still = (await by_reference(world))[ready[0].reference]
        assert (still.state, bool(still.facts["next_try"])) == (State.READY, True), (
            "it waits where it is, and says when"
        )
        assert excesses(world) == []
        world.sandbox.advance(AGAIN)
        await tried(world)
        assert (await by_reference(world))[still.reference].state is State.UNPAID
        assert excesses(world) == []

    run_virtually(main)


def test_another_method_goes_on_with_the_same_intent_at_once_and_only_once(tmp_path):
    world = World.make(tmp_path, items=3, accounts=1, mix={"authentication_required": 1})

    async def main():
        await world.charge_all()
        before = await by_reference(world)
        item = next(iter(before.values()))
        method = another_method(world, item.payer)
        asked = {"methods": {item.reference: method}, "new_defaults": False}
        for _ in range(2):
            await tried(world, **asked)
        after = await by_reference(world)
        assert after[item.reference].state is State.SUCCEEDED
        assert after[item.reference].object_id == item.object_id
        assert after[item.reference].digest == item.digest
        assert attempts(world)[item.object_id] == 2
        assert sum(each.state is State.UNPAID for each in after.values()) == 2
        await world.assert_true()

    run_virtually(main)


def test_every_method_that_cannot_be_used_is_told_at_once_and_nothing_is_sent(tmp_path):
    world = World.make(tmp_path, items=5, accounts=1, mix={"authentication_required": 1})

    async def main():
        await world.charge_all()
        items = list((await by_reference(world)).values())
        methods = {
            items[0].reference: another_method(world, items[1].payer),
            items[1].reference: "pm_nowhere",
            items[2].reference: another_method(world, items[2].payer, "pm_sandbox_link"),
            "INV-none": "pm_nowhere",
        }
        before = attempts(world)
        with pytest.raises(InvalidInput) as refused:
            await tried(world, methods=methods)
        codes = {"reference_unknown", "method_of_other_customer", "method_unknown", "method_not_clonable"}
        assert {problem.code for problem in refused.value.problems} == codes
        assert {problem.line for problem in refused.value.problems} == {2, 3, 4, 5}
        assert attempts(world) == before

    run_virtually(main)


def test_a_default_that_a_customer_has_saved_since_is_taken_once_and_never_one_that_was_tried(tmp_path):
    world = World.make(tmp_path, items=2, accounts=1, mix={"authentication_required": 1})

    async def main():
        await world.charge_all()
        first, second = (await by_reference(world)).values()
        another_method(world, first.payer, "pm_card_authenticationRequired", default=True)
        assert (await tried(world, agree=pytest.fail, new_defaults=False)).runs == ()
        found = []
        await tried(world, agree=lambda rounds: found.extend(rounds))
        assert found[0].whys[Why.NEW_DEFAULT].lines == 1
        assert attempts(world) == {first.object_id: 2, second.object_id: 1}
        # Declined again; the first method becomes the default again: it was tried, and stays as it is.
        customer = world.sandbox.world.platform["cus"].find(first.payer, False)
        customer["invoice_settings"]["default_payment_method"] = first.content["payment_method"]
        world.sandbox.advance(3 * DAY)
        await tried(world, agree=pytest.fail)
        assert attempts(world) == {first.object_id: 2, second.object_id: 1}

    run_virtually(main)


def test_a_line_that_failed_begins_anew_only_where_that_is_said(tmp_path):
    world = World.make(tmp_path, items=3, accounts=1, mix={"stolen_card": 1})

    async def main():
        await world.charge_all()
        first, second, third = (await by_reference(world)).values()
        assert first.state is State.FAILED
        await tried(world, agree=pytest.fail)
        methods = {first.reference: another_method(world, first.payer)}
        another_method(world, second.payer, default=True)
        await tried(world, methods=methods)
        await tried(world, methods=methods, agree=pytest.fail)
        assert (await by_reference(world))[second.reference].state is State.FAILED, "it may have been paid otherwise"
        await tried(world, closed=True)
        await tried(world, closed=True, agree=pytest.fail)
        after = await by_reference(world)
        for was in (first, second):
            now = after[was.reference]
            assert (now.state, now.generation, now.digest) == (State.SUCCEEDED, 1, was.digest)
        assert after[third.reference].state is State.FAILED
        assert len(after) == 3, "each line of the sheet has one line out"
        await world.assert_true()
        async with world.services() as services:
            await world.plan(services)
            await world.run(services)
        assert sum(attempts(world).values()) == 5, "the sheet run again has nothing to do"

    run_virtually(main)


def test_a_line_that_was_cancelled_by_a_person_is_never_begun_anew_by_a_new_default(tmp_path):
    world = World.make(tmp_path, items=1, accounts=1, mix={"authentication_required": 1})

    async def main():
        await world.charge_all()
        async with world.services() as services:
            found = look_through(services.ledger, RUN, Selection())
            await cancel(services, RUN, found, "agreed on the telephone", world.policies, RunOptions())
        (item,) = (await by_reference(world)).values()
        assert item.state is State.FAILED
        another_method(world, item.payer, default=True)
        await tried(world, agree=pytest.fail)

    run_virtually(main)


def test_a_debit_that_came_back_is_collected_again_as_the_next_generation_when_its_time_has_come(tmp_path):
    world = World.make(tmp_path, items=2, accounts=1, mix={"debit_succeeds": 1})

    async def main():
        await world.charge_all()
        world.sandbox.advance(10 * DAY)
        async with world.services() as services:
            await world.settle(services)
        first, second = (await by_reference(world)).values()
        assert first.state is State.SUCCEEDED
        charge = first.facts["charge"]
        dispute = return_debit(world.sandbox, first.account, charge)
        async with world.services() as services:
            await look_at_dispute(services, first.account, dispute["id"], lambda _run: world.policies)
        back = (await by_reference(world))[first.reference]
        assert (back.state, bool(back.facts.get("next_try"))) == (State.RETURNED, True)
        await tried(world, agree=pytest.fail)
        world.sandbox.advance(AGAIN)
        found = []
        await tried(world, agree=lambda rounds: found.extend(rounds))
        assert found[0].whys[Why.BEGUN_ANEW].lines == 1
        again = (await by_reference(world))[first.reference]
        assert (again.generation, again.state) == (1, State.UNSETTLED)
        assert again.object_id != back.object_id
        world.sandbox.advance(10 * DAY)
        async with world.services() as services:
            await world.settle(services)
        await tried(world, agree=pytest.fail)
        assert (await by_reference(world))[first.reference].state is State.SUCCEEDED
        assert attempts(world) == {first.object_id: 1, second.object_id: 1, again.object_id: 1}
        async with world.read() as ledger:
            assert ledger.verify().faults == ()

    run_virtually(main)


def test_nobody_is_asked_for_a_pattern_that_names_nothing(tmp_path):
    world = declining(tmp_path, items=2)

    async def main():
        await world.charge_all()
        with pytest.raises(UsageError, match="INV-x"):
            await tried(world, options=RunOptions(selection=Selection(only=("INV-x",))))

    run_virtually(main)


def test_a_dry_run_sends_nothing_and_writes_nothing(tmp_path):
    world = declining(tmp_path, items=3)

    async def main():
        await world.charge_all()
        world.sandbox.advance(AGAIN)
        before = await by_reference(world)
        done = await tried(world, dry_run=True, agree=pytest.fail)
        assert (done.exit, done.rounds[0].tried.lines) == (Exit.OK, 3)
        assert await by_reference(world) == before

    run_virtually(main)
