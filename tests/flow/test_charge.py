"""The life of a charge against a stateful Stripe: every end it can come to, every fault on the way, every price."""

import json
from dataclasses import replace
from functools import partial
from io import StringIO

import pytest

from billing.core.entries import Move, Note
from billing.core.groups import exit_for
from billing.core.kinds import charge
from billing.core.kinds.charge import Event, State
from billing.core.kinds.charge_rules import BLOCK_DAYS, BLOCKED
from billing.core.life import Group
from billing.core.outcomes import Unsettled
from billing.core.policies import Policies, StopOn
from billing.edge.logs import open_log
from billing.edge.stripe.calls.charge import read_intent
from billing.edge.stripe.gateway import API_VERSION
from billing.edge.stripe.transport import RequestWriter
from billing.flow.engine.context import ItemContext
from billing.flow.kinds.charge import cancel as fence
from billing.flow.kinds.charge import confirm, prepare
from billing.flow.kinds.charge.cards import Blocks
from billing.sandbox.accounts import allow
from billing.sandbox.config import AccountRefusal, Behaviour, Limits, PermissionWords, SandboxConfig
from billing.sandbox.faults import FaultKind
from billing.sandbox.inprocess import InProcess
from tests.flow.world import RUN, Recording, World
from tests.virtual import run_virtually

OPEN = "payment_intents.create"
CLONE = "payment_methods.create"
CONFIRM = "payment_intents.confirm"
CANCEL = "payment_intents.cancel"
READ = "payment_intents.retrieve"
LIST = "payment_intents.list"
DAYS = 24 * 3600


def one_item(tmp_path, outcome: str = "succeeds", **spec) -> World:
    return World.make(tmp_path, items=1, mix={outcome: 1}, **spec)


def sent(world: World, operation: str) -> int:
    return world.sandbox.requests[operation].sent


def outcome_of(world: World):
    run_virtually(world.assert_true)
    (item,) = run_virtually(world.item)
    return item


async def resolve_all(world: World):
    async with world.services() as services:
        return await world.resolve(services)


async def settle_all(world: World):
    async with world.services() as services:
        return await world.settle(services)


def test_a_charge_without_trouble_takes_three_requests_and_a_list_of_its_account(tmp_path):
    world = one_item(tmp_path)
    run_virtually(world.charge_all)
    assert outcome_of(world).state is State.SUCCEEDED
    assert (sent(world, OPEN), sent(world, CLONE), sent(world, CONFIRM), sent(world, LIST)) == (1, 1, 1, 1)
    assert world.sandbox.requests.total() == 4


@pytest.mark.parametrize(
    ("outcome", "group", "state"),
    [
        ("succeeds", Group.SUCCEEDED, State.SUCCEEDED),
        ("insufficient_funds", Group.DECLINED, State.UNPAID),
        ("stolen_card", Group.NEEDS_CUSTOMER, State.FAILED),
        ("expired_card", Group.NEEDS_CUSTOMER, State.FAILED),
        ("authentication_required", Group.NEEDS_CUSTOMER, State.UNPAID),
        ("debit_succeeds", Group.PROCESSING, State.UNSETTLED),
        ("not_clonable", Group.FAILED, State.FAILED),
    ],
)
def test_each_kind_of_item_comes_to_its_end(tmp_path, outcome, group, state):
    world = one_item(tmp_path, outcome)
    run_virtually(world.charge_all)
    assert outcome_of(world).state is state
    assert run_virtually(world.groups) == {group: 1}


def test_a_decline_is_never_repeated_within_a_run(tmp_path):
    world = one_item(tmp_path, "insufficient_funds")
    run_virtually(world.charge_all)
    run_virtually(world.charge_all)
    run_virtually(resolve_all, world)
    assert sent(world, CONFIRM) == 1


def test_a_final_decline_is_fenced_before_it_is_called_failed(tmp_path):
    world = one_item(tmp_path, "stolen_card")
    run_virtually(world.charge_all)
    item = outcome_of(world)
    assert (item.facts["reason_code"], item.facts["group"]) == ("stolen_card", "needs_customer")
    assert item.facts["canceled"]
    assert sent(world, CANCEL) == 1


@pytest.mark.parametrize(("outcome", "state"), [("debit_succeeds", State.SUCCEEDED), ("debit_fails", State.UNPAID)])
def test_a_bank_debit_is_followed_to_its_end(tmp_path, outcome, state):
    world = one_item(tmp_path, outcome)
    run_virtually(world.charge_all)
    run_virtually(settle_all, world)
    assert outcome_of(world).state is State.UNSETTLED
    world.sandbox.advance(10 * DAYS)
    run_virtually(settle_all, world)
    assert outcome_of(world).state is state


