"""After a decline: a gap while the schedule lasts, then the fence; a person where only a person helps."""

from datetime import timedelta

import pytest

from billing.core.card_limits import MOST_REPEATS
from billing.core.declines import Remedy
from billing.core.dunning import Next, after_decline
from billing.core.policies import Dunning

DEFAULT = Dunning()


@pytest.mark.parametrize("remedy", [Remedy.LATER, Remedy.SOON])
def test_a_soft_decline_waits_longer_each_time_and_ends_at_the_fence(remedy):
    gaps = [after_decline(DEFAULT, remedy, n) for n in (1, 2, 3, 4)]
    assert gaps == [Next(timedelta(days=1)), Next(timedelta(days=3)), Next(timedelta(days=7)), Next(fence=True)]


def test_a_hard_decline_is_fenced_at_once():
    assert after_decline(DEFAULT, Remedy.NEVER, 1) == Next(fence=True)


@pytest.mark.parametrize("remedy", [Remedy.CUSTOMER, Remedy.CHECK, Remedy.REPORT])
def test_what_only_a_person_can_change_rests_without_a_date(remedy):
    assert after_decline(DEFAULT, remedy, 9) == Next()


def test_a_run_without_a_soft_schedule_fences_soft_declines_too():
    assert after_decline(Dunning(soft=()), Remedy.LATER, 1) == Next(fence=True)


def test_every_remedy_has_an_answer():
    assert all(isinstance(after_decline(DEFAULT, remedy, 1), Next) for remedy in Remedy)


def test_a_network_s_wait_lengthens_a_gap_and_never_shortens_one():
    waits = [
        after_decline(DEFAULT, Remedy.LATER, 2, wait).gap for wait in (None, timedelta(hours=1), timedelta(days=6))
    ]
    assert waits == [timedelta(days=3), timedelta(days=3), timedelta(days=6)]


def test_a_payment_is_repeated_no_more_than_stripe_says_whatever_a_schedule_wants():
    endless = Dunning(soft=(timedelta(days=1),) * 20)
    found = [after_decline(endless, Remedy.LATER, n) for n in range(1, 21)]
    assert [each.fence for each in found] == [False] * MOST_REPEATS + [True] * (20 - MOST_REPEATS)
