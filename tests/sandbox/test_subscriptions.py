"""Subscriptions: opened with their first invoice, paid once, ended for good."""

import pytest

from billing.sandbox.payer import Deed, act
from tests.sandbox.subscribing import HOUR, Subscriber, with_habits

DECLINES = "pm_card_chargeCustomerFail"
ASKS = "pm_card_authenticationRequired"


@pytest.fixture
def payer(services):
    return Subscriber(services)


def test_an_incomplete_subscription_has_an_open_invoice_and_takes_nothing(payer):
    made = payer.subscribe(metadata={"billing_item": "a"})
    invoice = made["latest_invoice"]
    assert (made["status"], invoice["status"], invoice["amount_due"], invoice["billing_reason"]) == (
        "incomplete", "open", 1000, "subscription_create",
    )  # fmt: skip
    assert invoice["parent"]["subscription_details"] == {
        "metadata": {"billing_item": "a"}, "subscription": made["id"],
    }  # fmt: skip
    assert payer.charges() == []


def test_paying_its_invoice_makes_it_active_once(payer):
    made = payer.subscribe(application_fee_percent=2.5)
    paid = payer.pay(made["latest_invoice"]["id"], payment_method=payer.card, off_session=True)
    assert (paid["status"], paid["amount_paid"], paid["amount_remaining"]) == ("paid", 1000, 0)
    assert payer.read(made["id"])["status"] == "active"
    again = payer.pay(made["latest_invoice"]["id"])
    assert (again.status, again.error["message"]) == (400, "Invoice is already paid")
    assert [(row["amount"], row["application_fee_amount"]) for row in payer.charges()] == [(1000, 25)]


def test_the_money_of_an_invoice_reaches_the_balance_less_fees(payer):
    payer.running(application_fee_percent=10)
    charge = payer.charges()[0]
    row = payer.get(f"/v1/balance_transactions/{charge['balance_transaction']}")
    assert (row["amount"], row["fee"], row["net"]) == (1000, 59 + 100, 841)
    assert payer.services.get(f"/v1/application_fees/{charge['application_fee']}")["amount"] == 100


@pytest.mark.parametrize(("percent", "fee"), [(2.75, 28), (0.05, 1), (0.04, 0), (12.25, 123), (100, 1000), (0, 0)])
def test_the_platforms_share_is_rounded_to_the_nearest_halves_up(payer, percent, fee):
    payer.running(application_fee_percent=percent)
    assert payer.charges()[0]["application_fee_amount"] == fee


@pytest.mark.parametrize("percent", [-1, 100.01, 2.555])
def test_a_share_outside_0_to_100_or_with_three_decimals_is_refused(payer, percent):
    answer = payer.subscribe(application_fee_percent=percent)
    assert (answer.status, answer.error["param"]) == (400, "application_fee_percent")


def test_the_payments_of_an_invoice_are_read_by_expanding_and_by_listing(payer):
    made = payer.subscribe(expand=["latest_invoice.payments", "latest_invoice.confirmation_secret"])
    invoice = made["latest_invoice"]
    payment = invoice["payments"]["data"][0]
    listed = payer.get("/v1/invoice_payments", {"invoice": invoice["id"], "expand": ["data.payment.payment_intent"]})
    intent = listed["data"][0]["payment"]["payment_intent"]
    assert (payment["status"], payment["amount_requested"], payment["is_default"]) == ("open", 1000, True)
    assert payment["payment"] == {"type": "payment_intent", "payment_intent": intent["id"]}
    assert invoice["confirmation_secret"] == {"type": "payment_intent", "client_secret": intent["client_secret"]}
    payer.pay(invoice["id"])
    by_intent = {"payment": {"type": "payment_intent", "payment_intent": intent["id"]}, "status": "paid"}
    assert [row["amount_paid"] for row in payer.get("/v1/invoice_payments", by_intent)["data"]] == [1000]


def test_no_field_that_the_api_version_removed_is_shown(payer):
    made = payer.subscribe()
    assert not {"current_period_end", "current_period_start", "plan", "quantity"} & made.body.keys()
    assert not {"payment_intent", "charge", "paid", "subscription"} & made["latest_invoice"].keys()
    item = made["items"]["data"][0]
    assert item["current_period_end"] - item["current_period_start"] == 30 * 24 * HOUR


