"""Which item next: the longest remaining time first, payers one at a time, nobody held up by a slow or dead account."""

import random
from collections import Counter
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.core.entries import ItemRecord
from billing.core.items import Kind
from billing.core.kinds.charge import State
from billing.flow.engine.scheduler import AHEAD_SECONDS, FAIR_EVERY, RUN_AHEAD, SOON, Bounds, Scheduler

BLANK = ItemRecord(
    id=0, item_id="", run_id="r", kind=Kind.CHARGE, reference="", generation=0, account="", payer="", amount=1,
    currency="usd", digest="", content={}, state=State.PLANNED,
)  # fmt: skip
FAST = 1e9
# Items a second of an account: so many that its rate never holds anything up.


@dataclass(slots=True)
class Hand:
    """A clock that a test moves, and that moves on by a microsecond whenever it is read."""

    now: float = 0.0

    def __call__(self) -> float:
        self.now += 1e-6
        return self.now


def lanes_over(
    rows: list[tuple[str, str]],
    per_account: int = 8,
    rps: float = FAST,
    hand: Hand | None = None,
    slots: int = 64,
    run_rps: float = FAST,
) -> Scheduler:
    """Lanes over (account, payer) pairs, in file order."""
    items = [replace(BLANK, id=n, account=account, payer=payer) for n, (account, payer) in enumerate(rows, 1)]
    workload = Counter(item.account for item in items)

    def fetch(account: str, after: int, limit: int) -> tuple[list[ItemRecord], bool]:
        page = [item for item in items if item.account == account and item.id > after][:limit]
        return page, len(page) < limit

    return Scheduler(fetch, workload, Bounds(lambda: run_rps, lambda _: rps, per_account, slots), hand or Hand())


def rows_of(**counts: int) -> list[tuple[str, str]]:
    """So many items of each account, every one with a payer of its own."""
    return [(account, f"{account}{n}") for account, count in counts.items() for n in range(count)]


def started(scheduler: Scheduler, most: int = 1000) -> list[ItemRecord]:
    found = []
    while len(found) < most and (item := scheduler.next()) is not None:
        found.append(item)
    return found


@given(
    st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("xyz")), max_size=120),
    st.integers(1, 9),
    st.sampled_from([FAST, 1.0]),
    st.sampled_from([FAST, 2.0]),
    st.integers(0, 10**9),
)
def test_every_item_is_handed_out_exactly_once_whatever_is_put_back(rows, per_account, rps, run_rps, seed):
    hand, chance = Hand(), random.Random(seed)
    scheduler = lanes_over(rows, per_account, rps, hand, run_rps=run_rps)
    done: list[int] = []
    flying = started(scheduler)
    while flying or scheduler.pause is not None:
        assert len({item.payer for item in flying}) == len(flying)
        if flying:
            item = flying.pop(chance.randrange(len(flying)))
            if chance.random() < 0.2:
                scheduler.put_back(item)
            else:
                done.append(item.id)
                scheduler.done(item, alive=chance.random() < 0.5, sent=chance.random() < 0.5)
            hand.now += chance.choice([0.0, 0.5, 30.0])
        else:
            hand.now += scheduler.pause
        flying += started(scheduler)
    assert sorted(done) == list(range(1, len(rows) + 1))
    assert scheduler.remaining == 0


def test_the_account_with_the_most_left_comes_first_and_ties_follow_the_file():
    scheduler = lanes_over([("A", "a1"), ("B", "b1"), ("B", "b2"), ("C", "c1")])
    assert [item.account for item in started(scheduler)] == ["B", "A", "C"]


def test_an_unproven_account_gets_one_item_until_it_has_answered():
    scheduler = lanes_over([("A", f"a{n}") for n in range(10)])
    first = started(scheduler)
    assert len(first) == 1
    scheduler.done(first[0], alive=True)
    assert len(started(scheduler)) == 9


def test_a_refusing_account_never_gets_a_second_slot():
    scheduler = lanes_over([("A", f"a{n}") for n in range(10)])
    for _ in range(10):
        given = started(scheduler)
        assert len(given) == 1
        scheduler.done(given[0], alive=False)


def test_of_two_accounts_with_as_many_items_the_one_that_answers_slowly_comes_first():
    hand = Hand()
    scheduler = lanes_over(rows_of(A=40, B=40), hand=hand)
    a, b = started(scheduler)
    hand.now = 0.5
    scheduler.done(a, alive=True)
    hand.now = 30.0
    scheduler.done(b, alive=True)
    assert [item.account for item in started(scheduler, most=7)] == ["B"] * 7


def test_the_time_left_counts_and_not_the_items():
    hand = Hand()
    scheduler = lanes_over(rows_of(A=100, B=40), rps=10.0, hand=hand)
    a, b = started(scheduler)
    hand.now = 0.5
    scheduler.done(a, alive=True)
    hand.now = 30.0
    scheduler.done(b, alive=True)  # 40 items, 8 at once, 30 s each: 150 s; A's 100 at 10 a second: 10 s
    assert scheduler.next().account == "B"


def test_every_tenth_start_goes_to_the_account_that_has_waited_longest():
    scheduler = lanes_over(rows_of(A=500, B=100, C=20, D=20))
    for item in started(scheduler):
        scheduler.done(item, alive=True)
    order = []
    for _ in range(4 * FAIR_EVERY):
        item = scheduler.next()
        order.append(item.account)
        scheduler.done(item, alive=True)
    assert Counter(order) == {"A": 4 * FAIR_EVERY - 4, "B": 2, "C": 1, "D": 1}


