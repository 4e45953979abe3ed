"""A run that begins from a CSV and goes on from a workbook of the same lines: one obligation, one charge."""

import csv
import io
from pathlib import Path

import openpyxl
import pytest

from billing.edge.runfiles import RunDefaults, open_run
from billing.flow.carry_out import carry_out_run
from billing.flow.options import RunOptions
from billing.flow.planning.planned import Plan
from billing.flow.planning.preflight import Preflight
from billing.flow.request import RunRequest
from tests.flow.world import RUN, UNGUARDED, World

LINES = 12


def as_workbook(sheet: str, path: Path) -> Path:
    """The lines of a CSV with their amounts as numbers, as a person has them in a spreadsheet."""
    header, *rows = csv.reader(io.StringIO(sheet))
    book = openpyxl.Workbook()
    book.active.append(header)
    for row in rows:
        book.active.append([float(cell) if name == "amount" else cell for name, cell in zip(header, row, strict=True)])
    book.save(path)
    return path


@pytest.mark.parametrize("first", [".csv", ".xlsx"])
async def test_a_run_goes_on_from_the_same_lines_in_another_form_and_charges_nobody_twice(tmp_path: Path, first: str):
    world = World.make(tmp_path, items=LINES, accounts=2, mix={"succeeds": 1.0})
    files = [world.file, as_workbook(world.file.read_text(), tmp_path / "run.xlsx")]
    shown: list[Plan] = []
    for file, limit in zip(files if first == ".csv" else files[::-1], (5, None), strict=True):
        with open_run(file, run_id=RUN, defaults=RunDefaults(policies=UNGUARDED)) as source:
            async with world.services() as services:
                asked = RunRequest(RunOptions(limit=limit), preflight=Preflight.NONE)
                result = await carry_out_run(services, source, asked, agree=shown.append)
                assert result.plan.amendment is None or not result.plan.amendment.counts
        assert len(await world.assert_true()) == LINES
        assert len([intent for intent in world.sandbox.books().intents if intent.paid]) == (limit or LINES)
    assert world.sandbox.books().doubles("billing_reference") == []
