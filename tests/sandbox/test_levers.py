"""Levers: what banks, issuers and strangers do behind the platform's back, as functions and as commands."""

import json

import pytest

from billing.sandbox import levers
from billing.sandbox.config import ConfigProblem
from billing.sandbox.control import ControlProblem, command

DAY = 86_400
DEBIT = "pm_usBankAccount_success"


def ask(services, path, **params):
    return services.get(path, params, account=services.account.id)


def paid(services, method="pm_card_visa", **params):
    """The charge of an intent that was paid, once a bank has answered, too."""
    intent, _ = services.charge(method, **params)
    if method.startswith("pm_usBank"):
        services.sandbox.advance(7 * DAY)
    return services.intent(intent)["latest_charge"]


def pull(services, name, **body):
    """A lever as its command; what Stripe's API shows of the object afterwards."""
    asked = json.dumps({"account": services.account.id} | body).encode()
    return command(services.sandbox, "POST", name, asked)


def rows(services, source):
    """The balance transactions of an object, oldest first: category, amount, fee."""
    found = ask(services, "/v1/balance_transactions", source=source)["data"][::-1]
    return [(row["reporting_category"], row["amount"], row["fee"]) for row in found]


def kinds(services, *types):
    return [event["type"] for event in ask(services, "/v1/events", types=list(types))["data"]][::-1]


def test_a_payer_disputes_a_part_for_any_reason(services):
    charge = paid(services)
    made = pull(services, "dispute", charge=charge, reason="product_unacceptable", amount=300)
    shown = ask(services, f"/v1/disputes/{made['id']}")
    assert (shown["status"], shown["reason"], shown["amount"]) == ("needs_response", "product_unacceptable", 300)
    assert rows(services, made["id"]) == [("dispute", -300, 1500)]
    assert kinds(services, "charge.dispute.created", "charge.dispute.funds_withdrawn") == [
        "charge.dispute.created", "charge.dispute.funds_withdrawn",
    ]  # fmt: skip


def test_a_lost_dispute_may_be_won_long_after(services):
    dispute = pull(services, "dispute", charge=paid(services))["id"]
    assert pull(services, "dispute_end", dispute=dispute, status="lost")["status"] == "lost"
    services.sandbox.advance(90 * DAY)
    assert pull(services, "dispute_end", dispute=dispute, status="won")["status"] == "won"
    assert rows(services, dispute) == [("dispute", -1000, 1500), ("dispute_reversal", 1000, 0)]
    assert len(ask(services, f"/v1/disputes/{dispute}")["balance_transactions"]) == 2
    assert kinds(services, "charge.dispute.closed", "charge.dispute.funds_reinstated")[-2:] == [
        "charge.dispute.funds_reinstated", "charge.dispute.closed",
    ]  # fmt: skip


def test_an_inquiry_takes_money_only_once_it_is_escalated(services):
    dispute = pull(services, "dispute", charge=paid(services), inquiry=True)["id"]
    assert (rows(services, dispute), ask(services, f"/v1/disputes/{dispute}")["status"]) == (
        [],
        "warning_needs_response",
    )
    escalated = pull(services, "dispute_end", dispute=dispute, status="needs_response")
    assert (escalated["status"], escalated["is_charge_refundable"]) == ("needs_response", False)
    assert escalated["payment_method_details"]["card"]["case_type"] == "chargeback"
    assert rows(services, dispute) == [("dispute", -1000, 1500)]


def test_a_dispute_that_nobody_answers_is_lost_and_an_inquiry_closed(services):
    dispute = pull(services, "dispute", charge=paid(services))["id"]
    inquiry = pull(services, "dispute", charge=paid(services), inquiry=True)["id"]
    services.sandbox.advance(8 * DAY)
    lost = ask(services, f"/v1/disputes/{dispute}")
    assert (lost["status"], lost["evidence_details"]["past_due"]) == ("lost", True)
    assert ask(services, f"/v1/disputes/{inquiry}")["status"] == "warning_needs_response"
    services.sandbox.advance(113 * DAY)
    assert ask(services, f"/v1/disputes/{inquiry}")["status"] == "warning_closed"


