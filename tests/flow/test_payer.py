"""Payers, against the sandbox: one customer each, asked once, saved and made the default, whatever goes wrong."""

import csv
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from billing.core.exits import Exit
from billing.core.groups import group_of
from billing.core.kinds.payer import State, customer_of
from billing.core.kinds.payer_columns import link_of
from billing.core.life import Group
from billing.core.links import read_link
from billing.flow.kinds.payer.invite import Answer, Asks, Invitation
from billing.flow.report_files import as_csv
from billing.sandbox.faults import FaultKind
from tests.flow.payer_world import CUSTOMERS, DAY, PAGE, SETUPS, VISA, PayerWorld, Person
from tests.flow.world import RUN
from tests.virtual import run_virtually

BACK = "https://example.com/thanks"
PAYING = Person(0, first_payment="12.50", currency="USD")


def lived(world: PayerWorld, *steps: str) -> PayerWorld:
    """Take steps, each in a runner of its own."""
    for step in steps:
        run_virtually(getattr(world, step))
    run_virtually(world.assert_true)
    return world


def states(world: PayerWorld) -> list[str]:
    return run_virtually(world.states)


def the_item(world: PayerWorld, number: int = 0):
    return run_virtually(partial(world.item, number))


def report(world: PayerWorld) -> list[dict[str, str]]:
    async def read() -> list[str]:
        async with world.world.read() as ledger:
            return "".join(as_csv(ledger, RUN)).splitlines()

    return list(csv.DictReader(run_virtually(read)))


# --- all goes well ---------------------------------------------------------------------------------------------------


def test_each_payer_becomes_a_customer_once_and_a_second_run_sends_nothing(tmp_path: Path) -> None:
    world = PayerWorld.make(tmp_path, 3)
    assert run_virtually(world.run).exit is Exit.UNFINISHED
    assert states(world) == [State.READY] * 3
    assert (world.sent(CUSTOMERS), world.sent(SETUPS)) == (3, 0)
    before = world.sandbox.requests.total()
    assert run_virtually(world.run).nothing_left
    assert world.sandbox.requests.total() == before
    customers = [world.sandbox.world.platform["cus"].peek(item.object_id) for item in run_virtually(world.items)]
    assert [one["email"] for one in customers] == [f"person{number}@example.net" for number in range(3)]
    assert [one["name"] for one in customers] == ["Person 0", "Person 1", "Person 2"]


def test_what_a_payer_completes_after_a_click_becomes_the_default(tmp_path: Path) -> None:
    world = lived(PayerWorld.make(tmp_path), "run")
    open_now = run_virtually(world.click)
    assert isinstance(open_now, Invitation)
    assert (open_now.asks, open_now.types) == (Asks.SETUP, ("card",))
    assert open_now.client_secret.startswith(f"{open_now.intent}_secret_")
    assert open_now.client_secret not in repr(open_now)
    assert run_virtually(world.come_back) is Answer.OPEN
    run_virtually(world.completes)
    assert run_virtually(world.come_back) is Answer.SAVED
    lived(world)
    (told,) = report(world)
    item = the_item(world)
    assert item.state is State.SUCCEEDED
    assert (told["status"], told["customer"], told["payment_method"], told["default_set"], told["link"]) == (
        "succeeded", item.object_id, item.facts["payment_method"], "yes", "",
    )  # fmt: skip


def test_settle_finds_who_has_answered_without_coming_back(tmp_path: Path) -> None:
    world = lived(PayerWorld.make(tmp_path, 2), "run")
    for number in range(2):
        run_virtually(partial(world.click, number))
    run_virtually(partial(world.completes, 1))
    lived(world, "settle")
    assert states(world) == [State.INVITED, State.SUCCEEDED]


def test_a_second_click_gets_the_invitation_that_is_open(tmp_path: Path) -> None:
    world = lived(PayerWorld.make(tmp_path), "run")
    first, second = run_virtually(world.click), run_virtually(world.click)
    assert first == second
    assert world.sent(SETUPS) == 1


