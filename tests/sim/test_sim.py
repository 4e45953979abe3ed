"""Seeds that must hold, awaits at which anything may happen, and planted bugs that must not live."""

import os

import pytest

from tests.sim.lifecycle import simulate
from tests.sim.mutations import HEALED, MUTATIONS, PAIR_MUTATIONS, Patches, planted
from tests.sim.pair import both
from tests.sim.points import COURSES, Course, points
from tests.sim.schedule import How, fate_of

SEEDS = int(os.environ.get("BILLING_SIM_SEEDS", "480"))
BLOCKS = 16
# So that the seeds can be shared out among the cores.


@pytest.mark.parametrize("block", range(BLOCKS))
def test_every_seed_ends_true(block, record_property):
    verdicts = [simulate(seed) for seed in range(block, SEEDS, BLOCKS)]
    broken = [f"{verdict.violation}: {verdict.replay}" for verdict in verdicts if verdict.violation]
    assert broken == []
    met = sum(verdict.met for verdict in verdicts)
    record_property(
        "evidence", f"simulation: {len(verdicts):,} lives of a run, {met:,} runners come to grief, 0 violations"
    )


def test_a_seed_repeats_its_life_to_the_request():
    first, again = simulate(17), simulate(17)
    assert first == again
    assert first.requests > 0


def test_seeds_hold_every_kind_of_trouble():
    fates = [fate_of(seed, 8) for seed in range(200)]
    dooms = [doom for fate in fates for doom in fate.dooms]
    assert {kind for fate in fates for kind in fate.faults} >= {"lost_before", "lost_after", "late", "stored_500_done"}
    assert {doom.how for doom in dooms} == set(How)
    assert any(doom.company for doom in dooms)
    assert any(doom.jump > 24 * 3600 for doom in dooms)
    assert {doom.skew for doom in dooms if doom.skew} == {-24 * 3600.0, 48 * 3600.0}


@pytest.mark.parametrize("course", COURSES, ids=str)
def test_every_await_of_the_money_path_may_be_the_last(course: Course, record_property):
    found = list(points(course))
    assert [violation for violation in found if violation] == []
    assert len(found) > 40
    record_property("evidence", f"every await of the money path: killed or stopped at {len(found)}, 0 violations")


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_planted_bug_is_caught(name, record_property):
    bug, seeds = MUTATIONS[name]
    caught = None
    with planted(bug()):
        caught = next((seed for seed in range(seeds) if simulate(seed).violation), None)
    assert caught is not None, f"{name} lived through {seeds} seeds"
    record_property("evidence", "planted bugs: 1 caught by the simulation")


def violated(seed: int, patches: Patches) -> bool:
    with planted(patches):
        return simulate(seed).violation != ""


@pytest.mark.parametrize("name", HEALED)
def test_a_planted_bug_that_is_healed_is_caught_where_the_healer_alone_is_not_missed(name, record_property):
    bug, healer_gone, seeds = HEALED[name]
    caught = (seed for seed in range(seeds) if violated(seed, [*bug(), *healer_gone()]))
    assert any(not violated(seed, healer_gone()) for seed in caught), f"{name} lived through {seeds} seeds"
    record_property("evidence", "planted bugs: 1 caught by the simulation")


@pytest.mark.parametrize("block", range(BLOCKS))
def test_two_ledgers_that_know_nothing_of_each_other_charge_nobody_twice(block, record_property):
    outcomes = [both(seed) for seed in range(block, SEEDS // 8, BLOCKS)]
    assert [f"{outcome.violation}: seed {outcome.seed}" for outcome in outcomes if outcome.violation] == []
    record_property("evidence", f"simulation: {len(outcomes):,} lives of a run on two ledgers, 0 violations")


@pytest.mark.parametrize("name", PAIR_MUTATIONS)
def test_a_planted_bug_that_needs_two_ledgers_is_caught(name, record_property):
    bug, seeds = PAIR_MUTATIONS[name]
    with planted(bug()):
        caught = next((seed for seed in range(seeds) if both(seed).violation), None)
    assert caught is not None, f"{name} lived through {seeds} seeds"
    record_property("evidence", "planted bugs: 1 caught by the simulation")
