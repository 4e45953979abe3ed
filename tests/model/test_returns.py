"""At most one payment of an obligation stands, whatever comes back; and the designs that would not hold are caught."""

from functools import cache

import pytest

from tests.model.explorer import Found
from tests.model.returns_walk import REJECTED, SHIPPED, Setting, Walk

ENOUGH_STATES = 50_000


@cache
def walk(setting: Setting) -> Found:
    """Walk one setting, once for all tests."""
    return Walk(setting).explore()


@pytest.mark.parametrize("setting", SHIPPED, ids=lambda one: "cards" if one.card else "debits")
def test_two_ledgers_never_let_two_payments_of_an_obligation_stand_whatever_comes_back(setting: Setting) -> None:
    found = walk(setting)
    assert found.complete
    assert found.violations == {}


@pytest.mark.parametrize(("name", "setting", "law"), REJECTED, ids=[name for name, _, _ in REJECTED])
def test_each_design_that_asks_anew_for_what_may_stand_again_is_caught(name: str, setting: Setting, law: str) -> None:
    assert law in Walk(setting, stop=True).explore().violations


def test_the_walks_over_generations_come_to_enough(record_property) -> None:
    states = sum(walk(setting).states for setting in SHIPPED)
    caught = sum(law in Walk(setting, stop=True).explore().violations for _, setting, law in REJECTED)
    record_property("evidence", f"returns: {states:,} states, 0 violations; {caught} rejected designs caught")
    assert caught == len(REJECTED)
    assert states >= ENOUGH_STATES
