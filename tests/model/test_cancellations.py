"""The cancellation protocol holds in every interleaving, and the designs it was chosen over do not."""

from dataclasses import replace

import pytest

from billing.core.kinds.cancellation import CANCELLATION_LIFE, Event, State
from billing.core.life import Edge
from tests.model.cancel_runner import Shipped
from tests.model.cancel_stripe import Rules
from tests.model.cancel_walks import CHANGE, REJECTED
from tests.model.explorer import Explorer
from tests.model.walking import explore, unexpected

ENOUGH_STATES = 60_000
QUICK = Rules(runners=1, before="", refusals=True)


def test_what_is_cancelled_is_collected_no_more_and_what_is_not_is_never_ended_by_us(record_property) -> None:
    assert unexpected((*CHANGE, *REJECTED)) == []
    states = sum(explore(walk).states for walk in CHANGE)
    told = f"one cancellation: {states:,} states of the shipped design, 0 violations"
    record_property("evidence", f"{told}; {len(REJECTED)} rejected designs caught")
    assert states >= ENOUGH_STATES
    assert CANCELLATION_LIFE.edges.keys() == set().union(*(walk.design.rows for walk in CHANGE))


@pytest.mark.parametrize("fault", ["losses", "delays", "kills"])
def test_what_every_setting_of_a_cancellation_promises_to_walk_makes_it_larger(fault: str) -> None:
    without = replace(QUICK, losses=False, delays=False, kills=False)
    alone = Explorer(Shipped(replace(without, **{fault: True}))).explore()
    assert Explorer(Shipped(without)).explore().states < alone.states


BROKEN_ROWS = [
    ((State.CANCELLING, Event.ROUND_ANSWERED), State.SUCCEEDED, "collectable"),
    ((State.CANCELLING, Event.VOID_REFUSED), State.FAILED, "hidden"),
    ((State.CANCELLING, Event.CANCEL_STARTED), State.FAILED, "hidden"),
]


@pytest.mark.parametrize(("row", "to", "law"), BROKEN_ROWS, ids=str)
def test_a_table_of_cancellations_with_one_wrong_row_is_noticed(monkeypatch, row, to, law) -> None:
    monkeypatch.setitem(CANCELLATION_LIFE.edges, row, Edge(to, "wrong"))
    assert law in Explorer(Shipped(QUICK)).explore().violations
