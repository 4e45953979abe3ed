"""The life of an intent: opened, confirmed, declined, paid at most once, cancelled for good."""

from dataclasses import replace

import pytest

from billing.sandbox.accounts import allow
from billing.sandbox.config import AccountRefusal
from billing.sandbox.scenario import connect, save_customer

URL = "https://example.com/paid"


def test_an_intent_without_a_method_waits_for_one_and_with_one_for_its_confirm(services):
    assert services.open()["status"] == "requires_payment_method"
    assert services.open(payment_method=services.clone()["id"])["status"] == "requires_confirmation"


def test_a_confirm_pays_and_the_intent_says_so(services):
    intent = services.open(1099, application_fee_amount=55, metadata={"billing_item": "i1"})["id"]
    paid = services.confirm(intent, services.clone()["id"])
    assert (paid.status, paid["status"], paid["amount_received"]) == (200, "succeeded", 1099)
    charge = services.get(f"/v1/charges/{paid['latest_charge']}", account=services.account.id)
    assert (charge["status"], charge["amount"], charge["application_fee_amount"]) == ("succeeded", 1099, 55)
    assert services.book(intent).paid == 1


def test_a_paid_intent_is_never_paid_again_and_the_error_carries_it(services):
    intent, _ = services.charge()
    again = services.confirm(intent, services.clone()["id"])
    assert (again.status, again.error["code"]) == (400, "payment_intent_unexpected_state")
    assert (again.error["payment_intent"]["id"], again.error["payment_intent"]["status"]) == (intent, "succeeded")
    assert services.book(intent).paid == 1


def test_a_cancelled_intent_refuses_everything(services):
    intent = services.open()["id"]
    assert services.cancel(intent, cancellation_reason="abandoned")["status"] == "canceled"
    update = services.post(f"/v1/payment_intents/{intent}", {"amount": 5000}, account=services.account.id)
    for answer in (services.confirm(intent, services.clone()["id"]), services.cancel(intent), update):
        assert (answer.status, answer.error["code"]) == (400, "payment_intent_unexpected_state")
        assert answer.error["payment_intent"]["status"] == "canceled"
    assert services.intent(intent)["cancellation_reason"] == "abandoned"
    assert services.book(intent).paid == 0


def test_a_paid_intent_cannot_be_cancelled(services):
    intent, _ = services.charge()
    assert services.cancel(intent).error["payment_intent"]["status"] == "succeeded"


def test_a_declined_intent_takes_another_method_and_pays_once(services):
    intent, declined = services.charge("pm_card_chargeCustomerFail")
    assert (declined.status, declined.error["payment_intent"]["status"]) == (402, "requires_payment_method")
    assert services.confirm(intent, services.clone()["id"])["status"] == "succeeded"
    row = services.book(intent)
    assert (row.paid, row.declined, row.confirms) == (1, 1, 2)
    assert services.intent(intent)["last_payment_error"] is None


def test_errors_may_come_without_the_intent(make_desk):
    services = make_desk(carry_intent=False)
    intent, _ = services.charge()
    assert "payment_intent" not in services.confirm(intent, services.clone()["id"]).error


def test_after_its_last_confirm_the_provider_cancels_the_intent(make_desk):
    services = make_desk(max_confirms=2)
    intent, _ = services.charge("pm_card_chargeCustomerFail")
    customer, method = save_customer(services.sandbox, "pm_card_chargeCustomerFail")
    services.confirm(intent, services.clone(method, customer)["id"])
    assert (services.intent(intent)["status"], services.intent(intent)["cancellation_reason"]) == (
        "canceled",
        "automatic",
    )


def test_create_with_confirm_pays_at_once_and_a_decline_leaves_the_intent_behind(services):
    paid = services.open(payment_method=services.clone()["id"], confirm=True, off_session=True)
    assert paid["status"] == "succeeded"
    customer, method = save_customer(services.sandbox, "pm_card_chargeCustomerFail")
    declined = services.open(payment_method=services.clone(method, customer)["id"], confirm=True, off_session=True)
    assert declined.status == 402
    assert services.intent(declined.error["payment_intent"]["id"])["status"] == "requires_payment_method"


