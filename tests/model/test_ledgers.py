"""Two ledgers that know nothing of each other charge an item once, and the designs that would not are caught."""

from functools import cache

import pytest

from billing.flow.engine.context import REPLAY_SECONDS
from billing.flow.kinds.charge.find import LIST_SECONDS
from tests.model.explorer import Found
from tests.model.ledgers_stripe import Setting
from tests.model.ledgers_walk import CHANGE, KEPT_SECONDS, REJECTED, SOUND, Walk

ENOUGH_STATES = 400_000


@cache
def walk(setting: Setting) -> Found:
    """Walk the shipped design under one setting, once for all tests."""
    return Walk(setting).explore()


@pytest.mark.parametrize("setting", CHANGE, ids=lambda one: f"late{one.late}-cancels{one.cancels}-{one.restores}")
def test_two_ledgers_never_pay_an_item_twice_nor_call_failed_or_paid_what_is_not(setting: Setting) -> None:
    found = walk(setting)
    assert found.complete
    assert found.violations == {}


@pytest.mark.parametrize(("name", "setting", "law"), REJECTED, ids=[name for name, _, _ in REJECTED])
def test_each_rejected_design_of_two_ledgers_is_caught(name: str, setting: Setting, law: str) -> None:
    assert law in Walk(setting, stop=True).explore().violations


@pytest.mark.parametrize(("name", "setting"), SOUND, ids=[name for name, _ in SOUND])
def test_what_is_only_a_second_line_of_defence_is_told_as_that(name: str, setting: Setting) -> None:
    found = Walk(setting).explore()
    assert (found.complete, found.violations) == (True, {})


def test_the_walks_of_two_ledgers_come_to_enough(record_property) -> None:
    walked = [walk(setting) for setting in CHANGE]
    states = sum(found.states for found in walked)
    wrong = sum(len(found.violations) for found in walked)
    caught = sum(law in Walk(setting, stop=True).explore().violations for _, setting, law in REJECTED)
    told = f"two ledgers: {states:,} states of the shipped design, {wrong} violations; {caught} rejected designs caught"
    record_property("evidence", told)
    assert (wrong, caught) == (0, len(REJECTED))
    assert states >= ENOUGH_STATES


@pytest.mark.parametrize("setting", CHANGE, ids=lambda one: f"late{one.late}-cancels{one.cancels}-{one.restores}")
def test_a_list_ends_before_a_key_does_in_the_model_as_in_the_product(setting: Setting) -> None:
    tick = KEPT_SECONDS / setting.key
    assert setting.list == setting.key - 1
    assert LIST_SECONDS < KEPT_SECONDS
    assert setting.list * tick <= LIST_SECONDS
    assert LIST_SECONDS <= REPLAY_SECONDS < KEPT_SECONDS