SEEN_OPEN = {"status": "requires_payment_method", "latest_charge": None, "last_payment_error": None}


def with_a_late_sighting(tmp_path, outcome: str) -> World:
    """Let one runner see the debit of attempt 1 processing and sleep, while another one begins attempt 2.

    The first one then wakes up and reports what it saw: the item is unsettled by a debit that is not this attempt's.
    """
    world = one_item(tmp_path, outcome)
    world.script(FaultKind.LOST_AFTER, CONFIRM)
    world.script(FaultKind.UNAVAILABLE_503, READ, times=100)
    run_virtually(world.charge_all)
    world.sandbox.faults.clear()
    run_virtually(sees_late, world)
    return world


async def sees_late(world: World):
    async with world.services() as services:
        ctx = ItemContext(services)
        (sleeper,) = world.items(services)
        seen = await services.gateway.send(sleeper, read_intent(sleeper))
        assert isinstance(seen, Unsettled)
        world.sandbox.advance(10 * DAYS)
        await world.resolve(services)
        (declined,) = world.items(services)
        assert declined.state is State.UNPAID
        await prepare.start_attempt(ctx, declined)
        found = await ctx.record(sleeper, confirm.sighting(ctx, sleeper, seen))
        assert (found.state, found.attempt) == (State.UNSETTLED, 2)


def test_a_refused_debit_ends_its_item_although_the_refusal_names_an_earlier_clone(tmp_path):
    world = with_a_late_sighting(tmp_path, "debit_fails")
    before = sent(world, READ)
    run_virtually(settle_all, world)
    item = outcome_of(world)
    assert (item.state, item.attempt, item.facts["reason_code"]) == (State.UNPAID, 2, "insufficient_funds")
    assert (item.facts["remedy"], item.facts["group"], "next_try" in item.facts) == ("later", "declined", True)
    assert sent(world, READ) == before + 1


def test_a_refused_debit_of_which_nothing_is_shown_rests_for_a_person(tmp_path):
    world = with_a_late_sighting(tmp_path, "debit_fails")
    world.script(FaultKind.PATCHED, READ, times=100, patch=SEEN_OPEN)
    run_virtually(settle_all, world)
    item = outcome_of(world)
    assert (item.state, item.facts["remedy"], item.facts["group"]) == (State.UNPAID, "report", "declined")
    assert item.facts["reason_code"] == "payment_intent_payment_attempt_failed"
    assert "fence" not in item.facts


def test_a_refused_debit_for_which_there_is_no_remedy_is_fenced_whichever_clone_it_names(tmp_path):
    world = with_a_late_sighting(tmp_path, "debit_fails")
    closed = {"last_payment_error": {"code": "account_closed", "payment_method": "pm_earlier"}}
    world.script(FaultKind.PATCHED, READ, patch=closed)
    run_virtually(settle_all, world)
    item = outcome_of(world)
    assert (item.state, item.facts["reason_code"], item.facts["canceled"]) == (State.FAILED, "account_closed", True)


@pytest.mark.parametrize("answered", [{}, {"latest_charge": None}], ids=["its charge is known", "its charge is not"])
def test_a_debit_is_still_followed_after_a_read_that_is_older_than_it(tmp_path, answered):
    world = one_item(tmp_path, "debit_succeeds")
    world.script(FaultKind.PATCHED, CONFIRM, patch=answered)
    run_virtually(world.charge_all)
    world.script(FaultKind.PATCHED, READ, times=2, patch=SEEN_OPEN)
    run_virtually(settle_all, world)
    assert outcome_of(world).state is State.UNSETTLED
    world.sandbox.advance(10 * DAYS)
    run_virtually(settle_all, world)
    assert outcome_of(world).state is State.SUCCEEDED


