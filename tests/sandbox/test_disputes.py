"""Disputes: their kinds, their money, their evidence, their end."""

import pytest

DAY = 86_400


def ask(services, path, **params):
    return services.get(path, params, account=services.account.id)


def test_a_dispute_takes_the_money_back(services):
    intent, paid = services.charge("pm_card_createDispute")
    assert paid["status"] == "succeeded"
    services.sandbox.advance(120)
    charge = ask(services, f"/v1/charges/{services.intent(intent)['latest_charge']}")
    assert charge["disputed"] is True
    dispute = ask(services, "/v1/disputes", payment_intent=intent)["data"][0]
    assert (dispute["amount"], dispute["charge"]) == (1000, charge["id"])
    adjustment = ask(services, "/v1/balance_transactions", type="adjustment")["data"][0]
    assert (adjustment["net"], adjustment["reporting_category"]) == (-1000 - 1500, "dispute")
    assert dispute["balance_transactions"] == [adjustment]
    refund = services.post("/v1/refunds", {"payment_intent": intent}, account=services.account.id)
    assert refund.error["code"] == "charge_disputed"


def disputed(services, name):
    intent, _ = services.charge(name)
    services.sandbox.advance(7 * DAY)
    return intent, ask(services, "/v1/disputes", payment_intent=intent)["data"][0]


@pytest.mark.parametrize(("name", "reason", "status", "taken"), [
    ("pm_card_createDispute", "fraudulent", "needs_response", 1),
    ("pm_card_createDisputeProductNotReceived", "product_not_received", "needs_response", 1),
    ("pm_card_createDisputeInquiry", "fraudulent", "warning_needs_response", 0),
    ("pm_usBankAccount_dispute", "debit_not_authorized", "lost", 1),
])  # fmt: skip
def test_disputes_differ_in_reason_in_status_and_in_whether_money_moved(services, name, reason, status, taken):
    _, dispute = disputed(services, name)
    assert (dispute["reason"], dispute["status"], len(dispute["balance_transactions"])) == (reason, status, taken)
    assert (dispute["evidence_details"]["due_by"] is None) is (status == "lost")


def test_an_inquiry_leaves_the_charge_refundable(services):
    intent, dispute = disputed(services, "pm_card_createDisputeInquiry")
    assert dispute["is_charge_refundable"] is True
    assert (
        services.post("/v1/refunds", {"payment_intent": intent}, account=services.account.id)["status"] == "succeeded"
    )


@pytest.mark.parametrize(("text", "status", "rows"), [
    ("winning_evidence", "won", 2), ("losing_evidence", "lost", 1), ("a letter", "under_review", 1),
])  # fmt: skip
def test_evidence_decides_a_dispute_and_a_won_one_brings_the_money_back(services, text, status, rows):
    _, dispute = disputed(services, "pm_card_createDispute")
    path = f"/v1/disputes/{dispute['id']}"
    answer = services.post(path, {"evidence": {"uncategorized_text": text}}, account=services.account.id)
    assert (answer["status"], len(answer["balance_transactions"])) == (status, rows)
    assert (answer["evidence_details"]["has_evidence"], answer["evidence_details"]["submission_count"]) == (True, 1)
    reversals = [row for row in answer["balance_transactions"] if row["reporting_category"] == "dispute_reversal"]
    assert [row["net"] for row in reversals] == [1000] * (rows - 1)


def test_a_dispute_can_be_given_up_once(services):
    _, dispute = disputed(services, "pm_card_createDispute")
    path = f"/v1/disputes/{dispute['id']}/close"
    assert services.post(path, account=services.account.id)["status"] == "lost"
    assert services.post(path, account=services.account.id).status == 400


def test_a_returned_debit_is_a_dispute(services):
    intent, _ = services.charge("pm_usBankAccount_dispute")
    services.sandbox.advance(7 * DAY)
    assert services.intent(intent)["status"] == "succeeded"
    assert len(ask(services, "/v1/disputes", payment_intent=intent)["data"]) == 1


@pytest.mark.parametrize(("text", "status", "rows"), [
    ("winning_evidence", "warning_closed", 0), ("escalate_inquiry_evidence", "needs_response", 1),
    ("a letter", "warning_under_review", 0),
])  # fmt: skip
def test_evidence_ends_an_inquiry_or_escalates_it(services, text, status, rows):
    _, dispute = disputed(services, "pm_card_createDisputeInquiry")
    path = f"/v1/disputes/{dispute['id']}"
    answer = services.post(path, {"evidence": {"uncategorized_text": text}}, account=services.account.id)
    assert (answer["status"], len(answer["balance_transactions"])) == (status, rows)


def test_a_charge_may_be_disputed_in_parts(services):
    intent, _ = services.charge("pm_card_createMultipleDisputes", amount=1001)
    services.sandbox.advance(120)
    found = ask(services, "/v1/disputes", payment_intent=intent)["data"]
    assert [row["amount"] for row in found] == [500, 501]
    assert services.sandbox.books().charges[0].disputed == 1001


def test_a_card_that_its_issuer_suspects_is_warned_of_and_paid(services):
    intent, _ = services.charge("pm_card_createIssuerFraudRecord")
    services.sandbox.advance(120)
    (warning,) = ask(services, "/v1/radar/early_fraud_warnings", payment_intent=intent)["data"]
    assert warning["actionable"] is True
    assert (services.book(intent).paid, services.sandbox.books().charges[0].warned) == (1, True)
