"""Lives of subscriptions that must end true, and planted bugs that must not live."""

import os

import pytest

from tests.sim.mutations import planted
from tests.sim.subscribe_life import (
    METHODS,
    drawn,
    late_open_where_nothing_is_due,
    late_pay_of_what_was_given_up,
    simulate_subscriptions,
)
from tests.sim.subscribe_matrix import CASES, WAYS, wrong
from tests.sim.subscribe_mutations import MUTATIONS, ends_only, no_fuse

SEEDS = int(os.environ.get("BILLING_SIM_SEEDS", "2000")) // 80
BLOCKS = 4
# So that the seeds can be shared out among the cores.


@pytest.mark.parametrize("block", range(BLOCKS))
def test_every_seed_of_subscriptions_ends_true(block: int, record_property) -> None:
    seeds = range(block, SEEDS, BLOCKS)
    broken = {seed: violation for seed in seeds if (violation := simulate_subscriptions(seed))}
    assert broken == {}
    record_property("evidence", f"subscriptions: {len(seeds):,} lives of a run, 0 violations")


@pytest.mark.parametrize("block", range(BLOCKS))
def test_two_ledgers_that_know_nothing_of_each_other_subscribe_a_line_once(block: int, record_property) -> None:
    seeds = range(block, SEEDS // 2, BLOCKS)
    broken = {seed: violation for seed in seeds if (violation := simulate_subscriptions(seed, ledgers=2))}
    assert broken == {}
    record_property("evidence", f"subscriptions: {len(seeds):,} lives of a run on two ledgers, 0 violations")


def test_the_seeds_hold_every_way_in_which_a_first_payment_may_end() -> None:
    assert {method for seed in range(40) for method in drawn(seed, 4)[1]} == set(METHODS)


def test_whatever_a_request_of_a_subscription_meets_its_line_is_subscribed_once(record_property) -> None:
    cases = CASES[:: max(1, 72_000 // (SEEDS * 80))]
    assert [text for case in cases if (text := wrong(case))] == []
    record_property("evidence", f"fault matrix of subscriptions: {len(cases):,} cases, 0 wrong ends")


def test_the_matrix_of_subscriptions_covers_every_request_in_every_way_to_end() -> None:
    assert {(way, operation) for way, operation, _, _ in CASES} == {
        (way, operation) for way, (_, _, operations) in WAYS.items() for operation in operations
    }


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_bug_planted_in_subscriptions_is_caught(name: str, record_property) -> None:
    bug, seeds, ledgers = MUTATIONS[name]
    with planted(bug()):
        caught = next((seed for seed in seeds if simulate_subscriptions(seed, ledgers=ledgers)), None)
    assert caught is not None, f"{name} lived through {seeds} seeds"
    record_property("evidence", "planted bugs: 1 caught by the simulation of subscriptions")


def test_an_open_that_is_days_late_puts_itself_out_by_its_fuse_and_without_one_would_renew(record_property) -> None:
    assert late_open_where_nothing_is_due() == ""
    with planted(no_fuse()):
        assert "SUB-0 has ['sub_" in late_open_where_nothing_is_due()
    record_property("evidence", "planted bugs: 1 caught by the simulation of subscriptions")


def test_what_was_given_up_is_never_paid_because_its_invoice_is_void_and_without_that_would_be(record_property) -> None:
    assert late_pay_of_what_was_given_up() == ""
    with planted(ends_only()):
        assert "SUB-0 is failed" in late_pay_of_what_was_given_up()
    record_property("evidence", "planted bugs: 1 caught by the simulation of subscriptions")
