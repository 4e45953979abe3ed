"""Whatever has moved, a journal balances, and says of each account what Stripe says."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings

from billing.core.journals.roles import Role
from billing.core.journals.rules import PAYOUT_ENTRIES, RULES, rule_of
from billing.core.journals.transactions import booked
from billing.core.movements import Movement
from tests.journals.books import (
    ACCOUNTS,
    AT,
    CHARGE,
    LANDED,
    PAYOUT,
    chart,
    entries,
    every_entry,
    movements,
    payouts,
    sums,
)

SOME = settings(max_examples=40)


def _net(found: list[Movement], *, landed: bool) -> dict[tuple[str, str], int]:
    """What accounts have of movements, by account and currency: paid out, or not yet."""
    nets: dict[tuple[str, str], int] = defaultdict(int)
    for each in found:
        if str(each.payout).startswith(LANDED) == landed:
            nets[each.account, each.currency] += each.net
    return nets


@SOME
@given(movements())
def test_every_entry_balances_and_clearing_is_what_was_not_paid_out(found):
    made = every_entry(found)
    assert all(entry.balances for entry in made)
    held = sums(made)
    for account in ACCOUNTS:
        for role, landed in ((Role.CLEARING, False), (Role.BANK, True)):
            name = chart().name(role, account)
            ours = {currency: minor for (whose, currency), minor in held.items() if whose == name}
            nets = {of: net for (whose, of), net in _net(found, landed=landed).items() if whose == account and net}
            assert ours == nets, role


@SOME
@given(movements())
def test_a_journal_adds_up_to_the_movements_to_the_minor_unit(found):
    held: dict[tuple[str, str], int] = defaultdict(int)
    expected: dict[tuple[str, str], int] = defaultdict(int)
    for each in found:
        for posting in booked(each, chart(), UTC).postings:
            minor, currency = posting.weight
            held[posting.name, currency] += minor
        rule = rule_of(each)
        rest = each.amount - each.stripe_fee - each.application_fee - each.other_fees - each.net
        for role, minor in (
            (Role.CLEARING, each.net), (rule.amount, -each.amount), (rule.fee, each.stripe_fee),
            (Role.APPLICATION_FEES, each.application_fee), (Role.OTHER_FEES, each.other_fees), (Role.SUSPENSE, rest),
        ):  # fmt: skip
            expected[chart().name(role, each.account), each.currency] += minor
    assert {key: minor for key, minor in held.items() if minor} == {
        key: minor for key, minor in expected.items() if minor
    }


@SOME
@given(movements())
def test_an_entry_has_one_id_and_a_later_export_only_adds(found):
    earlier, later = every_entry(found[:-1]), every_entry(found)
    ids = [entry.id for entry in later]
    assert len(ids) == len(set(ids))
    known = {entry.id: entry for entry in later}
    moved = {entry.id for entry in earlier if known.get(entry.id) != entry}
    # A payout's part of a run grows with what becomes known of it; nothing else is ever another.
    last = found[-1]
    assert {entry.partition("/")[0] for entry in moved} <= {str(last.payout), f"po_paid_{last.account}"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.category}-{rule.source}")
def test_a_movement_is_booked_where_its_rule_says(rule):
    movement = replace(
        CHARGE, category=rule.category, source=f"{rule.source or 'xx'}_1", stripe_fee=50, other_fees=1, net=1173
    )
    made = booked(movement, chart(), UTC)
    expected: dict[str, int] = defaultdict(int)
    for role, minor in (
        (Role.CLEARING, 1173),
        (rule.amount, -1234),
        (rule.fee, 50),
        (Role.APPLICATION_FEES, 10),
        (Role.OTHER_FEES, 1),
    ):
        expected[chart().name(role, "acct_1A")] += minor
    assert {name: minor for (name, _), minor in sums([made]).items()} == expected
    assert made.narration.startswith(rule.words)
    assert made.narration.endswith(" INV-1")


def test_a_category_that_no_rule_names_is_in_suspense_and_not_dropped():
    made = booked(replace(CHARGE, category="contribution"), chart(), UTC)
    assert sums([made])["equity:suspense:acct_1A", "usd"] == -1234


def test_what_the_parts_do_not_explain_is_in_suspense():
    made = booked(replace(CHARGE, net=1170), chart(), UTC)
    assert made.balances
    assert sums([made])["equity:suspense:acct_1A", "usd"] == 4


def test_a_conversion_shows_both_sides():
    euros = replace(CHARGE, presented=1000, presented_currency="eur", rate="1.234")
    sale = booked(euros, chart(), UTC).postings[1]
    assert (sale.amount, sale.currency, sale.weight) == (-1000, "eur", (-1234, "usd"))
    assert ("rate", "1.234") in booked(euros, chart(), UTC).ids
    back = booked(replace(euros, category="refund", amount=-1234, net=-1294, presented=-1000), chart(), UTC).postings[1]
    assert (back.amount, back.weight) == (1000, (1234, "usd"))


def test_a_day_is_that_of_the_runs_zone_and_a_payouts_the_one_that_stripe_names():
    midnight = replace(CHARGE, at=AT - AT % 86_400 - 3_600, payout="po_1")
    assert (
        booked(midnight, chart(), UTC).day + timedelta(days=1)
        == booked(midnight, chart(), timezone(timedelta(hours=2))).day
    )
    (_, paid) = entries([midnight], [PAYOUT])
    assert paid.day == datetime.fromtimestamp(PAYOUT.arrival_date, UTC).date()


@pytest.mark.parametrize("status", [*PAYOUT_ENTRIES, "a_new_one"])
def test_a_payout_is_at_the_bank_once_it_has_arrived_and_back_when_it_failed(status):
    made = entries([replace(CHARGE, payout="po_1")], [replace(PAYOUT, status=status)])
    held = sums(made)
    at_bank = 1174 if status == "paid" else 0
    assert held.get(("assets:bank:acct_1A", "usd"), 0) == at_bank
    assert held.get(("assets:stripe:acct_1A", "usd"), 0) == 1174 - at_bank
    assert [each.id for each in made[1:]] == {
        "paid": ["po_1/gym-2026-11"], "failed": ["po_1/gym-2026-11", "po_1/gym-2026-11/failed"]
    }.get(status, [])  # fmt: skip


def test_a_payout_that_failed_after_it_was_exported_changes_nothing_of_that():
    movement = replace(CHARGE, payout="po_1")
    paid, failed = (entries([movement], [replace(PAYOUT, status=status)]) for status in ("paid", "failed"))
    assert failed[: len(paid)] == paid


def test_a_payout_carries_the_part_of_each_run_by_itself():
    two = [replace(CHARGE, payout="po_1"), replace(CHARGE, id="txn_2", run="gym-2026-12", net=1000, payout="po_1")]
    paid = [entry for entry in entries(two, [PAYOUT]) if entry.category == "payout"]
    assert {(each.run, each.postings[1].amount) for each in paid} == {("gym-2026-11", 1174), ("gym-2026-12", 1000)}


def test_payouts_that_name_each_other_end():
    round_about = [
        replace(PAYOUT, status="failed", repaid_by="po_2"),
        replace(PAYOUT, id="po_2", status="failed", repaid_by="po_1"),
    ]
    made = entries([replace(CHARGE, payout="po_1")], round_about)
    assert sums(made)["assets:stripe:acct_1A", "usd"] == 1174
    assert len(made) == 5


def test_every_fate_of_a_payout_is_among_those_that_laws_are_tried_with():
    assert {each.status for each in payouts("acct_1A")} >= {"paid", "failed", "in_transit"}
