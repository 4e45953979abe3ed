"""The walk of `.github/CONTRIBUTING.md`, tried: a new kind needs its tables and steps, and nothing else anywhere."""

import pytest

from billing.cli.plan_view import plan_table
from billing.core.entries import ItemRecord
from billing.core.errors import UsageError
from billing.core.estimates import Estimate
from billing.core.exits import Exit
from billing.edge.runfiles import RunDefaults, open_run
from billing.flow.execute import execute
from billing.flow.options import RunOptions
from billing.flow.planning.plan import PlanOptions, keep, make_plan
from billing.flow.report import summary
from billing.flow.report_files import as_csv
from billing.sandbox.faults import FaultKind
from tests.flow.toy_kind import COPY, State, toy  # noqa: F401  a fixture
from tests.flow.world import UNGUARDED, World
from tests.virtual import run_virtually

RUN = "copies-2026-11"
CREATE = "customers.create"


def sheet(world: World) -> str:
    rows = [f"C-{n},{row.account},{row.customer},{10 + n},usd" for n, row in enumerate(world.scenario.rows)]
    return "\n".join(["reference,account,customer,most,currency", *rows, ""])


async def carried_out(world: World, services, run: str = RUN) -> Exit:
    with open_run(world.file, run_id=run, defaults=RunDefaults(policies=UNGUARDED)) as source:
        plan = await make_plan(services, source, PlanOptions())
        world.told = plan_table(plan, "", Estimate(0, 0.0), share="")
        await keep(plan, source, services.ledger)
    return (await execute(services, run, RunOptions(), UNGUARDED)).exit


def held(services) -> list[ItemRecord]:
    accounts = services.ledger.workload(RUN, set(State))
    return [item for account in accounts for item in services.ledger.work(RUN, set(State), account, 0, 500)]


class Copies(World):
    """A world whose sheet asks for copies of customers."""

    __slots__ = ("told",)


@pytest.fixture
def world(tmp_path) -> Copies:
    made = Copies.make(tmp_path, items=30, accounts=3, mix={"succeeds": 1.0})
    made.file.write_text(sheet(made))
    return made


@pytest.mark.usefixtures("toy")
def test_a_run_of_a_new_kind_is_read_planned_carried_out_once_and_reported(world):
    async def main():
        world.script(FaultKind.LOST_AFTER, CREATE, nth=3)
        world.script(FaultKind.RATE_LIMITED, CREATE, nth=9, times=4)
        async with world.services() as services:
            before = sum(len(account["cus"]) for account in world.sandbox.world.accounts.values())
            assert await carried_out(world, services) is Exit.OK
            made = sum(len(account["cus"]) for account in world.sandbox.world.accounts.values()) - before
            assert made == 30
            assert await carried_out(world, services) is Exit.OK
            assert services.ledger.verify().faults == ()
            assert summary(services.ledger, RUN)["counts"]["succeeded"] == 30
            head, *lines = "".join(as_csv(services.ledger, RUN)).splitlines()
            assert "connected_customer" in head.split(",")
            assert len(lines) == 30
            assert all(",succeeded," in line and ",cus_" in line for line in lines)
            assert {item.kind for item in held(services)} == {COPY}

    run_virtually(main)
    assert any("copies for November 2026" in line for line in world.told)
    assert any(line.strip().startswith("copied") for line in world.told)


@pytest.mark.usefixtures("toy")
def test_obligations_of_two_kinds_do_not_meet_under_one_reference(world):
    async def main():
        async with world.services() as services:
            await carried_out(world, services)
            charges = world.scenario.as_csv().replace("INV-000", "C-")
            world.file.write_text(charges)
            with open_run(world.file, run_id="coaching-2026-11", defaults=RunDefaults()) as source:
                plan = await make_plan(services, source, PlanOptions())
            assert plan.to_charge == 30
            with (
                open_run(world.file, run_id=RUN, defaults=RunDefaults()) as source,
                pytest.raises(UsageError, match=r"has copies, and .* has charges"),
            ):
                await make_plan(services, source, PlanOptions())

    run_virtually(main)


@pytest.mark.usefixtures("toy")
def test_a_killed_runner_of_a_new_kind_is_continued_under_the_same_key(world):
    async def main():
        async with world.services() as services:
            with open_run(world.file, run_id=RUN, defaults=RunDefaults(policies=UNGUARDED)) as source:
                plan = await make_plan(services, source, PlanOptions())
                await keep(plan, source, services.ledger)
            world.script(FaultKind.LOST_AFTER, CREATE, times=3)
            await execute(services, RUN, RunOptions(limit=1), UNGUARDED)
        async with world.services() as services:
            await execute(services, RUN, RunOptions(), UNGUARDED)
            assert {item.state for item in held(services)} == {State.SUCCEEDED}
        ours = [
            row["metadata"]["billing_item"]
            for account in world.sandbox.world.accounts.values()
            for row in account["cus"]
            if "billing_item" in row["metadata"]
        ]
        assert len(ours) == len(set(ours)) == 30

    run_virtually(main)
