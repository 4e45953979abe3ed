"""What moved on a balance is kept and read back as it was."""

from dataclasses import fields

from billing.core.movements import Movement, Payout

MOVEMENT = Movement(
    id="txn_1", account="acct_1", run="gym-2026-11", reference="INV-1", item="abc", category="charge", type="charge",
    amount=1234, fee=60, net=1174, stripe_fee=50, application_fee=10, other_fees=0, currency="usd", presented=1000,
    presented_currency="eur", rate="1.234", at=1_793_610_000, available_on=1_793_700_000, source="ch_1", charge="ch_1",
    intent="pi_1", payout="po_1",
)  # fmt: skip
PAYOUT = Payout("po_1", "acct_1", 1174, "usd", "failed", 1_793_800_000, 1_793_700_000, True, "completed", "x", True)


def test_a_movement_and_a_payout_are_read_back_as_they_were_kept():
    for value in (MOVEMENT, PAYOUT):
        assert type(value).from_facts(value.name, value.to_facts()) == value
        assert value.to_facts().keys() == {field.name for field in fields(value)} - {"id", "account"}


def test_facts_of_a_later_release_are_no_obstacle():
    assert Movement.from_facts(MOVEMENT.name, MOVEMENT.to_facts() | {"later": 1}) == MOVEMENT