LOSSES = [
    FaultKind.LOST_BEFORE,
    FaultKind.LOST_AFTER,
    FaultKind.STORED_500_DONE,
    FaultKind.STORED_500_UNDONE,
    FaultKind.BAD_GATEWAY_DONE,
    FaultKind.BAD_GATEWAY_UNDONE,
    FaultKind.CUT_BODY,
    FaultKind.UNAVAILABLE_503,
    FaultKind.DEPENDENCY_424,
    FaultKind.EMPTY_200,
    FaultKind.HTML_200,
    FaultKind.REDIRECT,
    FaultKind.WRONG_OBJECT,
    FaultKind.REFUSED,
    FaultKind.RATE_LIMITED,
    FaultKind.LOCK_TIMEOUT,
    FaultKind.THROTTLED_400,
    FaultKind.KEY_IN_USE,
]


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("operation", [OPEN, CLONE, CONFIRM])
def test_no_single_fault_keeps_a_good_card_from_paying_exactly_once(tmp_path, operation, kind):
    world = one_item(tmp_path)
    world.script(kind, operation)
    run_virtually(world.charge_all)
    if (operation, kind) == (OPEN, FaultKind.STORED_500_UNDONE):  # waits until Stripe has forgotten its key
        assert (outcome_of(world).state, outcome_of(world).facts["reason_code"]) == (State.PREPARING, "open_waits")
        world.sandbox.advance(25 * 3600)
        run_virtually(world.charge_all)
    assert outcome_of(world).state is State.SUCCEEDED


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("operation", [CONFIRM, CANCEL])
def test_no_single_fault_keeps_a_stolen_card_from_its_fence(tmp_path, operation, kind):
    world = one_item(tmp_path, "stolen_card")
    world.script(kind, operation)
    run_virtually(world.charge_all)
    assert outcome_of(world).state is State.FAILED


@pytest.mark.parametrize("read_fault", [FaultKind.LOST_AFTER, FaultKind.STORED_500_DONE, FaultKind.RATE_LIMITED])
@pytest.mark.parametrize("kind", [FaultKind.LOST_BEFORE, FaultKind.LOST_AFTER, FaultKind.STORED_500_DONE])
def test_a_look_may_itself_go_wrong(tmp_path, kind, read_fault):
    world = one_item(tmp_path)
    world.script(kind, CONFIRM)
    world.script(read_fault, READ)
    run_virtually(world.charge_all)
    assert outcome_of(world).state is State.SUCCEEDED


def test_a_lost_answer_costs_one_look_and_no_second_confirm(tmp_path):
    world = one_item(tmp_path)
    world.script(FaultKind.LOST_AFTER, CONFIRM)
    run_virtually(world.charge_all)
    assert (sent(world, CONFIRM), sent(world, READ)) == (1, 1)
    assert outcome_of(world).state is State.SUCCEEDED


def test_a_stored_server_error_is_never_repeated_under_the_same_key(tmp_path):
    world = one_item(tmp_path)
    world.script(FaultKind.STORED_500_UNDONE, CONFIRM)
    run_virtually(world.charge_all)
    item = outcome_of(world)
    assert (item.state, item.facts["confirm_n"], world.sandbox.requests[CONFIRM].replayed) == (State.SUCCEEDED, 1, 0)


def test_a_confirm_that_lands_late_is_found_whatever_was_thought_of_it(tmp_path):
    world = one_item(tmp_path, "succeeds")
    world.script(FaultKind.LATE, CONFIRM, seconds=0.2)
    run_virtually(world.charge_all)
    assert outcome_of(world).state is State.SUCCEEDED


def test_an_item_that_stripe_will_not_speak_of_is_parked_and_resolved_later(tmp_path):
    world = one_item(tmp_path)
    world.script(FaultKind.LOST_AFTER, CONFIRM)
    world.script(FaultKind.UNAVAILABLE_503, READ, times=100)
    run_virtually(world.charge_all)
    assert outcome_of(world).state is State.PARKED
    world.sandbox.faults.clear()
    run_virtually(resolve_all, world)
    assert outcome_of(world).state is State.SUCCEEDED
    assert sent(world, CONFIRM) == 1


def in_every_state(tmp_path) -> World:
    """Leave items planned, preparing, ready, parked, unpaid and unsettled, and three that nobody knows the end of."""
    world = World.make(tmp_path, items=60, accounts=3, mix={"succeeds": 4, "insufficient_funds": 1,
                       "authentication_required": 1, "debit_succeeds": 3, "stolen_card": 1})  # fmt: skip
    world.script(FaultKind.LOST_BEFORE, OPEN, nth=3, times=12)
    world.script(FaultKind.LOST_BEFORE, CONFIRM, nth=5, times=3)
    world.script(FaultKind.LOST_AFTER, CONFIRM, nth=9, times=3)
    world.script(FaultKind.UNAVAILABLE_503, READ, times=1000)
    run_virtually(partial(world.charge_all, limit=40))
    world.sandbox.faults.clear()
    return world


