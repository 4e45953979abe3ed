"""Which rows a payout carries: proven by their sum, or not at all."""

from dataclasses import replace

from billing.core.movements import Payout
from billing.core.reconciling.payouts import Carried, Loose, carry

DAY = 86_400


def payout(number: int, amount: int) -> Payout:
    """A completed automatic payout of a day."""
    made = number * DAY
    return Payout(f"po_{number}", "acct_1", amount, "usd", "paid", made + DAY, made, True, "completed")


def carried(payouts: list[Payout], rows: list[Loose], told: dict[str, list[str]] | None = None) -> Carried:
    """What is known of them, all rows being ours."""
    found = Carried({one.id: one for one in payouts}, {}, {row.id: row for row in rows})
    return carry(found, told or {}, frozenset(row.id for row in rows))


def test_rows_that_add_up_are_what_a_payout_carries_and_each_is_carried_once():
    rows = [Loose("a", 70, DAY, "usd"), Loose("b", 30, DAY, "usd"), Loose("c", 5, 2 * DAY, "usd")]
    found = carried([payout(1, 100), payout(2, 5)], rows)
    assert found.ask is None
    assert found.payout_of == {"a": "po_1", "b": "po_1", "c": "po_2"}


def test_what_does_not_add_up_is_asked_and_a_row_passed_over_spoils_no_later_proof():
    rows = [Loose("a", 70, DAY, "usd"), Loose("held", 30, DAY, "usd"), Loose("c", 5, 2 * DAY, "usd")]
    payouts = [payout(1, 70), payout(2, 5)]
    assert carried(payouts, rows).ask == payouts[0]
    found = carried(payouts, rows, {"po_1": ["a"]})
    assert found.ask is None
    assert found.payout_of == {"a": "po_1", "c": "po_2"}
    assert found.loose == {"held": Loose("held", 30, DAY, "usd", held=True)}
    released = carried([*payouts, payout(3, 34)], [*rows, Loose("d", 4, 3 * DAY, "usd")], {"po_1": ["a"]})
    assert released.payout_of["held"] == released.payout_of["d"] == "po_3"


def test_held_rows_that_come_to_nothing_prove_nothing():
    rows = [Loose("in", 9, DAY, "usd", held=True), Loose("out", -9, DAY, "usd", held=True), Loose("c", 5, DAY, "usd")]
    asked = payout(1, 5)
    assert carried([asked], rows).ask == asked


def test_a_payout_that_is_not_completed_or_was_made_by_hand_is_not_looked_into():
    rows = [Loose("a", 70, DAY, "usd")]
    for one in (replace(payout(1, 70), reconciliation_status="in_progress"), replace(payout(1, 70), automatic=False)):
        assert carried([one], rows).payout_of == {}
