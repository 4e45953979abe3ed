"""Lives of cancellations that must end true, awaits at which anything may happen, planted bugs that must not live."""

import os

import pytest

from tests.sim.cancel_life import cancel_points, refused_after_a_late_send, simulate_cancellations
from tests.sim.cancel_mutations import MUTATIONS, doubt_is_forgotten
from tests.sim.mutations import planted
from tests.sim.schedule import DAY, How

SEEDS = int(os.environ.get("BILLING_SIM_SEEDS", "2000")) // 200
BLOCKS = 2
# So that the seeds can be shared out among the cores.


@pytest.mark.parametrize("block", range(BLOCKS))
@pytest.mark.parametrize("ledgers", [1, 2])
def test_every_seed_of_cancellations_ends_true(ledgers: int, block: int, record_property) -> None:
    seeds = range(block, SEEDS // ledgers, BLOCKS)
    broken = {seed: violation for seed in seeds if (violation := simulate_cancellations(seed, ledgers=ledgers))}
    assert broken == {}
    record_property("evidence", f"cancellations: {len(seeds):,} lives of a run, 0 violations")


@pytest.mark.parametrize(("how", "loses", "jump"), [(How.KILL, True, 1.1 * DAY)])
def test_every_await_of_a_cancellation_may_be_the_last(how: How, loses: bool, jump: float, record_property) -> None:
    found = list(cancel_points(how, loses=loses, jump=jump))
    assert [violation for violation in found if violation] == []
    assert len(found) > 15
    record_property("evidence", f"every await of a cancellation: killed or stopped at {len(found)}, 0 violations")


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_bug_planted_in_cancellations_is_caught(name: str, record_property) -> None:
    bug, seeds = MUTATIONS[name]
    with planted(bug()):
        caught = next((seed for seed in range(seeds) if simulate_cancellations(seed)), None)
    assert caught is not None, f"{name} lived through {seeds} seeds"
    record_property("evidence", "planted bugs: 1 caught by the simulation of cancellations")


def test_an_end_that_is_refused_while_an_earlier_send_is_under_way_is_never_called_failed(record_property) -> None:
    assert refused_after_a_late_send() == ""
    with planted(doubt_is_forgotten()):
        assert "GYM-0 is failed" in refused_after_a_late_send()
    record_property("evidence", "planted bugs: 1 caught by the simulation of cancellations")
