"""The order of a run: as short as no order can beat, whatever the shape, and one slow account holds up nobody else."""

from collections import Counter
from itertools import pairwise

import pytest

from billing.flow.engine.scheduler import FAIR_EVERY
from billing.flow.options import RunOptions
from tests.pace.workloads import ACCOUNT_SHARES, SHAPES, Workload, rehearse, slow_workload, workload

ITEMS, ACCOUNTS, RPS = 2400, 200, 10.0
# The default pace: 10 items a second. The figures of 10,000 items are printed by `tests.bench.order`.
PER_ACCOUNT = 2
# In flight on a slow account: in proportion to the pace, so that the long accounts need more than that here, too.
LONGEST = 1.02
HELD_UP = 1.05
# Makespan over its bound, at most; the same for the accounts beside one that answers 50 times slower.


@pytest.mark.parametrize("share", ACCOUNT_SHARES)
@pytest.mark.parametrize("shape", SHAPES)
def test_no_order_could_end_a_run_two_per_cent_sooner(shape, share, record_property):
    work = workload(shape, share, ITEMS, ACCOUNTS, RPS)
    took = rehearse(work, per_account=PER_ACCOUNT)
    assert took.seconds <= LONGEST * work.bound()
    assert took.done == Counter(range(1, ITEMS + 1))
    # The guard's round: every tenth start is for the longest waiting, and there are so many accounts.
    assert took.longest_wait() <= FAIR_EVERY * ACCOUNTS / RPS
    record_property("evidence", "order: 1 workloads within a fiftieth of the bound")


def test_one_account_that_answers_50_times_slower_holds_up_no_other_and_ends_with_every_slot():
    work, slow = slow_workload(ITEMS, ACCOUNTS // 4, RPS)
    took = rehearse(work)
    assert took.end_without(account=slow) <= HELD_UP * work.bound(without=slow)
    assert took.done == Counter(range(1, ITEMS + 1))
    flights = took.of(account=slow)
    nobody_else = max(start for item, start, _ in took.flights if item.account != slow)
    while_others_wait = [flight for flight in flights if flight[0] < nobody_else]
    assert (
        max(sum(start < at <= end for start, end in flights) for at, _ in while_others_wait) < RunOptions().per_account
    )
    left = len(flights) - len(while_others_wait)
    assert left > RunOptions().per_account, "else nothing was lifted"
    assert flights[-1][0] <= nobody_else + left / RPS + 1.0


def test_items_of_one_payer_follow_each_other_without_a_gap_and_hold_up_nobody_else():
    # Three pages of the long account hold nothing but items of one payer; those of others come after them.
    rows = [(f"acct_{n % 4}", "cus_many" if n % 4 == 1 and n < 480 else f"cus_{n}") for n in range(1200)]
    work = Workload(tuple(rows), workload("equal", 100, 10, 10, RPS).rates)
    took = rehearse(work)
    assert took.done == Counter(range(1, len(rows) + 1))
    assert took.end_without(payer="cus_many") <= HELD_UP * work.bound()
    chain = took.of(payer="cus_many")
    assert len(chain) == 120
    assert all(end <= start for (_, end), (start, _) in pairwise(chain))
