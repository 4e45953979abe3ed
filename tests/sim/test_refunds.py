"""Lives of refunds that must end true, awaits at which anything may happen, and planted bugs that must not live."""

import os

import pytest

from tests.sim.mutations import planted
from tests.sim.refund_life import METHODS, drawn, refund_points, refused_after_a_late_send, simulate_refunds
from tests.sim.refund_mutations import MUTATIONS, loose_is_forgotten
from tests.sim.schedule import DAY, How

SEEDS = int(os.environ.get("BILLING_SIM_SEEDS", "1000")) // 10
BLOCKS = 8
# So that the seeds can be shared out among the cores.


@pytest.mark.parametrize("block", range(BLOCKS))
def test_every_seed_of_refunds_ends_true(block: int, record_property) -> None:
    seeds = range(block, SEEDS, BLOCKS)
    broken = {seed: violation for seed in seeds if (violation := simulate_refunds(seed))}
    assert broken == {}
    record_property("evidence", f"refunds: {len(seeds):,} lives of a run, 0 violations")


@pytest.mark.parametrize("block", range(BLOCKS))
def test_two_ledgers_that_know_nothing_of_each_other_give_nothing_back_twice(block: int, record_property) -> None:
    seeds = range(block, SEEDS // 2, BLOCKS)
    broken = {seed: violation for seed in seeds if (violation := simulate_refunds(seed, ledgers=2))}
    assert broken == {}
    record_property("evidence", f"refunds: {len(seeds):,} lives of a run on two ledgers, 0 violations")


def test_the_seeds_hold_every_way_in_which_a_refund_may_end() -> None:
    drawn_methods = {method for seed in range(40) for method in drawn(seed, 6)[1]}
    assert drawn_methods == set(METHODS)


@pytest.mark.parametrize(
    ("how", "looks", "jump"),
    [(How.KILL, False, 0.0), (How.KILL, True, 1.1 * DAY), (How.STOP, False, 0.0), (How.STOP, True, 1.1 * DAY)],
)
def test_every_await_of_a_refund_may_be_the_last(how: How, looks: bool, jump: float, record_property) -> None:
    found = list(refund_points(how, looks=looks, jump=jump))
    assert [violation for violation in found if violation] == []
    assert len(found) > 40
    record_property("evidence", f"every await of a refund: killed or stopped at {len(found)}, 0 violations")


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_bug_planted_in_refunds_is_caught(name: str, record_property) -> None:
    bug, seeds = MUTATIONS[name]
    with planted(bug()):
        caught = next((seed for seed in range(seeds) if simulate_refunds(seed)), None)
    assert caught is not None, f"{name} lived through {seeds} seeds"
    record_property("evidence", "planted bugs: 1 caught by the simulation of refunds")


def test_a_refund_that_is_refused_while_an_earlier_send_is_under_way_is_never_called_failed(record_property) -> None:
    assert refused_after_a_late_send() == ""
    with planted(loose_is_forgotten()):
        assert "INV-0 is failed" in refused_after_a_late_send()
    record_property("evidence", "planted bugs: 1 caught by the simulation of refunds")