def test_many_who_wait_are_followed_by_a_list_and_not_by_a_read_each(tmp_path: Path) -> None:
    world = lived(PayerWorld.make(tmp_path, 30), "run")
    for number in range(30):
        run_virtually(partial(world.click, number))
    run_virtually(partial(world.completes, 7))
    before = world.sent("setup_intents.retrieve"), world.sent("setup_intents.list")
    lived(world, "settle")
    assert states(world).count(State.SUCCEEDED) == 1
    assert world.sent("setup_intents.retrieve") - before[0] == 0
    assert world.sent("setup_intents.list") - before[1] == 1 + 2  # the window; what was saved, before and after


def test_the_report_lists_who_has_not_answered_with_a_link_that_the_ledger_signed(tmp_path: Path) -> None:
    world = lived(PayerWorld.make(tmp_path), "run")
    (told,) = report(world)
    assert told["status"] == "processing"
    assert told["link"].startswith(f"{PAGE}/s/")

    async def key() -> bytes:
        async with world.world.read() as ledger:
            return ledger.link_key

    link = read_link(run_virtually(key), told["link"].removeprefix(f"{PAGE}/s/"))
    item = the_item(world)
    assert link is not None
    assert (link.item, link.end) == (item.item_id, item.facts["link_end"])
    assert link_of(item, b"another key" * 3) != told["link"]
    assert told["link_valid_until"].endswith("23:59:59")


# --- a page of Stripe's ----------------------------------------------------------------------------------------------


def test_without_a_page_of_ours_stripes_asks_and_a_run_after_its_day_asks_again(tmp_path: Path) -> None:
    world = PayerWorld.make(tmp_path, [Person(0, return_url=BACK)], page="")
    lived(world, "run")
    (told,) = report(world)
    assert "checkout" in told["link"]
    first = the_item(world).instrument_id
    assert first is not None
    assert first.startswith("cs_")
    lived(world, "run")
    assert the_item(world).instrument_id == first
    world.sandbox.advance(DAY + 1)
    lived(world, "settle", "run")
    item = the_item(world)
    assert (item.state, item.attempt) == (State.INVITED, 2)
    run_virtually(world.completes)
    lived(world, "settle")
    assert states(world) == [State.SUCCEEDED]


@pytest.mark.parametrize("person", [Person(0), PAYING], ids=["no way back", "a first payment"])
def test_who_can_be_asked_on_no_page_waits_and_says_why(tmp_path: Path, person: Person) -> None:
    world = lived(PayerWorld.make(tmp_path, [person], page=""), "run", "run")
    item = the_item(world)
    assert item.state is State.READY
    assert item.facts["reason_code"] in ("needs_return_url", "needs_public_url")
    assert world.sent(SETUPS) == 0


@pytest.mark.parametrize("person", [Person(0), PAYING], ids=["no way back", "a first payment"])
def test_who_could_be_asked_nowhere_is_asked_by_the_next_run_once_there_is_a_page(
    tmp_path: Path, person: Person
) -> None:
    world = lived(PayerWorld.make(tmp_path, [person], page=""), "run")
    assert group_of(the_item(world)) is Group.PENDING
    world.page = PAGE
    lived(world, "run")
    item = the_item(world)
    assert (item.facts["link_base"], item.facts.get("reason_code"), group_of(item)) == (PAGE, None, Group.PROCESSING)
    run_virtually(world.click)
    run_virtually(world.completes)
    lived(world, "settle")
    assert states(world) == [State.SUCCEEDED]


# --- a test answers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [True, False], ids=["at once", "afterwards"])
def test_a_run_may_answer_for_its_payers(tmp_path: Path, first: bool) -> None:
    world = PayerWorld.make(tmp_path, [Person(0), replace(PAYING, number=1)])
    if not first:
        lived(world, "run")
        run_virtually(world.click)
    world.answers_with = VISA
    assert run_virtually(world.run).exit is Exit.OK
    lived(world)
    assert states(world) == [State.SUCCEEDED] * 2


