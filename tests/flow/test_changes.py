"""What a plan warns of: doubles that a person makes, the month before, what is still on its way."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from billing.core.variances import Variance
from billing.edge.runfiles import RunDefaults, open_run
from billing.flow.execute import execute
from billing.flow.options import RunOptions
from billing.flow.planning.plan import PlanOptions, keep, make_plan, plan_offline
from billing.flow.planning.planned import Plan
from billing.flow.planning.preflight import Preflight
from billing.flow.planning.saved import plan_to_json
from billing.sandbox.scenario import Row, as_csv, save_customer
from tests.flow.world import FAST, RUN, World
from tests.virtual import run_virtually


def test_what_reading_the_file_warns_of_is_in_every_plan_of_it(tmp_path):
    async def main() -> None:
        world = World.make(tmp_path, items=2, mix={"succeeds": 1})
        first = world.scenario.rows[0]
        world.file.write_text(as_csv([first, replace(first, reference="INV-00001-1")]))
        with open_run(world.file, run_id=RUN, defaults=RunDefaults()) as source:
            async with world.services() as services:
                plan = await make_plan(services, source, PlanOptions(Preflight.NONE))
            offline = plan_offline(source, None, "")
        for found in (plan, offline):
            assert any((notice.reference, notice.line) == ("INV-00001-1", 3) for notice in found.warnings)
        told = plan_to_json(plan, FAST)["warnings"]
        assert {"code", "text", "reference", "line"} == set(told[0])

    run_virtually(main)


# --- the comparison with what is on record


def sheet(world: World, *rows: Row) -> None:
    world.file.write_text(as_csv(rows))


def charge(world: World, run_id: str, *rows: Row) -> None:
    """Plan these rows as a run, and charge them."""
    sheet(world, *rows)

    async def main() -> None:
        async with world.services() as services:
            with open_run(world.file, run_id=run_id, defaults=RunDefaults(policies=world.policies)) as source:
                plan = await make_plan(services, source, PlanOptions(Preflight.NONE))
                await keep(plan, source, services.ledger)
            await execute(services, run_id, RunOptions(), world.policies)

    run_virtually(main)


def planned(world: World, run_id: str, *rows: Row) -> Plan:
    sheet(world, *rows)

    async def main() -> Plan:
        async with world.services() as services:
            with open_run(world.file, run_id=run_id, defaults=RunDefaults(policies=world.policies)) as source:
                return await make_plan(services, source, PlanOptions(Preflight.NONE))

    return run_virtually(main)


def under(rows: Iterable[Row], prefix: str) -> list[Row]:
    """The same charges under other references."""
    return [replace(row, reference=f"{prefix}-{n}", description="") for n, row in enumerate(rows)]


def told(plan: Plan) -> dict[str, str]:
    """What a plan warns of, by code."""
    return {notice.code: notice.text for notice in plan.warnings}


def varies(plan: Plan) -> dict[str, Variance]:
    """How a plan differs from the runs before it, by name."""
    return {each.name: each for each in plan.variances}


@pytest.fixture
def world(tmp_path) -> World:
    return World.make(tmp_path, items=6, accounts=2, mix={"succeeds": 1})


def test_one_invoice_under_two_references_of_a_file_is_named(world):
    first, second, *_ = world.scenario.rows
    plan = planned(world, RUN, first, second, *under([first], "AGAIN"))
    assert told(plan).keys() == {"same_charge"}
    assert told(plan)["same_charge"].startswith("1 line looks like others of this file")
    assert "AGAIN-0 = line 2 " in told(plan)["same_charge"]
    [notice] = [notice for notice in plan.warnings if notice.code == "same_charge"]
    assert (notice.reference, notice.line) == ("AGAIN-0", 4)


def test_the_same_amounts_in_another_run_of_the_month_are_named_whatever_they_are_called(world):
    rows = world.scenario.rows
    charge(world, "club-2026-11", *rows)
    plan = planned(world, "other-2026-11", *under(rows, "X"))
    text = told(plan)["same_charge_elsewhere"]
    assert text.startswith("6 lines look like lines of club-2026-11 under other references: X-0 = INV-00001 (")
    assert text.endswith(" and 3 more")
    assert told(planned(world, "other-2026-11", *rows)) == {}, "the same references are known and skipped"
    other = [replace(row, amount_minor=row.amount_minor + 100) for row in under(rows, "X")]
    assert told(planned(world, "other-2026-11", *other)) == {}


def test_a_line_that_another_run_holds_is_no_twin_of_that_runs_other_lines(world):
    first = world.scenario.rows[0]
    charge(world, "club-2026-11", first, *under([first], "LESSON"))
    assert told(planned(world, "other-2026-11", first)) == {}


def test_what_never_was_paid_in_another_run_is_no_twin(world):
    rows = world.scenario.rows
    for row in rows:
        world.sandbox.world.accounts[row.account].body["charges_enabled"] = False
    charge_nobody(world, "club-2026-11", *rows)
    assert told(planned(world, "other-2026-11", *under(rows, "X"))) == {}


def charge_nobody(world: World, run_id: str, *rows: Row) -> None:
    """Keep a plan that skips every row."""
    sheet(world, *rows)

    async def main() -> None:
        async with world.services() as services:
            with open_run(world.file, run_id=run_id, defaults=RunDefaults(policies=world.policies)) as source:
                plan = await make_plan(services, source, PlanOptions(Preflight.ALL))
                assert sum(plan.skips.values()) == len(rows)
                await keep(plan, source, services.ledger)

    run_virtually(main)


def test_an_account_is_new_until_something_was_begun_on_it(world):
    customer, method = save_customer(world.sandbox, "pm_usBankAccount_success")
    first, *others = world.scenario.rows
    charge(world, "club-2026-10", first)
    slow = [replace(row, customer=customer, payment_method=method, currency="usd") for row in others]
    before = planned(world, "club-2026-11", *slow)
    [named] = varies(before)["first_on_account"].named
    assert (named.account, named.account == first.account) == (others[0].account, False)
    charge(world, "club-2026-11", *slow)
    assert "first_on_account" not in varies(planned(world, "club-2026-11", *slow))


def test_a_payment_of_an_earlier_month_that_may_still_arrive_is_named(world):
    debit = save_customer(world.sandbox, "pm_usBankAccount_success")
    stuck = save_customer(world.sandbox, "pm_card_authenticationRequired")
    poor = save_customer(world.sandbox, "pm_sandbox_decline_insufficient_funds")
    dollars = next(row for row in world.scenario.rows if row.currency == "usd")
    rows = [
        replace(dollars, reference=reference, customer=customer, payment_method=method)
        for reference, (customer, method) in {"INV-1": debit, "INV-2": stuck, "INV-3": poor}.items()
    ]
    charge(world, "t-2026-10", *rows)
    plan = planned(world, "other-2026-11", *rows, *world.scenario.rows[1:3])
    texts = [notice.text for notice in plan.warnings if notice.code == "still_open"]
    assert [text.split(" (")[0] for text in texts] == [
        "1 line is still processing in t-2026-10: INV-1",
        "1 line is waiting for the customer in t-2026-10: INV-2",
    ]
    renamed = told(planned(world, "other-2026-11", *under(rows, "NEW")))
    assert "NEW-1 = INV-2" in renamed["still_open_elsewhere"]
    assert told(planned(world, "other-2026-10", *rows)) == {}, "in its own month the line itself says where it stands"


def test_next_month_is_compared_by_customer_and_account_where_all_references_differ(world):
    *rows, gone = world.scenario.rows
    charge(world, "club-2026-11", *rows, gone)
    next_month = under(rows, "INV-2026-12")
    next_month[1] = replace(next_month[1], amount_minor=next_month[1].amount_minor * 10)
    new = replace(gone, reference="NEW", customer=rows[0].customer + "x", payment_method="")
    plan = planned(world, "club-2026-12", *next_month, new)
    assert (plan.changes.previous, plan.changes.renamed) == ("club-2026-11", 5)
    found = varies(plan)
    assert [(found[name].count, found[name].of) for name in ("new", "gone", "changed")] == [(1, 6), (1, 6), (1, 5)]
    [jump] = found["changed"].named
    assert (jump.reference, jump.was, jump.line) == (next_month[1].reference, rows[1].reference, 3)
    assert (jump.before, jump.amount, jump.currency) == (
        rows[1].amount_minor,
        rows[1].amount_minor * 10,
        rows[1].currency,
    )
    [left] = found["gone"].named
    assert (left.reference, left.payer, left.account) == (gone.reference, gone.customer, gone.account)
    assert [(line.reference, line.line) for line in found["new"].named] == [("NEW", 7)]


def test_where_references_stay_a_line_is_compared_with_its_own(world):
    rows = world.scenario.rows
    charge(world, "club-2026-11", *rows)
    doubled = [replace(rows[0], amount_minor=rows[0].amount_minor * 2), *rows[1:]]
    plan = planned(world, "club-2026-12", *doubled)
    assert [(each.reference, each.was) for each in varies(plan)["changed"].named] == [("INV-00001", "")]
    assert (plan.changes.same, plan.changes.renamed) == (5, 0)
    assert not {"new", "gone", "lines"} & varies(plan).keys()
    assert told(plan) == {}


def test_the_very_sheet_of_the_month_before_is_asked_about(world):
    charge(world, "club-2026-11", *world.scenario.rows)
    plan = planned(world, "club-2026-12", *world.scenario.rows)
    assert "every line is in club-2026-11 too" in told(plan)["same_sheet"]
    assert "changes" in plan_to_json(plan, FAST)
