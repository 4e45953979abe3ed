"""Which item next: the longest account first, payers one at a time, nobody held up by a slow or dead account."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from billing.core.entries import Known
from billing.core.items import Kind
from billing.flow.lanes import Lanes

BLANK = Known(
    id=0, item="", run_id="r", kind=Kind.CHARGE, reference="", generation=0, account="", lane="", amount=1,
    currency="usd", digest="", content={},
)  # fmt: skip


def lanes_over(rows: list[tuple[str, str]], per_account: int = 8) -> Lanes:
    """Lanes over (account, payer) pairs, in file order."""
    items = [replace(BLANK, id=n, account=account, lane=payer) for n, (account, payer) in enumerate(rows, 1)]
    workload: dict[str, int] = {}
    for item in items:
        workload[item.account] = workload.get(item.account, 0) + 1

    def fetch(account: str, after: int, limit: int) -> list[Known]:
        return [item for item in items if item.account == account and item.id > after][:limit]

    return Lanes(fetch, workload, per_account)


def started(lanes: Lanes, most: int = 1000) -> list[Known]:
    found = []
    while len(found) < most and (known := lanes.next()) is not None:
        found.append(known)
    return found


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("xyz")), max_size=120), st.integers(1, 9), st.data())
def test_every_item_is_handed_out_exactly_once_whatever_is_put_back(rows, per_account, data):
    lanes = lanes_over(rows, per_account)
    done: list[int] = []
    flying = started(lanes)
    while flying:
        assert len({known.lane for known in flying}) == len(flying)
        known = flying.pop(data.draw(st.integers(0, len(flying) - 1)))
        if data.draw(st.integers(0, 4)) == 0:
            lanes.put_back(known)
        else:
            done.append(known.id)
            lanes.done(known, alive=data.draw(st.booleans()))
        flying += started(lanes)
    assert sorted(done) == list(range(1, len(rows) + 1))
    assert lanes.remaining == 0


def test_the_account_with_the_most_left_comes_first_and_ties_follow_the_file():
    lanes = lanes_over([("A", "a1"), ("B", "b1"), ("B", "b2"), ("C", "c1")])
    assert [known.account for known in started(lanes)] == ["B", "A", "C"]


def test_an_unproven_account_gets_one_item_until_it_has_answered():
    lanes = lanes_over([("A", f"a{n}") for n in range(10)])
    first = started(lanes)
    assert len(first) == 1
    lanes.done(first[0], alive=True)
    assert len(started(lanes)) == 9


def test_a_refusing_account_never_gets_a_second_slot():
    lanes = lanes_over([("A", f"a{n}") for n in range(10)])
    for _ in range(10):
        (only,) = started(lanes)
        lanes.done(only, alive=False)


def test_the_cap_of_an_account_holds_while_others_wait_and_is_lifted_when_they_are_done():
    lanes = lanes_over([("A", f"a{n}") for n in range(20)] + [("B", f"b{n}") for n in range(5)], per_account=3)
    a, b = started(lanes)
    lanes.done(a, alive=True)
    flying = started(lanes, most=3)
    assert [known.account for known in flying] == ["A"] * 3
    lanes.done(b, alive=True)
    assert [known.account for known in started(lanes, most=3)] == ["B"] * 3
    assert len(started(lanes)) == (20 - 1 - 3) + (5 - 1 - 3), "nobody else could use the slots, so nothing waits"


def test_a_payer_is_charged_by_one_item_at_a_time_on_whatever_account():
    lanes = lanes_over([("A", "x"), ("B", "x"), ("C", "y")])
    flying = started(lanes)
    assert sorted(known.lane for known in flying) == ["x", "y"]
    lanes.done(next(known for known in flying if known.lane == "x"), alive=True)
    assert [known.lane for known in started(lanes)] == ["x"]


def test_an_item_put_back_is_the_next_of_its_account():
    lanes = lanes_over([("A", "a1"), ("A", "a2")])
    (first,) = started(lanes)
    lanes.put_back(first)
    assert lanes.next() == first