def test_a_method_that_is_declined_leaves_its_payer_invited(tmp_path: Path) -> None:
    world = PayerWorld.make(tmp_path)
    world.answers_with = "pm_card_chargeDeclined"
    lived(world, "run")
    assert states(world) == [State.INVITED]
    (told,) = [facts for event, facts in world.world.events if event == "test_answer_refused"]
    assert (told["method"], told["reference"]) == ("pm_card_chargeDeclined", "PAY-0")


# --- the first payment -----------------------------------------------------------------------------------------------


def test_a_first_payment_is_taken_by_the_platform_and_its_method_saved(tmp_path: Path) -> None:
    world = lived(PayerWorld.make(tmp_path, [PAYING]), "run")
    open_now = run_virtually(world.click)
    assert isinstance(open_now, Invitation)
    assert (open_now.asks, open_now.amount, open_now.currency) == (Asks.PAYMENT, 1250, "usd")
    run_virtually(world.completes)
    assert run_virtually(world.come_back) is Answer.SAVED
    lived(world)
    (told,) = report(world)
    assert (told["first_payment_status"], told["payment_intent"]) == ("succeeded", open_now.intent)


def test_a_payer_who_has_paid_and_whose_method_is_gone_is_never_asked_to_pay_again(tmp_path: Path) -> None:
    world = lived(PayerWorld.make(tmp_path, [PAYING]), "run", "click")
    run_virtually(world.completes)
    method = world.sandbox.world.platform["pi"].peek(the_item(world).instrument_id)["payment_method"]
    world.post(f"/v1/payment_methods/{method}/detach")
    lived(world, "settle")
    assert states(world) == [State.PARKED]
    assert run_virtually(world.click) is Answer.STUCK
    lived(world, "run", "settle")
    assert world.sent("payment_intents.create") == 1


def test_two_ledgers_ask_for_one_first_payment(tmp_path: Path) -> None:
    one = lived(PayerWorld.make(tmp_path, [PAYING]), "run", "click")
    other = lived(one.elsewhere(tmp_path / "other"), "run", "click")
    assert the_item(one).instrument_id == the_item(other).instrument_id
    run_virtually(one.completes)
    lived(one, "settle")
    lived(other, "settle")
    assert (states(one), states(other)) == ([State.SUCCEEDED], [State.SUCCEEDED])


# --- one customer ----------------------------------------------------------------------------------------------------


def test_a_create_without_an_answer_is_looked_for_and_not_repeated_into_a_second_customer(tmp_path: Path) -> None:
    world = PayerWorld.make(tmp_path)
    world.world.script(FaultKind.LOST_AFTER, CUSTOMERS)
    lived(world, "run")
    assert states(world) == [State.READY]
    assert len([*world.sandbox.world.platform["cus"]]) == 1


def test_another_ledger_finds_the_customer_that_is_there_even_days_later(tmp_path: Path) -> None:
    one = lived(PayerWorld.make(tmp_path), "run")
    one.sandbox.advance(3 * DAY)
    other = lived(one.elsewhere(tmp_path / "other"), "run")
    assert the_item(one).object_id == the_item(other).object_id
    assert len([*one.sandbox.world.platform["cus"]]) == 1


def test_the_next_generation_of_a_line_keeps_its_customer(tmp_path: Path) -> None:
    world = lived(PayerWorld.make(tmp_path), "run")
    world.sandbox.advance(32 * DAY)
    lived(world, "settle")
    assert states(world) == [State.FAILED]
    customer = the_item(world).object_id
    world.people = [replace(world.people[0], types="card us_bank_account")]
    world.write()
    run_virtually(partial(world.run, amend=True))
    item = the_item(world)
    assert (item.state, item.generation, customer_of(item.object_id)) == (State.READY, 1, customer)


