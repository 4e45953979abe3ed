"""Who is saved can be charged or subscribed next: the sheet of that run comes from this one's report."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from billing.edge.runfiles import open_run
from billing.edge.runfiles.schemas import SCHEMAS
from billing.flow.next_sheet import as_sheet, next_sheet
from billing.flow.report import EVERY_LINE, Wanted, known_run
from billing.flow.report_files import Layout
from tests.flow.payer_world import VISA, PayerWorld
from tests.flow.world import RUN

NEXT = {schema.word: schema for schema in SCHEMAS}
SOLD = {"amount": "29.00", "currency": "USD", "interval": "month", "product": "Gym"}
FILLED = {"charges": {"account": "acct_N1", "amount": "10.99", "currency": "USD"},
          "subscriptions": {"account": "acct_N1", **SOLD}}  # fmt: skip


async def saved(folder: Path, *, answered: int = 2) -> PayerWorld:
    """Three people are asked, and the first of them answer at once."""
    bench = PayerWorld.make(folder, 3)
    people = bench.people
    first = replace(bench, people=people[:answered], answers_with=VISA)
    first.write()
    await first.run()
    bench.write()
    await bench.run(amend=True)
    return bench


async def sheet_of(bench: PayerWorld, word: str, wanted: Wanted = EVERY_LINE) -> list[dict[str, str]]:
    async with bench.services() as services:
        text = "".join(as_sheet(services.ledger, RUN, NEXT[word], wanted, Layout()))
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("word", FILLED)
async def test_the_sheet_of_a_next_run_has_those_who_are_saved_and_lacks_only_what_they_are_asked_for(
    tmp_path: Path, word: str
) -> None:
    bench = await saved(tmp_path)
    rows = await sheet_of(bench, word)
    assert [row["reference"] for row in rows] == ["PAY-0", "PAY-1"]
    async with bench.services() as services:
        assert set(next_sheet(known_run(services.ledger, RUN), NEXT[word]).to_fill_in) <= {*FILLED[word]}
    path = tmp_path / "next.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(row | FILLED[word] for row in rows)
    with open_run(path, run_id="next-2026-12") as run_file:
        items = [line.item for line in run_file.lines()]
        assert (run_file.run.kind, run_file.problems) == (NEXT[word].kind, ())
    methods = [(item.customer, item.payment_method) for item in items]
    asked = [await bench.item(number) for number in (0, 1)]
    assert methods == [(item.object_id, item.facts["payment_method"]) for item in asked]


async def test_the_sheet_of_a_next_run_says_nothing_of_who_they_are(tmp_path: Path) -> None:
    rows = await sheet_of(await saved(tmp_path), "charges")
    assert not {"email", "name", "phone"} & {*rows[0]}
    assert "example.net" not in str(rows)
    assert "Person" not in str(rows)


async def test_others_are_in_it_when_they_are_asked_for(tmp_path: Path) -> None:
    rows = await sheet_of(await saved(tmp_path), "charges", Wanted(statuses=frozenset({"processing"})))
    assert [(row["reference"], row["payment_method"]) for row in rows] == [("PAY-2", "")]