@pytest.mark.parametrize("carried", [True, False])
def test_a_declined_pay_is_a_402_and_leaves_the_invoice_open(make_desk, carried):
    payer = Subscriber(with_habits(make_desk, carry_intent=carried), DECLINES)
    made = payer.subscribe()
    said = payer.pay(made["latest_invoice"]["id"], payment_method=payer.card, off_session=True)
    assert (said.status, said.error["type"], said.error["code"]) == (402, "card_error", "card_declined")
    assert ("payment_intent" in said.error) is carried
    assert payer.statuses(made["id"]) == ("incomplete", ["open"])
    other = payer.card_of("pm_card_visa")
    assert payer.pay(made["latest_invoice"]["id"], payment_method=other)["status"] == "paid"
    assert payer.read(made["id"])["status"] == "active"


@pytest.mark.parametrize(("asks", "code", "status"), [
    (True, "invoice_payment_intent_requires_action", "requires_action"),
    (False, "authentication_required", "requires_payment_method"),
])  # fmt: skip
def test_a_card_that_asks_for_its_payer_is_a_402_and_whether_it_waits_is_a_habit(make_desk, asks, code, status):
    payer = Subscriber(with_habits(make_desk, asks_payer=asks), ASKS)
    made = payer.subscribe()
    said = payer.pay(made["latest_invoice"]["id"])
    assert (said.status, said.error["code"], said.error["payment_intent"]["status"]) == (402, code, status)
    assert payer.statuses(made["id"]) == ("incomplete", ["open"])


@pytest.mark.parametrize(("behavior", "status"), [("allow_incomplete", 200), ("error_if_incomplete", 402)])
def test_a_first_decline_leaves_an_incomplete_subscription_or_none(services, behavior, status):
    payer = Subscriber(services, DECLINES)
    made = payer.subscribe(payment_behavior=behavior)
    assert made.status == status
    left = payer.get("/v1/subscriptions", {"status": "all"})["data"]
    assert [row["status"] for row in left] == (["incomplete"] if status == 200 else [])
    assert len(payer.get("/v1/invoices")["data"]) == len(left)


def test_a_first_payment_that_asks_its_payer_waits_or_was_never_there(services):
    payer = Subscriber(services, ASKS)
    said = payer.subscribe(payment_behavior="error_if_incomplete")
    assert (said.status, said.error["code"]) == (402, "subscription_payment_intent_requires_action")
    assert payer.get("/v1/subscriptions", {"status": "all"})["data"] == []
    assert payer.subscribe(payment_behavior="allow_incomplete")["status"] == "incomplete"


def test_a_subscription_that_is_charged_at_once_needs_a_method(payer):
    other = payer.post("/v1/customers")["id"]
    assert payer.subscribe(customer=other, payment_behavior="allow_incomplete").error["code"] == "resource_missing"
    assert payer.subscribe(customer=other)["status"] == "incomplete"


def test_after_23_hours_an_incomplete_subscription_is_dead_and_its_invoice_void(payer):
    made = payer.subscribe()
    payer.services.sandbox.advance(23 * HOUR - 1)
    assert payer.read(made["id"])["status"] == "incomplete"
    payer.services.sandbox.advance(1)
    assert payer.statuses(made["id"]) == ("incomplete_expired", ["void"])
    assert payer.pay(made["latest_invoice"]["id"]).status == 400
    payment = payer.get("/v1/invoice_payments", {"invoice": made["latest_invoice"]["id"]})["data"][0]
    assert (payment["status"], payer.charges()) == ("canceled", [])


@pytest.mark.parametrize(("voids", "left"), [(True, "void"), (False, "open")])
def test_whether_a_cancel_voids_the_first_invoice_is_a_habit(make_desk, voids, left):
    payer = Subscriber(with_habits(make_desk, cancel_voids=voids))
    made = payer.subscribe()
    assert payer.cancel(made["id"])["status"] == "incomplete_expired"
    assert payer.statuses(made["id"]) == ("incomplete_expired", [left])
    late = payer.pay(made["latest_invoice"]["id"])
    assert late.status == (400 if voids else 200)
    assert payer.read(made["id"])["status"] == "incomplete_expired"


