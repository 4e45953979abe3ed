"""A payment that was tried again is waited for from its last try, however old its intent is."""

from dataclasses import replace

from billing.core.reconciling.kinds import Kind as Found
from tests.flow.retry_world import tried
from tests.reconcile.laws import found_in
from tests.reconcile.meddling import DAY, world
from tests.virtual import run


def test_a_debit_that_is_sent_again_is_late_only_a_week_after_its_last_try(tmp_path):
    async def law() -> None:
        one = await world(tmp_path, 3, items=1, accounts=1, mix={"debit_fails": 1})
        books = one.sandbox.world
        books.behaviour = replace(books.behaviour, debit_business_days=30)
        one.sandbox.advance(9 * DAY)
        await tried(one.world)
        assert found_in(await one.reconcile()) == set()
        one.sandbox.advance(8 * DAY)
        assert {kind for kind, _ in found_in(await one.reconcile())} == {Found.LATE}

    run(law())
