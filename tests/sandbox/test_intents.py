"""The life of an intent: opened, confirmed, declined, paid at most once, cancelled for good."""

from dataclasses import replace

import pytest

from billing.sandbox.accounts import allow
from billing.sandbox.config import AccountRefusal
from billing.sandbox.scenario import connect, save_customer


def test_an_intent_without_a_method_waits_for_one_and_with_one_for_its_confirm(desk):
    assert desk.open()["status"] == "requires_payment_method"
    assert desk.open(payment_method=desk.clone()["id"])["status"] == "requires_confirmation"


def test_a_confirm_pays_and_the_intent_says_so(desk):
    intent = desk.open(1099, application_fee_amount=55, metadata={"billing_item": "i1"})["id"]
    paid = desk.confirm(intent, desk.clone()["id"])
    assert (paid.status, paid["status"], paid["amount_received"]) == (200, "succeeded", 1099)
    charge = desk.get(f"/v1/charges/{paid['latest_charge']}", account=desk.account.id)
    assert (charge["status"], charge["amount"], charge["application_fee_amount"]) == ("succeeded", 1099, 55)
    assert desk.book(intent).paid == 1


def test_a_paid_intent_is_never_paid_again_and_the_error_carries_it(desk):
    intent, _ = desk.charge()
    again = desk.confirm(intent, desk.clone()["id"])
    assert (again.status, again.error["code"]) == (400, "payment_intent_unexpected_state")
    assert (again.error["payment_intent"]["id"], again.error["payment_intent"]["status"]) == (intent, "succeeded")
    assert desk.book(intent).paid == 1


def test_a_cancelled_intent_refuses_everything(desk):
    intent = desk.open()["id"]
    assert desk.cancel(intent, cancellation_reason="abandoned")["status"] == "canceled"
    update = desk.post(f"/v1/payment_intents/{intent}", {"amount": 5000}, account=desk.account.id)
    for answer in (desk.confirm(intent, desk.clone()["id"]), desk.cancel(intent), update):
        assert (answer.status, answer.error["code"]) == (400, "payment_intent_unexpected_state")
        assert answer.error["payment_intent"]["status"] == "canceled"
    assert desk.intent(intent)["cancellation_reason"] == "abandoned"
    assert desk.book(intent).paid == 0


def test_a_paid_intent_cannot_be_cancelled(desk):
    intent, _ = desk.charge()
    assert desk.cancel(intent).error["payment_intent"]["status"] == "succeeded"


def test_a_declined_intent_takes_another_method_and_pays_once(desk):
    intent, declined = desk.charge("pm_card_chargeCustomerFail")
    assert (declined.status, declined.error["payment_intent"]["status"]) == (402, "requires_payment_method")
    assert desk.confirm(intent, desk.clone()["id"])["status"] == "succeeded"
    row = desk.book(intent)
    assert (row.paid, row.declined, row.confirms) == (1, 1, 2)
    assert desk.intent(intent)["last_payment_error"] is None


def test_errors_may_come_without_the_intent(make_desk):
    desk = make_desk(carry_intent=False)
    intent, _ = desk.charge()
    assert "payment_intent" not in desk.confirm(intent, desk.clone()["id"]).error


def test_after_its_last_confirm_the_provider_cancels_the_intent(make_desk):
    desk = make_desk(max_confirms=2)
    intent, _ = desk.charge("pm_card_chargeCustomerFail")
    customer, method = save_customer(desk.sandbox, "pm_card_chargeCustomerFail")
    desk.confirm(intent, desk.clone(method, customer)["id"])
    assert (desk.intent(intent)["status"], desk.intent(intent)["cancellation_reason"]) == ("canceled", "automatic")


def test_create_with_confirm_pays_at_once_and_a_decline_leaves_the_intent_behind(desk):
    paid = desk.open(payment_method=desk.clone()["id"], confirm=True, off_session=True)
    assert paid["status"] == "succeeded"
    customer, method = save_customer(desk.sandbox, "pm_card_chargeCustomerFail")
    declined = desk.open(payment_method=desk.clone(method, customer)["id"], confirm=True, off_session=True)
    assert declined.status == 402
    assert desk.intent(declined.error["payment_intent"]["id"])["status"] == "requires_payment_method"


def test_a_refused_create_with_confirm_leaves_nothing_behind(desk):
    used = desk.clone()["id"]
    desk.confirm(desk.open()["id"], used)
    before = len(desk.sandbox.books().intents)
    assert desk.open(payment_method=used, confirm=True, off_session=True).status == 400
    assert len(desk.sandbox.books().intents) == before


