"""Whatever people do to the file of a run, and when: one payment a reference, of an amount that a plan has shown."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from billing.core import plans
from billing.core.entries import Move
from billing.core.items import Kind
from billing.core.kinds.charge import Event, State
from billing.flow import carry_out
from billing.flow.kinds.charge.steps import CHARGES
from billing.flow.kinds.registry import FLOWS
from billing.flow.options import Ending
from tests.sim.editing import edited
from tests.sim.mutations import Patches, planted

LIVES, BLOCKS = 48, 4
ENOUGH = 12
# Seeds within which a planted bug is caught.


@pytest.mark.parametrize("block", range(BLOCKS))
def test_amended_and_cancelled_and_killed_a_reference_is_paid_once_and_as_shown(block, record_property):
    outcomes = [edited(seed) for seed in range(block, LIVES, BLOCKS)]
    assert [f"seed {outcome.seed}: {outcome.violation}" for outcome in outcomes if outcome.violation] == []
    killed = sum(outcome.killed for outcome in outcomes)
    assert killed
    told = f"simulation: {len(outcomes)} lives of a run whose file is edited, {killed} commands killed, 0 violations"
    record_property("evidence", told)


def closed_without_a_look() -> Patches:
    """What may be in flight is closed as if nothing was."""

    def steps(why):
        async def give_up(ctx, item):
            lost = [Move(Event.CHARGE_LOST)] if item.state is State.CONFIRMING else []
            return await ctx.record(item, *lost, Move(Event.INTENT_CANCELLED, facts=why))

        return {**CHARGES.closing(why), State.CONFIRMING: give_up, State.UNKNOWN: give_up}

    return [(FLOWS, Kind.CHARGE, replace(CHARGES, closing=steps))]


def paid_lines_may_change() -> Patches:
    """A line that was paid is corrected like any other: here the ledger itself refuses the next generation."""

    async def closes_nothing(services, source, plan, options, watch):
        return plan, Ending()

    def correct(context, charge, item):
        return plans.Create(context.next_item(charge, item), item, plans.differences(charge, item))

    return [(plans, "_correct", correct), (carry_out, "_close_first", closes_nothing)]


BUGS: dict[str, tuple[Callable[[], Patches], int]] = {
    # the bug, and the first of the seeds by which it must be caught
    "closed_without_a_look": (closed_without_a_look, 24),
    "paid_lines_may_change": (paid_lines_may_change, 0),
}


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_of_changing_a_run_is_caught(name, record_property):
    bug, first = BUGS[name]
    with planted(bug()):
        caught = next((seed for seed in range(first, first + ENOUGH) if edited(seed).violation), None)
    assert caught is not None
    record_property("evidence", "planted bugs: 1 caught by the simulation")