@pytest.mark.parametrize(
    ("habit", "status"), [("expires", "incomplete_expired"), ("activates", "active"), ("nothing", "incomplete")]
)
def test_what_voiding_the_first_invoice_makes_of_its_subscription_is_a_habit(make_desk, habit, status):
    payer = Subscriber(with_habits(make_desk, voided_first=habit))
    made = payer.subscribe()
    assert payer.void(made["latest_invoice"]["id"])["status"] == "void"
    assert payer.read(made["id"])["status"] == status
    assert payer.pay(made["latest_invoice"]["id"]).status == 400
    assert payer.void(made["latest_invoice"]["id"]).status == 400


def test_a_cancelled_subscription_can_neither_be_cancelled_again_nor_changed(payer):
    made = payer.running()
    assert payer.cancel(made)["status"] == "canceled"
    assert (payer.cancel(made).status, payer.cancel(made).error["code"]) == (404, "resource_missing")
    assert payer.update(made, cancel_at="").error["code"] == "invalid_canceled_subscription_fields"
    assert payer.update(made, metadata={"a": "b"})["metadata"] == {"a": "b"}
    assert (payer.read(made)["status"], payer.read(made)["cancellation_details"]["reason"]) == (
        "canceled", "cancellation_requested",
    )  # fmt: skip


@pytest.mark.parametrize(("activates", "status"), [(True, "active"), (False, "incomplete")])
def test_a_bank_debit_under_way_makes_its_subscription_active_or_leaves_it_incomplete(make_desk, activates, status):
    payer = Subscriber(with_habits(make_desk, debit_activates=activates), "pm_usBankAccount_success")
    made = payer.subscribe()
    sent = payer.pay(made["latest_invoice"]["id"])
    assert (sent.status, sent["status"]) == (200, "open")
    assert payer.read(made["id"])["status"] == status
    assert payer.pay(made["latest_invoice"]["id"]).status == 400
    assert payer.void(made["latest_invoice"]["id"]).status == 400
    payer.services.sandbox.advance(7 * 24 * HOUR)
    assert payer.statuses(made["id"]) == ("active", ["paid"])


def test_where_an_invoice_with_the_bank_may_be_voided_the_debit_takes_nothing(make_desk):
    payer = Subscriber(with_habits(make_desk, void_processing=True), "pm_usBankAccount_success")
    made = payer.subscribe()
    payer.pay(made["latest_invoice"]["id"])
    assert payer.void(made["latest_invoice"]["id"])["status"] == "void"
    payer.services.sandbox.advance(7 * 24 * HOUR)
    book = payer.services.sandbox.books().subscriptions[0]
    assert (payer.invoice(made["latest_invoice"]["id"])["status"], book.paid, book.pending) == ("void", 0, 0)


@pytest.mark.parametrize(
    ("activates", "status", "left"), [(True, "past_due", "open"), (False, "incomplete_expired", "void")]
)
def test_a_bank_debit_that_fails_later_leaves_its_first_invoice_unpaid(make_desk, activates, status, left):
    payer = Subscriber(with_habits(make_desk, debit_activates=activates), "pm_usBankAccount_insufficientFunds")
    made = payer.subscribe()
    payer.pay(made["latest_invoice"]["id"])
    payer.services.sandbox.advance(6 * 24 * HOUR)
    assert payer.statuses(made["id"]) == (status, [left])


def test_an_invoices_intent_is_neither_changed_nor_cancelled_by_itself(payer):
    made = payer.subscribe(expand=["latest_invoice.payments"])
    intent = made["latest_invoice"]["payments"]["data"][0]["payment"]["payment_intent"]
    assert payer.services.cancel(intent).status == 400
    assert payer.post(f"/v1/payment_intents/{intent}", {"metadata": {"a": "b"}}).status == 400
    assert payer.services.confirm(intent, payer.card)["status"] == "succeeded"
    assert payer.statuses(made["id"]) == ("active", ["paid"])


