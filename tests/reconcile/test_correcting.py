"""Correcting is asked for by itself: what Stripe knows better is read, and of open payments only those are closed that
could do nothing but charge a payer twice."""

from pathlib import Path

from billing.core.exits import Exit
from billing.core.reconciling.kinds import Kind as Found
from billing.edge.settings.load import load_settings
from billing.flow.reconciling.adopting import adopt
from billing.flow.reconciling.closing import closable, close_orphans
from billing.flow.reconciling.reconcile import reconcile
from billing.flow.reconciling.scope import scope_of
from billing.sandbox.payer import Deed, act
from tests.flow.world import RUN, Mode, World
from tests.reconcile.laws import found_in
from tests.reconcile.meddling import DAY, Meddled, orphan, post, world
from tests.virtual import run


async def looked(one: Meddled, then):
    async with one.world.services() as services:
        scope = scope_of(services.ledger, Mode.TEST, RUN, None)
        done = await reconcile(services, scope, rate=1000)
        return done, await then(services, scope, done)


def test_what_stripe_has_paid_is_taken_over_after_a_read_and_then_ties(tmp_path: Path):
    async def law() -> None:
        bench = World.make(tmp_path, items=6, accounts=2, mix={"debit_succeeds": 1.0})
        await bench.charge_all()
        bench.sandbox.advance(7 * DAY)
        one = Meddled(bench, None)

        async def taken(services, scope, done):
            assert {finding.kind for finding in done.findings} == {Found.STATE}
            return await adopt(services, scope, done.findings, load_settings({}))

        done, moved = await looked(one, taken)
        assert len(moved) == len(done.findings) == 6
        after = await one.reconcile()
        assert (after.exit, after.findings) == (Exit.OK, [])

    run(law())


def test_a_payer_who_paid_a_declined_line_on_session_is_taken_over(tmp_path: Path):
    async def law() -> None:
        bench = World.make(tmp_path, items=3, accounts=1, mix={"insufficient_funds": 1.0})
        await bench.charge_all()
        one = Meddled(bench, None)
        item = (await one.known())[0]
        act(bench.sandbox.world, str(item.object_id), Deed.PAY, "pm_card_visa")
        done, moved = await looked(one, lambda s, scope, d: adopt(s, scope, d.findings, load_settings({})))
        assert found_in(done) == {(Found.STATE, item.object_id)}
        assert moved == [item.reference]
        assert (await one.reconcile()).findings == []

    run(law())


def test_only_open_payments_beside_a_paid_one_are_closed(tmp_path: Path):
    async def law() -> None:
        one = await world(tmp_path, 4, items=8)
        orphan(one)
        unknown = {"metadata[billing_item]": "somebody-elses", "metadata[billing_run]": RUN}
        account = next(iter(one.sandbox.world.accounts))
        post(one.world, "/v1/payment_intents", account, {"amount": 700, "currency": "eur", **unknown})

        async def closed(services, scope, done):
            chosen = closable(services, scope, done.findings)
            assert {(each.kind, each.object) for each in chosen} == one.expected
            told = [each for each in done.findings if "--close-orphans" in each.what_to_do]
            assert told == chosen  # nobody is sent to a command that leaves it open
            return await close_orphans(services, scope, chosen)

        done, ends = await looked(one, closed)
        assert sum(finding.kind is Found.ORPHAN for finding in done.findings) == 2
        assert [each.closed for each in ends] == [True]
        after = await one.reconcile()
        assert {finding.reference for finding in after.findings} == {""}  # what another ledger may finish stays open
        assert one.sandbox.books().doubles() == []

    run(law())


def test_a_line_that_was_tried_elsewhere_is_not_closed(tmp_path: Path):
    async def law() -> None:
        one = await world(tmp_path, 4, items=8)
        orphan(one)
        ((_, name),) = one.expected
        _, chosen = await looked(one, lambda s, scope, d: _chosen(s, scope, d))
        act(one.sandbox.world, name, Deed.PAY, "pm_card_visa")
        _, ends = await looked(one, lambda s, scope, _: close_orphans(s, scope, chosen))
        assert [each.closed for each in ends] == [False]
        assert found_in(await one.reconcile()) == {(Found.DUPLICATE, name)}

    async def _chosen(services, scope, done):
        return closable(services, scope, done.findings)

    run(law())
