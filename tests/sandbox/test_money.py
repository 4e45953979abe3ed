"""The money behind a charge: balance transactions, fees, refunds, disputes, payouts, and bank debits days later."""

import pytest

from billing.sandbox import levers
from billing.sandbox.scenario import connect

DAY = 86_400


def ask(services, path, **params):
    return services.get(path, params, account=services.account.id)


def test_a_charge_nets_the_providers_fee_and_the_platforms_share(services):
    intent, _ = services.charge(amount=10_000, application_fee_amount=500)
    services.sandbox.advance(5)
    charge = services.intent(intent)["latest_charge"]
    row = ask(services, "/v1/balance_transactions", source=charge)["data"][0]
    assert (row["amount"], row["fee"], row["net"]) == (10_000, 290 + 30 + 500, 9_180)
    assert {line["type"]: line["amount"] for line in row["fee_details"]} == {"stripe_fee": 320, "application_fee": 500}
    fee = services.get("/v1/application_fees", {"charge": charge})["data"][0]
    assert (fee["object"], fee["account"], fee["amount"]) == ("application_fee", services.account.id, 500)
    assert services.get(f"/v1/application_fees/{fee['id']}")["charge"] == charge


def test_a_foreign_charge_settles_in_the_accounts_currency_with_its_rate(services):
    intent, _ = services.charge(amount=9_200, currency="eur")
    services.sandbox.advance(5)
    row = ask(services, "/v1/balance_transactions", source=services.intent(intent)["latest_charge"])["data"][0]
    assert (row["currency"], row["amount"]) == ("usd", 10_000)
    assert row["exchange_rate"] == pytest.approx(1 / 0.92)


def test_what_goes_back_of_a_foreign_charge_goes_at_its_rate(services):
    services.account = connect(services.sandbox, country="JP", currency="jpy")
    intent, _ = services.charge(amount=10_001, application_fee_amount=333)
    part = services.post(
        "/v1/refunds", {"payment_intent": intent, "amount": 5_001, "refund_application_fee": True},
        account=services.account.id,
    )  # fmt: skip
    dispute = levers.open_dispute(services.sandbox, services.account.id, part["charge"], amount=101)
    rows = ask(services, "/v1/balance_transactions")["data"][::-1]
    assert [(row["amount"], row["currency"]) for row in rows] == [(15_002, "jpy"), (-7_502, "jpy"), (-152, "jpy")]
    assert {row["exchange_rate"] for row in rows} == {1.5}
    assert [(line["type"], line["amount"], line["currency"]) for line in rows[1]["fee_details"]] == [
        ("application_fee", -249, "jpy"),
    ]  # fmt: skip
    assert (dispute["amount"], dispute["currency"]) == (101, "usd")
    fee = services.get("/v1/balance_transactions", {"type": "application_fee"})["data"][0]
    assert (fee["amount"], fee["currency"], fee["exchange_rate"]) == (333, "usd", None)


def test_the_balance_transaction_of_an_async_capture_comes_a_moment_later(services):
    intent, _ = services.charge()
    path = f"/v1/charges/{services.intent(intent)['latest_charge']}"
    assert ask(services, path)["balance_transaction"] is None
    services.sandbox.advance(1)
    assert ask(services, path)["balance_transaction"].startswith("txn_3")
    at_once, _ = services.charge(capture_method="automatic")
    assert services.intent(at_once, expand=["latest_charge"])["latest_charge"]["balance_transaction"] is not None


def test_a_refund_gives_back_no_more_than_was_taken(services):
    intent, _ = services.charge(amount=1000, application_fee_amount=100)
    part = services.post("/v1/refunds", {"payment_intent": intent, "amount": 400}, account=services.account.id)
    assert (part["status"], part["amount"], part["payment_intent"]) == ("succeeded", 400, intent)
    too_much = services.post("/v1/refunds", {"payment_intent": intent, "amount": 601}, account=services.account.id)
    assert too_much.error["param"] == "amount"
    rest = services.post(
        "/v1/refunds", {"payment_intent": intent, "refund_application_fee": True}, account=services.account.id
    )
    assert rest["amount"] == 600
    again = services.post("/v1/refunds", {"payment_intent": intent}, account=services.account.id)
    assert again.error["code"] == "charge_already_refunded"
    assert services.book(intent).refunded == 1000
    assert services.get("/v1/application_fees")["data"][0]["amount_refunded"] == 60
    assert len(ask(services, "/v1/refunds", payment_intent=intent)["data"]) == 2


def test_an_unpaid_intent_cannot_be_refunded(services):
    answer = services.post("/v1/refunds", {"payment_intent": services.open()["id"]}, account=services.account.id)
    assert answer.status == 400
    assert services.post("/v1/refunds", {}, account=services.account.id).error["code"] == "parameter_missing"


