"""One cancellation after another, against the sandbox: ended once and for all, or not and said why."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from billing.core.exits import Exit
from billing.core.items import When
from billing.core.kinds.cancellation import State
from billing.core.life import Group
from billing.flow.closing import Why, close
from billing.flow.options import RunOptions
from billing.sandbox.config import SandboxConfig
from billing.sandbox.faults import FaultKind
from billing.sandbox.inprocess import InProcess
from billing.sandbox.recurring import Recurring
from tests.flow.cancel_world import DAY, END, FINALIZE, HOUR, LIST, READ, UPDATE, VOID, CancelWorld
from tests.flow.world import RUN, UNGUARDED, Recording
from tests.virtual import run_virtually

LATER = When.PERIOD_END
REFUSED = b'{"error": {"type": "invalid_request_error", "code": "not_now", "message": "Not now."}}'


def lived(world: CancelWorld, *verbs: str) -> CancelWorld:
    """Plan and run, then what else is said, each in a runner of its own."""
    run_virtually(world.cancel_all)
    for verb in verbs:
        run_virtually(partial(world.go_on, verb))
    run_virtually(world.assert_true)
    return world


def states(world: CancelWorld) -> list[str]:
    return run_virtually(world.states)


def the_item(world: CancelWorld):
    (item,) = run_virtually(world.items)
    return item


# --- all goes well ---------------------------------------------------------------------------------------------------


def test_each_subscription_is_over_at_once_and_never_charges_again(tmp_path: Path) -> None:
    world = lived(CancelWorld.make(tmp_path, ("pm_card_visa", "pm_card_mastercard", "pm_usBankAccount_success")))
    assert states(world) == [State.SUCCEEDED] * 3
    assert [world.of(number)["status"] for number in range(3)] == ["canceled"] * 3
    assert (world.sent(READ), world.sent(END), world.sent(LIST), world.sent(UPDATE)) == (6, 3, 6, 0)
    taken = world.sandbox.books().totals()
    world.renew(70)
    assert world.sandbox.books().totals() == taken


def test_one_that_ends_with_its_period_runs_until_then_and_no_longer(tmp_path: Path) -> None:
    world = lived(CancelWorld.make(tmp_path, when=LATER))
    item = the_item(world)
    assert (item.state, world.of()["status"], world.of()["cancel_at_period_end"]) == (State.SUCCEEDED, "active", True)
    assert (world.sent(READ), world.sent(UPDATE), world.sent(END)) == (2, 1, 0)
    assert (item.facts["subscription_status"], item.facts["ends_at"][:10]) == ("active", _day(world.of()["cancel_at"]))
    taken = world.sandbox.books().totals()
    world.renew(40)
    assert (world.of()["status"], world.sandbox.books().totals()) == ("canceled", taken)


def _day(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).date().isoformat()


@pytest.mark.parametrize("when", list(When))
def test_the_share_of_an_account_that_leaves_is_cleared_before_the_end(tmp_path: Path, when: When) -> None:
    world = CancelWorld.make(tmp_path, when=when, clear_fee=True)
    wire = Recording(InProcess(world.sandbox))

    async def go() -> None:
        async with world.world.services(wire=wire) as services:
            await world.plan(services)
            await world.world.run(services)

    run_virtually(go)
    run_virtually(world.assert_true)
    writes = [(one.method, (one.body or b"").decode()) for one in wire.requests if one.method != "GET"]
    assert writes[0] == ("POST", "application_fee_percent=")
    assert len(writes) == 2
    assert world.of()["application_fee_percent"] is None
    assert the_item(world).facts["fee_cleared"]


@pytest.mark.parametrize("when", list(When))
def test_the_payers_reason_reaches_stripe(tmp_path: Path, when: When) -> None:
    world = lived(CancelWorld.make(tmp_path, when=when, feedback="too_expensive"))
    assert world.of()["cancellation_details"]["feedback"] == "too_expensive"


def test_a_run_that_is_over_sends_nothing_and_is_no_failure(tmp_path: Path) -> None:
    world = CancelWorld.make(tmp_path, ("pm_card_visa",) * 2)
    assert run_virtually(world.cancel_all).exit is Exit.OK
    before = world.sandbox.requests.total()
    for verb in ("run", "resolve", "settle"):
        assert run_virtually(partial(world.go_on, verb)).exit is Exit.OK
    assert world.sandbox.requests.total() == before


# --- what may still be collected -------------------------------------------------------------------------------------


def owing(world: CancelWorld) -> CancelWorld:
    """Let the card stop working before a month begins, so that its invoice stays open."""
    world.spoil()
    world.renew()
    assert world.invoices() == ["paid", "open"]
    return world


def test_what_was_open_is_made_void_after_the_end_and_told(tmp_path: Path) -> None:
    world = lived(owing(CancelWorld.make(tmp_path)))
    assert (states(world), world.invoices()) == ([State.SUCCEEDED], ["paid", "void"])
    assert len(the_item(world).facts["invoices_voided"]) == 1
    assert (world.sent(END), world.sent(VOID), world.sent(FINALIZE)) == (1, 1, 0)


def test_a_draft_is_opened_and_made_void_and_nothing_is_collected_of_it(tmp_path: Path) -> None:
    world = CancelWorld.make(tmp_path)
    end = world.of()["items"]["data"][0]["current_period_end"]
    world.sandbox.advance(end - world.sandbox.now + HOUR / 2)
    assert world.invoices() == ["paid", "draft"]
    taken = world.sandbox.books().totals()
    lived(world)
    assert (states(world), world.invoices(), world.sandbox.books().totals()) == (
        [State.SUCCEEDED], ["paid", "void"], taken,
    )  # fmt: skip


def test_one_that_ends_with_its_period_still_owes_what_it_owes(tmp_path: Path) -> None:
    world = lived(owing(CancelWorld.make(tmp_path, when=LATER)))
    assert (states(world), world.invoices(), world.sent(VOID)) == ([State.SUCCEEDED], ["paid", "open"], 0)


def test_one_that_others_ended_with_an_invoice_left_open_has_it_made_void(tmp_path: Path) -> None:
    world = owing(CancelWorld.make(tmp_path))
    world.ask("DELETE", f"/v1/subscriptions/{world.made[0].subscription}")
    lived(world)
    assert (states(world), world.invoices(), world.sent(END)) == ([State.SUCCEEDED], ["paid", "void"], 1)


def test_an_invoice_that_a_bank_has_waits_and_is_made_void_or_paid_in_the_end(tmp_path: Path) -> None:
    world = CancelWorld.make(tmp_path, ("pm_usBankAccount_success",))
    end = world.of()["items"]["data"][0]["current_period_end"]
    world.sandbox.advance(end - world.sandbox.now + 2 * HOUR)
    assert world.invoices() == ["paid", "open"]
    run_virtually(world.cancel_all)
    item = the_item(world)
    assert (item.state, world.of()["status"]) == (State.UNSETTLED, "canceled")
    assert item.facts["what_to_do"].startswith("Run it again")
    assert world.sent(VOID) == 2  # once, and once more at the end of the run
    world.sandbox.advance(8 * DAY)
    run_virtually(partial(world.go_on, "settle"))
    run_virtually(world.assert_true)
    assert (states(world), world.invoices()) == ([State.SUCCEEDED], ["paid", "paid"])
    assert "reason_code" not in the_item(world).facts


# --- what is left alone ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changed",
    [{"metadata[billing_item]": ""}, {"metadata[billing_run]": "other-2026-10"}, {"metadata[billing_run]": ""}],
)
def test_a_subscription_that_is_none_of_the_run_is_left(tmp_path: Path, changed: dict[str, str]) -> None:
    world = CancelWorld.make(tmp_path, ("pm_card_visa",) * 2)
    world.change(**changed)
    lived(world)
    skipped, _ = run_virtually(world.items)
    assert states(world) == [State.SKIPPED, State.SUCCEEDED]
    assert (skipped.facts["reason_code"], world.of()["status"]) == ("not_ours", "active")


def test_one_that_is_not_there_is_left(tmp_path: Path) -> None:
    world = CancelWorld.make(tmp_path)
    world.made = (replace(world.made[0], subscription="sub_nowhere"),)
    run_virtually(world.cancel_all)
    item = the_item(world)
    assert (item.state, item.facts["reason_code"], world.sent(END)) == (State.SKIPPED, "no_subscription", 0)


@pytest.mark.parametrize("when", list(When))
def test_one_that_is_over_already_is_moot_and_nothing_is_sent(tmp_path: Path, when: When) -> None:
    world = CancelWorld.make(tmp_path, when=when)
    world.ask("DELETE", f"/v1/subscriptions/{world.made[0].subscription}")
    item = the_item(lived(world))
    assert (item.state, item.facts["reason_code"], item.facts["group"]) == (State.MOOT, "over_already", Group.SKIPPED)
    assert (world.sent(END), world.sent(UPDATE)) == (1, 0)


def test_one_that_ends_with_its_period_already_is_moot_unless_its_share_is_to_be_cleared(tmp_path: Path) -> None:
    world = CancelWorld.make(tmp_path, ("pm_card_visa",) * 2, when=LATER)
    for number in range(2):
        world.change(number, cancel_at_period_end="true")
    lived(world)
    assert states(world) == [State.MOOT] * 2
    other = CancelWorld.make(_new(tmp_path), when=LATER, clear_fee=True)
    other.change(cancel_at_period_end="true")
    lived(other)
    assert (states(other), other.sent(UPDATE)) == ([State.SUCCEEDED], 2)
    assert (other.of()["application_fee_percent"], other.of()["cancel_at_period_end"]) == (None, True)


def _new(folder: Path) -> Path:
    (folder / "other").mkdir()
    return folder / "other"


def test_a_refusal_is_told_and_ends_the_item_while_the_subscription_runs_on(tmp_path: Path) -> None:
    world = CancelWorld.make(tmp_path)
    world.world.script(FaultKind.CANNED, END, status=400, body=REFUSED)
    item = the_item(lived(world))
    assert (item.state, item.facts["reason_code"], item.facts["reason"]) == (State.FAILED, "not_now", "Not now.")
    assert world.of()["status"] == "active"


# --- lost answers ----------------------------------------------------------------------------------------------------

LOST = [FaultKind.LOST_AFTER, FaultKind.PASSING_500_DONE, FaultKind.EMPTY_200, FaultKind.CUT_BODY]


@pytest.mark.parametrize("kind", LOST)
def test_an_end_whose_answer_was_lost_is_seen_by_the_next_read_and_not_asked_for_again(tmp_path: Path, kind) -> None:
    world = CancelWorld.make(tmp_path)
    world.world.script(kind, END)
    assert states(lived(world)) == [State.SUCCEEDED]
    assert world.sent(END) == 1


@pytest.mark.parametrize("kind", [FaultKind.LOST_BEFORE, FaultKind.STORED_500_UNDONE])
@pytest.mark.parametrize(("when", "operation"), [(When.NOW, END), (LATER, UPDATE)])
def test_an_end_that_never_arrived_is_asked_for_again(tmp_path: Path, kind, when, operation) -> None:
    world = CancelWorld.make(tmp_path, when=when)
    world.world.script(kind, operation)
    assert states(lived(world)) == [State.SUCCEEDED]
    assert world.sent(operation) == 2
    assert the_item(world).facts["loose"]


def test_one_refused_while_an_earlier_send_has_no_answer_waits_for_a_person_and_is_never_called_failed(tmp_path):
    world = CancelWorld.make(tmp_path)
    world.world.script(FaultKind.LATE, END, seconds=3 * DAY)
    world.world.script(FaultKind.CANNED, END, nth=2, times=9, status=400, body=REFUSED)
    run_virtually(world.cancel_all)
    item = the_item(world)
    assert (item.state, item.facts["group"], item.facts["reason_code"]) == (
        State.CANCELLING, Group.PARKED, "not_now",
    )  # fmt: skip
    world.sandbox.advance(4 * DAY)
    run_virtually(partial(world.go_on, "resolve"))
    run_virtually(world.assert_true)
    assert (states(world), world.of()["status"]) == ([State.SUCCEEDED], "canceled")


def test_an_end_that_was_taken_back_is_asked_for_again_under_a_key_of_its_own(tmp_path: Path) -> None:
    """A replayed answer would do nothing."""
    world = CancelWorld.make(tmp_path, when=LATER)
    world.world.script(FaultKind.UNAVAILABLE_503, READ, nth=2, times=40)
    run_virtually(world.cancel_all)
    assert states(world) == [State.READY]
    world.sandbox.faults.clear()
    world.change(cancel_at_period_end="false")
    run_virtually(world.go_on)
    run_virtually(world.assert_true)
    assert (states(world), world.of()["cancel_at_period_end"]) == ([State.SUCCEEDED], True)


def test_nothing_that_only_looks_ends_anything(tmp_path: Path) -> None:
    world = CancelWorld.make(tmp_path)
    world.world.script(FaultKind.LOST_BEFORE, END, times=10**6)
    run_virtually(world.cancel_all)
    before = world.sent(END)
    assert states(world) == [State.CANCELLING]
    world.sandbox.faults.clear()
    for verb in ("resolve", "settle", "resolve"):
        run_virtually(partial(world.go_on, verb))
    assert (states(world), world.sent(END)) == ([State.CANCELLING], before)
    run_virtually(world.go_on)
    assert states(world) == [State.SUCCEEDED]


# --- given up --------------------------------------------------------------------------------------------------------


def closed(world: CancelWorld) -> CancelWorld:
    async def go() -> None:
        async with world.world.services() as services:
            rows = {item.id: Why("cancelled") for item in world.world.items(services)}
            await close(services, RUN, rows, UNGUARDED, RunOptions())

    run_virtually(go)
    run_virtually(world.assert_true)
    return world


def test_what_was_never_sent_can_be_withdrawn_and_nothing_of_it_is_sent(tmp_path: Path) -> None:
    world = CancelWorld.make(tmp_path)

    async def plan() -> None:
        async with world.world.services() as services:
            await world.plan(services)

    run_virtually(plan)
    assert (states(closed(world)), world.sent(READ)) == ([State.SKIPPED], 0)


def test_what_others_took_back_can_be_withdrawn_and_runs_on(tmp_path: Path) -> None:
    world = CancelWorld.make(tmp_path, when=LATER)
    world.world.script(FaultKind.UNAVAILABLE_503, READ, nth=2, times=40)
    run_virtually(world.cancel_all)
    world.sandbox.faults.clear()
    world.change(cancel_at_period_end="false")
    assert (states(closed(world)), world.of()["cancel_at_period_end"]) == ([State.FAILED], False)


def test_an_end_whose_send_has_no_answer_is_told_to_a_person_when_it_is_withdrawn_and_not_called_off(tmp_path) -> None:
    world = CancelWorld.make(tmp_path)
    world.world.script(FaultKind.LOST_BEFORE, END, times=10**6)
    run_virtually(world.cancel_all)
    world.sandbox.faults.clear()
    item = the_item(closed(world))
    assert (item.state, item.facts["group"]) == (State.CANCELLING, Group.PARKED)


# --- two ledgers -----------------------------------------------------------------------------------------------------


def test_another_ledger_with_the_same_lines_finds_them_over_and_sends_nothing(tmp_path: Path) -> None:
    world = lived(CancelWorld.make(tmp_path, ("pm_card_visa",) * 2))
    other = lived(world.elsewhere(tmp_path / "second"))
    assert (states(other), other.sent(END)) == ([State.MOOT] * 2, 2)


def test_a_habit_of_stripes_that_is_not_documented_changes_nothing(tmp_path: Path) -> None:
    habits = replace(Recurring(), cancel_voids=True, void_processing=True)
    config = replace(SandboxConfig(limits=SandboxConfig().limits.off()), recurring=habits)
    world = lived(owing(CancelWorld.make(tmp_path, config=config)))
    assert (states(world), world.invoices()) == ([State.SUCCEEDED], ["paid", "void"])
