"""What another ledger has done is in a row of its own: the plan asks about what this one can still charge, no more."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from billing.cli.planrows import row_words, rows_table
from billing.core.errors import PlanStale
from billing.core.exits import Exit
from billing.core.items import Kind, Mode
from billing.core.keys import item_id
from billing.core.kinds.charge import CHARGE_LIFE, State
from billing.core.life import Group
from billing.core.wire import WireRequest
from billing.edge.pacing.throttle import Rates
from billing.edge.runfiles import RunDefaults, RunFile, open_run
from billing.flow.carry_out import RunResult, agree_to_all, carry_out_run
from billing.flow.options import RunOptions
from billing.flow.planning.plan import PlanOptions, make_plan
from billing.flow.planning.planned import Plan
from billing.flow.planning.preflight import Preflight
from billing.flow.planning.saved import load_plan, plan_to_json
from billing.flow.request import RunRequest
from billing.flow.services import Services
from billing.sandbox.faults import FaultKind
from billing.sandbox.inprocess import InProcess
from tests.flow.test_elsewhere import (
    CLONE,
    CONFIRM,
    HOUR,
    OPEN,
    copied,
    elsewhere,
    equal,
    first,
    of_other_content,
    paid_beside,
    plant,
    sent,
    with_another_text,
    without_the_column_of_fees,
)
from tests.flow.world import FAST, RUN, World
from tests.virtual import run_virtually

DECLINES = {"insufficient_funds": 2, "stolen_card": 2, "authentication_required": 1}


async def planned(world: World, services: Services, source: RunFile, **asked: Any) -> Plan:
    return await make_plan(services, source, PlanOptions(Preflight.ALL, **asked))


def look(world: World, **asked: Any) -> Plan:
    """The plan of a world's file, as `billing plan` makes it."""

    async def alone() -> Plan:
        async with world.services() as services:
            with open_run(world.file, run_id=RUN, defaults=RunDefaults()) as source:
                return await planned(world, services, source, **asked)

    return run_virtually(alone)


def told(plan: Plan, world: World) -> Mapping[str, Any]:
    """The plan as JSON."""

    async def rates() -> Mapping[str, Any]:
        async with world.services() as services:
            return json.loads(json.dumps(plan_to_json(plan, services.rates)))

    return run_virtually(rates)


def charge(world: World, rates: Rates = FAST, **options: Any) -> RunResult:
    """`billing run` with its look-ups and the yes."""

    async def alone() -> RunResult:
        async with world.services(rates=rates) as services:
            with open_run(world.file, run_id=RUN, defaults=RunDefaults(policies=world.policies)) as source:
                return await carry_out_run(services, source, RunRequest(RunOptions(**options)), agree=agree_to_all)

    return run_virtually(alone)


def lines(rows: list[Mapping[str, Any]]) -> dict[str, int]:
    return {row["row"]: row["lines"] for row in rows}


def taken(world: World) -> Counter[str]:
    """What was really charged, per currency."""
    books = Counter[str]()
    for row in world.sandbox.books().intents:
        books[row.currency] += row.taken
    return books


def require_tied(plan: Plan) -> None:
    """Every line's money stands in exactly one row."""
    assert sum(row.lines for row in plan.rows.values()) == plan.sheet.lines
    assert sum((Counter(row.totals) for row in plan.rows.values()), Counter()) == Counter(plan.sheet.totals)


@pytest.mark.parametrize("hours", [0, 25])
def test_a_plan_asks_about_nothing_that_another_ledger_has_charged_and_its_text_says_where_that_money_is(
    tmp_path, hours
):
    world = first(tmp_path, items=12)
    run_virtually(partial(world.charge_all, limit=7))
    before = taken(world)
    world.sandbox.advance(hours * HOUR)
    second = elsewhere(world, tmp_path / "second")
    plan = look(second)
    require_tied(plan)

    found = told(plan, second)
    assert lines(found["rows"]) == {"to_charge": 5, "paid_elsewhere": 7}
    assert (found["to_charge"], found["left"]["lines"], found["skips"]) == (5, 5, {"paid_elsewhere": 7})
    assert Counter(plan.rows["paid_elsewhere"].totals) == before
    assert Counter(found["left"]["totals"]) + before == Counter(found["sheet"]["totals"])
    assert found["totals"] == found["left"]["totals"]
    text = "\n".join(rows_table(plan))
    for code, count in (("to_charge", 5), ("paid_elsewhere", 7)):
        assert any(row_words(code, CHARGE_LIFE) in line and f" {count} " in line for line in text.splitlines()), text

    assert charge(second).exit is Exit.OK
    assert taken(world) - before == Counter(plan.left.totals)
    assert run_virtually(second.groups) == {Group.SUCCEEDED: 12}
    run_virtually(second.assert_true)


