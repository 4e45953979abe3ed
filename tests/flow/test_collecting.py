"""The payers of a ledger for their page: one invitation each, the ledger held only while somebody is served."""

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from billing.core.errors import LedgerHeld, ProviderUnreachable
from billing.core.items import Mode
from billing.core.wire import WireRequest, WireResponse
from billing.edge.collect.invitations import Answer, Asks, Opened
from billing.flow.collecting import Payers
from billing.flow.services import Services
from billing.sandbox.inprocess import InProcess
from tests.flow.payer_world import SETUPS, PayerWorld, Person


class Slow(InProcess):
    """Requests that take a while, so that payers overlap."""

    async def send(self, request: WireRequest) -> WireResponse:
        await asyncio.sleep(0.01)
        return await super().send(request)


class Page:
    """A page over the payers of a bench; counts how often the ledger was opened to write."""

    def __init__(self, bench: PayerWorld, mode: Mode = Mode.TEST) -> None:
        self.bench, self.opened, self.events = bench, 0, []
        self.payers = Payers(bench.world.read, self._desk, mode, lambda event, **facts: self.events.append(facts))

    def _desk(self) -> AbstractAsyncContextManager[Services]:
        self.opened += 1
        return self.bench.services(Slow(self.bench.sandbox))

    async def id(self, number: int = 0) -> str:
        return (await self.bench.item(number)).item_id


async def planned(folder: Path, people: Any = 1) -> Page:
    """A page over payers who wait for their click."""
    bench = PayerWorld.make(folder, people)
    await bench.run()
    return Page(bench)


async def test_a_payer_is_shown_what_the_line_says_and_nothing_that_names_the_payer(tmp_path):
    page = await planned(
        tmp_path, [Person(0, types="card us_bank_account"), Person(1, first_payment="19.00", currency="USD")]
    )
    first, second = [await page.payers.look(await page.id(number)) for number in (0, 1)]
    assert (first.reference, first.types, first.payment, first.answer) == (
        "PAY-0", ("card", "us_bank_account"), None, Answer.OPEN,
    )  # fmt: skip
    assert (second.payment.minor, second.payment.currency) == (1900, "usd")
    assert "person" not in repr([first, second]).lower()
    assert await page.payers.look("a" * 32) is None


async def test_looking_sends_nothing_and_opens_nothing_to_write(tmp_path):
    page = await planned(tmp_path)
    before = dict(page.bench.sandbox.requests)
    await page.payers.look(await page.id())
    assert page.bench.sandbox.requests == before
    assert page.opened == 0


async def test_two_tabs_and_a_second_visit_get_the_one_invitation_that_is_on_record(tmp_path):
    page = await planned(tmp_path)
    item = await page.id()
    found = await asyncio.gather(*(page.payers.open(item) for _ in range(5)))
    found.append(await page.payers.open(item))
    assert {type(each) for each in found} == {Opened}
    assert len({each.client_secret for each in found}) == 1
    assert page.bench.sent(SETUPS) == 1
    assert found[0].client_secret.startswith((await page.bench.item()).instrument_id)


async def test_many_payers_at_once_are_served_with_one_ledger_that_is_let_go_of_after_the_last(tmp_path):
    page = await planned(tmp_path, 8)
    ids = [await page.id(number) for number in range(8)]
    found = await asyncio.gather(*(page.payers.open(item) for item in ids))
    assert len({each.client_secret for each in found}) == 8
    assert page.opened == 1
    async with page.bench.services():  # nobody holds it
        pass


async def test_what_was_saved_is_said_after_reading_it_and_stays_said(tmp_path):
    page = await planned(tmp_path)
    item = await page.id()
    await page.payers.open(item)
    assert await page.payers.outcome(item) is Answer.OPEN
    await page.bench.completes()
    assert await page.payers.outcome(item) is Answer.SAVED
    assert (await page.payers.look(item)).answer is Answer.SAVED
    assert await page.payers.open(item) is Answer.SAVED
    await page.bench.assert_true()


async def test_what_was_saved_and_not_read_is_read_at_the_next_opening_and_not_asked_for_again(tmp_path):
    page = await planned(tmp_path)
    item = await page.id()
    await page.payers.open(item)
    await page.bench.completes()
    assert await page.payers.open(item) is Answer.SAVED
    assert page.bench.sent(SETUPS) == 1


async def test_a_first_payment_is_asked_for_as_a_payment(tmp_path):
    page = await planned(tmp_path, [Person(0, first_payment="19.00", currency="USD")])
    assert (await page.payers.open(await page.id())).asks is Asks.PAYMENT


async def test_who_was_given_up_finds_the_link_closed(tmp_path):
    page = await planned(tmp_path)
    item = await page.id()
    await page.payers.open(item)
    await page.bench.close()
    assert (await page.payers.look(item)).answer is Answer.CLOSED
    assert await page.payers.open(item) is Answer.CLOSED


async def test_while_another_runner_holds_the_ledger_payers_are_asked_to_come_back_and_nothing_is_made(tmp_path):
    page = await planned(tmp_path)
    item = await page.id()
    async with page.bench.services():
        assert (await page.payers.look(item)).answer is Answer.OPEN
        assert await page.payers.open(item) is Answer.LATER
        assert await page.payers.outcome(item) is Answer.LATER
        assert page.bench.sent(SETUPS) == 0
    assert isinstance(await page.payers.open(item), Opened)
    assert page.events == [{"level": "warning", "reason": "LedgerHeld"}] * 2


async def test_those_who_waited_for_the_same_runner_do_not_wait_for_it_again_one_after_another(tmp_path):
    page = await planned(tmp_path, 6)
    ids = [await page.id(number) for number in range(6)]
    async with page.bench.services():
        assert set(await asyncio.gather(*(page.payers.open(item) for item in ids))) == {Answer.LATER}
    assert page.opened == 1


@pytest.mark.parametrize("trouble", [LedgerHeld("held"), ProviderUnreachable("away")])
async def test_after_any_trouble_the_next_payer_is_served(tmp_path, trouble):
    page = await planned(tmp_path)
    item, desk = await page.id(), page.payers._desk._desk

    def refuses() -> Any:
        page.payers._desk._desk = desk
        raise trouble

    page.payers._desk._desk = refuses
    assert await page.payers.open(item) is Answer.LATER
    assert isinstance(await page.payers.open(item), Opened)


async def test_a_line_that_was_planned_after_the_page_was_opened_is_found(tmp_path):
    page = await planned(tmp_path)
    await page.payers.prepare()
    bench = page.bench
    bench.people = [*bench.people, Person(7)]
    bench.write()
    await bench.run(amend=True)
    assert (await page.payers.look(await page.id(1))).reference == "PAY-7"


async def test_a_page_in_live_mode_knows_no_payer_of_test_mode(tmp_path):
    page = await planned(tmp_path)
    live = Page(page.bench, Mode.LIVE)
    assert await live.payers.look(await page.id()) is None
    assert await live.payers.open(await page.id()) is Answer.CLOSED


async def test_the_key_of_the_links_is_the_ledgers(tmp_path):
    page = await planned(tmp_path)
    async with page.bench.world.read() as ledger:
        assert await page.payers.prepare() == ledger.link_key