def test_a_customer_that_stripe_does_not_take_fails_without_its_words(tmp_path: Path) -> None:
    world = PayerWorld.make(tmp_path)
    error = {"type": "invalid_request_error", "param": "name", "code": "x", "message": "Person 0 is no name"}
    refusal = {"status": 400, "body": json.dumps({"error": error}).encode()}
    world.world.script(FaultKind.CANNED, CUSTOMERS, **refusal)
    lived(world, "run")
    item = the_item(world)
    assert item.state is State.FAILED
    assert "name" in item.facts["reason"]
    assert "Person" not in str(item.facts)


# --- given up --------------------------------------------------------------------------------------------------------


def test_who_is_given_up_can_save_nothing_any_more(tmp_path: Path) -> None:
    world = lived(PayerWorld.make(tmp_path), "run", "click", "close")
    assert states(world) == [State.FAILED]
    assert world.sandbox.world.platform["seti"].peek(the_item(world).instrument_id)["status"] == "canceled"
    assert run_virtually(world.click) is Answer.CLOSED


def test_who_has_answered_is_not_given_up(tmp_path: Path) -> None:
    world = lived(PayerWorld.make(tmp_path), "run", "click")
    run_virtually(world.completes)
    lived(world, "close")
    assert states(world) == [State.SUCCEEDED]


@pytest.mark.parametrize("clicked", [True, False])
def test_after_the_last_day_of_a_link_nothing_is_open(tmp_path: Path, clicked: bool) -> None:
    world = lived(PayerWorld.make(tmp_path), "run", *["click"] * clicked)
    world.sandbox.advance(32 * DAY)
    lived(world, "settle")
    item = the_item(world)
    assert (item.state, item.facts["reason_code"]) == (State.FAILED, "link_over")
    assert run_virtually(world.click) is Answer.CLOSED


# --- methods that go -------------------------------------------------------------------------------------------------


def test_a_method_that_is_attached_to_nobody_is_none_and_the_payer_is_asked_again(tmp_path: Path) -> None:
    world = lived(PayerWorld.make(tmp_path), "run", "click")
    run_virtually(world.completes)
    method = world.sandbox.world.platform["seti"].peek(the_item(world).instrument_id)["payment_method"]
    world.post(f"/v1/payment_methods/{method}/detach")
    lived(world, "settle")
    item = the_item(world)
    assert (item.state, item.facts["reason_code"]) == (State.READY, "method_gone")
    again = run_virtually(world.click)
    assert isinstance(again, Invitation)
    run_virtually(world.completes)
    lived(world, "settle")
    assert the_item(world).attempt == 2


def test_of_two_ledgers_the_method_that_was_saved_last_is_the_default(tmp_path: Path) -> None:
    one = lived(PayerWorld.make(tmp_path), "run", "click")
    one.sandbox.advance(2 * DAY)
    other = lived(one.elsewhere(tmp_path / "other"), "run", "click")
    assert the_item(one).instrument_id != the_item(other).instrument_id
    run_virtually(other.completes)
    run_virtually(one.completes)
    lived(other, "settle")
    lived(one, "settle")
    assert the_item(one).facts["payment_method"] == the_item(other).facts["payment_method"]


@pytest.mark.parametrize("operation", ["customers.update", "setup_intents.create", "setup_intents.retrieve"])
@pytest.mark.parametrize("kind", [FaultKind.LOST_AFTER, FaultKind.LOST_BEFORE], ids=str)
def test_a_lost_request_on_the_way_costs_nothing_but_another_try(
    tmp_path: Path, operation: str, kind: FaultKind
) -> None:
    world = lived(PayerWorld.make(tmp_path), "run")
    world.world.script(kind, operation)
    while not isinstance(run_virtually(world.click), Invitation):
        pass
    run_virtually(world.completes)
    lived(world, "settle", "settle")
    assert states(world) == [State.SUCCEEDED]
