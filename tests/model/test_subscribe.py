"""The protocol of subscribing holds in every interleaving, and the designs it was chosen over do not."""

from dataclasses import replace

import pytest

from billing.core.kinds.subscription import SUBSCRIPTION_LIFE, Event, State
from billing.core.life import Edge
from tests.model.explorer import Explorer
from tests.model.subscribe_rejected import TwoLedgers
from tests.model.subscribe_runner import Shipped
from tests.model.subscribe_stripe import Rules
from tests.model.subscribe_walks import CHANGE, REJECTED
from tests.model.walking import explore, unexpected

ENOUGH_STATES = 600_000
QUICK = Rules(runners=1, debits=True)


def test_no_line_has_two_subscriptions_that_were_ever_paid_or_will_be_and_none_is_hidden(record_property) -> None:
    assert unexpected((*CHANGE, *REJECTED)) == []
    states = sum(explore(walk).states for walk in CHANGE)
    shipped = f"subscribing: {states:,} states of the shipped design, 0 violations"
    record_property("evidence", f"{shipped}; {len(REJECTED)} rejected designs caught")
    assert states >= ENOUGH_STATES
    designs = [walk.design.design if isinstance(walk.design, TwoLedgers) else walk.design for walk in CHANGE]
    unwalked = SUBSCRIPTION_LIFE.edges.keys() - set().union(*(design.rows for design in designs))
    assert {event for _, event in unwalked} == {Event.FOUND_ELSEWHERE}  # the second line of defence: see the module


@pytest.mark.parametrize("fault", ["losses", "delays", "kills"])
def test_what_every_setting_of_subscribing_promises_to_walk_makes_it_larger(fault: str) -> None:
    without = Explorer(Shipped(replace(QUICK, **{fault: False}))).explore()
    assert without.states < Explorer(Shipped(QUICK)).explore().states


BROKEN_ROWS = [
    ((State.PAYING, Event.PAY_LOST), State.FAILED, "hidden"),
    ((State.UNSETTLED, Event.PAY_DECLINED), State.FAILED, "hidden"),
    ((State.PAYING, Event.PAY_DECLINED), State.SUCCEEDED, "false"),
    ((State.CANCELLING, Event.OVER_AFTER_PAYMENT), State.FAILED, "hidden"),
    ((State.CANCELLING, Event.SUBSCRIPTION_OVER), State.ENDED, "false"),
]


@pytest.mark.parametrize(("row", "to", "law"), BROKEN_ROWS, ids=str)
def test_a_table_of_subscriptions_with_one_wrong_row_is_noticed(monkeypatch, row, to, law) -> None:
    monkeypatch.setitem(SUBSCRIPTION_LIFE.edges, row, Edge(to, "wrong"))
    assert law in Explorer(Shipped(QUICK)).explore().violations
