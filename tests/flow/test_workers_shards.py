"""How a run is cut into shards: every item in exactly one, no account with two workers, the same way every time."""

from collections import Counter, defaultdict
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.edge.engines import Placed
from billing.flow.workers.shard import LEAST, MOST, Part, Shard, cut, parts_of, placed

SIZES = st.lists(st.integers(0, 40) | st.integers(400, 1300), max_size=40)


def work_of(sizes, step: int = 3) -> list[tuple[str, list[int]]]:
    """Accounts with so many items each, whose rows lie among each other's as a file mixes them."""
    return [(f"acct_{n}", [1 + n + k * step * (1 + len(sizes)) for k in range(size)]) for n, size in enumerate(sizes)]


def rows_of(part: Part, work: dict[str, list[int]]) -> list[int]:
    between = [row for row in work[part.account] if part.first_row <= row <= part.last_row]
    return between if part.rows is None else [row for row in between if row in part.rows]


def assert_laws(work: list[tuple[str, list[int]]], shards: list[Shard]) -> None:
    by_account = dict(work)
    held = Counter((part.account, row) for shard in shards for part in shard.parts for row in rows_of(part, by_account))
    assert held == Counter((account, row) for account, rows in work for row in rows)
    assert [shard.number for shard in shards] == list(range(1, len(shards) + 1))
    assert all(0 < shard.items <= MOST for shard in shards)
    of_account = defaultdict(list)
    for shard in shards:
        assert shard.items == sum(len(rows_of(part, by_account)) for part in shard.parts)
        for part in shard.parts:
            of_account[part.account].append((shard, part))
    for found in of_account.values():
        if len(found) > 1:
            assert all(len(shard.parts) == 1 and shard.chained for shard, _ in found)
        rows = [row for _, part in found for row in (part.first_row, part.last_row)]
        assert rows == sorted(rows)
        assert [shard.behind for shard, _ in found] == list(range(len(found)))[::-1]


@given(SIZES, st.booleans())
def test_every_item_is_in_exactly_one_shard_and_no_account_in_two_bundles(sizes, exactly):
    work = work_of(sizes)
    assert_laws(work, cut(work, sum(sizes), exactly=exactly))


def test_the_same_holds_for_every_small_run_there_is():
    for accounts in range(4):
        for sizes in product((0, 1, LEAST - 1, LEAST, LEAST + 1, 3 * LEAST), repeat=accounts):
            work = work_of(sizes)
            assert_laws(work, cut(work, sum(sizes)))


@given(SIZES)
def test_the_same_work_is_cut_in_the_same_way(sizes):
    assert cut(work_of(sizes), sum(sizes)) == cut(work_of(sizes), sum(sizes))


@given(SIZES, st.integers(0, 2**31))
def test_a_wrong_guess_at_the_number_of_items_loses_none(sizes, total):
    work = work_of(sizes)
    assert_laws(work, cut(work, total))


@given(SIZES)
def test_small_accounts_are_bundled_so_that_many_workers_have_some_and_big_ones_stay_by_themselves(sizes):
    size = min(MOST, max(LEAST, sum(sizes) // 64))
    shards = cut(work_of(sizes), sum(sizes))
    assert all(shard.items <= size for shard in shards if len(shard.parts) > 1)
    small = [shard for shard in shards if not shard.chained and shard.items <= size]
    # Two neighbours that would fit together are together.
    assert all(one.items + other.parts[0].items > size for one, other in pairwise(small))


@given(SIZES, st.booleans())
def test_what_is_placed_is_json_and_says_what_was_cut(sizes, exactly):
    import json

    shards = cut(work_of(sizes), sum(sizes), exactly=exactly)
    sent = list(placed(shards, "coaching-2026-11", 2, 17, {"deadline": None}))
    for shard, one in zip(shards, sent, strict=True):
        over = json.loads(json.dumps(one.payload))
        assert parts_of(Placed(one.run_id, 2, 17, one.number, one.partition, one.priority, over)) == shard.parts
    assert len({one.name for one in sent}) == len(sent)


def test_shards_of_a_cut_account_are_worked_in_turn_and_the_longest_chain_goes_first():
    work = work_of([1400, 3, 900])
    sent = list(placed(cut(work, 2303), "r-2026-11", 1, 9, {}))
    chains = defaultdict(list)
    for one in sent:
        chains[one.partition].append(one.priority)
    assert all(chain == sorted(chain) and len(set(chain)) == len(chain) for chain in chains.values())
    assert min(sent, key=lambda one: one.priority).partition == "acct_0"
    assert min(one.priority for one in sent) == 1


@pytest.mark.parametrize(("revision", "number"), [(1, 10), (2, 9)])
def test_another_round_or_revision_has_other_names_and_partitions_of_its_own_for_bundles(revision, number):
    shards = cut(work_of([3, 4, 5]), 12)
    first, other = (list(placed(shards, "r-2026-11", *each, {})) for each in ((1, 9), (revision, number)))
    assert not {one.name for one in first} & {one.name for one in other}
    assert not {one.partition for one in first} & {one.partition for one in other}
