"""Several ledgers over one Stripe, each knowing only itself: nobody is charged twice, within a day and after it."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from billing.core.entries import ItemRecord, Move
from billing.core.items import Kind, Mode
from billing.core.keys import item_id
from billing.core.kinds.charge import Event, State
from billing.core.life import Group
from billing.core.outcomes import Succeeded
from billing.core.wire import WireRequest
from billing.edge.runfiles import RunDefaults, open_run
from billing.edge.stripe.calls.charge import clone_method, confirm_intent, open_intent
from billing.flow.engine.context import ItemContext
from billing.flow.kinds.charge import prepare
from billing.flow.planning.plan import PlanOptions, keep, make_plan
from billing.flow.planning.preflight import Preflight
from billing.sandbox.faults import FaultKind
from billing.sandbox.inprocess import InProcess
from tests.flow.world import RUN, World
from tests.virtual import run_virtually

OPEN, CONFIRM, CLONE, LIST, READ = (
    "payment_intents.create",
    "payment_intents.confirm",
    "payment_methods.create",
    "payment_intents.list",
    "payment_intents.retrieve",
)
HOUR = 3600


def sent(world: World, operation: str) -> int:
    return world.sandbox.requests[operation].sent


def elsewhere(world: World, folder: Path) -> World:
    """Another machine with the same file: its own ledger, its own key, the same Stripe."""
    folder.mkdir()
    (folder / world.file.name).write_bytes(world.file.read_bytes())
    return replace(world, folder=folder, events=[])


def copied(world: World, folder: Path) -> World:
    """A machine on which the ledger and its key were restored as they are now."""
    shutil.copytree(world.folder, folder)
    return replace(world, folder=folder, events=[])


def reasons(world: World) -> set[str]:
    return {str(item.facts.get("reason_code", "")) for item in run_virtually(world.item)}


def first(tmp_path: Path, **spec: Any) -> World:
    folder = tmp_path / "first"
    folder.mkdir()
    return World.make(folder, **({"accounts": 2, "mix": {"succeeds": 1}} | spec))


@pytest.mark.parametrize("hours", [0, 1, 22.5, 23.5, 25, 240])
def test_a_second_ledger_charges_nobody_again_however_much_later(tmp_path, hours):
    world = first(tmp_path, items=40, accounts=4)
    run_virtually(world.charge_all)
    world.sandbox.advance(hours * HOUR)
    second = elsewhere(world, tmp_path / "second")
    run_virtually(second.charge_all)
    assert run_virtually(second.groups) == {Group.SUCCEEDED: 40}
    assert (sent(world, OPEN), sent(world, CLONE), sent(world, CONFIRM)) == (40, 40, 40)
    for ledger in (world, second):
        run_virtually(ledger.assert_true)


@pytest.mark.parametrize("hours", [0, 25])
def test_what_happened_elsewhere_is_told_as_it_would_have_been_here(tmp_path, hours):
    mix = {"succeeds": 3, "insufficient_funds": 2, "stolen_card": 2, "authentication_required": 2, "debit_succeeds": 1}
    world = first(tmp_path, items=30, mix=mix)
    run_virtually(world.charge_all)
    world.sandbox.advance(hours * HOUR)
    confirms, clones = sent(world, CONFIRM), sent(world, CLONE)
    second = elsewhere(world, tmp_path / "second")
    run_virtually(second.charge_all)
    assert run_virtually(second.groups) == run_virtually(world.groups)
    assert (sent(world, CONFIRM), sent(world, CLONE)) == (confirms, clones)
    for ledger in (world, second):
        run_virtually(ledger.assert_true)


@pytest.mark.parametrize("hours", [0, 25])
def test_a_restored_backup_charges_nobody_who_was_charged_since(tmp_path, hours):
    world = first(tmp_path, items=30)
    run_virtually(partial(world.charge_all, limit=10))
    backup = copied(world, tmp_path / "backup")
    run_virtually(world.charge_all)
    world.sandbox.advance(hours * HOUR)
    run_virtually(backup.charge_all)
    assert run_virtually(backup.groups) == {Group.SUCCEEDED: 30}
    assert sent(world, CONFIRM) == 30
    for ledger in (world, backup):
        run_virtually(ledger.assert_true)


def test_an_open_intent_from_elsewhere_is_used_and_not_opened_beside(tmp_path):
    world = first(tmp_path, items=6)
    world.script(FaultKind.LOST_BEFORE, CLONE, times=1000)
    run_virtually(world.charge_all)
    world.sandbox.faults.clear()
    world.sandbox.advance(25 * HOUR)
    second = elsewhere(world, tmp_path / "second")
    run_virtually(second.charge_all)
    run_virtually(world.charge_all)
    assert run_virtually(world.groups) == run_virtually(second.groups) == {Group.SUCCEEDED: 6}
    assert len(world.sandbox.books().intents) == 6
    for ledger in (world, second):
        run_virtually(ledger.assert_true)


def test_a_server_error_that_nobody_stored_lets_two_ledgers_open_one_intent(tmp_path):
    """The edge answers the first ledger's opens and the second one's confirms with 5xx that leave no trace."""
    world = first(tmp_path, items=20)
    world.script(FaultKind.UNAVAILABLE_503, OPEN, times=10)
    run_virtually(world.charge_all)
    second = elsewhere(world, tmp_path / "second")
    world.script(FaultKind.UNAVAILABLE_503, CONFIRM, nth=sent(world, CONFIRM) + 1, times=10)
    run_virtually(second.charge_all)
    assert len(world.sandbox.books().intents) == 20
    for ledger in (world, second):
        run_virtually(ledger.assert_true)


def test_a_stored_server_error_whose_age_is_unknown_is_waited_for_and_then_forgotten(tmp_path):
    """Two ledgers must count the keys of an open alike, or each would open an intent of its own."""
    world = first(tmp_path, items=1)
    world.script(FaultKind.STORED_500_UNDONE, OPEN)
    world.script(FaultKind.LOST_BEFORE, OPEN, nth=2, times=1000)
    run_virtually(world.charge_all)
    world.sandbox.faults.clear()
    second = elsewhere(world, tmp_path / "second")
    world.sandbox.advance(5 * HOUR)
    run_virtually(second.charge_all)
    assert run_virtually(second.groups) == {Group.PENDING: 1}
    assert not world.sandbox.books().intents
    world.sandbox.advance(20 * HOUR)
    run_virtually(second.charge_all)
    (item,) = run_virtually(second.item)
    assert (item.state, item.facts["open_n"]) == (State.SUCCEEDED, 0)


# --- what an account could plant -----------------------------------------------------------------------------------


def plant(world: World, change: Callable[[dict[str, Any]], None]) -> set[str]:
    """Create an intent under the name of each item, as an account can that knows the references; return their ids."""
    planted: set[str] = set()

    async def of(item: ItemRecord) -> None:
        world.sandbox.gate.assign("sk_test_accountsown", item.account)
        params: dict[str, Any] = {
            "amount": item.amount,
            "currency": item.currency,
            "application_fee_amount": item.content.get("application_fee"),
            "metadata[billing_v]": "1",
            "metadata[billing_item]": item.item_id,
            "metadata[billing_digest]": item.digest[:16],
            "metadata[billing_reference]": item.reference,
            "metadata[billing_run]": RUN,
        }
        change(params)
        body = "&".join(f"{name}={value}" for name, value in params.items() if value is not None)
        headers = {"Authorization": "Bearer sk_test_accountsown", "Content-Type": "application/x-www-form-urlencoded"}
        request = WireRequest("POST", "http://127.0.0.1/v1/payment_intents", headers, body.encode())
        answer = json.loads((await InProcess(world.sandbox).send(request)).body)
        assert answer["application"] is None, answer
        planted.add(answer["id"])

    async def all_of_them() -> None:
        async with world.services() as services:
            await world.plan(services)
            for item in world.items(services):
                await of(item)

    run_virtually(all_of_them)
    return planted


def times_ten(params: dict[str, Any]) -> None:
    params["amount"] *= 10


def without_fee(params: dict[str, Any]) -> None:
    params["application_fee_amount"] = None


def of_other_content(params: dict[str, Any]) -> None:
    params["metadata[billing_digest]"] = "0123456789abcdef"


def without_the_column_of_fees(sheet: str) -> str:
    return "\n".join(",".join(cell for n, cell in enumerate(line.split(",")) if n != 6) for line in sheet.splitlines())


def equal(params: dict[str, Any]) -> None:
    params["application_fee_amount"] = None  # an account cannot take a fee for anybody


@pytest.mark.parametrize("change", [times_ten, without_fee, of_other_content])
def test_an_intent_that_does_not_equal_the_item_is_not_adopted_and_our_own_open_goes_ahead(tmp_path, change):
    world = first(tmp_path, items=6)
    planted = plant(world, lambda params: (equal(params), change(params)))
    run_virtually(world.charge_all)
    assert run_virtually(world.groups) == {Group.SUCCEEDED: 6}
    assert not {item.object_id for item in run_virtually(world.item)} & planted
    assert sum(event == "intents_not_ours" for event, _ in world.events) >= 6
    run_virtually(world.assert_true)


def test_an_equal_intent_that_our_application_did_not_make_is_not_adopted(tmp_path):
    world = first(tmp_path, items=8, accounts=1)
    world.file.write_text(without_the_column_of_fees(world.file.read_text()))
    run_virtually(partial(world.charge_all, limit=2))
    planted = plant(world, equal)
    run_virtually(world.charge_all)
    assert run_virtually(world.groups) == {Group.SUCCEEDED: 8}
    assert not {item.object_id for item in run_virtually(world.item)} & planted
    run_virtually(world.assert_true)


def test_an_intent_of_ours_with_other_content_keeps_the_item_from_being_opened_beside_it(tmp_path):
    """Another ledger ran another version of the file: both amounts would be charged."""
    world = first(tmp_path, items=4)
    run_virtually(world.charge_all)
    world.sandbox.advance(25 * HOUR)
    second = elsewhere(world, tmp_path / "second")
    lines = second.file.read_text().splitlines()
    second.file.write_text("\n".join([lines[0], *(with_another_text(line) for line in lines[1:])]) + "\n")
    confirms = sent(world, CONFIRM)

    run_virtually(second.charge_all)
    assert (sent(world, CONFIRM), len(world.sandbox.books().intents)) == (confirms, 4)
    assert reasons(second) == {"paid_elsewhere"}
    assert {item.state for item in run_virtually(second.item)} == {State.SKIPPED}


def with_another_text(line: str) -> str:
    """The same line with another description."""
    return line.replace("Item ", "Article ")


# --- what only another version of this program, or a correction made elsewhere, can have left -----------------------


async def paid_beside(world: World, item: ItemRecord, number: int) -> None:
    """Open one more intent for an item and pay it, as a ledger does that counted its keys otherwise."""
    async with world.services() as services:
        item = replace(item, object_id=None, instrument_id=None)
        item = replace(item, attempt=7)
        opened = await services.gateway.send(item, open_intent(item), number)
        cloned = await services.gateway.send(item, clone_method(item))
        known = replace(item, object_id=opened.object_id, instrument_id=cloned.object_id)
        assert isinstance(await services.gateway.send(known, confirm_intent(known)), Succeeded)


def test_no_confirm_leaves_when_a_list_shows_that_another_intent_was_paid_in_its_place(tmp_path):
    world = first(tmp_path, items=1)

    async def ready() -> ItemRecord:
        async with world.services() as services:
            await world.plan(services)
            (item,) = world.items(services)
            started = await prepare.start_attempt(ItemContext(services), item)
            opened = await services.gateway.send(started, open_intent(started))
            cloned = await services.gateway.send(started, clone_method(started))
            pair = Move(Event.PREPARED, object_id=opened.object_id, instrument_id=cloned.object_id)
            return await services.ledger.record(started, pair)

    item = run_virtually(ready)
    run_virtually(paid_beside, world, item, 1)
    confirms = sent(world, CONFIRM)
    run_virtually(world.charge_all)
    (item,) = run_virtually(world.item)
    assert (item.state, item.facts["reason_code"]) == (State.FAILED, "paid_elsewhere")
    assert sent(world, CONFIRM) == confirms
    assert world.sandbox.books().doubles() == []


def test_an_obligation_that_was_corrected_and_paid_elsewhere_is_not_opened_again(tmp_path):
    """The other ledger closed the first generation and charged the second; this one has only the corrected file."""
    world = first(tmp_path, items=1)

    async def planned() -> ItemRecord:
        async with world.services() as services:
            await world.plan(services)
            return world.items(services)[0]

    item = run_virtually(planned)
    corrected = item_id(Mode.TEST, world.sandbox.world.platform.id, "2026-11", item.reference, 1, Kind.CHARGE)
    run_virtually(paid_beside, world, replace(item, item_id=corrected, generation=1), 0)
    run_virtually(world.charge_all)
    assert reasons(world) == {"paid_elsewhere"}
    assert (sent(world, OPEN), sent(world, CONFIRM)) == (1, 1)


def test_an_obligation_that_was_paid_elsewhere_while_this_ledger_had_begun_to_open_it_ends_by_saying_so(tmp_path):
    world = first(tmp_path, items=1)

    async def begun() -> ItemRecord:
        async with world.services() as services:
            await world.plan(services)
            (item,) = world.items(services)
            return await prepare.start_attempt(ItemContext(services), item)

    item = run_virtually(begun)
    corrected = item_id(Mode.TEST, world.sandbox.world.platform.id, "2026-11", item.reference, 1, Kind.CHARGE)
    run_virtually(paid_beside, world, replace(item, item_id=corrected, generation=1), 0)
    confirms = sent(world, CONFIRM)
    run_virtually(world.charge_all)
    (item,) = run_virtually(world.item)
    assert (item.state, item.facts["reason_code"]) == (State.FAILED, "paid_elsewhere")
    assert run_virtually(world.groups) == {Group.SKIPPED: 1}
    assert sent(world, CONFIRM) == confirms
    run_virtually(world.charge_all)
    assert sent(world, CONFIRM) == confirms


def test_the_plan_tells_what_was_opened_elsewhere_and_its_list_is_the_licence_of_the_run(tmp_path):
    world = first(tmp_path, items=12)
    run_virtually(partial(world.charge_all, limit=7))
    second = elsewhere(world, tmp_path / "second")
    lists = sent(world, LIST)

    async def planned() -> list[str]:
        async with second.services() as services:
            with open_run(second.file, run_id=RUN, defaults=RunDefaults()) as source:
                plan = await make_plan(services, source, PlanOptions(Preflight.ACCOUNTS))
                await keep(plan, source, services.ledger)
            await second.run(services)
            return [notice.text for notice in plan.warnings if notice.code == "opened_elsewhere"]

    (told,) = run_virtually(planned)
    assert told.startswith("7 of these were opened elsewhere on 2026-11-02")
    assert f"billing ledger rebuild {second.file} --run {RUN}" in told
    assert sent(world, LIST) == lists + 2
    assert run_virtually(second.groups) == {Group.SUCCEEDED: 12}
    run_virtually(second.assert_true)


def test_a_plan_of_a_run_that_nobody_opened_says_nothing_about_it(tmp_path):
    world = first(tmp_path, items=4)

    async def planned() -> list[str]:
        async with world.services() as services:
            with open_run(world.file, run_id=RUN, defaults=RunDefaults()) as source:
                plan = await make_plan(services, source, PlanOptions(Preflight.ACCOUNTS))
            return [notice.code for notice in plan.warnings]

    assert "opened_elsewhere" not in run_virtually(planned)
