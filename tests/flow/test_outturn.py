"""The money of a sheet stands in exactly one row each, and the printed table is the sheet's."""

import csv
import random
import re
from collections import Counter
from decimal import Decimal

import pytest

from billing.cli.endings import run_table
from billing.cli.planrows import ROW_WORDS, SKIP_WORDS, row_words, rows_table
from billing.core.kinds.charge import CHARGE_LIFE, State
from billing.core.life import Group
from billing.core.money import currency_of
from billing.core.planrows import ROWS as PLAN_ROWS
from billing.core.records import SheetTally
from billing.core.skips import SKIPS
from billing.edge.runfiles import RunDefaults, open_run
from billing.flow.outturn import ROWS, by_account, gathered, outturn_of, row_of
from billing.flow.planning.plan import PlanOptions, keep, make_plan
from billing.flow.report import known_run
from tests.flow.world import RUN, World

OTHER = "early-2026-11"
DEAD = "acct_nobody"


async def planned(world: World, services, file, run_id: str):
    with open_run(file, run_id=run_id, defaults=RunDefaults(policies=world.policies), skip_invalid=True) as source:
        plan = await make_plan(services, source, PlanOptions())
        await keep(plan, source, services.ledger)
        return plan


def printed(lines: list[str]) -> tuple[dict[str, Counter[str]], dict[str, int]]:
    """Read a printed table back: row -> currency -> amount in minor units, and row -> lines."""
    money: dict[str, Counter[str]] = {}
    counts: dict[str, int] = {}
    codes: list[str] = []
    for line in lines:
        if re.match(r" +lines ", line):
            codes = line.split()[1:]
        elif row := re.match(r"  (.+?)  +([\d,]+)  +(.*)$", line):
            label, count, cells = row[1].strip(), int(row[2].replace(",", "")), row[3].split()
            counts[label] = count
            for code, cell in zip(codes, cells, strict=True):
                scale = 10 ** currency_of(code.lower()).exponent
                minor = 0 if cell == "-" else int(Decimal(cell.replace(",", "")) * scale)
                money.setdefault(label, Counter())[code.lower()] += minor
    return money, counts


def sheet_sums(rows: list[dict[str, str]]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for row in rows:
        code = row["currency"].lower()
        sums[code] += int(Decimal(row["amount"]) * 10 ** currency_of(code).exponent)
    return sums


@pytest.mark.parametrize("seed", range(4))
async def test_the_printed_table_ties_to_the_file_with_lines_dealt_with_elsewhere_and_lines_set_aside(tmp_path, seed):
    dice = random.Random(seed)
    world = World.make(tmp_path, items=40, accounts=5, dead_accounts=1, seed=seed)
    with world.file.open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = list(rows[0])
    early = dice.sample(rows, 12)
    for row in dice.sample(rows, 3):
        row |= {"account": DEAD} if row not in early else {}
    bad = [{**dice.choice(rows), "reference": f"BAD-{n}", "amount": "1.2345"} for n in range(dice.randrange(3))]
    sheets = {OTHER: early, RUN: dice.sample([*rows, *bad], len(rows) + len(bad))}
    for run_id, lines in sheets.items():
        with (tmp_path / f"{run_id}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(lines)
    async with world.services() as services:
        await planned(world, services, tmp_path / f"{OTHER}.csv", OTHER)
        from billing.flow.execute import execute
        from billing.flow.options import RunOptions

        await execute(services, OTHER, RunOptions(limit=8), world.policies)
        plan = await planned(world, services, tmp_path / f"{RUN}.csv", RUN)
        told = list(rows_table(plan))
        money, counts = printed(told)
        assert money.pop("sheet") == sheet_sums(rows) == sum(money.values(), Counter())
        assert counts.pop("sheet") == sum(counts.values()) == len(rows) + len(bad)
        assert max(map(len, told)) <= 80
        await execute(services, RUN, RunOptions(limit=dice.randrange(40)), world.policies)
        shown = run_table(services.ledger, RUN)
        money, counts = printed(shown)
        total, lines = money.pop("sheet"), counts.pop("sheet")
        assert total == sheet_sums(rows)
        assert sum(money.values(), Counter()) == total
        assert lines == sum(counts.values()) == len(rows) + len(bad)
        assert shown[-1] == "  Totals agree with the sheet."
        assert max(map(len, shown)) <= 80
        parts = by_account(services.ledger.sheet(RUN), CHARGE_LIFE)
        assert sum((part.total.totals for part in parts.values()), Counter()) == total


async def test_a_table_that_does_not_tie_says_by_how_much(tmp_path):
    world = World.make(tmp_path, items=5, accounts=2)
    async with world.services() as services:
        await planned(world, services, world.file, RUN)
        tallies = services.ledger.sheet(RUN)
        outturn = gathered(tallies, CHARGE_LIFE, {"usd": 1})
        assert outturn.apart
        assert outturn_of(services.ledger, known_run(services.ledger, RUN)).apart == {}


def test_every_row_of_a_plan_has_words_that_leave_room_for_its_money():
    for code in PLAN_ROWS:
        assert code in ROW_WORDS or code in SKIP_WORDS, code
        assert len(row_words(code, CHARGE_LIFE)) <= 28
    words = [row_words(code, CHARGE_LIFE) for code in PLAN_ROWS]
    assert len(set(words)) == len(words)


def test_every_line_has_exactly_one_row_and_every_row_some_line():
    seen = set()
    for state in State:
        for grouping in ("", *Group):
            for reason in ("", *SKIPS):
                tally = SheetTally("acct_1", state, grouping, reason, "usd", 1, 1)
                seen.add(row_of(tally))
                if state is State.SKIPPED:
                    assert row_of(tally) == ("nothing_owed" if reason and SKIPS[reason].good else "left_out")
    assert seen == set(ROWS)
