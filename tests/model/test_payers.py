"""The protocol of payers holds in every interleaving, and the designs it was chosen over do not."""

from dataclasses import replace

import pytest

from billing.core.kinds.payer import PAYER_LIFE, Event, State
from billing.core.life import Edge
from tests.model.explorer import Explorer
from tests.model.payer_rejected import TwoLedgers
from tests.model.payer_runner import Shipped
from tests.model.payer_stripe import Rules
from tests.model.payer_walks import CHANGE, LEFT, REJECTED
from tests.model.walking import Walk, as_expected, explore, unexpected

ENOUGH_STATES = 700_000
QUICK = Rules(runners=1, waits=True, attempts=1, setups=1)


@pytest.mark.parametrize("walk", LEFT, ids=str)
def test_what_two_ledgers_leave_open_is_known(walk: Walk) -> None:
    assert as_expected(walk), explore(walk).violations


def test_a_payer_has_one_customer_and_pays_once_and_nothing_saved_is_hidden(record_property) -> None:
    assert unexpected((*CHANGE, *REJECTED)) == []
    states = sum(explore(walk).states for walk in CHANGE)
    told = f"one payer: {states:,} states of the shipped design, 0 violations; {len(REJECTED)} rejected designs caught"
    record_property("evidence", told)
    assert states >= ENOUGH_STATES
    walked = [walk.design.design if isinstance(walk.design, TwoLedgers) else walk.design for walk in CHANGE]
    assert PAYER_LIFE.edges.keys() == set().union(*(design.rows for design in walked))


@pytest.mark.parametrize("fault", ["losses", "delays", "late", "kills"])
def test_what_every_setting_of_a_payer_promises_to_walk_makes_it_larger(fault: str) -> None:
    without = Explorer(Shipped(replace(QUICK, **{fault: False}))).explore()
    assert without.states < Explorer(Shipped(QUICK)).explore().states


BROKEN_ROWS = [
    ((State.CANCELLING, Event.CANCEL_REFUSED), State.FAILED, "hidden"),
    ((State.INVITED, Event.METHOD_SAVED), State.FAILED, "hidden"),
    ((State.DEFAULTING, Event.DEFAULT_UNCERTAIN), State.SUCCEEDED, "dead"),
    ((State.INVITED, Event.CANCEL_STARTED), State.READY, "hidden"),
]


@pytest.mark.parametrize(("row", "to", "law"), BROKEN_ROWS, ids=str)
def test_a_table_of_payers_with_one_wrong_row_is_noticed(monkeypatch, row, to, law) -> None:
    monkeypatch.setitem(PAYER_LIFE.edges, row, Edge(to, "wrong"))
    assert law in Explorer(Shipped(QUICK)).explore().violations
