"""Every line that is not paid says what to do, whatever its reason."""

import pytest

from billing.core.advice import REFUSALS, STATUSES, what_to_do
from billing.core.classify import ACCOUNT_CODES
from billing.core.life import Group
from billing.core.skips import SKIPS


@pytest.mark.parametrize("group", Group)
@pytest.mark.parametrize("code", ["", "made_up", *SKIPS, *REFUSALS])
def test_every_line_that_is_not_paid_is_told_what_to_do(group, code):
    assert bool(what_to_do(group, code)) == (group is not Group.SUCCEEDED)


@pytest.mark.parametrize("code", ["withdrawn", "corrected", "cancelled", "already_paid"])
def test_nothing_is_to_be_done_about_what_is_not_owed(code):
    assert what_to_do(Group.SKIPPED, code) == "nothing"


def test_every_status_has_a_sentence_and_every_refusal_of_an_account_sends_to_the_account():
    assert set(STATUSES) == set(Group)
    assert all("the account" in what_to_do(Group.FAILED, code) for code in ACCOUNT_CODES)
