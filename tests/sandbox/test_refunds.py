"""Refunds that are not over at once: pending ones, returned ones, and what may follow."""

import pytest

DAY = 86_400


def refund(services, intent, **params):
    return services.post("/v1/refunds", {"payment_intent": intent, **params}, account=services.account.id)


def refund_of(services, shown):
    return services.get(f"/v1/refunds/{shown['id']}", account=services.account.id)


def charge_of(services, intent):
    return services.intent(intent, expand=["latest_charge"])["latest_charge"]


@pytest.mark.parametrize(("method", "at_once", "later"), [
    ("pm_card_visa", "succeeded", "succeeded"),
    ("pm_card_pendingRefund", "pending", "succeeded"),
    ("pm_card_refundFail", "succeeded", "failed"),
    ("pm_usBankAccount_success", "pending", "succeeded"),
    ("pm_sandbox_refund_returns_pending", "pending", "failed"),
])  # fmt: skip
def test_a_refund_ends_at_once_or_days_later(services, method, at_once, later):
    kinds = {"allowed_payment_method_types": ["us_bank_account" if "card" not in method else "card"]}
    intent, _ = services.charge(method, **kinds)
    services.sandbox.advance(7 * DAY)
    made = refund(services, intent, metadata={"billing_item": "a"})
    assert (made["status"], charge_of(services, intent)["amount_refunded"]) == (at_once, 1000)
    services.sandbox.advance(9 * DAY)
    shown = refund_of(services, made)
    assert (shown["status"], shown["metadata"]) == (later, {"billing_item": "a"})
    charge = charge_of(services, intent)
    assert (charge["amount_refunded"], charge["refunded"]) == ((0, False) if later == "failed" else (1000, True))
    assert [(row.status, row.stands) for row in services.sandbox.books().refunds] == [(later, later != "failed")]


def test_a_returned_refund_brings_the_money_back_to_the_account(services):
    intent, _ = services.charge("pm_card_refundFail")
    made = refund(services, intent)
    services.sandbox.advance(9 * DAY)
    shown = refund_of(services, made)
    rows = services.get("/v1/balance_transactions", {"source": shown["id"]}, account=services.account.id)["data"]
    assert {row["id"]: row["amount"] for row in rows} == {
        shown["failure_balance_transaction"]: 1000, shown["balance_transaction"]: -1000,
    }  # fmt: skip


@pytest.mark.parametrize(("again", "status"), [(False, 400), (True, 200)])
def test_whether_a_charge_can_be_refunded_after_a_return_is_a_habit(make_desk, again, status):
    services = make_desk(refund_after_failure=again)
    intent, _ = services.charge("pm_card_refundFail")
    refund(services, intent)
    services.sandbox.advance(9 * DAY)
    assert refund(services, intent).status == status


def test_the_books_tell_which_obligations_were_refunded_twice(services):
    intent, _ = services.charge()
    for item, amount in (("a", 300), ("b", 300), ("a", 400)):
        refund(services, intent, amount=amount, metadata={"billing_item": item})
    assert services.sandbox.books().refunded_twice() == ["a"]
    assert services.book(intent).refunded == 1000
