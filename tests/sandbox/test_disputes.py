"""Disputes: their kinds, their money, their evidence, their end."""

import pytest

DAY = 86_400


def ask(desk, path, **params):
    return desk.get(path, params, account=desk.account.id)


def test_a_dispute_takes_the_money_back(desk):
    intent, paid = desk.charge("pm_card_createDispute")
    assert paid["status"] == "succeeded"
    desk.sandbox.advance(120)
    charge = ask(desk, f"/v1/charges/{desk.intent(intent)['latest_charge']}")
    assert charge["disputed"] is True
    dispute = ask(desk, "/v1/disputes", payment_intent=intent)["data"][0]
    assert (dispute["amount"], dispute["charge"]) == (1000, charge["id"])
    adjustment = ask(desk, "/v1/balance_transactions", type="adjustment")["data"][0]
    assert (adjustment["net"], adjustment["reporting_category"]) == (-1000 - 1500, "dispute")
    assert dispute["balance_transactions"] == [adjustment]
    refund = desk.post("/v1/refunds", {"payment_intent": intent}, account=desk.account.id)
    assert refund.error["code"] == "charge_disputed"


def disputed(desk, name):
    intent, _ = desk.charge(name)
    desk.sandbox.advance(7 * DAY)
    return intent, ask(desk, "/v1/disputes", payment_intent=intent)["data"][0]


@pytest.mark.parametrize(("name", "reason", "status", "taken"), [
    ("pm_card_createDispute", "fraudulent", "needs_response", 1),
    ("pm_card_createDisputeProductNotReceived", "product_not_received", "needs_response", 1),
    ("pm_card_createDisputeInquiry", "fraudulent", "warning_needs_response", 0),
    ("pm_usBankAccount_dispute", "debit_not_authorized", "lost", 1),
])  # fmt: skip
def test_disputes_differ_in_reason_in_status_and_in_whether_money_moved(desk, name, reason, status, taken):
    _, dispute = disputed(desk, name)
    assert (dispute["reason"], dispute["status"], len(dispute["balance_transactions"])) == (reason, status, taken)
    assert (dispute["evidence_details"]["due_by"] is None) is (status == "lost")


def test_an_inquiry_leaves_the_charge_refundable(desk):
    intent, dispute = disputed(desk, "pm_card_createDisputeInquiry")
    assert dispute["is_charge_refundable"] is True
    assert desk.post("/v1/refunds", {"payment_intent": intent}, account=desk.account.id)["status"] == "succeeded"


@pytest.mark.parametrize(("text", "status", "rows"), [
    ("winning_evidence", "won", 2), ("losing_evidence", "lost", 1), ("a letter", "under_review", 1),
])  # fmt: skip
def test_evidence_decides_a_dispute_and_a_won_one_brings_the_money_back(desk, text, status, rows):
    _, dispute = disputed(desk, "pm_card_createDispute")
    path = f"/v1/disputes/{dispute['id']}"
    answer = desk.post(path, {"evidence": {"uncategorized_text": text}}, account=desk.account.id)
    assert (answer["status"], len(answer["balance_transactions"])) == (status, rows)
    assert (answer["evidence_details"]["has_evidence"], answer["evidence_details"]["submission_count"]) == (True, 1)
    reversals = [row for row in answer["balance_transactions"] if row["reporting_category"] == "dispute_reversal"]
    assert [row["net"] for row in reversals] == [1000] * (rows - 1)


def test_a_dispute_can_be_given_up_once(desk):
    _, dispute = disputed(desk, "pm_card_createDispute")
    path = f"/v1/disputes/{dispute['id']}/close"
    assert desk.post(path, account=desk.account.id)["status"] == "lost"
    assert desk.post(path, account=desk.account.id).status == 400


def test_a_returned_debit_is_a_dispute(desk):
    intent, _ = desk.charge("pm_usBankAccount_dispute")
    desk.sandbox.advance(7 * DAY)
    assert desk.intent(intent)["status"] == "succeeded"
    assert len(ask(desk, "/v1/disputes", payment_intent=intent)["data"]) == 1
