"""A plan of refunds reads the disputes first, and takes up again what was left for one that was won."""

from functools import partial

import pytest

from billing.core.kinds.refund import State
from billing.core.kinds.refund_rules import DISPUTED
from billing.edge.runfiles import RunDefaults, open_run
from billing.flow.planning.plan import PlanOptions, keep, make_plan
from billing.flow.planning.preflight import Preflight
from billing.sandbox.faults import FaultKind
from tests.flow.refund_world import CREATE, DISPUTES, READ, RefundWorld
from tests.virtual import run_virtually

ITEM = (
    "  - {{reference: {0.reference}, of_run: fall-2026-10, account: {0.account}, customer: {0.customer}, "
    "payment_intent: {0.intent}, charge: {0.charge}, amount: 50.00, currency: USD, fee: refund}}\n"
)


def written(world: RefundWorld):
    file = world.world.folder / "undo.yaml"
    head = "version: 1\nkind: refunds\nrun: {name: coaching, period: 2026-11}\nitems:\n"
    file.write_text(head + "".join(map(ITEM.format, world.paid)))
    return file


async def planned(world: RefundWorld, preflight: Preflight = Preflight.ACCOUNTS, *, run: bool = False):
    async with world.world.services() as services:
        with open_run(written(world), defaults=RunDefaults(policies=world.world.policies)) as source:
            plan = await make_plan(services, source, PlanOptions(preflight))
            await keep(plan, source, services.ledger)
        if run:
            await world.world.run(services)
        return plan


def won(world: RefundWorld) -> None:
    account = world.paid[0].account
    (dispute,) = world.sandbox.world.accounts[account]["dp"]
    world.post(f"/v1/disputes/{dispute['id']}", account, **{"evidence[uncategorized_text]": "winning_evidence"})


@pytest.mark.parametrize("method", ["pm_card_createDispute", "pm_card_createDisputeInquiry"])
def test_what_is_disputed_is_left_by_the_plan_and_costs_the_run_nothing(tmp_path, method):
    world = RefundWorld.make(tmp_path, (method, "pm_card_visa"))
    plan = run_virtually(partial(planned, world, run=True))
    assert {code: row.lines for code, row in plan.rows.items() if row.lines} == {DISPUTED: 1, "to_charge": 1}
    assert run_virtually(world.states) == [State.SKIPPED, State.SUCCEEDED]
    assert (world.sent(DISPUTES), world.sent(READ), world.sent(CREATE)) == (1, 1, 1)


def test_a_line_left_for_a_dispute_is_taken_up_again_once_it_was_won_and_not_before(tmp_path):
    world = RefundWorld.make(tmp_path, ("pm_card_createDispute",))
    for _ in range(2):
        run_virtually(partial(planned, world, run=True))
    assert run_virtually(world.states) == [State.SKIPPED]
    won(world)
    run_virtually(partial(planned, world, Preflight.NONE, run=True))
    assert run_virtually(world.states) == [State.SKIPPED]
    run_virtually(partial(planned, world, run=True))
    item = max(run_virtually(world.items), key=lambda each: each.generation)
    assert (item.state, item.generation, world.sent(CREATE)) == (State.SUCCEEDED, 1, 1)
    run_virtually(world.assert_true)


def test_disputes_that_cannot_be_listed_are_told_and_asked_for_again(tmp_path):
    world = RefundWorld.make(tmp_path)
    world.world.script(FaultKind.UNAVAILABLE_503, DISPUTES, times=5)
    plan = run_virtually(partial(planned, world, run=True))
    assert "unlisted" in {notice.code for notice in plan.warnings}
    assert run_virtually(world.states) == [State.SUCCEEDED]
