"""The sync protocol holds in every interleaving, and the designs it was chosen over do not."""

from dataclasses import replace

import pytest

from billing.core.kinds.sync import SYNC_LIFE, Event, State
from billing.core.life import Edge
from tests.model.explorer import Explorer
from tests.model.sync_rejected import TwoLedgers
from tests.model.sync_runner import Shipped
from tests.model.sync_stripe import Rules
from tests.model.sync_walks import CALM, CHANGE, REJECTED
from tests.model.walking import explore, unexpected

ENOUGH_STATES = 900_000
QUICK = Rules(changes=2, refusals=True)


def test_no_link_is_called_in_step_with_a_dead_default_and_a_working_method_always_remains(record_property) -> None:
    assert unexpected((*CHANGE, *REJECTED)) == []
    states = sum(explore(walk).states for walk in CHANGE)
    told = f"one sync: {states:,} states of the shipped design, 0 violations; {len(REJECTED)} rejected designs caught"
    record_property("evidence", told)
    assert states >= ENOUGH_STATES
    designs = [walk.design.design if isinstance(walk.design, TwoLedgers) else walk.design for walk in CHANGE]
    walked = set().union(*(design.rows for design in designs))
    fields_alone = {row for row in SYNC_LIFE.edges if State.UPDATING in (row[0], SYNC_LIFE.edges[row].to)}
    assert SYNC_LIFE.edges.keys() == walked | fields_alone


@pytest.mark.parametrize("fault", ["losses", "delays", "kills"])
def test_what_every_setting_of_a_sync_promises_to_walk_makes_it_larger(fault: str) -> None:
    calm = replace(CALM, changes=2)
    assert Explorer(Shipped(calm)).explore().states < Explorer(Shipped(replace(calm, **{fault: True}))).explore().states


BROKEN_ROWS = [
    ((State.DETACHING, Event.DETACHED), State.SUCCEEDED, "dead", Rules(made=1)),
    ((State.REPOINTING, Event.MOVE_STARTED), State.SUCCEEDED, "drift", Rules()),
    ((State.CLONING, Event.LEFT_AS_IT_IS), State.FAILED, "hidden", QUICK),
    ((State.MOVED, Event.REPOINT_STARTED), State.SUCCEEDED, "drift", Rules(changes=2)),
]


@pytest.mark.parametrize(("row", "to", "law", "rules"), BROKEN_ROWS, ids=str)
def test_a_table_of_syncs_with_one_wrong_row_is_noticed(monkeypatch, row, to, law, rules) -> None:
    monkeypatch.setitem(SYNC_LIFE.edges, row, Edge(to, "wrong"))
    assert law in Explorer(Shipped(rules)).explore().violations
