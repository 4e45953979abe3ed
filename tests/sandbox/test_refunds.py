"""Refunds that are not over at once: pending ones, returned ones, and what may follow."""

import pytest

from billing.sandbox import levers

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


def poor(make_desk, method="pm_card_visa"):
    """A desk whose account holds nothing that is available, because its balance is paid out; and a paid intent."""
    services = make_desk(refunds_wait=True)
    intent, _ = services.charge(method, application_fee_amount=100)
    services.sandbox.advance(14 * DAY)
    return services, intent


def kinds(services, account=None):
    told = services.get("/v1/events", {"types": [
        "refund.created", "refund.updated", "refund.failed", "charge.refunded", "application_fee.created",
        "application_fee.refunded",
    ]}, account=account)["data"]  # fmt: skip
    return [event["type"] for event in told][::-1]


def test_a_refund_waits_until_the_account_has_its_money(make_desk):
    services, intent = poor(make_desk)
    made = refund(services, intent, refund_application_fee=True)
    assert (made["status"], made["pending_reason"], made["balance_transaction"]) == (
        "pending", "insufficient_funds", None,
    )  # fmt: skip
    assert charge_of(services, intent)["amount_refunded"] == 1000
    assert services.get("/v1/application_fees")["data"][0]["amount_refunded"] == 0
    services.charge(amount=500)
    services.sandbox.advance(5 * DAY)  # too little, and paid out
    assert refund_of(services, made)["status"] == "pending"
    services.charge("pm_card_bypassPending", amount=2000)
    shown = refund_of(services, made)
    assert (shown["status"], "pending_reason" in shown.body) == ("succeeded", False)
    row = services.get(f"/v1/balance_transactions/{shown['balance_transaction']}", account=services.account.id)
    assert (row["amount"], row["fee"], row["net"]) == (-1000, -100, -900)
    assert services.get("/v1/application_fees")["data"][0]["amount_refunded"] == 100
    assert kinds(services, services.account.id) == ["refund.created", "charge.refunded", "refund.updated"]
    assert kinds(services) == ["application_fee.created", "application_fee.refunded"]


def test_a_debit_is_not_given_back_by_an_account_that_has_nothing(make_desk):
    services, intent = poor(make_desk, "pm_usBankAccount_success")
    made = refund(services, intent)
    assert (made["status"], made["failure_reason"]) == ("failed", "insufficient_funds")
    assert charge_of(services, intent)["amount_refunded"] == 0
    assert kinds(services, services.account.id) == ["refund.created", "refund.failed"]
    assert services.book(intent).refunded == 0


def test_a_refund_that_waits_fails_once_its_charge_is_disputed(make_desk):
    services, intent = poor(make_desk)
    made = refund(services, intent)
    levers.open_dispute(services.sandbox, services.account.id, made["charge"])
    services.charge("pm_card_bypassPending", amount=9000)
    shown = refund_of(services, made)
    assert (shown["status"], shown["failure_reason"]) == ("failed", "charge_for_pending_refund_disputed")
    assert (charge_of(services, intent)["amount_refunded"], shown["balance_transaction"]) == (0, None)


def test_refunds_that_wait_go_on_in_their_order(make_desk):
    services, intent = poor(make_desk)
    first, second = (refund(services, intent, amount=amount) for amount in (900, 50))
    services.charge("pm_card_bypassPending", amount=500)
    assert [refund_of(services, made)["status"] for made in (first, second)] == ["pending", "pending"]
    services.charge("pm_card_bypassPending", amount=500)
    assert [refund_of(services, made)["status"] for made in (first, second)] == ["succeeded", "pending"]
