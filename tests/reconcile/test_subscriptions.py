"""Of a subscription the first payment is compared, by its intent; what Stripe renews is left out, and that is said."""

import pytest

from billing.core.exits import Exit
from billing.flow.reconciling.reconcile import reconcile
from billing.flow.reconciling.scope import scope_of
from tests.flow.subscribe_world import SubscribeWorld
from tests.flow.world import Mode
from tests.virtual import run

DAY = 86_400


@pytest.mark.parametrize("trial", [False, True])
def test_a_first_payment_ties_and_one_that_begins_without_a_payment_misses_none(tmp_path, trial):
    async def law() -> None:
        bench = SubscribeWorld.make(tmp_path)
        if trial:
            bench.rows[0]["trial_end"] = bench.date(20)
            bench.write()
        await bench.subscribe_all()
        assert await bench.states() == ["succeeded"]
        bench.sandbox.advance(4 * DAY)
        async with bench.world.services() as services:
            scope = scope_of(services.ledger, Mode.TEST, services.ledger.runs()[0].run_id, None)
            done = await reconcile(services, scope, rate=1000)
        assert (done.exit, done.findings, done.matched) == (Exit.OK, [], 1)
        assert any("renewals" in words for words in scope.left_out)
        assert bool(done.totals) is not trial

    run(law())