def test_a_refused_create_with_confirm_leaves_nothing_behind(services):
    used = services.clone()["id"]
    services.confirm(services.open()["id"], used)
    before = len(services.sandbox.books().intents)
    assert services.open(payment_method=used, confirm=True, off_session=True).status == 400
    assert len(services.sandbox.books().intents) == before


@pytest.mark.parametrize("name", ["off_session", "error_on_requires_action"])
def test_options_of_a_confirm_need_a_confirm(services, name):
    assert services.open(**{name: True}).error["param"] == name


def test_error_on_requires_action_is_refused_with_automatic_methods(services):
    intent = services.post("/v1/payment_intents", {"amount": 100, "currency": "usd"}, account=services.account.id)["id"]
    answer = services.confirm(intent, services.clone()["id"], error_on_requires_action=True)
    assert answer.error["param"] == "error_on_requires_action"


def test_on_session_automatic_methods_want_a_return_url(services):
    intent = services.post("/v1/payment_intents", {"amount": 100, "currency": "usd"}, account=services.account.id)["id"]
    assert services.confirm(intent, services.clone()["id"], off_session=False).error["param"] == "return_url"


def test_the_amount_to_confirm_guards_against_a_drifted_amount(services):
    intent = services.open(1000)["id"]
    clone = services.clone()["id"]
    assert services.confirm(intent, clone, amount_to_confirm=999).error["param"] == "amount_to_confirm"
    assert services.confirm(intent, clone, amount_to_confirm=1000)["status"] == "succeeded"


def test_a_confirm_without_a_method_says_what_is_missing(services):
    answer = services.post(
        f"/v1/payment_intents/{services.open()['id']}/confirm", {"off_session": True}, account=services.account.id
    )
    assert answer.error["code"] == "payment_intent_unexpected_state"


def test_types_that_do_not_fit_are_dropped_silently_and_none_left_is_an_error(services):
    both = services.open(currency="eur", allowed_payment_method_types=["card", "us_bank_account"])
    assert both["payment_method_types"] == ["card"]
    none = services.open(currency="eur", allowed_payment_method_types=["us_bank_account"])
    assert (none.status, none.error["param"]) == (400, "allowed_payment_method_types")


def test_an_account_without_debits_takes_cards_only(services):
    services.account = connect(services.sandbox, debits=False)
    assert services.open(allowed_payment_method_types=["card", "us_bank_account"])["payment_method_types"] == ["card"]
    assert services.open(allowed_payment_method_types=["us_bank_account"]).status == 400


def test_a_method_of_another_type_does_not_fit(services):
    customer, bank = save_customer(services.sandbox, "pm_usBankAccount_success")
    answer = services.confirm(services.open()["id"], services.clone(bank, customer)["id"])
    assert answer.error["code"] == "payment_intent_incompatible_payment_method"


def test_an_account_that_cannot_charge_opens_nothing(services):
    services.account = connect(services.sandbox, charges=False)
    assert services.open().error["code"] == "capability_not_active"


def test_an_account_may_refuse_in_words_alone_and_in_the_middle_of_a_run(make_desk):
    services = make_desk(account_refusal=AccountRefusal.WORDS)
    intent, clone = services.open()["id"], services.clone()["id"]
    allow(services.account, charges=False)
    for answer in (services.open(), services.confirm(intent, clone)):
        assert (answer.status, answer.error.get("code")) == (400, None)
        assert answer.error["message"] == "Your account cannot currently make charges."
    allow(services.account, charges=True)
    assert services.confirm(intent, clone)["status"] == "succeeded"


@pytest.mark.parametrize(("amount", "currency", "code"), [
    (49, "usd", "amount_too_small"), (29, "gbp", "amount_too_small"), (49, "jpy", "amount_too_small"),
    (10**12, "usd", "amount_too_large"), (0, "usd", "parameter_invalid_integer"),
])  # fmt: skip
def test_amounts_have_bounds_per_currency(services, amount, currency, code):
    answer = services.open(amount, currency)
    assert (answer.status, answer.error["code"], answer.error["param"]) == (400, code, "amount")