@pytest.mark.parametrize("name", ["off_session", "error_on_requires_action"])
def test_options_of_a_confirm_need_a_confirm(desk, name):
    assert desk.open(**{name: True}).error["param"] == name


def test_error_on_requires_action_is_refused_with_automatic_methods(desk):
    intent = desk.post("/v1/payment_intents", {"amount": 100, "currency": "usd"}, account=desk.account.id)["id"]
    answer = desk.confirm(intent, desk.clone()["id"], error_on_requires_action=True)
    assert answer.error["param"] == "error_on_requires_action"


def test_on_session_automatic_methods_want_a_return_url(desk):
    intent = desk.post("/v1/payment_intents", {"amount": 100, "currency": "usd"}, account=desk.account.id)["id"]
    assert desk.confirm(intent, desk.clone()["id"], off_session=False).error["param"] == "return_url"


def test_the_amount_to_confirm_guards_against_a_drifted_amount(desk):
    intent = desk.open(1000)["id"]
    clone = desk.clone()["id"]
    assert desk.confirm(intent, clone, amount_to_confirm=999).error["param"] == "amount_to_confirm"
    assert desk.confirm(intent, clone, amount_to_confirm=1000)["status"] == "succeeded"


def test_a_confirm_without_a_method_says_what_is_missing(desk):
    answer = desk.post(
        f"/v1/payment_intents/{desk.open()['id']}/confirm", {"off_session": True}, account=desk.account.id
    )
    assert answer.error["code"] == "payment_intent_unexpected_state"


def test_types_that_do_not_fit_are_dropped_silently_and_none_left_is_an_error(desk):
    both = desk.open(currency="eur", allowed_payment_method_types=["card", "us_bank_account"])
    assert both["payment_method_types"] == ["card"]
    none = desk.open(currency="eur", allowed_payment_method_types=["us_bank_account"])
    assert (none.status, none.error["param"]) == (400, "allowed_payment_method_types")


def test_an_account_without_debits_takes_cards_only(desk):
    desk.account = connect(desk.sandbox, debits=False)
    assert desk.open(allowed_payment_method_types=["card", "us_bank_account"])["payment_method_types"] == ["card"]
    assert desk.open(allowed_payment_method_types=["us_bank_account"]).status == 400


def test_a_method_of_another_type_does_not_fit(desk):
    customer, bank = save_customer(desk.sandbox, "pm_usBankAccount_success")
    answer = desk.confirm(desk.open()["id"], desk.clone(bank, customer)["id"])
    assert answer.error["code"] == "payment_intent_incompatible_payment_method"


def test_an_account_that_cannot_charge_opens_nothing(desk):
    desk.account = connect(desk.sandbox, charges=False)
    assert desk.open().error["code"] == "capability_not_active"


def test_an_account_may_refuse_in_words_alone_and_in_the_middle_of_a_run(make_desk):
    desk = make_desk(account_refusal=AccountRefusal.WORDS)
    intent, clone = desk.open()["id"], desk.clone()["id"]
    allow(desk.account, charges=False)
    for answer in (desk.open(), desk.confirm(intent, clone)):
        assert (answer.status, answer.error.get("code")) == (400, None)
        assert answer.error["message"] == "Your account cannot currently make charges."
    allow(desk.account, charges=True)
    assert desk.confirm(intent, clone)["status"] == "succeeded"


@pytest.mark.parametrize(("amount", "currency", "code"), [
    (49, "usd", "amount_too_small"), (29, "gbp", "amount_too_small"), (49, "jpy", "amount_too_small"),
    (10**12, "usd", "amount_too_large"), (0, "usd", "parameter_invalid_integer"),
])  # fmt: skip
def test_amounts_have_bounds_per_currency(desk, amount, currency, code):
    answer = desk.open(amount, currency)
    assert (answer.status, answer.error["code"], answer.error["param"]) == (400, code, "amount")


@pytest.mark.parametrize(("amount", "currency", "fits"), [
    (500, "isk", True), (550, "isk", False), (1230, "kwd", True), (1234, "kwd", False), (100, "xxx", False),
])  # fmt: skip
def test_digits_a_currency_does_not_have_are_refused(desk, amount, currency, fits):
    assert (desk.open(amount, currency).status == 200) is fits


def test_a_debit_has_a_lower_ceiling_than_a_card(desk):
    assert desk.open(10**8, allowed_payment_method_types=["us_bank_account"]).error["code"] == "amount_too_large"


