"""What is told leads to a look and to nothing else: a webhook that is missed, doubled, late or forged costs time only.

The sandbox is the provider, the ledger is a real file; what is told is what the sandbox delivers, or is made up here.
"""

import asyncio
import random
from contextlib import asynccontextmanager
from itertools import count

import pytest

from billing.core.items import Mode
from billing.core.kinds.charge import State
from billing.core.life import Group
from billing.edge.hooks.envelope import Notice, read_event
from billing.edge.hooks.site import Taken
from billing.edge.settings.load import load_settings
from billing.flow import listening as module
from billing.flow.listening import Listening
from billing.sandbox import levers
from billing.sandbox.faults import FaultKind
from billing.sandbox.inprocess import InProcess
from billing.sandbox.payer import Deed, act
from billing.sandbox.webhook_deliveries import body_of
from billing.sandbox.webhook_endpoints import forward
from billing.sandbox.webhook_habits import Webhooks
from tests.flow.world import Recording, World
from tests.storage.syscalls import FAULTS, disk_of

DAY = 86_400
DEBITS = {"debit_succeeds": 0.6, "debit_fails": 0.4}
NUMBERS = count(1)


def notice(item, kind="payment_intent.succeeded", **changes):
    told = {"event": f"evt_{next(NUMBERS)}", "type": kind, "account": item.account, "named": item.object_id}
    return Notice(**told | changes)


