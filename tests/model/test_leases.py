"""Two workers on one ledger keep every promise in every interleaving, and the designs that would not are caught."""

from dataclasses import replace

import pytest

from billing.core.kinds.charge import CHARGE_LIFE, Event, State
from billing.core.life import Edge
from tests.model import book
from tests.model.explorer import Explorer
from tests.model.lease_parts import Rules
from tests.model.lease_walks import CALM, CHANGE, REJECTED, SOUND, SURE
from tests.model.lease_worker import Shipped
from tests.model.walking import explore, unexpected

ENOUGH_STATES = 300_000


def test_no_item_is_charged_twice_and_no_run_is_called_over_too_early_whichever_worker_dies(record_property) -> None:
    assert unexpected((*CHANGE, *REJECTED, *SOUND)) == []
    states = sum(explore(walk).states for walk in CHANGE)
    shipped = f"several workers: {states:,} states of the shipped design, 0 violations"
    record_property("evidence", f"{shipped}; {len(REJECTED)} rejected designs caught")
    assert states >= ENOUGH_STATES


@pytest.mark.parametrize("blow", ["kills", "freezes", "early", "cuts", "ghosts", "pauses"])
def test_each_blow_to_a_worker_makes_the_walk_larger(blow: str) -> None:
    without = replace(CALM, kills=blow in ("ghosts", "freezes"), item=SURE)
    struck = Explorer(Shipped(replace(without, **{blow: 1 if blow == "pauses" else True}))).explore()
    assert Explorer(Shipped(without)).explore().states < struck.states


def test_an_item_whose_lost_answer_counts_as_a_no_is_noticed_when_a_worker_dies(monkeypatch) -> None:
    monkeypatch.setitem(CHARGE_LIFE.edges, (State.CONFIRMING, Event.CHARGE_LOST), Edge(State.FAILED, "wrong"))
    book.record.cache_clear()
    try:
        assert "hidden" in Explorer(Shipped(Rules(kills=True, cuts=False, ghosts=False))).explore().violations
    finally:
        monkeypatch.undo()
        book.record.cache_clear()
