"""A plan reads a ledger while somebody charges from it, and keeps what it has looked up when nobody does."""

from functools import partial

import pytest
from ledger_tools import opened, planned

from billing.core.errors import LedgerDamaged, LedgerError, LedgerHeld
from billing.edge.ledger.borrowed import open_to_plan

FOUND = {"acct_1": {"charges_enabled": True, "types": ["card"]}}
EVER = "2000-01-01T00:00:00.000+00:00"


def kept(ledger) -> dict:
    return ledger.lookups("account", ["acct_1", "acct_2"], EVER)


async def test_what_a_plan_finds_is_kept_for_the_run_that_follows(tmp_path):
    plan = await open_to_plan(partial(opened, tmp_path))
    assert plan.made is not None
    assert kept(plan) == {}
    await plan.keep_lookups("account", FOUND)
    assert kept(plan) == FOUND
    await plan.aclose()
    ledger = await opened(tmp_path)
    assert kept(ledger) == FOUND
    await ledger.aclose()


async def test_a_plan_goes_on_while_a_runner_holds_the_ledger_and_keeps_nothing(tmp_path):
    runner = await opened(tmp_path, purpose="run coaching-2026-11")
    plan = await open_to_plan(partial(opened, tmp_path))
    assert plan.runs() == []
    await planned(runner)
    assert len(plan.runs()) == 1
    await plan.keep_lookups("account", FOUND)
    assert kept(plan) == FOUND
    await plan.aclose()
    assert kept(runner) == {}
    await runner.aclose()


async def test_a_plan_holds_up_no_runner(tmp_path):
    plan = await open_to_plan(partial(opened, tmp_path))
    runner = await opened(tmp_path)
    with pytest.raises(LedgerHeld):
        await opened(tmp_path)
    await plan.aclose()
    await runner.aclose()


async def test_a_plan_writes_nothing_else(tmp_path):
    plan = await open_to_plan(partial(opened, tmp_path))
    with pytest.raises(LedgerError, match="to read only"):
        await planned(plan)
    await plan.aclose()


async def test_a_plan_refuses_a_damaged_ledger_like_a_run(tmp_path):
    ledger = await opened(tmp_path)
    await planned(ledger)
    await ledger.aclose()
    (tmp_path / "ledger.db").unlink()
    with pytest.raises(LedgerDamaged, match="is gone"):
        await open_to_plan(partial(opened, tmp_path))