def test_an_escalated_inquiry_has_a_term_of_its_own(services):
    inquiry = pull(services, "dispute", charge=paid(services), inquiry=True)["id"]
    services.sandbox.advance(6 * DAY)
    pull(services, "dispute_end", dispute=inquiry, status="needs_response")
    services.sandbox.advance(2 * DAY)
    assert ask(services, f"/v1/disputes/{inquiry}")["status"] == "needs_response"


@pytest.mark.parametrize(("reason", "fee"), [
    ("insufficient_funds", 400), ("incorrect_account_details", 400), ("bank_cannot_process", 400),
    ("debit_not_authorized", 1500),
])  # fmt: skip
def test_a_debit_that_comes_back_is_a_dispute_born_lost_with_its_fee(services, reason, fee):
    charge = paid(services, DEBIT)
    made = pull(services, "return", charge=charge, reason=reason)
    assert (made["status"], made["reason"], made["is_charge_refundable"]) == ("lost", reason, False)
    assert made["evidence_details"]["due_by"] is None
    assert rows(services, made["id"]) == [("dispute", -1000, fee)]
    assert ask(services, f"/v1/charges/{charge}")["disputed"] is True
    with pytest.raises(ControlProblem, match="does not become won"):
        pull(services, "dispute_end", dispute=made["id"], status="won")


def test_an_issuer_warns_until_nothing_is_left_to_do(services):
    charge = paid(services)
    made = pull(services, "warn", charge=charge)
    assert ask(services, "/v1/radar/early_fraud_warnings", charge=charge)["data"] == [made]
    assert ask(services, f"/v1/radar/early_fraud_warnings/{made['id']}")["actionable"] is True
    services.post("/v1/refunds", {"charge": charge}, account=services.account.id)
    shown = ask(services, f"/v1/radar/early_fraud_warnings/{made['id']}", expand=["charge"])
    assert (shown["actionable"], shown["charge"]["id"]) == (False, charge)
    assert kinds(services, "radar.early_fraud_warning.created", "radar.early_fraud_warning.updated") == [
        "radar.early_fraud_warning.created", "radar.early_fraud_warning.updated",
    ]  # fmt: skip
    assert ask(services, "/v1/radar/early_fraud_warnings", payment_intent="pi_none")["data"] == []


def test_a_refund_that_succeeded_comes_back_weeks_later(services):
    charge = paid(services)
    refund = services.post("/v1/refunds", {"charge": charge}, account=services.account.id)["id"]
    services.sandbox.advance(25 * DAY)
    failed = pull(services, "refund_fail", refund=refund, reason="lost_or_stolen_card")
    assert (failed["status"], failed["failure_reason"]) == ("failed", "lost_or_stolen_card")
    assert rows(services, refund) == [("refund", -1000, 0), ("refund_failure", 1000, 0)]
    assert ask(services, f"/v1/charges/{charge}")["amount_refunded"] == 0
    assert kinds(services, "refund.created", "refund.updated", "refund.failed", "charge.refunded") == [
        "refund.created", "charge.refunded", "refund.updated", "refund.failed",
    ]  # fmt: skip


def test_a_payout_that_was_paid_comes_back(services):
    paid(services)
    services.sandbox.advance(7 * DAY)
    payout = ask(services, "/v1/payouts")["data"][0]
    failed = pull(services, "payout_fail", payout=payout["id"], code="no_account")
    assert (failed["status"], failed["failure_code"]) == ("failed", "no_account")
    assert rows(services, payout["id"]) == [("payout", -payout["amount"], 0), ("payout_reversal", payout["amount"], 0)]
    assert ask(services, "/v1/balance")["available"][0]["amount"] == payout["amount"]
    services.sandbox.advance(DAY)
    assert ask(services, "/v1/payouts")["data"][0]["amount"] == payout["amount"]


