"""Seeds that must hold, and planted bugs that must not."""

import os
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.sim.life import fate_of, simulate
from tests.sim.mutations import MUTATIONS, planted

SEEDS = int(os.environ.get("BILLING_SIM_SEEDS", "2000"))


def test_every_seed_ends_true():
    with ProcessPoolExecutor(2) as pool:
        verdicts = list(pool.map(simulate, range(SEEDS), chunksize=8))
    broken = [f"{verdict.violation}: {verdict.replay}" for verdict in verdicts if verdict.violation]
    assert broken == []
    assert len(verdicts) == SEEDS


def test_a_seed_repeats_its_life_to_the_request():
    first, again = simulate(17), simulate(17)
    assert first == again
    assert first.requests > 0


def test_seeds_hold_every_kind_of_trouble():
    fates = [fate_of(seed, 8) for seed in range(200)]
    assert {kind for fate in fates for kind in fate.faults} >= {"lost_before", "lost_after", "late", "stored_500_done"}
    assert any(fate.pairs for fate in fates)
    assert any(fate.cut_at for fate in fates)
    assert any(jump > 24 * 3600 for fate in fates for jump in fate.jumps)


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_planted_bug_is_caught(name):
    bug, seeds = MUTATIONS[name]
    caught = None
    with planted(bug()):
        caught = next((seed for seed in range(seeds) if simulate(seed).violation), None)
    assert caught is not None, f"{name} lived through {seeds} seeds"