@pytest.mark.parametrize("verb", ["resolve", "settle"])
def test_looking_confirms_opens_and_clones_nothing_whatever_state_items_are_in(tmp_path, verb):
    world = in_every_state(tmp_path)
    states = {item.state for item in run_virtually(world.item)}
    assert {State.PLANNED, State.PARKED, State.UNPAID, State.SUCCEEDED} <= states
    world.sandbox.advance(10 * DAYS)
    before = {operation: sent(world, operation) for operation in (OPEN, CLONE, CONFIRM)}
    run_virtually(resolve_all if verb == "resolve" else settle_all, world)
    assert {operation: sent(world, operation) for operation in before} == before
    left = {item.state for item in run_virtually(world.item)}
    assert not left & ({State.PARKED, State.UNKNOWN} if verb == "resolve" else {State.UNSETTLED})
    run_virtually(world.assert_true)
    run_virtually(world.charge_all)
    run_virtually(world.assert_true)


def test_what_a_look_shows_unconfirmed_waits_for_the_run(tmp_path):
    world = one_item(tmp_path)
    world.script(FaultKind.LOST_BEFORE, CONFIRM)
    world.script(FaultKind.UNAVAILABLE_503, READ, times=100)
    run_virtually(world.charge_all)
    world.sandbox.faults.clear()
    run_virtually(resolve_all, world)
    assert outcome_of(world).state is State.READY
    run_virtually(world.charge_all)
    assert outcome_of(world).state is State.SUCCEEDED


def outside(world: World, verb: str, item, **params: str) -> None:
    """Do something to an item's intent as somebody else with access to its account would."""
    run_virtually(partial(act, **params), world, verb, item)


async def act(world: World, verb: str, item, **params: str) -> None:
    path = f"/v1/payment_intents/{item.object_id}/{verb}".rstrip("/")
    pen = RequestWriter("sk_test_elsewhere", API_VERSION, "http://127.0.0.1")
    answer = await InProcess(world.sandbox).send(pen.post(path, params, item.account, f"elsewhere-{verb}"))
    assert answer.status == 200, answer.body


@pytest.mark.parametrize("verb", ["resolve", "settle"])
def test_a_customer_who_paid_on_session_has_paid(tmp_path, verb):
    world = one_item(tmp_path, "authentication_required")
    run_virtually(world.charge_all)
    outside(world, "confirm", outcome_of(world), payment_method="pm_card_visa", return_url="https://example.org")
    run_virtually(resolve_all if verb == "resolve" else settle_all, world)
    item = outcome_of(world)
    assert (item.state, "reason_code" in item.facts) == (State.SUCCEEDED, False)
    assert run_virtually(world.charge_all).exit == 0
    assert len(world.sandbox.books().intents) == 1


@pytest.mark.parametrize("outcome", ["authentication_required", "insufficient_funds"])
def test_an_intent_cancelled_in_the_dashboard_while_its_item_rests_is_closed(tmp_path, outcome):
    world = one_item(tmp_path, outcome)
    run_virtually(world.charge_all)
    outside(world, "cancel", outcome_of(world))
    run_virtually(resolve_all, world)
    item = outcome_of(world)
    assert (item.state, item.facts["reason_code"], item.facts["group"]) == (
        State.FAILED,
        "canceled_elsewhere",
        "failed",
    )


def test_customers_who_may_have_paid_are_looked_at_before_other_declines(tmp_path):
    world = World.make(tmp_path, items=30, accounts=1, mix={"insufficient_funds": 1, "authentication_required": 1})
    run_virtually(world.charge_all)
    waiting = {item.object_id for item in run_virtually(world.item) if item.facts["group"] == "needs_customer"}
    world.script(FaultKind.REDIRECT, "payment_intents.list", times=100)  # so that each is read by itself

    async def order() -> list[str]:
        wire = Recording(InProcess(world.sandbox))
        async with world.services(wire=wire) as services:
            await world.resolve(services)
        return [request.url.rsplit("/", 1)[1] for request in wire.requests if "?" not in request.url]

    read = run_virtually(order)
    assert len(read) == 30
    assert set(read[: len(waiting)]) == waiting


