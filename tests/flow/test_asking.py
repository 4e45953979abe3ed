"""Whom to ask: a link for each line that its customer holds up; what is saved there pays it with the next retry."""

import csv
import io

from billing.core.items import Mode
from billing.core.kinds.charge import State
from billing.core.links import read_link
from billing.core.money import Money
from billing.edge.collect.invitations import Answer, Asks, Opened
from billing.flow.collecting import Payers
from billing.flow.report import known_run
from billing.flow.retrying.asking import COLUMNS, as_csv, whom_to_ask
from billing.sandbox.payer import Deed, act
from tests.flow.retry_world import DAY, attempts, by_reference, tried
from tests.flow.world import RUN, World
from tests.virtual import run_virtually

PAGE = "https://pay.example"
SETUPS = "setup_intents.create"
VISA = "pm_card_visa"


def held_up(tmp_path, items=2) -> World:
    return World.make(tmp_path, items=items, accounts=1, mix={"authentication_required": 1})


def page_of(world: World) -> Payers:
    return Payers(world.read, world.services, Mode.TEST, lambda event, **facts: None)


async def listed(world: World, public_url: str = PAGE):
    async with world.services() as services:
        record = known_run(services.ledger, RUN)
        return list(whom_to_ask(services.ledger, record, public_url, services.clock.now())), services.ledger.link_key


def test_the_list_has_a_line_and_a_fresh_link_for_each_that_waits_and_names_nobody(tmp_path):
    world = World.make(
        tmp_path, items=12, accounts=2, mix={"authentication_required": 1, "succeeds": 1, "stolen_card": 1}
    )

    async def main():
        await world.charge_all()
        items = await by_reference(world)
        found, key = await listed(world)
        waiting = {name for name, item in items.items() if item.facts.get("group") == "needs_customer"}
        assert {line.reference for line in found} == waiting
        for line in found:
            link = read_link(key, line.link.rpartition("/")[2])
            assert link is not None
            assert link.item == items[line.reference].item_id
            assert link.end > world.sandbox.now + 13 * DAY
        rows = list(csv.reader(io.StringIO("".join(as_csv(iter(found))))))
        assert rows[0] == list(COLUMNS)
        assert len(rows) == len(found) + 1
        without, _ = await listed(world, "")
        assert {(line.link, line.link_valid_until) for line in without} == {("", "")}

    run_virtually(main)


def test_what_a_customer_saves_on_the_link_becomes_the_default_and_pays_with_the_next_retry(tmp_path):
    world = held_up(tmp_path)

    async def main():
        await world.charge_all()
        first, second = (await by_reference(world)).values()
        page = page_of(world)
        await page.prepare()
        asked = await page.look(first.item_id)
        assert (asked.answer, asked.payment, asked.types, asked.owed) == (Answer.OPEN, None, ("card",), True)
        opened = [await page.open(first.item_id) for _ in range(3)]
        assert {type(each) for each in opened} == {Opened}
        assert {each.asks for each in opened} == {Asks.SETUP}
        assert len({each.client_secret for each in opened}) == 1, "one SetupIntent, however often the link is opened"
        assert world.sandbox.requests[SETUPS].sent == 1
        assert await page.outcome(first.item_id) is Answer.OPEN
        act(world.sandbox.world, opened[0].client_secret.partition("_secret")[0], Deed.PAY, VISA)
        assert await page.outcome(first.item_id) is Answer.SAVED
        before = attempts(world)
        await tried(world)
        assert attempts(world) - before == {first.object_id: 1}
        after = await by_reference(world)
        assert (after[first.reference].state, after[second.reference].state) == (State.SUCCEEDED, State.UNPAID)
        paid = await page.look(first.item_id)
        assert (paid.answer, paid.owed) == (Answer.SAVED, False)
        assert paid.payment == Money(first.amount, first.currency), "whoever comes back reads what was paid"
        assert await page.open(first.item_id) is Answer.SAVED
        await world.assert_true()

    run_virtually(main)


def test_a_customer_whose_new_card_was_declined_too_gets_another_form(tmp_path):
    world = held_up(tmp_path, items=1)

    async def main():
        await world.charge_all()
        (item,) = (await by_reference(world)).values()
        page = page_of(world)
        first = await page.open(item.item_id)
        act(world.sandbox.world, first.client_secret.partition("_secret")[0], Deed.PAY, "pm_card_chargeCustomerFail")
        assert await page.outcome(item.item_id) is Answer.SAVED
        assert await page.open(item.item_id) is Answer.SAVED, "until it was tried, nothing more is asked for"
        await tried(world)
        second = await page.open(item.item_id)
        assert isinstance(second, Opened)
        assert second.client_secret != first.client_secret

    run_virtually(main)


def test_who_comes_back_to_the_page_later_keeps_the_default_that_was_chosen_since(tmp_path):
    world = held_up(tmp_path, items=2)

    async def main():
        await world.charge_all()
        first, second = (await by_reference(world)).values()
        page = page_of(world)
        for item, saved in ((first, True), (second, False)):
            opened = await page.open(item.item_id)
            act(world.sandbox.world, opened.client_secret.partition("_secret")[0], Deed.PAY, VISA)
            if saved:
                assert await page.outcome(item.item_id) is Answer.SAVED
        settings = [
            world.sandbox.world.platform["cus"].find(item.payer, False)["invoice_settings"] for item in (first, second)
        ]
        settings[0]["default_payment_method"] = "pm_chosen"
        world.sandbox.advance(2 * DAY)
        for item in (first, second):
            assert await page.outcome(item.item_id) is Answer.SAVED
        assert settings[0]["default_payment_method"] == "pm_chosen"
        declined = second.content["payment_method"]
        assert settings[1]["default_payment_method"] != declined, "who had not come back yet is taken at their word"

    run_virtually(main)


def test_a_stranger_s_item_is_none(tmp_path):
    world = held_up(tmp_path, items=1)

    async def main():
        await world.charge_all()
        assert await page_of(world).look("a" * 32) is None

    run_virtually(main)