def test_a_lost_object_is_nowhere(services):
    charge = paid(services)
    pull(services, "lose", object=charge)
    assert ask(services, f"/v1/charges/{charge}").error["code"] == "resource_missing"
    assert ask(services, "/v1/charges")["data"] == []
    intent = ask(services, "/v1/payment_intents", expand=["data.latest_charge"])["data"][0]
    assert intent["latest_charge"] == charge


def test_a_strangers_charge_is_in_no_list_of_intents(services):
    made = pull(services, "charge", amount=700, metadata={"billing_item": "theirs"})
    assert ask(services, "/v1/payment_intents")["data"] == []
    shown = ask(services, "/v1/charges")["data"][0]
    assert (shown["id"], shown["payment_intent"], shown["application"]) == (made["id"], None, None)
    assert shown["metadata"] == {"billing_item": "theirs"}
    assert rows(services, made["id"]) == [("charge", 700, 50)]
    warning = pull(services, "warn", charge=made["id"])["id"]
    assert "payment_intent" not in ask(services, f"/v1/radar/early_fraud_warnings/{warning}").body
    pull(services, "charge", amount=700, intent=True)
    assert len(ask(services, "/v1/payment_intents")["data"]) == 1


def test_anything_of_an_object_can_be_changed(services):
    charge = paid(services, metadata={"billing_item": "a", "billing_run": "r"})
    pull(services, "change", object=charge, to={"amount": 999, "metadata": {"billing_item": "b", "billing_run": ""}})
    shown = ask(services, f"/v1/charges/{charge}")
    assert (shown["amount"], shown["metadata"]) == (999, {"billing_item": "b"})


@pytest.mark.parametrize(("name", "body"), [
    ("dispute", {"charge": "ch_none"}), ("dispute", {"charge": "pi_none"}), ("dispute", {"reason": "dislike"}),
    ("dispute", {"inquiry": True, "final": True}), ("dispute", {"amount": 0}), ("dispute", {"colour": "red"}),
    ("dispute", {"account": "acct_none"}), ("return", {}), ("warn", {"fraud_type": "bad"}),
    ("charge", {"amount": 1}), ("charge", {"amount": 700, "method": "pm_card_visa_chargeDeclined"}),
    ("dispute_end", {"dispute": "dp_none", "status": "won"}), ("payout_fail", {"payout": "po_none"}),
    ("refund_fail", {"refund": "re_none"}), ("lose", {"object": "sub_none"}), ("lose", {"object": "x"}),
    ("change", {"to": {"colour": "red"}}), ("change", {"to": {"id": "ch_other"}}),
])  # fmt: skip
def test_a_lever_that_grips_nothing_says_so_and_moves_nothing(services, name, body):
    charge = paid(services)
    known = {"dispute": {"charge": charge}, "return": {"charge": charge}, "warn": {"charge": charge},
             "change": {"object": charge}}.get(name, {})  # fmt: skip
    with pytest.raises(ControlProblem) as said:
        pull(services, name, **(known | body))
    assert said.value.status == 400
    assert len(ask(services, "/v1/balance_transactions")["data"]) == 1


def test_whoever_holds_the_sandbox_pulls_the_same_levers(services):
    charge, place = paid(services, DEBIT), services.account.id
    assert levers.return_debit(services.sandbox, place, charge)["reason"] == "insufficient_funds"
    with pytest.raises(ConfigProblem, match="is lost"):
        levers.end_dispute(services.sandbox, place, ask(services, "/v1/disputes")["data"][0]["id"], "lost")


def test_a_refund_that_failed_or_a_payout_that_did_cannot_fail_again(services):
    charge = paid(services)
    refund = services.post("/v1/refunds", {"charge": charge, "amount": 100}, account=services.account.id)["id"]
    services.sandbox.advance(7 * DAY)
    payout = ask(services, "/v1/payouts")["data"][0]["id"]
    for name, body in (("refund_fail", {"refund": refund}), ("payout_fail", {"payout": payout})):
        pull(services, name, **body)
        with pytest.raises(ControlProblem, match="is failed"):
            pull(services, name, **body)