def test_a_look_tells_what_it_brought_to_an_end(tmp_path):
    world = World.make(tmp_path, items=12, accounts=2, mix={"debit_fails": 1, "debit_succeeds": 1})
    run_virtually(world.charge_all)
    world.sandbox.advance(10 * DAYS)
    ending = run_virtually(settle_all, world)
    paid = sum(item.state is State.SUCCEEDED for item in run_virtually(world.item))
    assert (ending.changed, sum(tally.items for tally in ending.ended)) == (12, paid)
    assert {tally.state for tally in ending.ended} == {State.SUCCEEDED}
    assert run_virtually(settle_all, world).changed == 0


def test_a_poison_open_is_left_as_it_is_and_finished_by_the_next_run(tmp_path):
    world = one_item(tmp_path)
    world.script(FaultKind.LOST_BEFORE, OPEN, times=1000)
    run_virtually(world.charge_all)
    assert outcome_of(world).state is State.PREPARING
    world.sandbox.faults.clear()
    run_virtually(resolve_all, world)
    assert outcome_of(world).state is State.PREPARING
    run_virtually(world.charge_all)
    assert outcome_of(world).state is State.SUCCEEDED


@pytest.mark.parametrize(("outcome", "code"), [("succeeds", 0), ("insufficient_funds", 4), ("debit_succeeds", 5)])
def test_the_record_keeps_the_exit_code_that_the_run_earned(tmp_path, outcome, code):
    world = one_item(tmp_path, outcome)

    async def noted() -> list[int]:
        async with world.read() as ledger:
            return [entry.facts["exit_code"] for entry in ledger.entries() if entry.name == "run_finished"]

    run_virtually(world.charge_all)
    assert run_virtually(noted) == [code]


def test_a_revoked_key_stops_everything_and_a_new_one_finishes(tmp_path):
    world = World.make(tmp_path, items=30, mix={"succeeds": 1})
    body = b'{"error": {"type": "invalid_request_error", "code": "api_key_expired", "message": "Expired API Key"}}'
    world.script(FaultKind.CANNED, CONFIRM, nth=5, status=401, body=body)
    ending = run_virtually(world.charge_all)
    assert ending.exit == 8
    assert run_virtually(world.groups)[Group.FAILED] == 0
    assert run_virtually(world.charge_all).exit == 0
    assert run_virtually(world.groups) == {Group.SUCCEEDED: 30}


@pytest.mark.parametrize("dead", [1, 2])
@pytest.mark.parametrize("refusal", AccountRefusal)
def test_an_account_that_refuses_everything_is_set_aside_and_goes_on_once_it_is_put_right(tmp_path, refusal, dead):
    config = SandboxConfig(limits=Limits.off(), behaviour=Behaviour(account_refusal=refusal))
    world = World.make(tmp_path, config, items=60, accounts=2, dead_accounts=dead, mix={"succeeds": 1})
    barred = set(world.scenario.dead_accounts)
    run_virtually(world.charge_all)
    waiting = [item for item in run_virtually(world.item) if item.account in barred]
    assert {item.state for item in waiting} == {State.PLANNED, State.PREPARING}
    assert all(item.account in item.facts["reason"] and item.facts["what_to_do"] for item in waiting)
    assert run_virtually(world.groups) == {Group.SUCCEEDED: 60 - len(waiting), Group.PENDING: len(waiting)}
    assert sent(world, OPEN) <= 60 - len(waiting) + 3 * dead
    assert run_virtually(exit_code, world) == 4
    for account in barred:
        allow(world.sandbox.world.accounts[account], charges=True)
        world.sandbox.world.accounts[account].connected = True
    world.sandbox.advance(DAYS)  # what a key has stored is forgotten
    run_virtually(world.charge_all)
    assert run_virtually(world.groups) == {Group.SUCCEEDED: 60}
    assert not [item for item in run_virtually(world.item) if "reason_code" in item.facts]
    run_virtually(world.assert_true)


async def exit_code(world: World) -> int:
    async with world.read() as ledger:
        return int(exit_for(ledger.tally(RUN)))


UNKNOWN_WORDS = b'{"error": {"type": "invalid_request_error", "message": "Not for now, see you after the holidays."}}'


@pytest.mark.parametrize("operation", [OPEN, CONFIRM])
def test_a_refusal_in_words_nobody_knows_sets_aside_the_one_account_on_which_it_repeats(tmp_path, operation):
    world = World.make(tmp_path, items=30, accounts=1, mix={"succeeds": 1})
    world.script(FaultKind.CANNED, operation, times=1000, status=400, body=UNKNOWN_WORDS)
    run_virtually(world.charge_all)
    assert run_virtually(world.groups) == {Group.PENDING: 30}
    assert sent(world, CONFIRM if operation == CONFIRM else OPEN) <= 4
    assert run_virtually(exit_code, world) == 4
    world.sandbox.faults.clear()
    run_virtually(world.charge_all)
    assert run_virtually(world.groups) == {Group.SUCCEEDED: 30}
    run_virtually(world.assert_true)