def test_what_another_ledger_has_declined_cancelled_or_on_its_way_is_not_asked_about_either(tmp_path):
    mix = {"succeeds": 3, "debit_succeeds": 2, "not_clonable": 1, **DECLINES}
    world = first(tmp_path, items=40, accounts=3, mix=mix)
    run_virtually(world.charge_all)
    ended = run_virtually(world.groups)
    confirms, before = sent(world, CONFIRM), taken(world)
    second = elsewhere(world, tmp_path / "second")
    plan = look(second)
    require_tied(plan)
    rows = lines(told(plan, second)["rows"])

    unpaid = ended[Group.DECLINED] + ended[Group.NEEDS_CUSTOMER]
    assert rows["paid_elsewhere"] == ended[Group.SUCCEEDED]
    assert rows["processing_elsewhere"] == ended[Group.PROCESSING]
    assert rows["declined_elsewhere"] + rows.get("closed_elsewhere", 0) == unpaid
    assert not plan.left.lines
    assert not plan.left.totals
    charge(second)
    assert (sent(world, CONFIRM), taken(world)) == (confirms, before)
    then = run_virtually(second.groups)
    for group in (Group.SUCCEEDED, Group.PROCESSING, Group.DECLINED, Group.NEEDS_CUSTOMER):
        assert then[group] == ended[group], group
    assert not then[Group.PENDING]


def test_what_another_ledger_has_only_opened_is_still_to_charge(tmp_path):
    world = first(tmp_path, items=6)
    world.script(FaultKind.LOST_BEFORE, CLONE, times=1000)
    run_virtually(world.charge_all)
    world.sandbox.faults.clear()
    second = elsewhere(world, tmp_path / "second")
    plan = look(second)
    assert lines(told(plan, second)["rows"]) == {"to_charge": 6}
    assert [notice.text[:10] for notice in plan.warnings if notice.code == "opened_elsewhere"] == ["6 of these"]
    charge(second)
    assert taken(world) == Counter(plan.left.totals)


def test_an_intent_whose_opening_answer_was_lost_here_is_not_said_to_be_another_ledgers(tmp_path):
    world = first(tmp_path, items=6)
    world.script(FaultKind.LOST_AFTER, OPEN, times=1000)
    run_virtually(world.charge_all)
    world.sandbox.faults.clear()
    plan = look(world)
    assert lines(told(plan, world)["rows"]) == {"to_charge": 6}
    assert not [notice.text for notice in plan.warnings if notice.code == "opened_elsewhere"]
    charge(world)
    assert taken(world) == Counter(plan.left.totals)


def test_what_another_ledger_has_opened_with_other_content_is_counted_as_held_by_it(tmp_path):
    world = first(tmp_path, items=4)
    run_virtually(partial(world.charge_all, limit=3))
    second = elsewhere(world, tmp_path / "second")
    head, *rest = second.file.read_text().splitlines()
    second.file.write_text("\n".join([head, *map(with_another_text, rest)]) + "\n")
    plan = look(second)
    require_tied(plan)
    assert lines(told(plan, second)["rows"]) == {"to_charge": 1, "paid_elsewhere": 3}
    before = taken(world)
    charge(second)
    assert taken(world) - before == Counter(plan.left.totals)


def test_an_obligation_corrected_and_paid_elsewhere_is_not_asked_about(tmp_path):
    world = first(tmp_path, items=1)

    async def kept() -> Any:
        async with world.services() as services:
            await world.plan(services)
            return world.items(services)[0]

    item = run_virtually(kept)
    corrected = item_id(Mode.TEST, world.sandbox.world.platform.id, "2026-11", item.reference, 1, Kind.CHARGE)
    run_virtually(paid_beside, world, replace(item, item_id=corrected, generation=1), 0)
    assert lines(told(look(world), world)["rows"]) == {"paid_elsewhere": 1}