def test_available_funds_are_paid_out_and_the_payout_names_its_transactions(services):
    for amount in (1000, 2000):
        services.charge(amount=amount)
    assert ask(services, "/v1/payouts")["data"] == []
    services.sandbox.advance(3 * DAY)
    payout = ask(services, "/v1/payouts")["data"][0]
    rows = ask(services, "/v1/balance_transactions", payout=payout["id"])["data"]
    charges = [row for row in rows if row["type"] == "charge"]
    assert sum(row["net"] for row in charges) == payout["amount"] == (1000 - 59) + (2000 - 88)
    assert sum(row["net"] for row in rows) == 0
    assert ask(services, "/v1/balance")["available"][0]["amount"] == 0


def test_a_bank_debit_is_booked_as_a_payment_and_its_refund_as_one(services):
    intent, _ = services.charge("pm_usBankAccount_success")
    services.sandbox.advance(7 * DAY)
    charge = services.intent(intent)["latest_charge"]
    refund = services.post("/v1/refunds", {"payment_intent": intent}, account=services.account.id)
    assert (charge[:3], refund["id"][:4]) == ("py_", "pyr_")
    for kind, category, source in (("payment", "charge", charge), ("payment_refund", "refund", refund["id"])):
        row = ask(services, "/v1/balance_transactions", type=kind)["data"][0]
        assert (row["source"], row["reporting_category"]) == (source, category)
    assert ask(services, f"/v1/charges/{charge}", expand=["refunds"])["refunds"]["data"] == [refund.body]
    assert ask(services, "/v1/balance_transactions", type="charge")["data"] == []


def test_a_part_that_was_not_captured_goes_back_and_balances(services):
    intent, _ = services.charge(capture_method="manual", application_fee_amount=100)
    path = f"/v1/payment_intents/{intent}/capture"
    charge = services.post(path, {"amount_to_capture": 600}, account=services.account.id)["latest_charge"]
    shown = ask(services, f"/v1/charges/{charge}")
    assert (shown["amount_captured"], shown["amount_refunded"], shown["refunded"]) == (600, 400, False)
    rows = ask(services, "/v1/balance_transactions")["data"]
    assert {row["reporting_category"]: row["amount"] for row in rows} == {
        "charge": 1000,
        "partial_capture_reversal": -400,
    }
    assert sum(row["net"] for row in rows) == 600 - 47 - 100
    assert (services.book(intent).taken, services.book(intent).refunded) == (600, 0)
    rest = services.post("/v1/refunds", {"payment_intent": intent}, account=services.account.id)
    assert (rest["amount"], services.book(intent).refunded) == (600, 600)


def test_a_hold_that_is_let_go_was_no_failure_and_no_payment(services):
    intent, _ = services.charge(capture_method="manual")
    charge = services.cancel(intent)["latest_charge"]
    shown = ask(services, f"/v1/charges/{charge}")
    assert (shown["status"], shown["captured"], shown["refunded"], shown["amount_refunded"]) == (
        "succeeded", False, True, 1000,
    )  # fmt: skip
    assert (services.book(intent).paid, services.book(intent).taken, services.book(intent).refunded) == (0, 0, 0)
    assert ask(services, "/v1/balance_transactions")["data"] == []


@pytest.mark.parametrize(("name", "code", "message"), [
    ("insufficient_funds", "card_declined", "Your card has insufficient funds."),
    ("do_not_honor", "card_declined", "Your card was declined."),
    ("fraudulent", "card_declined", "Your card was declined."),
    ("expired_card", "expired_card", "Your card has expired."),
    ("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect."),
])  # fmt: skip
def test_a_failed_charge_holds_the_error_code_and_what_the_payer_was_told(services, name, code, message):
    intent, declined = services.charge(f"pm_sandbox_decline_{name}")
    charge = ask(services, f"/v1/charges/{services.intent(intent)['latest_charge']}")
    assert (charge["failure_code"], charge["failure_message"]) == (code, message)
    assert declined.error["message"] == message
    assert charge["outcome"]["reason"] == name


