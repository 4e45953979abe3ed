"""Which run is the one before, what of it is expected again, and how lines find their own in it."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from billing.cli.plan_view import plan_table
from billing.core.items import Charge
from billing.core.money import Money
from billing.core.policies import Compare
from billing.edge.runfiles import RunDefaults, open_run
from billing.flow.cancelling import cancel, look_through
from billing.flow.options import RunOptions, Selection
from billing.flow.planning.plan import PlanOptions, estimate_for, keep, make_plan
from billing.flow.planning.preflight import Preflight
from billing.flow.planning.sheet import Sheet
from billing.sandbox.scenario import Row
from tests.flow.test_changes import charge, planned, sheet, under, varies
from tests.flow.world import FAST, World
from tests.virtual import run_virtually


@pytest.fixture
def world(tmp_path) -> World:
    return World.make(tmp_path, items=6, accounts=2, mix={"succeeds": 1})


def close(world: World, run_id: str, *references: str) -> None:
    """Cancel some lines of a run, or all."""

    async def main() -> None:
        async with world.services() as services:
            found = look_through(services.ledger, run_id, Selection(references))
            await cancel(services, run_id, found, "wrong", world.policies, RunOptions())

    run_virtually(main)


def test_the_run_before_is_the_latest_of_a_period_as_long_of_which_anything_is_left(world):
    rows = world.scenario.rows
    for run_id, count in {"club-2026-08": 1, "club-2026-09": 2, "club-2026-w44": 3, "other-2026-10": 4}.items():
        charge(world, run_id, *under(rows[:count], run_id))
    keep_only(world, "club-2026-10", *under(rows[:5], "TEN"))
    assert planned(world, "club-2026-11", *rows).changes.to_json()["lines_before"] == 5
    close(world, "club-2026-10")
    assert planned(world, "club-2026-11", *rows).changes.previous == "club-2026-09"
    assert planned(world, "club-2026-w45", *rows).changes.previous == "club-2026-w44"
    first = planned(world, "club-2026-q4", *rows)
    assert (first.changes.previous, first.variances) == ("", ())
    assert "  the first run of club: there is none before to compare it with" in shown(first)


def keep_only(world: World, run_id: str, *rows: Row) -> None:
    """Plan a run and send nothing."""
    sheet(world, *rows)

    async def main() -> None:
        async with world.services() as services:
            with open_run(world.file, run_id=run_id, defaults=RunDefaults(policies=world.policies)) as source:
                plan = await make_plan(services, source, PlanOptions(Preflight.NONE))
                await keep(plan, source, services.ledger)

    run_virtually(main)


def shown(plan) -> list[str]:
    return plan_table(plan, "", estimate_for(plan, FAST), share="10/s")


def test_what_was_cancelled_is_not_expected_again_and_what_another_run_of_the_month_paid_is(world):
    rows = world.scenario.rows
    charge(world, "extra-2026-10", rows[0])
    keep_only(world, "club-2026-10", *rows)
    close(world, "club-2026-10", rows[5].reference)
    plan = planned(world, "club-2026-11", *under(rows[1:5], "NOV"))
    assert plan.changes.last.lines == 5
    assert [each.reference for each in varies(plan)["gone"].named] == [rows[0].reference]
    assert plan.changes.last.totals == Counter(
        {
            code: sum(row.amount_minor for row in rows[:5] if row.currency == code)
            for code in {r.currency for r in rows[:5]}
        }
    )


def test_of_several_lines_of_one_payer_each_finds_the_one_it_was(world):
    one = world.scenario.rows[0]
    amounts = {"book": 3_000, "lesson": 5_000, "camp": 90_000}
    charge(
        world, "club-2026-10", *(replace(one, reference=name, amount_minor=minor) for name, minor in amounts.items())
    )
    later = {"n1": 90_000, "n2": 5_400, "n3": 30_000}
    rows = [replace(one, reference=name, amount_minor=minor) for name, minor in later.items()]
    found = varies(planned(world, "club-2026-11", *rows))
    assert [(each.reference, each.was) for each in found["changed"].named] == [("n3", "book")]
    assert not {"new", "gone"} & found.keys()


def test_thresholds_are_those_of_the_policy(world):
    rows = world.scenario.rows
    charge(world, "club-2026-10", *rows)
    dearer = [replace(row, amount_minor=row.amount_minor * 11 // 10) for row in rows]
    world.policies = replace(world.policies, compare=Compare(changed_over=5_00, total_band=5_00, lines_band=1_00))
    assert varies(planned(world, "club-2026-11", *dearer)).keys() == {"changed", "total"}
    assert varies(planned(world, "club-2026-11", *rows, *under(rows[:1], "X"))).keys() >= {"new", "lines"}
    world.policies = replace(world.policies, compare=Compare())
    assert varies(planned(world, "club-2026-11", *dearer)) == {}


def test_a_plan_says_it_within_eighty_columns(world):
    rows = world.scenario.rows
    charge(world, "club-2026-10", *rows[:5])
    long = [replace(row, reference=f"INV-2026-11-{row.reference}-{'x' * 20}") for row in rows[1:]]
    long[0] = replace(long[0], amount_minor=long[0].amount_minor * 100)
    lines = shown(planned(world, "club-2026-11", *long))
    usual, _, unusual = " ".join(" ".join(lines).split()).partition("Look at")
    assert f"gone: 1 of 5 lines of club-2026-10 is not in this sheet {rows[0].reference}" in usual
    assert all(name in usual for name in (rows[0].customer, rows[0].account))
    assert "changed: 1 of 4 lines changed by more than 20 % since club-2026-10" in unusual
    assert f"{long[0].reference} " in unusual
    assert f" as {rows[1].reference} line 2" in unusual
    assert max(map(len, lines)) <= 80


def test_every_line_finds_what_a_walk_over_all_lines_finds():
    dice = random.Random(7)
    for _ in range(200):
        held = Sheet()
        lines = [(dice.choice("ab"), dice.randint(1, 6)) for _ in range(dice.randint(0, 12))]
        for number, (payer, minor) in enumerate(lines):
            held.add(number, charge_of(payer, minor))
        held.settle()
        for _ in range(12):
            payer, least = dice.choice("abc"), dice.randint(0, 6)
            most = least + dice.randint(0, 3)
            free = [
                (minor, place)
                for place, (who, minor) in enumerate(lines)
                if who == payer and least <= minor <= most and not held.seen[place]
            ]
            found = held.unseen(payer, "acct_1", "usd", least, most)
            assert found == (min(free)[1] if free else None)
            if found is not None and dice.random() < 0.7:
                held.seen[found] = 1


def charge_of(payer: str, minor: int) -> Charge:
    return Charge(
        reference=f"{payer}{minor}",
        customer=payer,
        account="acct_1",
        amount=Money(minor, "usd"),
        payment_method=None,
    )
