"""The charge protocol holds in every interleaving, and the designs it was chosen over do not."""

from dataclasses import replace

import pytest

from billing.core.kinds.charge import CHARGE_LIFE, Event, State
from billing.core.life import Edge, OnRecord
from billing.edge.ledger import drafts as writes
from tests.model import book
from tests.model.exploration import as_expected, explore, totals
from tests.model.rules import Rules
from tests.model.runner import Shipped
from tests.model.settings import CHANGE, REJECTED, Case, shipped

ENOUGH_STATES = 600_000
QUICK = Rules(runners=1)
SHIPPED = shipped(CHANGE)


def test_no_item_is_charged_twice_and_failed_means_not_paid_for_ever_and_every_item_can_end(record_property) -> None:
    """One test, and the rejected designs with it: two processes would explore the same states twice."""
    walked = [(case, explore(case)) for case in (*SHIPPED, *REJECTED)]
    counted = totals(walked)
    assert [f"{case.design.name}: {found.violations}" for case, found in walked if not as_expected(case, found)] == []
    record_property("evidence", f"exhaustive model: {counted}")
    assert counted.states >= ENOUGH_STATES
    assert counted.rejected > 0
    assert CHARGE_LIFE.edges.keys() == set().union(*(case.design.rows for case in SHIPPED))


@pytest.mark.parametrize("fault", ["losses", "delays", "kills"])
def test_what_every_setting_promises_to_walk_makes_it_larger(fault: str) -> None:
    without = explore(Case(Shipped(replace(QUICK, **{fault: False}))))
    assert without.states < explore(Case(Shipped(QUICK))).states


# --- the same walk over broken parts of the product ---------------------------------------------------------------


def caught(rules: Rules) -> set[str]:
    """Explore what is there now, with nothing remembered of how the ledger decided before."""
    book.record.cache_clear()
    book.rows.cache_clear()
    return set(explore(Case(Shipped(rules))).violations)


@pytest.fixture
def broken(monkeypatch):
    """What a test breaks is whole again afterwards, and how the ledger decided meanwhile is forgotten."""
    yield monkeypatch
    monkeypatch.undo()
    book.record.cache_clear()
    book.rows.cache_clear()


BROKEN_ROWS = [
    ((State.CONFIRMING, Event.CHARGE_LOST), State.FAILED, "hidden"),
    ((State.CONFIRMING, Event.CHARGE_REFUSED), State.FAILED, "hidden"),
    ((State.UNPAID, Event.CANCEL_STARTED), State.FAILED, "hidden"),
    ((State.UNKNOWN, Event.RESOLVE_EXHAUSTED), State.SUCCEEDED, "false"),
]


@pytest.mark.parametrize(("row", "to", "law"), BROKEN_ROWS, ids=lambda value: str(value))
def test_a_table_with_one_wrong_row_is_noticed(broken, row, to, law) -> None:
    broken.setitem(CHARGE_LIFE.edges, row, Edge(to, "wrong"))
    assert law in caught(QUICK)


def test_an_edge_that_forbids_an_object_where_one_is_on_record_is_noticed_by_itself(broken) -> None:
    broken.setitem(
        CHARGE_LIFE.edges, (State.CONFIRMING, Event.CHARGE_LOST), Edge(State.FAILED, "wrong", object=OnRecord.FORBIDS)
    )
    assert caught(QUICK) == {"impossible"}


def test_a_ledger_that_takes_every_late_write_for_a_sighting_is_noticed(broken) -> None:
    broken.setattr(writes, "_seen", lambda found, moves: True)
    assert "impossible" in caught(Rules(attempts=1, refusals=False))
