"""A slice of the random worlds; `python -m tests.reconcile` tries a thousand."""

import pytest

from billing.core.reconciling import comparing, matching, refunds, shown
from billing.core.reconciling.kinds import Kind as Found
from tests.reconcile.worlds import Tried, try_world

SEEDS = range(16)
SLICES = 4


@pytest.mark.parametrize("part", range(SLICES))
def test_every_meddling_is_named_none_is_made_up_and_all_sums_are_exact(part, record_property):
    total = Tried()
    for seed in SEEDS[part::SLICES]:
        total.add(try_world(seed, items=8, accounts=2))
    record_property("evidence", total.says())
    assert total.named > 0


def shows(seed: int) -> bool:
    """Whether a world shows that something is wrong."""
    try:
        try_world(seed, items=8, accounts=2)
    except AssertionError:
        return True
    return False


def settled_as_presented(source, amount, currency):
    return amount, currency


def nobody_refunds(known, row):
    return None


def won_counts(book, item, source, rows, *, debit):
    book.extra |= {row.id for row in rows}
    refunds._find(book, Found.DISPUTED, item, source, rows, "disputed")


def never_twice(*_):
    return False


PLANTED = {
    "what a payer is charged is read from the row of the balance": (shown, "_presented", settled_as_presented),
    "a refund of ours is taken for somebody else's": (matching, "_refund_of", nobody_refunds),
    "a dispute that was won still differs": (refunds, "_disputed", won_counts),
    "a second payment is taken for the first": (comparing, "_paid_otherwise", never_twice),
    "a line's intents alone are counted": (matching, "learn", lambda known, rows: None),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_fault_is_seen_in_some_world(planted, monkeypatch):
    place, name, fault = PLANTED[planted]
    monkeypatch.setattr(place, name, fault)
    if name == "learn":
        monkeypatch.setattr("billing.flow.reconciling.keeping.learn", fault)
    assert any(shows(seed) for seed in range(12))