@pytest.mark.parametrize("limit", [1, 3, 20])
def test_under_a_limit_exactly_the_lines_are_charged_that_the_plan_counted(tmp_path, limit):
    world = first(tmp_path, items=12)
    run_virtually(partial(world.charge_all, limit=7))
    before = taken(world)
    second = elsewhere(world, tmp_path / "second")
    plan = look(second, limit=limit)
    require_tied(plan)
    assert plan.left.lines == min(limit, 5)
    charge(second, limit=limit)
    assert taken(world) - before == Counter(plan.left.totals)
    assert run_virtually(second.groups)[Group.SUCCEEDED] == 7 + min(limit, 5)
    run_virtually(second.assert_true)


def test_a_restored_backup_asks_about_nothing_that_was_paid_since_by_an_intent_on_its_record(tmp_path):
    world = first(tmp_path, items=6)
    world.script(FaultKind.LOST_BEFORE, CLONE, times=1000)
    run_virtually(world.charge_all)
    backup = copied(world, tmp_path / "backup")
    assert look(backup).left.lines == 6
    world.sandbox.faults.clear()
    run_virtually(world.charge_all)
    plan = look(backup)
    require_tied(plan)
    assert lines(told(plan, backup)["rows"]) == {"paid": 6}
    assert not plan.left.totals
    charge(backup)
    assert run_virtually(backup.groups) == {Group.SUCCEEDED: 6}


def test_what_a_plan_counted_out_is_not_charged_by_what_was_agreed_to_whatever_is_learnt_later(tmp_path):
    """The first intent of ours that is opened tells whose application ours is: then a planted one is a stranger's."""
    world = first(tmp_path, items=8, accounts=1)
    world.file.write_text(without_the_column_of_fees(world.file.read_text()))
    last = {row.reference for row in world.scenario.rows[-3:]}

    def of_the_last(params: dict[str, Any]) -> None:
        equal(params)
        if params["metadata[billing_reference]"] not in last:
            of_other_content(params)

    plant(world, of_the_last)
    paid = [item.item_id for item in run_virtually(world.item) if item.reference in last]
    run_virtually(pay_as_the_account, world, [world.sandbox.books().by_item()[item][0].intent for item in paid])
    before = taken(world)
    plan = look(world)
    assert lines(told(plan, world)["rows"]) == {"to_charge": 5, "paid_elsewhere": 3}
    charge(world, replace(FAST, items=1))
    assert taken(world) - before == Counter(plan.left.totals)
    assert sum(event == "counted_out" for event, _ in world.events) == 3


async def pay_as_the_account(world: World, intents: list[str]) -> None:
    """Confirm intents with the account's own key, as whoever planted them can."""
    account = world.scenario.accounts[0]
    world.sandbox.gate.assign("sk_test_accountsown", account)
    headers = {"Authorization": "Bearer sk_test_accountsown", "Content-Type": "application/x-www-form-urlencoded"}
    for intent in intents:
        url = f"http://127.0.0.1/v1/payment_intents/{intent}/confirm"
        body = b"payment_method=pm_card_visa&off_session=true"
        answer = json.loads((await InProcess(world.sandbox).send(WireRequest("POST", url, headers, body))).body)
        assert answer.get("status") == "succeeded", answer


def test_a_saved_plan_is_refused_when_more_could_be_charged_now_than_it_counted(tmp_path):
    world = first(tmp_path, items=4)

    async def planning() -> tuple[Plan, str]:
        async with world.services() as services:
            with open_run(world.file, run_id=RUN, defaults=RunDefaults()) as source:
                plan = await planned(world, services, source)
                return plan, json.dumps(plan_to_json(plan, services.rates))

    plan, text = run_virtually(planning)
    (tmp_path / "plan.json").write_text(text)
    saved = load_plan(tmp_path / "plan.json")
    saved.require_same(plan)
    currency, total = max(plan.left.totals.items())
    counted_less = replace(saved, left={**plan.left.totals, currency: total - 1})
    with pytest.raises(PlanStale, match="could be charged now"):
        counted_less.require_same(plan)


def test_two_ledgers_side_by_side_never_charge_more_than_the_plans_that_were_shown(tmp_path):
    world = first(tmp_path, items=9)
    shown = look(world, limit=4)
    charge(world, limit=4)
    second = elsewhere(world, tmp_path / "second")
    for ledger in (second, world):
        plan = look(ledger)
        before = taken(world)
        charge(ledger)
        assert taken(world) - before == Counter(plan.left.totals)
    assert shown.left.lines == 4
    assert {item.state for item in run_virtually(second.item)} == {State.SUCCEEDED}
    assert look(world).left.lines == look(second).left.lines == 0