def test_the_same_words_about_one_item_of_an_account_that_takes_others_are_the_items_own(tmp_path):
    world = World.make(tmp_path, items=10, accounts=1, mix={"succeeds": 1})
    world.script(FaultKind.CANNED, OPEN, nth=5, times=1, status=400, body=UNKNOWN_WORDS)
    run_virtually(world.charge_all)
    assert run_virtually(world.groups) == {Group.SUCCEEDED: 9, Group.FAILED: 1}


@pytest.mark.parametrize("words", PermissionWords)
@pytest.mark.parametrize("route", ["payment_intent_write", "payment_method_write"])
def test_a_permission_that_is_missing_stops_the_run_and_closes_nothing(tmp_path, route, words):
    config = SandboxConfig(limits=Limits.off(), behaviour=Behaviour(permission_words=words))
    world = World.make(tmp_path, config, items=12, accounts=3, mix={"succeeds": 1})
    world.sandbox.gate.withhold("sk_test_worldworldworld", route)
    assert run_virtually(world.charge_all).exit == 8
    assert run_virtually(world.groups) == {Group.PENDING: 12}
    world.sandbox.gate.widen("sk_test_worldworldworld")
    assert run_virtually(world.charge_all).exit == 0
    assert run_virtually(world.groups) == {Group.SUCCEEDED: 12}


def test_an_item_that_an_answer_contradicts_is_parked_and_stops_a_run_once(tmp_path):
    world = World.make(tmp_path, items=10, accounts=2, mix={"succeeds": 1})
    world.script(FaultKind.PATCHED, CONFIRM, nth=3, patch={"amount": 1})
    ending = run_virtually(world.charge_all)
    (item,) = [each for each in run_virtually(world.item) if each.state is State.PARKED]
    assert (ending.exit, item.facts["reason_code"]) == (6, "contradicted")
    assert ending.reason.startswith(f"{item.reference}: intent {item.object_id}: amount is 1")
    world.script(FaultKind.PATCHED, READ, times=2, patch={"amount": 1})
    assert run_virtually(world.charge_all).exit == 0
    assert run_virtually(world.groups) == {Group.SUCCEEDED: 9, Group.PARKED: 1}
    assert run_virtually(resolve_all, world).exit == 0
    assert run_virtually(world.groups)[Group.PARKED] == 1
    world.sandbox.faults.clear()
    run_virtually(resolve_all, world)
    assert run_virtually(world.groups) == {Group.SUCCEEDED: 10}


WRONG_PARAMETER = (
    b'{"error": {"type": "invalid_request_error", "code": "parameter_unknown", "param": "on_behalf_of", '
    b'"message": "Received unknown parameter: on_behalf_of"}}'
)


def test_a_run_that_one_refusal_over_and_over_has_stopped_closes_one_more_item_at_a_new_start(tmp_path):
    world = World.make(tmp_path, items=80, accounts=8, mix={"succeeds": 1})
    world.policies = Policies(stop_on=StopOn(same_error=10))
    world.script(FaultKind.CANNED, OPEN, times=1000, status=400, body=WRONG_PARAMETER)
    closed = []
    for _ in range(3):
        ending = run_virtually(world.charge_all)
        assert (ending.exit, "parameter_unknown (stop_on.same_error)" in ending.reason) == (6, True)
        closed.append(run_virtually(world.groups)[Group.FAILED])
    assert closed[0] >= 10
    assert closed == [closed[0], closed[0] + 1, closed[0] + 2]
    world.sandbox.faults.clear()
    assert run_virtually(world.charge_all).exit == 0
    assert run_virtually(world.groups) == {Group.FAILED: closed[-1], Group.SUCCEEDED: 80 - closed[-1]}
    run_virtually(world.assert_true)


class Repeating:
    """A wire that answers the nth clone with the answer to the first, which says nothing of whose it is."""

    def __init__(self, wire, nth: int) -> None:
        self._wire, self._left, self._first = wire, nth, None

    async def send(self, request):
        answer = await self._wire.send(request)
        if not request.url.endswith("/payment_methods"):
            return answer
        self._left -= 1
        self._first = self._first or replace(
            answer,
            headers={name: value for name, value in answer.headers.items() if name != "idempotency-key"},
            body=json.dumps(json.loads(answer.body) | {"metadata": {}}).encode(),
        )
        return self._first if self._left == 0 else answer

    async def aclose(self) -> None:
        await self._wire.aclose()