def test_a_fee_that_is_given_back_is_an_object_on_the_platform(services):
    intent, _ = services.charge(amount=1000, application_fee_amount=100)
    with_charge = {"payment_intent": intent, "amount": 500, "refund_application_fee": True}
    assert services.post("/v1/refunds", with_charge, account=services.account.id)["status"] == "succeeded"
    fee = services.get("/v1/application_fees")["data"][0]
    path = f"/v1/application_fees/{fee['id']}/refunds"
    alone = services.post(path, {"amount": 30, "metadata": {"a": "b"}})
    assert (alone["object"], alone["id"][:3], alone["fee"], alone["metadata"]) == (
        "fee_refund",
        "fr_",
        fee["id"],
        {"a": "b"},
    )
    assert [row["amount"] for row in services.get(path)["data"]] == [30, 50]
    shown = services.get(f"/v1/application_fees/{fee['id']}")
    assert (shown["amount_refunded"], [row["amount"] for row in shown["refunds"]["data"]]) == (80, [30, 50])
    row = services.get("/v1/balance_transactions", {"source": alone["id"]})["data"][0]
    assert (row["type"], row["reporting_category"], row["net"]) == (
        "application_fee_refund", "platform_earning_refund", -30,
    )  # fmt: skip
    assert (
        services.get("/v1/balance_transactions", {"source": fee["id"]})["data"][0]["reporting_category"]
        == "platform_earning"
    )
    assert services.post(f"{path}/{alone['id']}", {"metadata": {"a": ""}})["metadata"] == {}
    assert services.get(f"{path}/{alone['id']}")["amount"] == 30
    assert services.post(path, {"amount": 21}).error["param"] == "amount"
    assert services.post(path)["amount"] == 20
    assert services.post(path).status == 400


def test_what_a_refund_cannot_do_is_refused(services):
    intent, _ = services.charge()
    for params in (
        {"reverse_transfer": True},
        {"refund_application_fee": True},
        {"amount": 0},
        {"origin": "customer_balance"},
    ):
        answer = services.post("/v1/refunds", {"payment_intent": intent, **params}, account=services.account.id)
        assert (answer.status, answer.error["param"]) == (400, next(iter(params)))


def test_charges_refunds_and_payouts_can_be_labelled_later(services):
    intent, paid = services.charge()
    refund = services.post("/v1/refunds", {"payment_intent": intent, "amount": 1}, account=services.account.id)["id"]
    services.sandbox.advance(3 * DAY)
    payout = ask(services, "/v1/payouts")["data"][0]["id"]
    for path in (f"charges/{paid['latest_charge']}", f"refunds/{refund}", f"payouts/{payout}"):
        assert services.post(f"/v1/{path}", {"metadata": {"a": "b"}}, account=services.account.id)["metadata"] == {
            "a": "b"
        }
    assert services.post(f"/v1/refunds/{refund}/cancel", account=services.account.id).status == 400
    assert len(ask(services, f"/v1/charges/{paid['latest_charge']}/refunds")["data"]) == 1
    details = {
        "description": "d",
        "fraud_details": {"user_report": "safe"},
        "shipping": {"name": "n", "address": {"city": "C"}},
    }
    changed = services.post(f"/v1/charges/{paid['latest_charge']}", details, account=services.account.id)
    assert (changed["description"], changed["fraud_details"]) == ("d", {"user_report": "safe"})


def test_payouts_are_filtered_by_day_of_arrival_and_destination(services):
    services.charge()
    services.sandbox.advance(3 * DAY)
    payout = ask(services, "/v1/payouts")["data"][0]
    for filters, found in (
        ({"arrival_date": {"gte": payout["arrival_date"]}}, 1), ({"arrival_date": {"gt": payout["arrival_date"]}}, 0),
        ({"destination": payout["destination"]}, 1), ({"destination": "ba_x"}, 0),
    ):  # fmt: skip
        assert len(ask(services, "/v1/payouts", **filters)["data"]) == found


def test_a_debit_is_known_business_days_later(services):
    good, sent = services.charge("pm_usBankAccount_success")
    bad, _ = services.charge("pm_usBankAccount_insufficientFunds")
    assert (sent["status"], services.book(good).pending, services.book(good).paid) == ("processing", 1, 0)
    services.sandbox.advance(4 * DAY - 1)  # a Monday; the fourth business day is Friday
    assert services.intent(good)["status"] == "processing"
    services.sandbox.advance(1)
    assert (services.intent(good)["status"], services.book(good).taken) == ("succeeded", 1000)
    failed = services.intent(bad)
    assert (failed["status"], failed["last_payment_error"]["code"]) == ("requires_payment_method", "insufficient_funds")
    assert (services.book(bad).paid, services.book(bad).declined) == (0, 1)


