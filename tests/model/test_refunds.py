"""The refund protocol holds in every interleaving, and the designs it was chosen over do not."""

from dataclasses import replace

import pytest

from billing.core.kinds.refund import REFUND_LIFE, Event, State
from billing.core.life import Edge
from tests.model.explorer import Explorer
from tests.model.refund_rejected import TwoLedgers
from tests.model.refund_runner import Shipped
from tests.model.refund_stripe import Rules
from tests.model.refund_walks import CHANGE, REJECTED, SOUND
from tests.model.walking import explore, unexpected

ENOUGH_STATES = 600_000
QUICK = Rules(runners=1, dispute=True)


def test_no_charge_is_refunded_beyond_what_was_approved_and_no_refund_is_hidden(record_property) -> None:
    assert unexpected((*CHANGE, *REJECTED, *SOUND)) == []
    states = sum(explore(walk).states for walk in CHANGE)
    told = f"one refund: {states:,} states of the shipped design, 0 violations; {len(REJECTED)} rejected designs caught"
    record_property("evidence", told)
    assert states >= ENOUGH_STATES
    walked = [walk.design for walk in CHANGE if not isinstance(walk.design, TwoLedgers)]
    assert REFUND_LIFE.edges.keys() == set().union(*(design.rows for design in walked))


@pytest.mark.parametrize("fault", ["losses", "delays", "kills"])
def test_what_every_setting_of_a_refund_promises_to_walk_makes_it_larger(fault: str) -> None:
    without = Explorer(Shipped(replace(QUICK, **{fault: False}))).explore()
    assert without.states < Explorer(Shipped(QUICK)).explore().states


BROKEN_ROWS = [
    ((State.REFUNDING, Event.REFUND_LOST), State.FAILED, "hidden"),
    ((State.UNREFUNDED, Event.LEFT_IN_DOUBT), State.FAILED, "hidden"),
    ((State.UNKNOWN, Event.REFUND_ABSENT), State.FAILED, "hidden"),
    ((State.UNREFUNDED, Event.GIVEN_UP), State.SUCCEEDED, "false"),
]


@pytest.mark.parametrize(("row", "to", "law"), BROKEN_ROWS, ids=str)
def test_a_table_of_refunds_with_one_wrong_row_is_noticed(monkeypatch, row, to, law) -> None:
    monkeypatch.setitem(REFUND_LIFE.edges, row, Edge(to, "wrong"))
    assert law in Explorer(Shipped(QUICK)).explore().violations