def test_a_late_answer_that_names_the_clone_of_another_item_costs_another_clone_and_nothing_else(tmp_path):
    world = World.make(tmp_path, items=6, accounts=1, mix={"succeeds": 1})

    async def run():
        async with world.services(wire=Repeating(InProcess(world.sandbox), 4)) as services:
            await world.plan(services)
            return await world.run(services, concurrency=1)

    assert run_virtually(run).exit == 0
    assert run_virtually(world.groups) == {Group.SUCCEEDED: 6}
    assert sent(world, CLONE) == 7
    assert sent(world, OPEN) == 6
    run_virtually(world.assert_true)


def test_an_amount_that_was_raised_on_the_account_between_open_and_confirm_is_never_taken(tmp_path):
    world = World.make(tmp_path, items=6, accounts=1, mix={"succeeds": 1})

    async def raised(services) -> None:
        send = services.gateway.send

        async def raising(item, call, number=0):
            if call.op is charge.CONFIRM and item.reference == world.items(services)[2].reference:
                await act(world, "", item, amount=str(10 * item.amount))
            return await send(item, call, number)

        services.gateway.send = raising

    async def run():
        async with world.services() as services:
            await world.plan(services)
            await raised(services)
            return await world.run(services, concurrency=1)

    assert run_virtually(run).exit == 6
    assert run_virtually(world.charge_all).exit == 0
    assert run_virtually(world.groups) == {Group.SUCCEEDED: 5, Group.PARKED: 1}
    run_virtually(world.assert_true)


def test_a_key_that_another_runner_used_with_other_content_has_its_intent_read_first(tmp_path):
    world = one_item(tmp_path)
    used = b'{"error": {"type": "idempotency_error", "message": "Keys for idempotent requests can only be used once"}}'
    world.script(FaultKind.CANNED, CONFIRM, status=400, body=used)
    ending = run_virtually(world.charge_all)
    assert (ending.exit, outcome_of(world).state, sent(world, CONFIRM)) == (0, State.SUCCEEDED, 2)
    run_virtually(world.assert_true)


@pytest.mark.parametrize("accounts", [1, 3])
def test_a_card_declined_for_good_is_not_tried_again_by_any_other_item(tmp_path, accounts):
    world = World.make(tmp_path, items=3, accounts=accounts, items_per_customer=3, mix={"stolen_card": 1})
    run_virtually(world.charge_all)
    assert run_virtually(world.groups) == {Group.NEEDS_CUSTOMER: 1, Group.SKIPPED: 2}
    assert sent(world, CONFIRM) == 1


@pytest.mark.parametrize(
    ("level", "told"),
    [
        ("info", [("item_moved", "succeeded")]),
        ("debug", [("item_step", "preparing"), ("item_step", "confirming"), ("item_moved", "succeeded")]),
    ],
)
def test_the_log_tells_where_an_item_comes_to_rest_and_each_step_to_whoever_asks_for_more(tmp_path, level, told):
    world, out = one_item(tmp_path), StringIO()

    async def run() -> None:
        async with world.services() as services:
            services = replace(services, log=open_log(level, "json", out))
            await world.plan(services)
            await world.run(services)

    run_virtually(run)
    events = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(event["event"], event["state"]) for event in events if "state" in event] == told


async def block(services, item):
    """Block the card of an item for good, as a decline does."""
    declined = Move(Note.SET_ASIDE, facts={"blocks_card": True, "reason_code": "lost_card"})
    await services.ledger.keep_lookups(BLOCKED, services.shared(Blocks).of(item, [declined])[BLOCKED])


def test_a_card_that_an_earlier_run_blocked_is_not_tried_however_many_items_share_it(tmp_path):
    world = World.make(tmp_path, items=6, accounts=2, items_per_customer=3, mix={"succeeds": 1})

    async def run() -> None:
        async with world.services() as services:
            await world.plan(services)
            first = world.items(services)[0]
            await block(services, first)
            await world.run(services)

    run_virtually(run)
    assert run_virtually(world.groups) == {Group.SUCCEEDED: 3, Group.SKIPPED: 3}