def test_an_account_is_started_no_faster_than_its_rate_and_never_waits_for_it_in_a_slot():
    hand = Hand()
    scheduler = lanes_over(rows_of(A=30), rps=2.0, hand=hand)
    times = []
    while scheduler.remaining:
        for item in started(scheduler):
            times.append(hand.now)
            scheduler.done(item, alive=True)
        hand.now += scheduler.pause or 0.0
    expected = [0.0, *(n / 2 for n in range(20))]
    assert [round(time, 3) for time in times][:21] == expected, "one ahead, so that no token is lost"


def test_no_more_are_started_than_the_run_can_send_and_a_few_ahead():
    hand = Hand()
    scheduler = lanes_over([(f"A{n}", f"p{n}") for n in range(100)], hand=hand, run_rps=5.0)
    assert len(started(scheduler)) == 1 + RUN_AHEAD
    counts = []
    while (pause := scheduler.pause) is not None:
        hand.now += pause
        counts.append(len(started(scheduler)))
    assert counts == [1] * (100 - 1 - int(RUN_AHEAD))
    assert hand.now == pytest.approx((100 - 1 - RUN_AHEAD) / 5.0, abs=0.01)


@pytest.mark.parametrize("bound", ["run_rps", "rps"])
def test_what_is_due_within_a_hundredth_of_a_second_may_start_at_once(bound):
    scheduler = lanes_over([("A", f"p{n}") for n in range(100)], hand=Hand(), **{bound: 2000.0})
    scheduler.done(scheduler.next(), alive=True)
    assert len(started(scheduler)) == pytest.approx(2000 * AHEAD_SECONDS, abs=1)


def test_an_item_that_cost_no_request_uses_nothing_of_any_rate():
    scheduler = lanes_over(rows_of(A=50), rps=0.1, run_rps=0.1)
    for _ in range(50):
        scheduler.done(scheduler.next(), alive=True, sent=False)
    assert (scheduler.next(), scheduler.pause) == (None, None)


def slow_account(others: int) -> tuple[Scheduler, Hand]:
    """Lanes where account S has answered once, after 30 s, and 20 others after half a second; so many items each."""
    hand = Hand()
    scheduler = lanes_over(rows_of(S=200, **{f"A{n}": others for n in range(20)}), per_account=3, hand=hand)
    flying = started(scheduler)
    hand.now = 0.5
    for item in flying[1:]:
        scheduler.done(item, alive=True)
    hand.now = 30.0
    scheduler.done(flying[0], alive=True)
    return scheduler, hand


def test_a_slow_account_has_its_share_while_others_wait_and_all_slots_when_they_are_done():
    scheduler, _ = slow_account(others=11)
    flying = started(scheduler, most=2 + 20 * 10)
    assert Counter(item.account == "S" for item in flying) == {True: 3, False: 20 * 10 - 1}
    assert len(started(scheduler)) == 1 + 200 - 1 - 3, "nobody else could use the slots, so nothing waits"


def test_while_others_wait_for_their_payers_a_slow_account_leaves_them_half_of_the_slots():
    hand = Hand()
    rows = rows_of(S=200) + [("A", "a1")] * 50 + rows_of(B=20)
    scheduler = lanes_over(rows, per_account=3, hand=hand, slots=40)
    flying = {item.account: item for item in started(scheduler)}
    hand.now = 0.5
    for account in "AB":
        scheduler.done(flying[account], alive=True)
    quick = started(scheduler)
    hand.now = 30.0
    for item in [flying["S"], *(item for item in quick if item.account == "B")]:
        scheduler.done(item, alive=True)
    assert len(started(scheduler)) == 40 // 2 - 1


def test_an_account_that_answers_like_the_others_has_as_many_in_flight_as_its_rate_needs():
    hand = Hand()
    scheduler = lanes_over(rows_of(A=100, B=100), per_account=3, hand=hand)
    for item in started(scheduler):
        hand.now = 0.5
        scheduler.done(item, alive=True)
    assert Counter(item.account for item in started(scheduler)) == {"A": 99, "B": 99}


def test_an_account_that_stops_answering_gets_no_more_than_its_share():
    hand = Hand()
    scheduler = lanes_over(rows_of(A=100, B=100), per_account=3, rps=4.0, hand=hand)
    first = started(scheduler)
    hand.now = 0.5
    for item in first:
        scheduler.done(item, alive=True)
    out = Counter()
    for _ in range(150):
        hand.now += 0.125
        for item in started(scheduler):
            out[item.account] += 1
            if item.account == "B":
                scheduler.done(item, alive=True)
    assert out["A"] <= 2 + 4 * SOON + 1, "two at once, and those that its rate allows until it is noticed"
    assert out["B"] > 70


def test_a_payer_is_charged_by_one_item_at_a_time_on_whatever_account():
    scheduler = lanes_over([("A", "x"), ("B", "x"), ("C", "y")])
    flying = started(scheduler)
    assert sorted(item.payer for item in flying) == ["x", "y"]
    scheduler.done(next(item for item in flying if item.payer == "x"), alive=True)
    assert [item.payer for item in started(scheduler)] == ["x"]


def test_an_item_put_back_is_the_next_of_its_account():
    scheduler = lanes_over([("A", "a1"), ("A", "a2")])
    (first,) = started(scheduler)
    scheduler.put_back(first)
    assert scheduler.next() == first