@pytest.mark.parametrize(("amount", "currency", "fits"), [
    (500, "isk", True), (550, "isk", False), (1230, "kwd", True), (1234, "kwd", False), (100, "xxx", False),
])  # fmt: skip
def test_digits_a_currency_does_not_have_are_refused(services, amount, currency, fits):
    assert (services.open(amount, currency).status == 200) is fits


def test_a_debit_has_a_lower_ceiling_than_a_card(services):
    assert services.open(10**8, allowed_payment_method_types=["us_bank_account"]).error["code"] == "amount_too_large"


def test_an_application_fee_needs_a_connected_account_and_never_exceeds_the_amount(services):
    assert services.open(1000, application_fee_amount=1001).error["param"] == "application_fee_amount"
    own = services.post("/v1/payment_intents", {"amount": 1000, "currency": "usd", "application_fee_amount": 1})
    assert own.error["code"] == "application_fees_not_allowed"
    assert (
        services.confirm(services.open()["id"], services.clone()["id"], application_fee_amount=1).error["code"]
        == "parameter_unknown"
    )


@pytest.mark.parametrize(("suffix", "fits"), [
    ("NOV26", True), ("2026", False), ("NOV*26", False), ("NOV<", False), ("ÜBER", False),
    ("A" * 12, True), ("A" * 13, False),
])  # fmt: skip
def test_a_statement_suffix_has_rules(services, suffix, fits):
    answer = services.open(statement_descriptor_suffix=suffix)
    assert (answer.status == 200) is fits
    assert fits or answer.error["param"] == "statement_descriptor_suffix"


def test_a_full_descriptor_is_an_error_on_a_card_and_right_on_a_debit(services):
    intent = services.open(statement_descriptor="COACHING NOV")["id"]
    assert services.confirm(intent, services.clone()["id"]).error["param"] == "statement_descriptor"
    assert services.charge("pm_usBankAccount_success", statement_descriptor="COACHING NOV")[1]["status"] == "processing"


def test_an_authorised_amount_is_captured_or_released(services):
    intent, held = services.charge(capture_method="manual")
    assert (held["status"], held["amount_capturable"], services.book(intent).taken) == ("requires_capture", 1000, 0)
    taken = services.post(
        f"/v1/payment_intents/{intent}/capture", {"amount_to_capture": 700}, account=services.account.id
    )
    assert (taken["status"], taken["amount_received"], services.book(intent).taken) == ("succeeded", 700, 700)
    other, _ = services.charge(capture_method="manual")
    assert services.cancel(other)["status"] == "canceled"
    assert services.book(other).paid == 0


def test_an_intent_of_one_account_is_unknown_on_another(services):
    intent = services.open()["id"]
    other = connect(services.sandbox).id
    for account in (other, None):
        answer = services.get(f"/v1/payment_intents/{intent}", account=account)
        assert (answer.status, answer.error["code"], answer.error["param"]) == (404, "resource_missing", "intent")


def test_the_filter_of_types_excludes_its_rivals(services):
    answer = services.open(automatic_payment_methods={"enabled": True})
    assert (answer.error["code"], answer.error["param"]) == ("parameters_exclusive", "automatic_payment_methods")


def test_an_open_intent_can_be_changed_and_given_a_method(services):
    intent = services.open(1000)["id"]
    path = f"/v1/payment_intents/{intent}"
    changed = services.post(
        path, {"amount": 2000, "payment_method": services.clone()["id"]}, account=services.account.id
    )
    assert (changed["amount"], changed["status"]) == (2000, "requires_confirmation")
    paid = services.post(f"{path}/confirm", {"off_session": True}, account=services.account.id)
    assert (paid["status"], paid["amount_received"]) == ("succeeded", 2000)


def test_a_confirm_may_set_receipt_and_capture(services):
    answer = services.confirm(
        services.open()["id"], services.clone()["id"], receipt_email="a@example.com", capture_method="manual"
    )
    assert (answer["status"], answer["receipt_email"]) == ("requires_capture", "a@example.com")