def test_killed_in_the_very_moment_of_a_decline_the_card_is_blocked_all_the_same(tmp_path):
    world = World.make(tmp_path, items=3, accounts=3, items_per_customer=3, mix={"stolen_card": 1})

    class Killed(BaseException):
        """Nothing runs after it."""

    async def killed_run() -> None:
        async with world.services() as services:
            await world.plan(services)
            record = services.ledger.record

            async def dies(item, *moves, keep):
                after = await record(item, *moves, keep=keep)
                if moves[-1].name is Event.CHARGE_DECLINED:
                    raise Killed
                return after

            services.ledger.record = dies
            with pytest.raises(BaseExceptionGroup):
                await world.run(services, concurrency=1)

    run_virtually(killed_run)
    run_virtually(world.charge_all)
    assert run_virtually(world.groups) == {Group.NEEDS_CUSTOMER: 1, Group.SKIPPED: 2}
    assert sent(world, CONFIRM) == 1


def test_a_card_that_is_blocked_after_its_next_item_was_fetched_is_not_tried(tmp_path):
    world = World.make(tmp_path, items=2, accounts=2, items_per_customer=2, mix={"succeeds": 1})

    async def run() -> tuple[str, str]:
        async with world.services() as services:
            await world.plan(services)
            first, second = world.items(services)
            before = services.shared(Blocks).why(first)
            services.shared(Blocks).look_up([second])
            await block(services, first)
            return before, services.shared(Blocks).why(second)

    assert run_virtually(run) == ("", "lost_card")


def test_a_block_of_more_than_a_month_ago_is_forgotten(tmp_path):
    world = World.make(tmp_path, items=1, accounts=1, mix={"succeeds": 1})

    async def run() -> None:
        async with world.services() as services:
            await world.plan(services)
            (item,) = world.items(services)
            await block(services, item)
            world.sandbox.advance((BLOCK_DAYS + 1) * 86_400)
            await world.run(services)

    run_virtually(run)
    assert run_virtually(world.groups) == {Group.SUCCEEDED: 1}


def test_items_of_one_customer_are_charged_one_after_another(tmp_path):
    world = World.make(tmp_path, items=12, accounts=4, items_per_customer=6, mix={"succeeds": 1})
    run_virtually(world.charge_all)
    assert run_virtually(world.groups) == {Group.SUCCEEDED: 12}


def test_running_again_sends_nothing(tmp_path):
    world = World.make(tmp_path, items=40, mix={"succeeds": 1})
    run_virtually(world.charge_all)
    before = world.sandbox.requests.total()
    assert run_virtually(world.charge_all).exit == 0
    assert world.sandbox.requests.total() == before


def test_keys_pruned_between_a_kill_and_the_next_run_charge_nobody_twice(tmp_path):
    world = one_item(tmp_path)
    world.script(FaultKind.LOST_AFTER, CONFIRM)
    world.script(FaultKind.UNAVAILABLE_503, READ, times=100)
    run_virtually(world.charge_all)
    world.sandbox.faults.clear()
    world.sandbox.advance(48 * 3600)
    run_virtually(resolve_all, world)
    assert outcome_of(world).state is State.SUCCEEDED
    assert sent(world, CONFIRM) == 1


def test_an_open_past_its_key_is_found_by_its_metadata_and_adopted(tmp_path):
    world = one_item(tmp_path)
    world.script(FaultKind.LOST_AFTER, OPEN, times=1000)
    run_virtually(world.charge_all)
    assert outcome_of(world).state is State.PREPARING
    world.sandbox.faults.clear()
    world.sandbox.advance(30 * 3600)
    run_virtually(world.charge_all)
    item = outcome_of(world)
    assert item.state is State.SUCCEEDED
    assert len(world.sandbox.books().intents) == 1


def test_a_second_fence_never_sends_the_key_of_the_first(tmp_path):
    """Stripe keeps the refusal of a cancel that met a processing intent, and would replay it for a day."""
    world = one_item(tmp_path, "insufficient_funds")
    run_virtually(world.charge_all)

    async def fenced_twice() -> list[int]:
        async with world.services() as services:
            (item,) = world.items(services)
            item = await fence.start_cancel(ItemContext(services), item)
            first = item.facts["cancel_n"]
            item = await services.ledger.record(item, Move(Event.CHARGE_UNSETTLED), Move(Event.CHARGE_DECLINED))
            item = await fence.start_cancel(ItemContext(services), item)
            return [first, item.facts["cancel_n"]]

    assert run_virtually(fenced_twice) == [0, 1]
