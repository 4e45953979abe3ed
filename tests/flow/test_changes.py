"""What a plan warns of: doubles that a person makes, the month before, what is still on its way."""

from dataclasses import replace

from billing.edge.runfiles import RunDefaults, open_run
from billing.flow.plan import PlanOptions, make_plan, plan_offline, plan_to_json
from billing.flow.scout import Preflight
from billing.sandbox.scenario import as_csv
from tests.flow.world import FAST, RUN, World
from tests.virtual import run_virtually


def test_what_reading_the_file_warns_of_is_in_every_plan_of_it(tmp_path):
    async def main() -> None:
        world = World.make(tmp_path, items=2, mix={"succeeds": 1})
        first = world.scenario.rows[0]
        world.file.write_text(as_csv([first, replace(first, reference="INV-00001-1")]))
        with open_run(world.file, run_id=RUN, defaults=RunDefaults()) as source:
            async with world.desk() as desk:
                plan = await make_plan(desk, source, PlanOptions(Preflight.NONE))
            offline = plan_offline(source, None, "")
        for found in (plan, offline):
            assert any((notice.reference, notice.line) == ("INV-00001-1", 3) for notice in found.warnings)
        told = plan_to_json(plan, FAST)["warnings"]
        assert {"code", "text", "reference", "line"} == set(told[0])

    run_virtually(main)