@pytest.mark.parametrize(("at_once", "sent", "good", "bad"), [
    (False, [], ["charge"], []), (True, ["charge"], ["charge"], ["charge", "charge_failure"]),
])  # fmt: skip
def test_a_debit_is_booked_when_it_is_sent_or_when_it_has_succeeded(make_desk, at_once, sent, good, bad):
    services = make_desk(debits_booked_at_once=at_once)
    for method, ended in (("pm_usBankAccount_success", good), ("pm_usBankAccount_insufficientFunds", bad)):
        intent, _ = services.charge(method, application_fee_amount=100)
        charge = services.intent(intent)["latest_charge"]

        def rows(charge=charge):
            return ask(services, "/v1/balance_transactions", source=charge)["data"][::-1]

        assert [(row["reporting_category"], row["status"]) for row in rows()] == [(each, "pending") for each in sent]
        services.sandbox.advance(9 * DAY)
        assert [row["reporting_category"] for row in rows()] == ended
        assert {row["status"] for row in rows()} <= {"available"}
        assert sum(row["net"] for row in rows()) == (1000 - 8 - 100 if ended == good else 0)
        shown = ask(services, f"/v1/charges/{charge}", expand=["failure_balance_transaction"])
        if "charge_failure" in ended:
            assert shown["failure_balance_transaction"]["type"] == "payment_failure_refund"
    kept = [fee["amount"] - fee["amount_refunded"] for fee in services.get("/v1/application_fees")["data"]]
    assert sum(kept) == 100


def test_a_debit_that_is_called_back_leaves_nothing_on_the_balance(make_desk):
    services = make_desk(debits_booked_at_once=True, cancel_processing=True)
    intent, _ = services.charge("pm_usBankAccount_success")
    services.cancel(intent)
    services.sandbox.advance(9 * DAY)
    rows = ask(services, "/v1/balance_transactions")["data"]
    assert [row["type"] for row in rows] == ["payment_failure_refund", "payment"]
    assert sum(row["net"] for row in rows) == 0


def test_a_debit_that_no_bank_answers_is_never_paid_out(make_desk):
    services = make_desk(debits_booked_at_once=True)
    services.charge("pm_usBankAccount_processing")
    services.sandbox.advance(60 * DAY)
    assert ask(services, "/v1/payouts")["data"] == []
    assert ask(services, "/v1/balance")["pending"][0]["amount"] == 992


def test_a_weekend_is_no_business_day(services):
    services.sandbox.advance(3 * DAY)  # Thursday
    intent, _ = services.charge("pm_usBankAccount_success")
    services.sandbox.advance(5 * DAY)
    assert services.intent(intent)["status"] == "processing"
    services.sandbox.advance(DAY)
    assert services.intent(intent)["status"] == "succeeded"


@pytest.mark.parametrize(("name", "code"), [
    ("pm_usBankAccount_accountClosed", "account_closed"), ("pm_usBankAccount_noAccount", "no_account"),
    ("pm_usBankAccount_debitNotAuthorized", "debit_not_authorized"),
    ("pm_sandbox_debit_bank_account_restricted", "bank_account_restricted"),
])  # fmt: skip
def test_a_debit_fails_with_the_outcome_of_its_method(services, name, code):
    intent, _ = services.charge(name)
    services.sandbox.advance(7 * DAY)
    assert services.intent(intent)["last_payment_error"]["code"] == code


def test_a_debit_may_stay_with_the_bank_for_ever(services):
    intent, _ = services.charge("pm_usBankAccount_processing")
    services.sandbox.advance(60 * DAY)
    assert services.intent(intent)["status"] == "processing"


@pytest.mark.parametrize("allowed", [True, False])
def test_a_debit_under_way_can_be_cancelled_only_where_that_is_asked_for(make_desk, allowed):
    services = make_desk(cancel_processing=allowed)
    intent, _ = services.charge("pm_usBankAccount_success")
    assert (services.cancel(intent).status == 200) is allowed
    services.sandbox.advance(7 * DAY)
    assert (services.intent(intent)["status"], services.book(intent).paid) == (
        ("canceled", 0) if allowed else ("succeeded", 1)
    )


def test_the_books_total_what_was_taken_per_account_and_currency(services):
    services.charge(amount=1000)
    services.charge(amount=500)
    services.charge("pm_card_chargeCustomerFail", amount=700)
    first = services.account.id
    services.account = connect(services.sandbox, country="DE", currency="eur")
    services.charge(amount=900, currency="eur")
    taken = {place: sum_ for place, sum_ in services.sandbox.books().totals().items() if sum_}
    assert taken == {(first, "usd"): 1500, (services.account.id, "eur"): 900}


def test_the_books_notice_an_obligation_that_was_paid_twice(services):
    for item in ("a", "b", "b"):
        services.charge(metadata={"billing_item": item})
    services.open(metadata={"billing_item": "c"})
    books = services.sandbox.books()
    assert books.doubles() == ["b"]
    assert [row.metadata["billing_item"] for row in books.intents if row.intent in books.orphans()] == ["c"]
    assert len(books.by_item()["b"]) == 2
