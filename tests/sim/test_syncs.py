"""Lives of links that must end in step, awaits at which anything may happen, and planted bugs that must not live.

``BILLING_SIM_SEEDS=100000`` walks every await, and every request with every fault.
"""

import os
from contextlib import nullcontext, suppress
from itertools import product
from pathlib import Path

import pytest

from billing.core.errors import BillingError
from billing.core.kinds.sync import State
from billing.sandbox.faults import Scripted
from tests.flow.sync_world import ATTACH, CLONE, DETACH, MOVE, UPDATE, SyncWorld
from tests.sim.lifecycle import memory_folder
from tests.sim.matrix import FAULTS, SHARP, Sort
from tests.sim.mutations import planted
from tests.sim.schedule import DAY, How
from tests.sim.sync_life import simulate_syncs, sync_points, undisturbed
from tests.sim.sync_mutations import MUTATIONS, detached_before_it_is_read
from tests.virtual import run_virtually

SEEDS = int(os.environ.get("BILLING_SIM_SEEDS", "2000")) // 125
DEEP = "BILLING_SIM_SEEDS" in os.environ
BLOCKS = 4
READS = ("customers.retrieve", "subscriptions.list", "customers.payment_methods", "events.list")
WRITES = (CLONE, ATTACH, UPDATE, MOVE, DETACH)


@pytest.mark.parametrize("block", range(BLOCKS))
def test_every_seed_of_syncs_ends_in_step(block: int, record_property) -> None:
    seeds = range(block, SEEDS, BLOCKS)
    broken = {seed: violation for seed in seeds if (violation := simulate_syncs(seed))}
    assert broken == {}
    record_property("evidence", f"syncs: {len(seeds):,} lives of links, 0 violations")


@pytest.mark.parametrize("block", range(2))
def test_two_ledgers_that_sync_the_same_links_leave_a_method_that_works_and_is_in_step(
    block: int, record_property
) -> None:
    seeds = range(block, max(SEEDS // 5, 2), 2)
    broken = {seed: violation for seed in seeds if (violation := simulate_syncs(seed, ledgers=2))}
    assert broken == {}
    record_property("evidence", f"syncs: {len(seeds):,} lives of links under two ledgers, 0 violations")


@pytest.mark.parametrize(("how", "jump", "every"), [(How.KILL, 0.0, 9), (How.STOP, 1.1 * DAY, 24)])
def test_every_await_of_a_sync_may_be_the_last(how: How, jump: float, every: int, record_property) -> None:
    found = list(sync_points(how, jump=jump, every=1 if DEEP else every))
    assert [violation for violation in found if violation] == []
    assert len(found) > 90 // (1 if DEEP else every) - 1
    record_property("evidence", f"awaits of a sync: killed or stopped at {len(found)}, 0 violations")


def changed(folder: Path) -> SyncWorld:
    """Return a link whose card has changed since it was found in step."""
    world = SyncWorld.make(folder, own=True)
    run_virtually(world.sync)
    world.new_card(world.links[0].payer)
    world.sandbox.advance(60)
    return world


def test_while_nothing_goes_wrong_no_default_is_dead_at_any_moment(tmp_path: Path, record_property) -> None:
    for name in ("sound", "broken"):
        (tmp_path / name).mkdir()
    assert run_virtually(undisturbed, changed(tmp_path / "sound")) == []
    broken = changed(tmp_path / "broken")
    with planted(detached_before_it_is_read()):
        assert run_virtually(undisturbed, broken)
    record_property("evidence", "planted bugs: 1 caught by the simulation of syncs")


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_bug_planted_in_syncs_is_caught(name: str, record_property) -> None:
    bug, seeds = MUTATIONS[name]
    with planted(bug()):
        caught = next((seed for seed in range(seeds) if simulate_syncs(seed)), None)
    assert caught is not None, f"{name} lived through {seeds} seeds"
    record_property("evidence", "planted bugs: 1 caught by the simulation of syncs")


# --- the matrix ------------------------------------------------------------------------------------------------------

CASES = list(product(WRITES + READS, FAULTS, (1, 2))) if DEEP else list(product(WRITES, SHARP, (1,)))


def wrong(operation: str, fault: str, nth: int) -> str:
    """Return what is wrong with how a case ended, or an empty text."""
    with memory_folder() as folder:
        world = changed(folder)
        world.sandbox.faults.add(Scripted(FAULTS[fault].fault, operation, nth=nth))
        stops = FAULTS[fault].sort is Sort.BARRED or operation == "events.list"  # nothing is known without them
        with suppress(BillingError) if stops else nullcontext():
            run_virtually(world.sync)
        world.assert_works()
        world.sandbox.advance(2 * DAY)
        world.sandbox.faults.clear()
        run_virtually(lambda: world.sync(everybody=True))
        run_virtually(lambda: world.sync(everybody=True))
        world.assert_works()
        states = {str(item.state) for item in run_virtually(world.items)}
        found = run_virtually(lambda: world.look(everybody=True))
    refused = FAULTS[fault].sort is Sort.REFUSED
    allowed = {State.SUCCEEDED} | ({State.FAILED, State.PARKED, State.SKIPPED} if refused else set())
    if states <= allowed and not found.drifted:
        return ""
    return f"{operation} {fault} {nth}: {states}, {found.says() if found.drifted else 'in step'}"


@pytest.mark.parametrize("block", range(2))
def test_whatever_a_request_of_a_sync_meets_the_link_ends_in_step(block: int, record_property) -> None:
    cases = CASES[block::2]
    assert [text for case in cases if (text := wrong(*case))] == []
    record_property("evidence", f"fault matrix of syncs: {len(cases):,} cases, 0 wrong ends")
