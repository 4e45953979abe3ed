"""What a comparison found is told again from the ledger alone: exactly what the command printed, and nothing newer."""

from dataclasses import replace
from random import Random

import pytest

from billing.core.reconciling.kept import CURSOR, from_facts, to_facts
from billing.core.reconciling.kept import Cursor as Read
from billing.flow.reconciling.reconcile import Reconciled, reconcile
from billing.flow.reconciling.scope import scope_of
from billing.flow.report import EVER
from billing.flow.reporting.comparison import NOT_YET, Comparison, comparison_of, last_comparison
from tests.flow.retry_world import AGAIN, tried
from tests.flow.world import RUN, Mode, World
from tests.reconcile.meddling import DAY, Meddled, dispute, fail_a_payout, give_back, meddle, refund, world
from tests.reporting.ledgers import made
from tests.virtual import run

SEEDS = range(20, 32)


async def told(one: Meddled) -> Comparison | None:
    async with one.world.read() as ledger:
        return comparison_of(ledger, ledger.run(RUN))


def same(found: Comparison | None, done: Reconciled) -> bool:
    assert found is not None
    assert (found.items, found.matched, found.open) == (done.items, done.matched, done.open)
    assert [one.as_facts() for one in found.findings] == [one.as_facts() for one in done.findings]
    assert {code: sums.as_facts() for code, sums in found.totals.items()} == {
        code: sums.as_facts() for code, sums in done.totals.items()
    }
    assert abs(found.as_of - done.as_of).total_seconds() < 0.001  # kept to the millisecond
    return (found.results, found.unread, found.exit, found.went_on) == (done.results, done.unread, done.exit, False)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_ledger_alone_tells_what_reconcile_printed_until_somebody_reads_again(tmp_path, seed):
    async def law() -> None:
        one = await world(tmp_path, seed, items=8, accounts=2)
        meddle(one, one.chance.randint(1, 8))
        one.sandbox.advance(one.chance.choice((DAY, 4 * DAY)))
        fail_a_payout(one)
        one.sandbox.advance(one.chance.choice((0, 5 * DAY)))
        done = await one.reconcile(full=seed % 2 == 1)
        assert same(await told(one), done)
        meddle(one, 3)
        one.sandbox.advance(20 * DAY)
        assert same(await told(one), done)
        again = await one.reconcile()
        assert same(await told(one), again)

    run(law())


def test_a_period_is_told_as_its_command_has_printed_it(tmp_path):
    async def law() -> None:
        one = await world(tmp_path, 3, items=8, accounts=2)
        meddle(one, 4)
        one.sandbox.advance(4 * DAY)
        async with one.world.services() as services:
            scope = scope_of(services.ledger, Mode.TEST, None, "2026-11")
            done = await reconcile(services, scope, rate=1000)
        async with one.world.read() as ledger:
            assert same(last_comparison(ledger, scope_of(ledger, Mode.TEST, None, "2026-11")), done)
        assert await told(one) is not None

    run(law())


def test_what_was_never_compared_is_not_compared_now(tmp_path):
    async def law() -> None:
        assert await told(await world(tmp_path, 3, items=4)) is None

    run(law())


def test_a_line_that_went_on_waits_for_the_next_look_and_looks_like_no_difference(tmp_path):
    async def law() -> None:
        bench = World.make(
            tmp_path, seed=2, items=8, accounts=2, mix={"debit_succeeds": 0.5, "insufficient_funds": 0.5}
        )
        await bench.charge_all()
        one = Meddled(bench, None)
        done = await one.reconcile()
        assert (done.findings, done.items, done.moved) == ([], 8, 0)
        bench.sandbox.advance(AGAIN)
        bench.sandbox.advance(7 * DAY)
        async with bench.services() as services:
            await bench.settle(services)
        paid = [item for item in await one.known() if str(item.state) == "succeeded"]
        assert 0 < len(paid) < 8
        found = await told(one)
        assert (found.findings, found.went_on) == ([], True)
        assert (found.moved, found.items) == (len(paid), 8 - len(paid))
        assert all(sums.unexplained == 0 for sums in found.totals.values())
        await tried(bench)
        later = await told(one)
        assert (later.findings, later.moved, later.items) == ([], 8, 0)
        again = await one.reconcile()
        assert same(await told(one), again)

    run(law())


def test_a_refund_of_ours_made_after_the_look_is_no_difference(tmp_path):
    async def law() -> None:
        bench = World.make(tmp_path, items=6, accounts=1, mix={"succeeds": 1.0})
        await bench.charge_all()
        one = Meddled(bench, Random(1))
        one.items = await one.known()
        done = await one.reconcile()
        await give_back(one, 2)
        assert (await told(one)).findings == done.findings == []

    run(law())


def test_an_account_that_could_not_be_read_is_named_and_nothing_older_is_said_of_it(tmp_path):
    async def law() -> None:
        one = await world(tmp_path, 3, items=12)
        await one.reconcile()
        for deed in (refund, dispute):
            deed(one)
        gone = next(iter(one.sandbox.world.accounts.values()))
        gone.connected = False
        done = await one.reconcile()
        found = await told(one)
        assert set(found.unread) == {gone.id} == set(done.unread)
        assert found.unread[gone.id].code == done.unread[gone.id].code
        assert (found.results, found.exit) == (done.results, done.exit)
        gone.connected = True
        again = await one.reconcile()
        assert same(await told(one), again)

    run(law())


def test_an_account_that_was_read_only_from_later_on_is_not_compared(tmp_path):
    async def law() -> None:
        one = await world(tmp_path, 3, items=6, accounts=1)
        await one.reconcile()
        async with one.world.services() as services:
            ((name, facts),) = services.ledger.lookups(CURSOR, list(one.sandbox.world.accounts), EVER).items()
            later = replace(from_facts(Read, facts), since=int(one.sandbox.now))
            await services.ledger.keep_lookups(CURSOR, {name: to_facts(later)})
        found = await told(one)
        assert (found.results, found.unread, found.findings) == ({}, {name: NOT_YET}, [])

    run(law())


def test_a_made_ledger_is_told_as_it_was_kept(tmp_path):
    done = made(tmp_path, 300)
    with done.read() as ledger:
        found = comparison_of(ledger, ledger.run(done.run_id))
    assert found.findings
    assert found.moved == 0
    assert all(sums.unexplained == 0 for sums in found.totals.values())
