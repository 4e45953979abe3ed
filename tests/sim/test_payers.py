"""Lives of payers that must end true, awaits at which anything may happen, and planted bugs that must not live."""

import os

import pytest

from tests.sim.mutations import planted
from tests.sim.payer_life import payer_points, simulate_payers
from tests.sim.payer_mutations import MOST_SEEDS, MUTATIONS
from tests.sim.schedule import DAY, How

SEEDS = int(os.environ.get("BILLING_SIM_SEEDS", "2000")) // 100
BLOCKS = 2
# So that the seeds can be shared out among the cores.


@pytest.mark.parametrize("block", range(BLOCKS))
def test_every_seed_of_payers_ends_true(block: int, record_property) -> None:
    seeds = range(block, SEEDS, BLOCKS)
    broken = {seed: violation for seed in seeds if (violation := simulate_payers(seed))}
    assert broken == {}
    record_property("evidence", f"payers: {len(seeds):,} lives of a run, 0 violations")


@pytest.mark.parametrize("block", range(BLOCKS))
def test_two_ledgers_that_know_nothing_of_each_other_make_a_payer_one_customer(block: int, record_property) -> None:
    seeds = range(block, SEEDS // 2, BLOCKS)
    broken = {seed: violation for seed in seeds if (violation := simulate_payers(seed, ledgers=2))}
    assert broken == {}
    record_property("evidence", f"payers: {len(seeds):,} lives of a run on two ledgers, 0 violations")


@pytest.mark.parametrize(
    ("how", "looks", "jump", "clicks"),
    [(How.KILL, True, 1.1 * DAY, False), (How.STOP, False, 1.1 * DAY, True)],
)
def test_every_await_of_a_payer_may_be_the_last(
    how: How, looks: bool, jump: float, clicks: bool, record_property
) -> None:
    found = list(payer_points(how, looks=looks, jump=jump, clicks=clicks))
    assert [violation for violation in found if violation] == []
    assert len(found) > 15
    record_property("evidence", f"every await of a payer: killed or stopped at {len(found)}, 0 violations")


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_bug_planted_in_payers_is_caught(name: str, record_property) -> None:
    bug, first, ledgers = MUTATIONS[name]
    seeds = range(first, first + MOST_SEEDS)
    with planted(bug()):
        caught = next((seed for seed in seeds if simulate_payers(seed, ledgers=ledgers)), None)
    assert caught is not None, f"{name} lived through {MOST_SEEDS} seeds"
    record_property("evidence", "planted bugs: 1 caught by the simulation of payers")