def test_a_name_cannot_be_a_value_and_a_container(services):
    request = services.request("POST", "/v1/payment_intents", {}, account=services.account.id)
    body = b"amount=1000&currency=usd&metadata=&metadata[a]=b"
    answer = services.end(services.sandbox.begin(replace(request, body=body)))
    assert (answer.status, answer.error["param"]) == (400, "metadata[a]")


def test_an_authorised_amount_is_not_taken_twice_nor_exceeded(services):
    intent, _ = services.charge(capture_method="manual")
    path = f"/v1/payment_intents/{intent}/capture"
    assert (
        services.post(path, {"amount_to_capture": 1001}, account=services.account.id).error["param"]
        == "amount_to_capture"
    )
    assert services.post(path, account=services.account.id)["status"] == "succeeded"
    assert services.post(path, account=services.account.id).error["code"] == "payment_intent_unexpected_state"


def change(services, intent, **params):
    return services.post(f"/v1/payment_intents/{intent}", params, account=services.account.id)


def test_a_method_that_shall_be_used_again_is_saved_by_the_payment_and_not_used_up(services):
    params = {"amount": 1000, "currency": "usd", "customer": services.customer, "setup_future_usage": "off_session"}
    paid = services.post(
        "/v1/payment_intents", params | {"payment_method": "pm_card_visa", "confirm": True, "return_url": URL}
    )
    assert paid["status"] == "succeeded"
    assert services.get(f"/v1/payment_methods/{paid['payment_method']}")["customer"] == services.customer
    assert services.clone(paid["payment_method"]).status == 200


def test_a_method_of_no_customer_is_used_up_by_its_payment_whatever_was_asked_for(services):
    params = {"amount": 1000, "currency": "usd", "setup_future_usage": "off_session", "payment_method": "pm_card_visa"}
    paid = services.post("/v1/payment_intents", params | {"confirm": True, "return_url": URL})
    attach = services.post(f"/v1/payment_methods/{paid['payment_method']}/attach", {"customer": services.customer})
    assert attach.status == 400


@pytest.mark.parametrize(("redirects", "fits"), [("never", True), ("always", False)])
def test_an_intent_remembers_whether_its_payment_may_redirect(services, redirects, fits):
    automatic = {"enabled": True, "allow_redirects": redirects}
    params = {"amount": 1000, "currency": "usd", "automatic_payment_methods": automatic}
    intent = services.post("/v1/payment_intents", params)
    assert intent["automatic_payment_methods"] == automatic
    confirmed = services.post(f"/v1/payment_intents/{intent['id']}/confirm", {"payment_method": "pm_card_visa"})
    assert (confirmed.status == 200) is fits


def test_what_moves_no_money_can_be_changed_of_a_paid_intent_and_nothing_else(services):
    for intent, _ in (
        services.charge(),
        services.charge("pm_usBankAccount_success"),
        services.charge(capture_method="manual"),
    ):
        changed = change(services, intent, metadata={"a": "b"}, description="later", receipt_email="a@example.com")
        assert (changed["metadata"]["a"], changed["description"]) == ("b", "later")
        for name, value in (
            ("amount", 2000),
            ("currency", "eur"),
            ("application_fee_amount", 1),
            ("customer", "cus_x"),
        ):
            assert change(services, intent, **{name: value}).error["code"] == "payment_intent_unexpected_state"


def test_every_change_of_an_open_intent_is_applied_or_refused(services):
    owner = services.post("/v1/customers", {}, account=services.account.id)["id"]
    intent = services.open()["id"]
    wanted = {
        "customer": owner, "capture_method": "manual", "allowed_payment_method_types": ["card"],
        "amount_details": {"tax": {"total_tax_amount": 5}}, "transfer_group": "g", "setup_future_usage": "off_session",
        "payment_method_options": {"card": {"request_three_d_secure": "any"}},
    }  # fmt: skip
    changed = change(services, intent, **wanted, currency="EUR", payment_details={"order_reference": "o"})
    assert {name: changed[name] for name in ("customer", "capture_method", "transfer_group", "setup_future_usage")} == {
        name: wanted[name] for name in ("customer", "capture_method", "transfer_group", "setup_future_usage")
    }
    assert (changed["currency"], changed["payment_method_types"]) == ("eur", ["card"])
    assert changed["amount_details"]["tax"] == {"total_tax_amount": 5}
    assert changed["payment_details"] == {"customer_reference": None, "order_reference": "o"}
    assert changed["payment_method_options"]["card"]["request_three_d_secure"] == "any"
    assert change(services, intent, customer="cus_none").error["code"] == "resource_missing"
    assert change(services, intent, transfer_data={"amount": 1}).error["param"] == "transfer_data"


