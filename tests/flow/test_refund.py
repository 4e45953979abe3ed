"""One refund after another, against the sandbox: given back once, or not and said why, whatever goes wrong."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from billing.core.exits import Exit
from billing.core.items import FeeBack
from billing.core.kinds.refund import State
from billing.core.life import Group
from billing.flow.closing import Why, close
from billing.flow.options import RunOptions
from billing.sandbox.config import Behaviour, SandboxConfig
from billing.sandbox.faults import FaultKind
from billing.sandbox.inprocess import InProcess
from tests.flow.refund_world import AMOUNT, CREATE, DAY, DISPUTES, FEE, LIST, READ, RefundWorld, keys_of
from tests.flow.world import RUN, UNGUARDED, Recording
from tests.virtual import run_virtually

THREE = ("pm_card_visa", "pm_card_mastercard", "pm_usBankAccount_success")


def lived(world: RefundWorld, *verbs: str) -> RefundWorld:
    """Plan and run, then what else is said, each in a runner of its own."""
    run_virtually(world.refund_all)
    for verb in verbs:
        run_virtually(partial(world.go_on, verb))
    run_virtually(world.assert_true)
    return world


def states(world: RefundWorld) -> list[str]:
    return run_virtually(world.states)


def the_item(world: RefundWorld):
    (item,) = run_virtually(world.items)
    return item


# --- all goes well ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fee", list(FeeBack))
def test_each_charge_is_given_back_once_and_its_fee_as_was_said(tmp_path: Path, fee: FeeBack) -> None:
    world = lived(RefundWorld.make(tmp_path, THREE, accounts=2, fee=fee))
    assert states(world) == [State.SUCCEEDED, State.SUCCEEDED, State.UNSETTLED]
    assert [row.refunded for row in world.sandbox.books().intents] == [AMOUNT] * 3
    assert (world.sent(CREATE), world.sent(READ), world.sent(LIST), world.sent(DISPUTES)) == (3, 3, 0, 2)
    item = run_virtually(world.items)[0]
    assert (item.facts["amount_refunded"], item.facts["application_fee_refunded"]) == (
        AMOUNT, FEE if fee is FeeBack.REFUND else 0,
    )  # fmt: skip


def test_a_run_that_is_over_sends_nothing_and_is_no_failure(tmp_path: Path) -> None:
    world = RefundWorld.make(tmp_path, ("pm_card_visa",) * 2)
    assert run_virtually(world.refund_all).exit is Exit.OK
    before = world.sandbox.requests.total()
    assert run_virtually(partial(world.go_on, "run")).exit is Exit.OK
    assert run_virtually(partial(world.go_on, "resolve")).exit is Exit.OK
    assert world.sandbox.requests.total() == before


def test_a_refund_is_followed_until_no_bank_returns_it(tmp_path: Path) -> None:
    world = lived(RefundWorld.make(tmp_path, ("pm_card_pendingRefund", "pm_card_visa")), "settle")
    assert states(world) == [State.UNSETTLED, State.SUCCEEDED]
    world.sandbox.advance(9 * DAY)
    run_virtually(partial(world.go_on, "settle"))
    assert states(world) == [State.SUCCEEDED, State.SUCCEEDED]
    world.sandbox.advance(30 * DAY)
    run_virtually(partial(world.go_on, "settle"))
    assert states(world) == [State.SETTLED, State.SETTLED]
    before = world.sandbox.requests.total()
    run_virtually(partial(world.go_on, "settle"))
    assert world.sandbox.requests.total() == before


# --- what is not given back ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "method", ["pm_card_createDispute", "pm_card_createDisputeInquiry", "pm_usBankAccount_dispute"]
)
def test_a_disputed_charge_is_left_and_its_neighbour_is_not(tmp_path: Path, method: str) -> None:
    world = lived(RefundWorld.make(tmp_path, (method, "pm_card_visa")))
    assert states(world) == [State.SKIPPED, State.SUCCEEDED]
    skipped, _ = run_virtually(world.items)
    assert (skipped.facts["reason_code"], world.sent(CREATE), world.sent(DISPUTES)) == ("disputed", 1, 1)


def test_a_charge_whose_dispute_was_won_is_given_back(tmp_path: Path) -> None:
    world = RefundWorld.make(tmp_path, ("pm_card_createDispute",))
    (dispute,) = world.sandbox.world.accounts[world.paid[0].account]["dp"]
    evidence = {"evidence[uncategorized_text]": "winning_evidence"}
    world.post(f"/v1/disputes/{dispute['id']}", world.paid[0].account, **evidence)
    assert states(lived(world)) == [State.SUCCEEDED]


@pytest.mark.parametrize(
    ("params", "code", "group"),
    [({}, "already_refunded", Group.SKIPPED), ({"amount": 100}, "partly_refunded", Group.SKIPPED)],
)
def test_what_others_gave_back_is_not_given_back_again(tmp_path: Path, params, code, group) -> None:
    world = RefundWorld.make(tmp_path)
    world.post("/v1/refunds", world.paid[0].account, payment_intent=world.paid[0].intent, **params)
    item = the_item(lived(world))
    assert (item.state, item.facts["reason_code"], item.facts["group"]) == (State.SKIPPED, code, group)
    assert world.sent(CREATE) == 1


def test_a_charge_of_another_amount_is_left(tmp_path: Path) -> None:
    world = RefundWorld.make(tmp_path)
    world.approved = {"INV-0": AMOUNT - 1}
    item = the_item(lived(world))
    assert (item.state, item.facts["reason_code"], world.sent(CREATE)) == (State.SKIPPED, "amount_differs", 0)


def test_a_refusal_is_told_and_ends_the_item(tmp_path: Path) -> None:
    world = RefundWorld.make(tmp_path)
    error = b'{"error": {"type": "invalid_request_error", "code": "charge_not_refundable", "message": "Too old."}}'
    world.world.script(FaultKind.CANNED, CREATE, status=400, body=error)
    item = the_item(lived(world))
    assert (item.state, item.facts["reason_code"], item.facts["reason"]) == (
        State.FAILED, "charge_not_refundable", "Too old.",
    )  # fmt: skip


# --- lost answers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [
    FaultKind.LOST_AFTER, FaultKind.STORED_500_DONE, FaultKind.PASSING_500_DONE, FaultKind.EMPTY_200,
    FaultKind.CUT_BODY,
])  # fmt: skip
def test_a_refund_whose_answer_was_lost_is_found_by_its_list(tmp_path: Path, kind: FaultKind) -> None:
    world = RefundWorld.make(tmp_path)
    world.world.script(kind, CREATE)
    assert states(lived(world)) == [State.SUCCEEDED]
    assert (world.sent(CREATE), world.sent(LIST)) == (1, 1)


@pytest.mark.parametrize(("kind", "keys"), [(FaultKind.LOST_BEFORE, 1), (FaultKind.STORED_500_UNDONE, 2)])
def test_one_that_never_arrived_is_sent_again_under_its_key_unless_that_is_spent(tmp_path, kind, keys) -> None:
    world = RefundWorld.make(tmp_path)
    world.world.script(kind, CREATE)
    wire = Recording(InProcess(world.sandbox))

    async def go() -> None:
        async with world.world.services(wire=wire) as services:
            await world.plan(services)
            await world.world.run(services)

    run_virtually(go)
    run_virtually(world.assert_true)
    assert states(world) == [State.SUCCEEDED]
    assert len(set(keys_of(wire.requests))) == keys


def test_a_refund_refused_while_an_earlier_send_has_no_answer_is_parked_and_found_when_that_arrives(tmp_path) -> None:
    world = RefundWorld.make(tmp_path)
    world.world.script(FaultKind.LATE, CREATE, seconds=3 * DAY)
    error = b'{"error": {"type": "invalid_request_error", "code": "charge_not_refundable", "message": "Later."}}'
    world.world.script(FaultKind.CANNED, CREATE, nth=2, status=400, body=error)
    lived(world)
    item = the_item(world)
    assert (item.state, item.facts["group"], item.facts["reason_code"]) == (
        State.PARKED, Group.PARKED, "charge_not_refundable",
    )  # fmt: skip
    run_virtually(partial(world.go_on, "resolve"))
    assert states(world) == [State.PARKED]
    world.sandbox.advance(4 * DAY)
    run_virtually(partial(world.go_on, "resolve"))
    run_virtually(world.assert_true)
    assert states(world) == [State.SUCCEEDED]


def test_nothing_that_only_looks_sends_a_refund(tmp_path: Path) -> None:
    world = RefundWorld.make(tmp_path)
    world.world.script(FaultKind.LOST_BEFORE, CREATE)
    world.world.script(FaultKind.UNAVAILABLE_503, LIST, times=10**6)
    run_virtually(world.refund_all)
    assert states(world) == [State.UNKNOWN]
    world.sandbox.faults.clear()
    for verb in ("resolve", "settle", "resolve"):
        run_virtually(partial(world.go_on, verb))
    assert (states(world), world.sent(CREATE)) == ([State.READY], 1)
    assert states(lived_on(world)) == [State.SUCCEEDED]


# --- what the bank returns -------------------------------------------------------------------------------------------


def test_a_refund_that_its_bank_returns_is_told_as_failed(tmp_path: Path) -> None:
    world = lived(RefundWorld.make(tmp_path, ("pm_card_refundFail", "pm_sandbox_refund_returns_pending")))
    assert states(world) == [State.SUCCEEDED, State.UNSETTLED]
    world.sandbox.advance(9 * DAY)
    ending = run_virtually(partial(world.go_on, "settle"))
    run_virtually(world.assert_true)
    assert states(world) == [State.FAILED, State.FAILED]
    assert {item.facts["reason_code"] for item in run_virtually(world.items)} == {"refund_returned"}
    assert sum(tally.items for tally in ending.ended) == 2


def test_a_returned_refund_is_only_parked_while_another_send_has_no_answer(tmp_path: Path) -> None:
    world = RefundWorld.make(tmp_path, ("pm_card_refundFail",))
    world.world.script(FaultKind.LOST_BEFORE, CREATE)
    lived(world)
    world.sandbox.advance(9 * DAY)
    run_virtually(partial(world.go_on, "settle"))
    item = the_item(world)
    assert (item.state, item.facts["reason_code"]) == (State.PARKED, "refund_returned")


def test_a_refund_of_another_amount_stops_the_run_and_is_parked_with_both(tmp_path: Path) -> None:
    config = SandboxConfig(limits=SandboxConfig().limits.off(), behaviour=Behaviour(refund_after_failure=True))
    world = RefundWorld.make(tmp_path, config=config)
    once = []

    class Meddler(InProcess):
        async def send(self, request):
            if request.method == "POST" and not once:
                once.append(1)
                world.post("/v1/refunds", world.paid[0].account, payment_intent=world.paid[0].intent, amount=1)
            return await super().send(request)

    async def go():
        async with world.world.services(wire=Meddler(world.sandbox)) as services:
            await world.plan(services)
            return await world.world.run(services)

    assert run_virtually(go).exit is Exit.STOPPED
    item = the_item(world)
    assert (item.state, item.facts["reason_code"]) == (State.PARKED, "contradicted")
    assert f"amount is {AMOUNT - 1}, approved was {AMOUNT}" in item.facts["reason"]
    assert run_virtually(partial(world.go_on, "run")).exit is Exit.OK
    assert world.sent(CREATE) == 2


# --- several ledgers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [0, 2])
def test_two_machines_give_the_same_charges_back_once(tmp_path: Path, days: int) -> None:
    world = RefundWorld.make(tmp_path, ("pm_card_visa", "pm_card_pendingRefund", "pm_card_createDispute") * 2)
    other = world.elsewhere(tmp_path / "other")
    lived(world)
    world.sandbox.advance(days * DAY)
    lived(other)
    assert states(world) == states(other) == [State.SUCCEEDED, State.UNSETTLED, State.SKIPPED] * 2
    assert world.sent(CREATE) == 4
    found = run_virtually(other.items)
    assert {item.facts.get("adopted") for item in found} == {True, None}
    assert {item.facts.get("application_fee_refunded") for item in found if item.facts.get("adopted")} == {FEE}


def test_one_machine_that_keeps_the_fee_and_one_that_does_not_give_each_charge_back_once(tmp_path: Path) -> None:
    world = RefundWorld.make(tmp_path, ("pm_card_visa",) * 2, fee=FeeBack.KEEP)
    other = world.elsewhere(tmp_path / "other")
    other.fee = FeeBack.REFUND
    lived(world)
    run_virtually(other.refund_all)
    assert states(world) == states(other) == [State.SUCCEEDED] * 2
    run_virtually(world.assert_true)
    assert other.sent(CREATE) == 2
    told = [item.facts.get("application_fee_refunded") for each in (world, other) for item in run_virtually(each.items)]
    assert told == [0, 0, None, None], "what the other ledger's line said of the fee is not known"


def test_two_ledgers_that_meet_in_one_key_with_other_content_go_by_what_is_there(tmp_path: Path) -> None:
    world = RefundWorld.make(tmp_path, fee=FeeBack.KEEP)
    other = world.elsewhere(tmp_path / "other")
    other.fee = FeeBack.REFUND
    world.world.script(FaultKind.LATE, CREATE, seconds=5.0)  # the first one's; it arrives before the second one's
    world.world.script(FaultKind.UNAVAILABLE_503, LIST, times=10**6)
    run_virtually(world.refund_all)
    world.sandbox.faults.clear()
    late = []

    class Slow(InProcess):
        async def send(self, request):
            if request.method == "POST" and not late:
                late.append(world.sandbox.advance(10.0))
            return await super().send(request)

    async def go():
        async with other.world.services(wire=Slow(world.sandbox)) as services:
            await other.plan(services)
            return await other.world.run(services)

    run_virtually(go)
    run_virtually(partial(world.go_on, "resolve"))
    assert states(world) == states(other) == [State.SUCCEEDED]
    run_virtually(world.assert_true)


# --- reads that lag, accounts that refuse ----------------------------------------------------------------------------


class Lagging(InProcess):
    """Lists of refunds stay as they were before anything was given back."""

    async def send(self, request):
        response = await super().send(request)
        if request.method == "GET" and "/v1/refunds" in request.url:
            return replace(response, body=b'{"object": "list", "data": [], "has_more": false, "url": "/v1/refunds"}')
        return response


def test_a_list_that_does_not_add_up_with_the_charge_concludes_nothing(tmp_path: Path) -> None:
    world = RefundWorld.make(tmp_path, ("pm_card_visa",) * 2)
    other = world.elsewhere(tmp_path / "other")
    lived(world)

    async def go():
        async with other.world.services(wire=Lagging(world.sandbox)) as services:
            await other.plan(services)
            return await other.world.run(services)

    run_virtually(go)
    assert states(other) == [State.PLANNED] * 2
    run_virtually(partial(other.go_on, "run"))
    run_virtually(other.assert_true)
    assert states(other) == [State.SUCCEEDED] * 2
    assert world.sent(CREATE) == 2


@pytest.mark.parametrize("operation", [READ, DISPUTES, CREATE])
def test_an_account_that_refuses_everything_is_set_aside_and_its_items_wait(tmp_path: Path, operation: str) -> None:
    world = RefundWorld.make(tmp_path, ("pm_card_visa",) * 2)
    error = b'{"error": {"type": "invalid_request_error", "code": "account_invalid", "message": "No access."}}'
    world.world.script(FaultKind.CANNED, operation, times=10**6, status=403, body=error)
    run_virtually(world.refund_all)
    assert set(states(world)) <= {State.PLANNED, State.READY}
    world.sandbox.faults.clear()
    assert states(lived_on(world)) == [State.SUCCEEDED] * 2


def lived_on(world: RefundWorld) -> RefundWorld:
    run_virtually(partial(world.go_on, "run"))
    run_virtually(world.assert_true)
    return world


@pytest.mark.parametrize("operation", [READ, DISPUTES, CREATE])
def test_a_key_that_is_refused_stops_the_run_and_gives_nothing_back(tmp_path: Path, operation: str) -> None:
    world = RefundWorld.make(tmp_path)
    error = b'{"error": {"type": "invalid_request_error", "code": "api_key_expired", "message": "Expired API key."}}'
    world.world.script(FaultKind.CANNED, operation, times=10**6, status=401, body=error)
    assert run_virtually(world.refund_all).exit is Exit.CREDENTIALS
    world.sandbox.faults.clear()
    assert states(lived_on(world)) == [State.SUCCEEDED]


# --- closing ---------------------------------------------------------------------------------------------------------


def closed(world: RefundWorld) -> RefundWorld:
    async def go() -> None:
        async with world.world.services() as services:
            rows = {item.id: Why("cancelled") for item in world.world.items(services)}
            await close(services, RUN, rows, UNGUARDED, RunOptions())

    run_virtually(go)
    run_virtually(world.assert_true)
    return world


def test_a_planned_refund_that_is_cancelled_is_skipped(tmp_path: Path) -> None:
    world = RefundWorld.make(tmp_path)

    async def plan() -> None:
        async with world.world.services() as services:
            await world.plan(services)

    run_virtually(plan)
    assert states(closed(world)) == [State.SKIPPED]
    assert world.sent(CREATE) == 0


def test_a_refund_whose_send_has_no_answer_is_parked_when_it_is_cancelled_not_called_off(tmp_path: Path) -> None:
    world = RefundWorld.make(tmp_path)
    world.world.script(FaultKind.LOST_BEFORE, CREATE)
    world.world.script(FaultKind.UNAVAILABLE_503, LIST, times=10**6)
    run_virtually(world.refund_all)
    world.sandbox.faults.clear()
    assert states(closed(world)) == [State.PARKED]
    assert world.sent(CREATE) == 1