class Heard:
    """A listener on a world: what it reads, and what it says."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.wire = Recording(InProcess(world.sandbox))
        self.lines: list[tuple[str, dict]] = []
        self.listening = self.begun()
        self.desk_opened = 0

    def begun(self) -> Listening:
        """Return a listener that knows nothing yet, as a process that has just begun."""

        @asynccontextmanager
        async def desk():
            self.desk_opened += 1
            async with self.world.services(wire=self.wire) as services:
                yield services

        log = lambda event, **facts: self.lines.append((event, facts))  # noqa: E731
        return Listening(self.world.read, desk, load_settings({}), Mode.TEST, log)

    @property
    def reads(self) -> list[str]:
        """The paths that were asked for."""
        return [request.url.removeprefix("http://127.0.0.1") for request in self.wire.requests]

    def deliver(self, *, shuffled: int | None = None) -> list[Taken]:
        """Hand over what the sandbox has to deliver."""
        deliveries = self.world.sandbox.world.deliveries
        found = deliveries.take()
        if shuffled is not None:
            random.Random(shuffled).shuffle(found)
        bodies = [read_event(body_of(each.event), Mode.TEST) for each in found]
        return [self.listening.take(told) for told in bodies if isinstance(told, Notice)]

    def told(self, name):
        return [facts for event, facts in [*self.lines, *self.world.events] if event == name]


@pytest.fixture
async def heard(tmp_path):
    world = World.make(tmp_path, items=6, accounts=2, mix=DEBITS)
    await world.charge_all()
    forward(world.sandbox.world, "http://127.0.0.1:9")
    return Heard(world)


async def first(heard, state=State.UNSETTLED):
    return next(item for item in await heard.world.item() if item.state is state)


async def test_debits_settle_by_what_is_told_of_them_with_no_more_than_a_read_for_each(heard):
    heard.world.sandbox.advance(7 * DAY)
    assert set(heard.deliver()) == {Taken.QUEUED}
    assert await heard.listening.turn()
    groups = await heard.world.groups()
    assert (groups[Group.PROCESSING], groups[Group.SUCCEEDED] > 0, groups[Group.DECLINED] > 0) == (0, True, True)
    assert 0 < len(heard.reads) <= 6
    await heard.world.assert_true()


async def test_many_that_are_told_of_at_once_are_read_by_the_hundred_and_no_others_with_them(tmp_path):
    world = World.make(tmp_path, items=80, accounts=2, mix={"debit_succeeds": 1})
    await world.charge_all()
    forward(world.sandbox.world, "http://127.0.0.1:9")
    heard = Heard(world)
    world.sandbox.advance(7 * DAY)
    heard.deliver()
    assert await heard.listening.turn()
    assert (await world.groups())[Group.SUCCEEDED] == 80
    assert len(heard.reads) <= 0.15 * 80
    await world.assert_true()


@pytest.mark.parametrize("seed", range(4))
async def test_in_whatever_order_and_however_often_it_is_told_the_end_is_the_same(heard, seed):
    world = heard.world
    world.sandbox.world.deliveries.habits = Webhooks(duplicate=0.5, foreign=0.5)
    world.sandbox.advance(7 * DAY)
    heard.deliver(shuffled=seed)
    assert await heard.listening.turn()
    assert (await world.groups())[Group.PROCESSING] == 0
    assert 0 < len(heard.reads) <= 6
    await world.assert_true()


async def test_a_thousand_events_about_one_item_cost_one_read(heard):
    item = await first(heard)
    for _ in range(1000):
        assert heard.listening.take(notice(item)) is Taken.QUEUED
    assert await heard.listening.turn()
    assert heard.reads == [f"/v1/payment_intents/{item.object_id}"]


async def test_the_same_event_is_followed_once_also_by_the_next_process(heard):
    item = await first(heard)
    told = notice(item)
    assert [heard.listening.take(told), heard.listening.take(told)] == [Taken.QUEUED, Taken.KNOWN]
    await heard.listening.turn()
    heard.listening = heard.begun()
    assert heard.listening.take(told) is Taken.QUEUED
    assert await heard.listening.turn()
    assert len(heard.reads) == 1
    assert heard.listening.take(notice(item)) is Taken.QUEUED
    await heard.listening.turn()
    assert len(heard.reads) == 2


async def test_what_is_told_is_not_believed(heard):
    item = await first(heard)
    heard.listening.take(notice(item, "payment_intent.succeeded"))
    heard.listening.take(notice(item, "payment_intent.canceled"))
    await heard.listening.turn()
    assert [each.state for each in await heard.world.item()] == [State.UNSETTLED] * 6


@pytest.mark.parametrize("change", [{"account": "acct_1Another"}, {"named": "pi_1Another"}, {"named": "re_1Another"}])
async def test_what_no_item_of_ours_has_on_record_costs_no_request_and_no_lock(heard, change):
    heard.listening.take(notice(await first(heard), **change))
    assert await heard.listening.turn()
    assert (heard.reads, heard.desk_opened) == ([], 0)


async def test_an_account_with_nothing_of_ours_is_looked_up_once_in_a_while(heard):
    item = await first(heard)
    heard.listening.take(notice(item, account="acct_1Another", named="pi_1Another"))
    await heard.listening.turn()
    assert heard.listening.take(notice(item, account="acct_1Another")) is Taken.UNKNOWN_ACCOUNT
    assert heard.listening.take(notice(item)) is Taken.QUEUED


async def test_an_item_at_its_end_costs_no_request_and_no_lock(heard):
    heard.world.sandbox.advance(7 * DAY)
    async with heard.world.services() as services:
        await heard.world.settle(services)
    heard.listening.take(notice(await first(heard, State.SUCCEEDED)))
    assert await heard.listening.turn()
    assert (heard.reads, heard.desk_opened) == ([], 0)


async def test_while_a_run_holds_the_ledger_it_waits_and_what_is_told_comes_together(heard):
    item = await first(heard)
    heard.world.sandbox.advance(7 * DAY)
    async with heard.world.services() as run:
        for _ in range(50):
            heard.listening.take(notice(item))
            assert not await heard.listening.turn()
        ending = await heard.world.settle(run)
        assert ending.exit == 0
    heard.wire.requests.clear()
    assert await heard.listening.turn()
    assert heard.reads == []
    assert {facts["why"] for facts in heard.told("hook_waits")} == {"a run holds the ledger"}


async def test_what_there_is_no_room_for_is_to_be_sent_again(heard, monkeypatch):
    monkeypatch.setattr(module, "MOST_WAITING", 2)
    items = await heard.world.item()
    taken = [heard.listening.take(notice(item)) for item in items[:3]]
    assert taken == [Taken.QUEUED, Taken.QUEUED, Taken.FULL]
    assert heard.listening.take(notice(items[0])) is Taken.QUEUED
    await heard.listening.turn()
    assert heard.listening.take(notice(items[2])) is Taken.QUEUED


async def test_on_a_full_disk_nothing_more_is_taken_until_it_can_be_written_again(heard):
    item, world = await first(heard), heard.world
    world.sandbox.advance(7 * DAY)
    heard.listening.take(notice(item))
    with disk_of(world.folder / "ledger.db") as disk:
        disk.fault = FAULTS["disk full"]
        assert not await heard.listening.turn()
        assert heard.listening.take(notice(item)) is Taken.FULL
        disk.fault = None
        assert await heard.listening.turn()
    assert heard.listening.take(notice(item)) is Taken.QUEUED
    assert item.state not in {each.state for each in await world.item() if each.id == item.id}
    await world.assert_true()


async def test_a_listener_that_is_killed_with_all_of_it_unread_costs_time_only(heard):
    world = heard.world
    world.sandbox.advance(7 * DAY)
    assert set(heard.deliver()) == {Taken.QUEUED}
    del heard.listening
    async with world.services() as services:
        await world.settle(services)
    assert (await world.groups())[Group.PROCESSING] == 0
    await world.assert_true()


async def test_an_answer_that_is_lost_leaves_the_item_to_settle(heard):
    item, world = await first(heard), heard.world
    world.sandbox.advance(7 * DAY)
    world.script(FaultKind.LOST_AFTER, "payment_intents.retrieve", times=50)
    heard.listening.take(notice(item))
    await heard.listening.turn()
    assert (await first(heard)).id == item.id
    world.sandbox.faults.clear()
    async with world.services() as services:
        await world.settle(services)
    assert (await world.groups())[Group.PROCESSING] == 0
    await world.assert_true()


async def test_nothing_is_sent_that_could_move_money_whatever_is_told(tmp_path):
    world = World.make(tmp_path, items=30, accounts=2)
    await world.charge_all()
    heard = Heard(world)
    for item in await world.item():
        for kind in ("payment_intent.succeeded", "payment_intent.payment_failed"):
            heard.listening.take(notice(item, kind, named=item.object_id or "pi_1None"))
    while heard.listening.waiting:
        assert await heard.listening.turn()
    assert heard.reads
    assert {request.method for request in heard.wire.requests} <= {"GET", "POST"}
    assert [path for path in heard.reads if path.endswith(("/confirm", "/capture", "/v1/payment_intents"))] == []
    await world.assert_true()


@pytest.mark.parametrize("known", [True, False])
async def test_a_debit_that_comes_back_is_on_record_also_when_that_is_told_first(tmp_path, known):
    world = World.make(tmp_path, items=1, accounts=1, mix={"debit_succeeds": 1})
    await world.charge_all()
    world.sandbox.advance(7 * DAY)
    if known:
        async with world.services() as services:
            await world.settle(services)
    forward(world.sandbox.world, "http://127.0.0.1:9")
    heard, item = Heard(world), (await world.item())[0]
    charge = next(iter(world.sandbox.world.accounts[item.account]["ch"]))["id"]
    levers.return_debit(world.sandbox, item.account, charge)
    heard.deliver()
    while heard.listening.waiting:
        assert await heard.listening.turn()
    assert [each.state for each in await world.item()] == [State.RETURNED]


async def test_a_dispute_that_takes_nothing_back_for_good_changes_nothing(tmp_path):
    world = World.make(tmp_path, items=1, accounts=1, mix={"succeeds": 1})
    await world.charge_all()
    forward(world.sandbox.world, "http://127.0.0.1:9")
    heard, item = Heard(world), (await world.item())[0]
    charge = next(iter(world.sandbox.world.accounts[item.account]["ch"]))["id"]
    levers.open_dispute(world.sandbox, item.account, charge, "fraudulent")
    heard.deliver()
    while heard.listening.waiting:
        assert await heard.listening.turn()
    assert [each.state for each in await world.item()] == [State.SUCCEEDED]
    assert heard.told("dispute_moves_nothing")


async def test_a_customer_who_pays_after_a_decline_is_seen_at_once(tmp_path):
    world = World.make(tmp_path, items=2, accounts=1, mix={"authentication_required": 1})
    await world.charge_all()
    forward(world.sandbox.world, "http://127.0.0.1:9")
    heard, item = Heard(world), (await world.item())[0]
    act(world.sandbox.world, item.object_id, Deed.PAY, "pm_card_visa")
    heard.deliver()
    assert await heard.listening.turn()
    assert [each.state for each in await world.item()] == [State.SUCCEEDED, State.UNPAID]
    await world.assert_true()


async def test_it_works_by_itself_until_it_is_stopped_and_stops_at_once(heard, monkeypatch):
    monkeypatch.setattr(module, "GATHER_SECONDS", 0.0)
    heard.world.sandbox.advance(7 * DAY)
    working = asyncio.create_task(heard.listening.work())
    heard.deliver()
    async with asyncio.timeout(20):
        while len(heard.told("hook_followed")) < 6:  # noqa: ASYNC110  it tells nobody
            await asyncio.sleep(0.01)
        heard.listening.stop()
        await working
    assert heard.listening.take(notice(await first(heard, State.SUCCEEDED))) is Taken.FULL