def test_an_amount_never_falls_below_the_fee_that_is_set(services):
    intent = services.open(1000, application_fee_amount=900)["id"]
    assert change(services, intent, amount=800).error["param"] == "application_fee_amount"
    assert change(services, intent, amount=900)["amount"] == 900
    assert services.intent(intent)["application_fee_amount"] == 900


def test_a_capture_applies_what_it_carries(services):
    intent, _ = services.charge(capture_method="manual", application_fee_amount=100)
    path = f"/v1/payment_intents/{intent}/capture"
    params = {"amount_to_capture": 600, "metadata": {"a": "b"}, "statement_descriptor_suffix": "NOV"}
    too_much = services.post(path, params | {"application_fee_amount": 601}, account=services.account.id)
    assert too_much.error["param"] == "application_fee_amount"
    in_parts = services.post(path, params | {"final_capture": False}, account=services.account.id)
    assert in_parts.error["param"] == "final_capture"
    taken = services.post(path, params | {"application_fee_amount": 60}, account=services.account.id)
    assert (taken["amount_received"], taken["application_fee_amount"], taken["metadata"]) == (600, 60, {"a": "b"})
    charge = services.get(f"/v1/charges/{taken['latest_charge']}", account=services.account.id)
    assert (charge["application_fee_amount"], charge["calculated_statement_descriptor"]) == (60, "COACHING* NOV")


def test_an_intent_makes_its_method_from_data(services):
    bank = {"account_holder_type": "individual", "account_number": "000123456789", "routing_number": "110000000"}
    data = {"type": "us_bank_account", "us_bank_account": bank, "billing_details": {"name": "A"}}
    debit = {"allowed_payment_method_types": ["us_bank_account"]}
    waiting = services.open(payment_method_data=data, **debit)
    assert waiting["status"] == "requires_confirmation"
    made = services.get(f"/v1/payment_methods/{waiting['payment_method']}", account=services.account.id)
    assert (made["us_bank_account"]["last4"], made["billing_details"]["name"]) == ("6789", "A")
    path = f"/v1/payment_intents/{services.open(**debit)['id']}/confirm"
    asked = services.post(path, {"payment_method_data": data}, account=services.account.id)
    assert asked["next_action"]["type"] == "verify_with_microdeposits"
    path = f"/v1/payment_intents/{asked['id']}/verify_microdeposits"
    assert services.post(path, {"amounts": [1, 2]}, account=services.account.id).error["payment_intent"]
    assert services.post(path, {"amounts": [32, 45]}, account=services.account.id)["status"] == "processing"
    wrong = services.open(payment_method_data={"type": "us_bank_account"}, **debit)
    assert wrong.error["param"] == "payment_method_data[us_bank_account]"


@pytest.mark.parametrize(("name", "value"), [
    ("on_behalf_of", "acct_none"), ("confirmation_token", "ct_x"), ("customer_account", "acct_x"),
    ("transfer_data", {"destination": "acct_none"}), ("payment_method_configuration", "pmc_x"),
    ("hooks", {"inputs": {"tax": {"calculation": "x"}}}),
    ("amount_details", {"line_items": [{"product_name": "x", "quantity": 1, "unit_cost": 1}]}),
])  # fmt: skip
def test_an_id_of_nobody_and_what_is_not_served_are_refused(services, name, value):
    assert services.open(**{name: value}).error["param"].startswith(name)


def test_a_mandate_of_nobody_is_refused(services):
    answer = services.confirm(services.open()["id"], services.clone()["id"], mandate="mandate_x")
    assert (answer.error["code"], answer.error["param"]) == ("resource_missing", "mandate")
