"""A list is read where it is cheaper than single reads, and what it costs in vain is bounded."""

import random
from math import ceil

import pytest

from billing.core.listing import LEAST, PAGE, Search, share_of_reads


def cost(wanted_places: set[int], objects: int, item: int | None = None) -> int:
    """Count the requests for names at these places of a list, by the rule: pages first, then what is missing singly."""
    wanted = len(wanted_places)
    search = Search(wanted, item)
    if not search.begins:
        return wanted
    pages = found = 0
    while pages < ceil(objects / PAGE) and found < wanted:
        found += len(wanted_places & set(range(pages * PAGE, (pages + 1) * PAGE)))
        pages += 1
        if not search.goes_on(pages, found):
            break
    return pages + wanted - found


def test_a_list_that_is_wanted_whole_costs_a_hundredth():
    assert cost(set(range(10_000)), 10_000) == 100


@pytest.mark.parametrize("objects", [10**3, 10**5])
def test_few_names_are_read_singly(objects):
    assert cost(set(range(LEAST - 1)), objects) == LEAST - 1


@pytest.mark.parametrize("wanted", [10, 99, 1_000, 5_000])
def test_a_hopeless_list_costs_a_tenth_more(wanted):
    oldest = set(range(10**6 - wanted, 10**6))
    assert cost(oldest, 10**6) <= wanted * 1.1 + 1


def test_no_list_costs_more_than_a_tenth_over_single_reads():
    chance = random.Random(1)
    for _ in range(300):
        objects = chance.choice([50, 500, 5_000, 50_000])
        wanted = chance.randint(1, min(objects, 2_000))
        start = chance.randint(0, objects - wanted)
        places = chance.choice([set(chance.sample(range(objects), wanted)), set(range(start, start + wanted))])
        assert cost(places, objects) <= wanted * 1.1 + 1


def test_a_list_ten_times_as_long_as_what_is_wanted_is_read_to_its_end():
    assert cost(set(range(9_000, 10_000)), 10_000) == 100


def test_a_list_that_goes_on_giving_is_read_on():
    assert cost(set(range(0, 2_000, 20)), 2_000) == 20, "five names a page, beyond the ten pages that may be in vain"


def test_a_length_that_is_known_decides_by_count():
    oldest = set(range(99_900, 100_000))
    assert cost(oldest, 100_000, item=100_000) == 100, "a thousand pages are more than a hundred reads"
    assert cost(set(range(4_950, 5_000)), 5_000, item=4_000) == 50, "half the reads may be lost where it has grown"
    assert cost(set(range(2_900, 3_000)), 3_000, item=3_000) == 30
    assert cost(set(range(3_400, 3_500)), 3_500, item=3_000) == 35, "it has grown by less than a fifth"
    assert cost(set(range(9_900, 10_000)), 10_000, item=3_000) <= 100 * 1.5


def test_reads_are_held_against_what_a_platform_may_make():
    assert share_of_reads(1_000, 3) == 0.1
    assert share_of_reads(1_000, 100_000) == 1_000 / 50_000_000
