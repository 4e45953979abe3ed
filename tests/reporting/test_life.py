"""The life of one line: what it says of made and of real ledgers, what it finds, and what it costs to ask."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from billing.cli.explaining import as_text
from billing.core.errors import UsageError
from billing.core.items import Kind
from billing.core.kinds.charge import State
from billing.flow.report import known_run
from billing.flow.reporting.life import story_of
from billing.flow.reporting.life_found import found
from billing.flow.reporting.life_page import Places, item_page
from billing.sandbox import levers
from tests.flow.refund_world import RefundWorld
from tests.flow.retry_world import AGAIN, tried
from tests.flow.test_amend import Services as Office
from tests.flow.test_retry import heal
from tests.flow.world import RUN, World
from tests.reporting.ledgers import made
from tests.reporting.life_laws import explained
from tests.virtual import run_virtually

WIDTH = 80
DAY = 86_400


def written(story, **options) -> str:
    return "\n".join(as_text(story, record=True, **options))


def told(ledger, reference: str, run_id: str | None = None):
    meant = found(ledger, reference, run_id)
    return story_of(ledger, meant.record, meant.reference)


async def told_of(world: World, reference: str = ""):
    async with world.read() as ledger:
        first = next(line.item for line in ledger.report(RUN) if line.item is not None)
        return told(ledger, reference or first.reference)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    """A made month of 300 lines with every outcome there is."""
    with made(tmp_path_factory.mktemp("made"), lines=300).read() as opened:
        yield opened


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """The same with hostile texts in whatever a sheet or Stripe controls."""
    with made(tmp_path_factory.mktemp("hostile"), lines=200, hostile=True).read() as opened:
        yield opened


def test_every_line_of_a_made_month_is_told_as_the_ledger_has_it(ledger):
    rows = {story.head.row for _, story in explained(ledger)}
    assert {"paid", "on_its_way", "customer_must_act", "declined_for_now", "no_answer_yet", "left_out"} <= rows


def test_whatever_a_sheet_or_stripe_says_a_terminal_shows_it_within_its_width_and_moves_no_cursor(hostile):
    for item, story in explained(hostile):
        for line in as_text(story, record=True):
            assert line.isprintable() or line == "", (item.reference, line)
            assert len(line) <= WIDTH or line.lstrip().startswith("billing ") or max(map(len, line.split())) > 60


def test_whatever_a_sheet_or_stripe_says_a_page_has_no_element_of_it_and_no_attribute_that_is_code(hostile):
    tame = {tag for story in [_tame(hostile)] for tag in re.findall(r"<([a-z0-9]+)", story)}
    for _, story in explained(hostile):
        page = "".join(item_page(story, Places("run", "account", "customer", lambda run, _: f"item-of-{len(run)}")))
        body = page.partition("</head>")[2]
        assert set(re.findall(r"<([a-z0-9]+)", body)) <= tame | {"pre", "ul", "table", "tbody", "tr", "th", "td", "a"}
        assert not re.search(r"<[^>]*\s(style|on\w+)=", body)
        assert "javascript:" not in "".join(re.findall(r'href="([^"]*)"', body)).lower()


def _tame(ledger) -> str:
    return "".join(item_page(explained(ledger, 1)[0][1]))


def test_a_story_is_json_and_comes_back_as_it_was(ledger, hostile):
    for _, story in [*explained(ledger, 60), *explained(hostile, 60)]:
        plain = story.as_json()
        assert json.loads(json.dumps(plain)) == json.loads(json.dumps(plain, default=list))
        assert plain["format_version"] == "1.0"
        assert set(plain) == {"format_version", "head", "answer", "money", "steps", "todo", "beside"}
        assert all(isinstance(row["amount"], int) for row in plain["money"]["rows"])
        assert all(step["at"].endswith("Z") for step in plain["steps"])
        assert all(command.startswith("billing ") for command in plain["todo"]["commands"])


def test_no_link_that_asks_for_payment_details_is_in_a_story(ledger):
    assert "hosted_link" not in json.dumps([story.as_json() for _, story in explained(ledger)])


# -- what is found


def test_a_reference_that_is_not_there_names_those_that_are_near(ledger):
    there = next(line.item.reference for line in ledger.report(RUN) if line.item is not None)
    with pytest.raises(UsageError, match=re.escape(there)):
        found(ledger, there.lower())
    with pytest.raises(UsageError, match=r"no line 'nothing like it at all'$"):
        found(ledger, "nothing like it at all")


def test_a_line_that_was_set_aside_and_one_of_another_run_are_told_too(ledger):
    asides = [line for line in ledger.report(RUN) if not line.owned]
    invalid = next(line for line in asides if line.item is None)
    story = told(ledger, invalid.cells[0], RUN)
    assert (story.head.line, story.steps, story.head.row) == (invalid.line, (), "left_out")
    assert "12,5O is no amount" in story.answer[0]
    other = next(line for line in asides if line.item is not None)
    story = told(ledger, other.item.reference, RUN)
    assert story.answer[0].startswith(f"Run {RUN} left it out: ")
    assert story.head.run == other.item.run_id


def test_the_id_of_a_payment_leads_to_its_line(ledger):
    item = next(line.item for line in ledger.report(RUN) if line.item is not None and line.item.object_id)
    assert found(ledger, item.object_id).reference == item.reference
    assert found(ledger, item.instrument_id).reference == item.reference


# -- what it says of lives that really were lived


def test_two_tries_that_took_nothing_and_a_third_that_paid_are_told_as_that(tmp_path):
    world = World.make(tmp_path, items=1, accounts=1, mix={"insufficient_funds": 1})

    async def main():
        await world.charge_all()
        world.sandbox.advance(AGAIN)
        await tried(world)
        heal(world)
        world.sandbox.advance(5 * DAY)
        await tried(world)
        return await told_of(world)

    story = run_virtually(main)
    price = story.steps[-1].title.removeprefix("Paid: ")
    assert story.answer[0].startswith("Paid on ")
    assert "once" not in story.answer[0], "it is said only after Stripe's own rows were read"
    assert story.answer[1] == f"Two earlier tries took nothing. {price} was taken on the third."
    titles = [step.title for step in story.steps]
    assert [title.partition(":")[0] for title in titles] == [
        "Planned", "First try prepared", "Declined", "Second try prepared", "Declined", "Third try prepared", "Paid",
    ]  # fmt: skip
    assert story.todo.title == "Nothing"


def test_a_refund_is_told_as_one(tmp_path):
    world = RefundWorld.make(tmp_path)
    run_virtually(world.refund_all)
    with_refunds = run_virtually(lambda: _all_of(world.world))
    assert [item.kind for item, _ in with_refunds] == [Kind.REFUND]
    assert with_refunds[0][1].answer[0].startswith("Refunded on ")


async def _all_of(world: World):
    async with world.read() as ledger:
        return explained(ledger)


def test_a_debit_that_came_back_and_was_begun_anew_is_one_story(tmp_path):
    world = World.make(tmp_path, items=1, accounts=1, mix={"debit_succeeds": 1.0})

    async def main():
        await world.charge_all()
        world.sandbox.advance(7 * DAY)
        async with world.services() as services:
            await world.settle(services)
        (item,) = await world.item()
        levers.return_debit(world.sandbox, item.account, item.facts["charge"], "insufficient_funds")
        async with world.services() as services:
            await world.settle(services)
        before = await told_of(world)
        world.sandbox.advance(10 * DAY)
        await tried(world)
        return before, await told_of(world)

    before, after = run_virtually(main)
    assert before.answer[0].startswith("Taken back by the bank on ")
    assert {row.code for row in before.money.rows} >= {"charged", "taken_back"}
    assert after.head.state == State.UNSETTLED
    assert after.answer[0].startswith("On its way since ")
    assert after.answer[1] == "It was begun anew once: what went before came to nothing, or came back."
    assert "Planned anew" in [step.title for step in after.steps]
    assert len({record.seq for step in after.steps for record in step.record}) == after.entries


def test_who_carried_it_out_is_told_where_the_ledger_says_so(tmp_path):
    world = World.make(tmp_path, items=1, accounts=1)

    async def main():
        async with world.services() as services:
            services = replace(services, operator={"by": "finance@desk-07"})
            await world.plan(services)
            await world.run(services)
        return await told_of(world)

    story = run_virtually(main)
    assert [step.who for step in story.steps] == [(), ("finance@desk-07",), ("finance@desk-07",)]
    assert "by finance@desk-07" in written(story)


def test_a_story_needs_nothing_but_the_ledger(tmp_path: Path):
    world = World.make(tmp_path, items=3, accounts=1)
    run_virtually(world.charge_all)
    world.file.unlink()

    async def main():
        async with world.read() as ledger:
            return [story_of(ledger, known_run(ledger, RUN), item.reference) for item, _ in explained(ledger)]

    assert len(run_virtually(main)) == 3


def test_a_line_that_was_taken_out_of_the_sheet_is_told_with_its_end(tmp_path):
    office = Office(World.make(tmp_path, items=4, accounts=2))
    gone = office.rows[-1]

    async def main():
        await office.run(limit=1, amend=False)
        office.rows.remove(gone)
        await office.run()
        return await told_of(office.world, gone["reference"])

    story = run_virtually(main)
    assert not story.head.listed
    assert story.answer[0] == "Left out: taken out of the sheet before it was paid."
    assert "no longer in the sheet" in written(story)


def test_a_line_that_was_corrected_is_one_story_of_both_its_amounts(tmp_path):
    office = Office(World.make(tmp_path, items=2, accounts=1))
    row = office.rows[-1]

    async def main():
        await office.run(limit=1, amend=False)
        row["amount"] = "77.00"
        await office.run()
        return await told_of(office.world, row["reference"])

    story = run_virtually(main)
    assert story.head.amount == 7700
    assert story.answer[0].startswith("Paid on ")
    titles = [step.title for step in story.steps]
    assert titles[0] == "Planned"
    assert "Planned anew" in titles
    assert any("its next line stands for it" in title for title in titles)