def test_a_key_sent_twice_opens_one_and_pays_once(payer):
    body = {"customer": payer.customer, "items": [{"price": payer.price}], "payment_behavior": "default_incomplete"}
    first, second = (payer.post("/v1/subscriptions", body, key="open") for _ in range(2))
    assert (first["id"], second.headers["idempotent-replayed"]) == (second["id"], "true")
    path = f"/v1/invoices/{first['latest_invoice']}/pay"
    assert [payer.post(path, {}, key="pay")["status"] for _ in range(2)] == ["paid", "paid"]
    assert len(payer.charges()) == 1


def test_two_pays_at_once_collide(payer):
    invoice = payer.subscribe()["latest_invoice"]["id"]
    services, how = payer.services, {"account": payer.account}
    first = services.begin("POST", f"/v1/invoices/{invoice}/pay", {}, **how)
    assert services.post(f"/v1/invoices/{invoice}/pay", {}, **how).error["code"] == "lock_timeout"
    assert services.end(first)["status"] == "paid"


def test_a_method_of_somebody_else_pays_nothing(payer):
    other = Subscriber(payer.services)
    made = payer.subscribe()
    said = payer.pay(made["latest_invoice"]["id"], payment_method=other.card)
    assert (said.status, said.error["param"]) == (400, "payment_method")
    assert payer.subscribe(default_payment_method=other.card).error["param"] == "default_payment_method"


def test_the_own_default_of_a_subscription_is_set_and_cleared(payer):
    other = payer.card_of("pm_card_mastercard")
    made = payer.running(default_payment_method=other)
    assert payer.charges()[0]["payment_method"] == other
    assert payer.update(made, default_payment_method="")["default_payment_method"] is None
    assert payer.update(made, default_payment_method=payer.card)["default_payment_method"] == payer.card


def test_a_credit_pays_before_any_method_does_and_returns_with_a_void(payer):
    payer.post(f"/v1/customers/{payer.customer}", {"balance": -1600})
    whole = payer.subscribe(application_fee_percent=10)
    assert (whole["status"], whole["latest_invoice"]["status"], payer.charges()) == ("active", "paid", [])
    rest = payer.subscribe(application_fee_percent=10)["latest_invoice"]
    assert (rest["total"], rest["starting_balance"], rest["ending_balance"], rest["amount_due"]) == (1000, -600, 0, 400)
    payer.void(rest["id"])
    assert payer.get(f"/v1/customers/{payer.customer}")["balance"] == -600
    payer.pay(payer.subscribe(application_fee_percent=10)["latest_invoice"]["id"])
    assert [(row["amount"], row["application_fee_amount"]) for row in payer.charges()] == [(400, 40)]


def test_what_is_less_than_the_smallest_charge_is_paid_and_owed_later(payer):
    made = payer.subscribe(payer.priced(30))
    assert (made["status"], made["latest_invoice"]["status"], made["latest_invoice"]["amount_due"]) == (
        "active", "paid", 0,
    )  # fmt: skip
    assert payer.get(f"/v1/customers/{payer.customer}")["balance"] == 30
    payer.services.sandbox.advance(31 * 24 * HOUR)
    assert [row["amount"] for row in payer.charges()] == [60]


def test_a_payer_who_authenticates_has_paid_the_invoice(services):
    payer = Subscriber(services, ASKS)
    made = payer.subscribe(expand=["latest_invoice.payments"])
    payer.pay(made["latest_invoice"]["id"])
    intent = made["latest_invoice"]["payments"]["data"][0]["payment"]["payment_intent"]
    act(services.sandbox.world, intent, Deed.AUTHENTICATE, "")
    assert payer.statuses(made["id"]) == ("active", ["paid"])


def test_deleting_a_customer_ends_its_subscriptions(payer):
    made = payer.running()
    shown = payer.get(f"/v1/customers/{payer.customer}", {"expand": ["subscriptions"]})["subscriptions"]["data"]
    assert [row["id"] for row in shown] == [made]
    payer.services.ask("DELETE", f"/v1/customers/{payer.customer}", account=payer.account)
    assert payer.read(made)["status"] == "canceled"
