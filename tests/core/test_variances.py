"""How a run differs from the ones before it: the table of names, and what lies outside a band."""

from dataclasses import fields

import pytest

from billing.core.changes import Changes, Gathered, Named, Sums
from billing.core.policies import Attitude, Compare
from billing.core.variances import RULES, Band, Beside, variances


def beside(*before: Sums, now: Sums, **policy) -> Beside:
    return Beside(Changes("club-2026-10", before=list(before)), now, Gathered(), 1, Compare(**policy))


def test_every_variance_has_an_attitude_and_every_threshold_is_one_of_the_policy():
    numbers = {"changed_over", "total_band", "lines_band", "runs"}
    assert {each.name for each in fields(Compare)} == {*RULES, *numbers}
    assert {rule.threshold for rule in RULES.values()} == {"", *numbers - {"runs"}}


@pytest.mark.parametrize(("now", "outside"), [(85, False), (84, True), (100, False), (115, False), (116, True)])
def test_a_band_takes_its_edges_in(now, outside):
    assert Band("usd", now, 100, 100).outside(15_00) is outside


def test_totals_are_held_against_the_highest_and_the_lowest_before_each_currency_alone():
    before = Sums(10, {"usd": 1_000_00, "eur": 500_00}), Sums(10, {"usd": 2_000_00})
    now = Sums(10, {"usd": 2_200_00, "eur": 600_00, "jpy": 7_000})
    [total] = variances(beside(*before, now=now, lines=Attitude.OFF, total_band=15_00))
    assert [(band.currency, band.bound) for band in total.bands] == [("eur", 500_00), ("jpy", 0)]
    assert (total.count, total.of) == (2, 3)
    assert "EUR 600.00 is 20.0 % more than EUR 500.00 at most in the 2 runs before" in total.says
    assert "JPY 7,000, JPY 0 at most" in total.says
    [total] = variances(beside(before[0], now=now, lines=Attitude.OFF))
    assert [band.currency for band in total.bands] == ["eur", "jpy", "usd"]


def test_what_is_off_is_not_found_and_without_a_run_before_nothing_is():
    before, now = Sums(10, {"usd": 100}), Sums(20, {"usd": 200})
    assert [each.name for each in variances(beside(before, now=now))] == ["total", "lines"]
    assert variances(beside(before, now=now, total=Attitude.OFF, lines=Attitude.OFF)) == ()
    assert variances(Beside(Changes(""), now, Gathered(), 1, Compare())) == ()


def test_what_was_seen_is_the_same_in_every_order_and_another_for_every_other_line():
    found = [Gathered() for _ in range(4)]
    for gathered, lines in zip(found, ([1, 2], [2, 1], [1, 3], [1, 2, 2]), strict=True):
        for line in lines:
            gathered.add(Named(f"INV-{line}"), f"INV-{line}", 100)
    assert found[0].seen == found[1].seen
    assert len({each.seen for each in found}) == 3