def test_an_application_fee_needs_a_connected_account_and_never_exceeds_the_amount(desk):
    assert desk.open(1000, application_fee_amount=1001).error["param"] == "application_fee_amount"
    own = desk.post("/v1/payment_intents", {"amount": 1000, "currency": "usd", "application_fee_amount": 1})
    assert own.error["code"] == "application_fees_not_allowed"
    assert (
        desk.confirm(desk.open()["id"], desk.clone()["id"], application_fee_amount=1).error["code"]
        == "parameter_unknown"
    )


@pytest.mark.parametrize(("suffix", "fits"), [
    ("NOV26", True), ("2026", False), ("NOV*26", False), ("NOV<", False), ("ÜBER", False),
    ("A" * 12, True), ("A" * 13, False),
])  # fmt: skip
def test_a_statement_suffix_has_rules(desk, suffix, fits):
    answer = desk.open(statement_descriptor_suffix=suffix)
    assert (answer.status == 200) is fits
    assert fits or answer.error["param"] == "statement_descriptor_suffix"


def test_a_full_descriptor_is_an_error_on_a_card_and_right_on_a_debit(desk):
    intent = desk.open(statement_descriptor="COACHING NOV")["id"]
    assert desk.confirm(intent, desk.clone()["id"]).error["param"] == "statement_descriptor"
    assert desk.charge("pm_usBankAccount_success", statement_descriptor="COACHING NOV")[1]["status"] == "processing"


def test_an_authorised_amount_is_captured_or_released(desk):
    intent, held = desk.charge(capture_method="manual")
    assert (held["status"], held["amount_capturable"], desk.book(intent).taken) == ("requires_capture", 1000, 0)
    taken = desk.post(f"/v1/payment_intents/{intent}/capture", {"amount_to_capture": 700}, account=desk.account.id)
    assert (taken["status"], taken["amount_received"], desk.book(intent).taken) == ("succeeded", 700, 700)
    other, _ = desk.charge(capture_method="manual")
    assert desk.cancel(other)["status"] == "canceled"
    assert desk.book(other).paid == 0


def test_an_intent_of_one_account_is_unknown_on_another(desk):
    intent = desk.open()["id"]
    other = connect(desk.sandbox).id
    for account in (other, None):
        answer = desk.get(f"/v1/payment_intents/{intent}", account=account)
        assert (answer.status, answer.error["code"], answer.error["param"]) == (404, "resource_missing", "intent")


def test_the_filter_of_types_excludes_its_rivals(desk):
    answer = desk.open(automatic_payment_methods={"enabled": True})
    assert (answer.error["code"], answer.error["param"]) == ("parameters_exclusive", "automatic_payment_methods")


def test_an_open_intent_can_be_changed_and_given_a_method(desk):
    intent = desk.open(1000)["id"]
    path = f"/v1/payment_intents/{intent}"
    changed = desk.post(path, {"amount": 2000, "payment_method": desk.clone()["id"]}, account=desk.account.id)
    assert (changed["amount"], changed["status"]) == (2000, "requires_confirmation")
    paid = desk.post(f"{path}/confirm", {"off_session": True}, account=desk.account.id)
    assert (paid["status"], paid["amount_received"]) == ("succeeded", 2000)


def test_a_confirm_may_set_receipt_and_capture(desk):
    answer = desk.confirm(desk.open()["id"], desk.clone()["id"], receipt_email="a@example.com", capture_method="manual")
    assert (answer["status"], answer["receipt_email"]) == ("requires_capture", "a@example.com")


def test_a_name_cannot_be_a_value_and_a_container(desk):
    request = desk.request("POST", "/v1/payment_intents", {}, account=desk.account.id)
    body = b"amount=1000&currency=usd&metadata=&metadata[a]=b"
    answer = desk.end(desk.sandbox.begin(replace(request, body=body)))
    assert (answer.status, answer.error["param"]) == (400, "metadata[a]")


def test_an_authorised_amount_is_not_taken_twice_nor_exceeded(desk):
    intent, _ = desk.charge(capture_method="manual")
    path = f"/v1/payment_intents/{intent}/capture"
    assert desk.post(path, {"amount_to_capture": 1001}, account=desk.account.id).error["param"] == "amount_to_capture"
    assert desk.post(path, account=desk.account.id)["status"] == "succeeded"
    assert desk.post(path, account=desk.account.id).error["code"] == "payment_intent_unexpected_state"
