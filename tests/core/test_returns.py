"""What a debit that came back says, and what follows: the table, and what is taken for a return at all."""

from dataclasses import replace

import pytest

from billing.core.declines import Remedy
from billing.core.entries import ItemRecord
from billing.core.items import Kind, Mode
from billing.core.kinds.charge import State
from billing.core.life import Group
from billing.core.objects.returned import intent_of, may_be_return, paid_by, return_seen
from billing.core.policies import Dunning
from billing.core.returns import MOST_AGAIN, REASONS, UNLISTED, after_return

DUNNING = Dunning()
ITEM = ItemRecord(
    id=1, item_id="item", run_id="run", kind=Kind.CHARGE, reference="r", generation=0, account="acct_1", payer="cus_1",
    amount=100, currency="usd", digest="d" * 64, content={}, state=State.SUCCEEDED, object_id="pi_1",
    facts={"charge": "ch_1"},
)  # fmt: skip
CHARGE = {
    "object": "charge", "id": "ch_1", "payment_intent": "pi_1", "amount": 100, "currency": "usd", "livemode": False,
    "amount_refunded": 0, "payment_method_details": {"type": "us_bank_account"},
}  # fmt: skip
DISPUTE = {
    "object": "dispute", "id": "dp_1", "charge": CHARGE, "payment_intent": "pi_1", "amount": 100, "currency": "usd",
    "livemode": False, "status": "lost", "reason": "insufficient_funds", "created": 1_796_000_000,
    "balance_transactions": [{"fee": 400, "amount": -100}],
}  # fmt: skip


@pytest.mark.parametrize("reason", [*REASONS, "general", "nobody_knows"])
@pytest.mark.parametrize("tries", [1, 2, 3, 4, 50])
@pytest.mark.parametrize("returns", [1, 2, 3])
@pytest.mark.parametrize("refunded", [False, True])
def test_only_want_of_money_is_mended_by_time_and_only_as_often_as_schedule_and_network_say(
    reason, tries, returns, refunded
):
    found = after_return(DUNNING, reason, tries, returns, refunded=refunded)
    may = tries <= len(DUNNING.soft) and returns <= MOST_AGAIN
    waits = reason == "insufficient_funds" and not refunded and may
    assert (found.gap is not None) == waits
    assert found.gap is None or found.gap == DUNNING.soft[tries - 1]
    assert found.rule.group in (Group.DECLINED, Group.NEEDS_CUSTOMER)
    if found.rule.group is Group.NEEDS_CUSTOMER:
        assert found.gap is None
    else:
        assert waits or found.rule.remedy in (Remedy.REPORT, Remedy.CHECK)
    assert found.rule.note
    assert found.rule.what_to_do


def test_a_schedule_for_hard_declines_does_not_debit_again_what_the_customer_had_taken_back():
    hasty = replace(DUNNING, hard=DUNNING.soft)
    for reason in REASONS.keys() - {"insufficient_funds"}:
        assert after_return(hasty, reason, 1, 1, refunded=False).gap is None
    assert after_return(hasty, "nobody_knows", 1, 1, refunded=False).rule is UNLISTED


def test_a_bank_account_that_will_not_pay_is_blocked_for_all_and_one_without_money_is_not():
    assert {reason for reason, rule in REASONS.items() if rule.block_card} == REASONS.keys() - {"insufficient_funds"}


def test_a_lost_dispute_of_all_of_the_items_own_debit_is_a_return():
    seen = return_seen(DISPUTE, paid_by(ITEM), Mode.TEST)
    assert seen is not None
    assert (seen.dispute, seen.reason, seen.created, seen.fee) == ("dp_1", "insufficient_funds", 1_796_000_000, 400)
    assert not seen.refunded
    assert intent_of(DISPUTE) == intent_of({**DISPUTE, "payment_intent": None}) == "pi_1"
    assert return_seen({**DISPUTE, "balance_transactions": []}, paid_by(ITEM), Mode.TEST).fee is None


OTHERWISE = {
    "of a card": {"charge": {**CHARGE, "payment_method_details": {"type": "card"}}},
    "of who knows what": {"charge": {**CHARGE, "payment_method_details": None}},
    "an inquiry": {"status": "warning_needs_response"},
    "still open": {"status": "needs_response"},
    "won": {"status": "won"},
    "of a part": {"amount": 99},
    "in another currency": {"currency": "eur"},
    "of the other mode": {"livemode": True},
    "of another charge": {"charge": {**CHARGE, "id": "ch_2"}},
    "of another intent": {"charge": {**CHARGE, "payment_intent": "pi_2"}},
    "of another amount": {"charge": {**CHARGE, "amount": 99}, "amount": 99},
    "of a charge that was not read": {"charge": "ch_1"},
    "of no date": {"created": None},
}


@pytest.mark.parametrize("change", OTHERWISE.values(), ids=OTHERWISE)
def test_any_other_dispute_moves_nothing(change):
    assert return_seen({**DISPUTE, **change}, paid_by(ITEM), Mode.TEST) is None


def test_what_was_given_back_before_it_came_back_is_told():
    charge = {**CHARGE, "amount_refunded": 1}
    assert return_seen({**DISPUTE, "charge": charge}, paid_by(ITEM), Mode.TEST).refunded


@pytest.mark.parametrize(
    ("dispute", "may"),
    [
        ({"status": "lost"}, True),
        ({"status": "lost", "payment_method_details": {"type": "us_bank_account"}}, True),
        ({"status": "lost", "payment_method_details": {"type": "card"}}, False),
        ({"status": "under_review"}, False),
        ({"status": "warning_closed"}, False),
    ],
)
def test_a_list_leaves_out_only_what_cannot_be_a_return(dispute, may):
    assert may_be_return(dispute) is may
