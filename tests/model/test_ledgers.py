"""Two ledgers that know nothing of each other charge an item once, and the designs that would not are caught."""

import pytest

from billing.flow.engine.context import REPLAY_SECONDS
from billing.flow.kinds.charge.find import LIST_SECONDS
from tests.model.ledgers_stripe import Setting
from tests.model.ledgers_walk import CHANGE, KEPT_SECONDS, REJECTED, SOUND, Walk

ENOUGH_STATES = 400_000


def test_two_ledgers_never_pay_an_item_twice_nor_call_failed_or_paid_what_is_not(record_property) -> None:
    """One test, and the rejected designs with it: two processes would explore the same states twice."""
    walked = [Walk(setting).explore() for setting in CHANGE]
    assert [found.violations for found in walked if found.violations or not found.complete] == []
    uncaught = [name for name, setting, law in REJECTED if law not in Walk(setting, stop=True).explore().violations]
    assert uncaught == []
    states = sum(found.states for found in walked)
    shipped = f"two ledgers: {states:,} states of the shipped design, 0 violations"
    record_property("evidence", f"{shipped}; {len(REJECTED)} rejected designs caught")
    assert states >= ENOUGH_STATES


@pytest.mark.parametrize(("name", "setting"), SOUND, ids=[name for name, _ in SOUND])
def test_what_is_only_a_second_line_of_defence_is_told_as_that(name: str, setting: Setting) -> None:
    found = Walk(setting).explore()
    assert (found.complete, found.violations) == (True, {})


@pytest.mark.parametrize("setting", CHANGE, ids=lambda one: f"late{one.late}-cancels{one.cancels}-{one.restores}")
def test_a_list_ends_before_a_key_does_in_the_model_as_in_the_product(setting: Setting) -> None:
    tick = KEPT_SECONDS / setting.key
    assert setting.list == setting.key - 1
    assert LIST_SECONDS < KEPT_SECONDS
    assert setting.list * tick <= LIST_SECONDS
    assert LIST_SECONDS <= REPLAY_SECONDS < KEPT_SECONDS
