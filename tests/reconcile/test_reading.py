"""How an account is read: by the page, from where the last look ended, to its end or not at all, and once."""

from random import Random

import pytest

from billing.core.entries import Note
from billing.core.exits import Exit
from billing.core.reconciling.kept import CURSOR
from billing.flow.reconciling.keeping import FEW
from billing.sandbox.faults import FaultKind
from billing.sandbox.inprocess import InProcess
from tests.flow.world import World
from tests.reconcile.laws import found_in
from tests.reconcile.meddling import DAY, RUN, Meddled, dispute, meddle, orphan, refund, world
from tests.virtual import run

LISTS = ("payment_intents.list", "balance_transactions.list", "payouts.list", "disputes.list")


class Killed(BaseException):
    """The process is gone."""


class Mortal:
    """A wire that ends the process at a request."""

    def __init__(self, wire: InProcess, after: int) -> None:
        self._wire, self._left = wire, after
        self.sent = 0

    async def send(self, request):
        if self.sent == self._left:
            raise Killed
        self.sent += 1
        return await self._wire.send(request)

    async def aclose(self) -> None:
        await self._wire.aclose()


def lists(one: Meddled) -> int:
    return sum(one.sandbox.requests[name].sent for name in LISTS)


async def meddled(folder, seed=3, **size) -> Meddled:
    one = await world(folder, seed, **size)
    for deed in (refund, dispute):
        deed(one)
    one.sandbox.advance(3 * DAY)
    return one


def test_lists_cost_at_most_three_pages_a_hundred_lines_and_what_is_known_is_not_read_again(tmp_path, record_property):
    async def law() -> None:
        one = await meddled(tmp_path, items=250, accounts=1, mix={"succeeds": 0.9, "debit_succeeds": 0.1})
        before = lists(one)
        done = await one.reconcile()
        pages = lists(one) - before
        assert pages == done.pages
        assert pages <= 3 * -(-done.items // 100)
        again = await one.reconcile()
        assert (again.pages, found_in(again)) == (3, found_in(done))
        said = f"{done.items:,} lines reconciled with {pages:,} list pages, {again.pages:,} more the next time"
        record_property("evidence", said)

    run(law())


def test_what_was_charged_just_before_an_open_payment_is_not_read_again_one_by_one(tmp_path):
    async def law() -> None:
        bench = World.make(tmp_path, seed=5, items=20, accounts=1, mix={"succeeds": 1.0})
        await bench.charge_all()
        one = Meddled(bench, Random(5))
        one.items = await one.known()
        one.sandbox.advance(60)
        for _ in range(FEW + 1):  # so that the list goes back to the first of them, and not to what was a minute before
            orphan(one)
        one.sandbox.advance(DAY)
        assert found_in(await one.reconcile()) == one.expected
        before = one.sandbox.requests["payment_intents.retrieve"].sent
        assert found_in(await one.reconcile()) == one.expected
        assert one.sandbox.requests["payment_intents.retrieve"].sent == before

    run(law())


def test_a_killed_comparison_goes_on_and_reads_no_account_twice(tmp_path):
    async def law() -> None:
        one = await meddled(tmp_path, items=9)
        whole = Mortal(InProcess(one.sandbox), 10**9)
        expected = found_in(await one.reconcile(full=True, wire=whole))
        assert expected == one.expected
        for after in range(1, whole.sent, 2):
            with pytest.raises(Killed):
                await one.reconcile(full=True, wire=Mortal(InProcess(one.sandbox), after))
            rest = Mortal(InProcess(one.sandbox), 10**9)
            done = await one.reconcile(wire=rest)
            assert found_in(done) == expected
            assert all(sums.unexplained == 0 for sums in done.totals.values())
            assert done.pages + done.skipped * 3 <= whole.sent

    run(law())


@pytest.mark.parametrize("operation", LISTS[:3])
def test_nothing_is_concluded_from_a_list_that_breaks_off(tmp_path, operation):
    async def law() -> None:
        one = await meddled(tmp_path, items=9)
        one.world.script(FaultKind.REFUSED, operation, times=10**6)
        done = await one.reconcile()
        assert (done.results, done.findings, done.exit) == ({}, [], Exit.UNREACHABLE)
        assert len(done.unread) == 3
        async with one.world.read() as ledger:
            assert list(ledger.kept(CURSOR)) == []
        one.sandbox.faults = type(one.sandbox.faults)()
        assert found_in(await one.reconcile()) == one.expected

    run(law())


def test_one_account_that_cannot_be_read_is_told_and_the_others_are_compared(tmp_path):
    async def law() -> None:
        one = await meddled(tmp_path, items=12)
        gone = next(iter(one.sandbox.world.accounts.values()))
        gone.connected = False
        done = await one.reconcile()
        assert set(done.unread) == {gone.id}
        assert gone.id not in done.results
        assert {each.account for each in done.findings} == {
            each.account for each in (await _named(one)) if each.account != gone.id
        }
        assert done.exit is not Exit.OK

    async def _named(one: Meddled):
        return (await one.reconcile()).findings

    run(law())


def test_items_learn_what_was_booked_and_the_run_how_it_compared(tmp_path):
    async def law() -> None:
        one = await world(tmp_path, 5, items=6)
        one.sandbox.advance(5 * DAY)
        done = await one.reconcile()
        for item in await one.known():
            if str(item.state) == "succeeded":
                row = next(row for row in one.sandbox.world.accounts[item.account]["txn"]
                           if row["source"] == item.facts["charge"])  # fmt: skip
                assert (item.facts["net"], item.facts["settlement_currency"]) == (row["net"], row["currency"])
                assert item.facts["payout"] == one.sandbox.world.accounts[item.account].payout_of[row["id"]]
        async with one.world.read() as ledger:
            before = ledger.run(RUN)
            told = [entry for entry in ledger.entries(RUN) if entry.name == Note.RECONCILED and not entry.item_id]
        assert [entry.facts["discrepancies"] for entry in told] == [len(done.findings)]
        assert before is not None
        assert before.finished_at < told[0].at

    run(law())


def test_a_second_look_at_an_untouched_run_writes_no_item_again(tmp_path):
    async def law() -> None:
        one = await world(tmp_path, 5, items=6)
        one.sandbox.advance(5 * DAY)
        await one.reconcile()
        before = [item.ver for item in await one.known()]
        await one.reconcile()
        await one.reconcile(full=True)
        assert [item.ver for item in await one.known()] == before

    run(law())


def test_nothing_is_ever_changed_at_stripe(tmp_path):
    async def law() -> None:
        one = await meddled(tmp_path, items=9)
        meddle(one, 4)
        posts = {name: tally.sent for name, tally in one.sandbox.requests.items()}
        await one.reconcile()
        changed = {name for name, tally in one.sandbox.requests.items() if tally.sent != posts.get(name, 0)}
        assert changed <= {*LISTS, "payment_intents.retrieve"}

    run(law())
