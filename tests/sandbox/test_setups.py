"""The life of a SetupIntent: opened, confirmed, declined, set up at most once, cancelled for good."""

import pytest

from billing.sandbox.config import ConfigProblem
from billing.sandbox.payer import Deed, act
from billing.sandbox.scenario import connect, save_customer
from billing.sandbox.testmethods import TEST_METHODS

BROWSER = "pk_test_desk0000"
CARD = {"allowed_payment_method_types": ["card"]}
BANK = {"allowed_payment_method_types": ["us_bank_account"]}
CONSENT = {"customer_acceptance": {"type": "offline", "offline": {}}}
ACCOUNT = {
    "type": "us_bank_account",
    "us_bank_account": {
        "account_holder_type": "individual", "account_number": "000123456789", "routing_number": "110000000",
    },
    "billing_details": {"name": "A Payer"},
}  # fmt: skip


@pytest.fixture
def customer(services):
    return services.post("/v1/customers", {"email": "payer@example.com"})["id"]


def opened(services, customer=None, **params):
    known = {"customer": customer} if customer else {}
    return services.post("/v1/setup_intents", known | CARD | params)


def confirmed(services, intent, method, **params):
    return services.post(f"/v1/setup_intents/{intent}/confirm", {"payment_method": method, **params})


def test_an_intent_without_a_method_waits_for_one_and_with_one_for_its_confirm(services, customer):
    bare = opened(services, customer, metadata={"billing_item": "i1"}, usage="on_session")
    assert (bare["status"], bare["usage"], bare["payment_method"]) == ("requires_payment_method", "on_session", None)
    assert bare["client_secret"].startswith(f"{bare['id']}_secret_")
    named = opened(services, customer, payment_method="pm_card_visa")
    assert (named["status"], named["usage"]) == ("requires_confirmation", "off_session")


def test_success_attaches_the_method_but_not_as_the_default(services, customer):
    done = confirmed(services, opened(services, customer)["id"], "pm_card_visa")
    assert (done.status, done["status"], done["last_setup_error"]) == (200, "succeeded", None)
    method = services.get(f"/v1/payment_methods/{done['payment_method']}")
    assert method["customer"] == customer
    assert services.get(f"/v1/customers/{customer}")["invoice_settings"]["default_payment_method"] is None


def test_a_method_that_was_set_up_pays_off_session_on_a_connected_account(services, customer):
    intent = opened(services, customer)["id"]
    asked = confirmed(services, intent, "pm_card_authenticationRequiredOnSetup")
    assert (asked["status"], asked["next_action"]["type"]) == ("requires_action", "use_stripe_sdk")
    assert act(services.sandbox.world, intent, Deed.AUTHENTICATE, "")["status"] == "succeeded"
    saved = services.get(f"/v1/setup_intents/{intent}")["payment_method"]
    clone = services.clone(saved, customer)["id"]
    assert services.confirm(services.open()["id"], clone)["status"] == "succeeded"


def test_a_payer_who_fails_3d_secure_has_nothing_attached_and_may_try_again(services, customer):
    intent = opened(services, customer)["id"]
    waiting = confirmed(services, intent, "pm_card_authenticationRequired", return_url="https://example.com/back")
    assert waiting["next_action"]["redirect_to_url"]["return_url"] == "https://example.com/back"
    assert act(services.sandbox.world, intent, Deed.FAIL, "")["status"] == "requires_payment_method"
    failed = services.get(f"/v1/setup_intents/{intent}")
    assert failed["last_setup_error"]["code"] == "setup_intent_authentication_failure"
    assert services.get(f"/v1/customers/{customer}/payment_methods")["data"] == []
    assert confirmed(services, intent, "pm_card_visa")["status"] == "succeeded"


@pytest.mark.parametrize("name", sorted(name for name, method in TEST_METHODS.items() if method.kind == "card"))
def test_a_card_that_always_declines_is_declined_on_saving_and_no_other_is(services, customer, name):
    answer = confirmed(services, opened(services, customer)["id"], name)
    known = TEST_METHODS[name]
    if known.attaches:
        assert answer["status"] in ("succeeded", "requires_action")
        return
    inside = answer.error["setup_intent"]
    assert (answer.status, answer.error["type"], answer.error["code"]) == (402, "card_error", known.decline.code)
    assert (inside["status"], inside["payment_method"]) == ("requires_payment_method", None)
    assert inside["last_setup_error"]["decline_code"] == known.decline.decline_code


def test_an_expired_card_is_declined(services, customer):
    made = services.post("/v1/payment_methods", {
        "type": "card", "card": {"number": "4242424242424242", "exp_month": 11, "exp_year": 2026},
    })["id"]  # fmt: skip
    services.sandbox.advance(40 * 86_400)
    assert confirmed(services, opened(services, customer)["id"], made).error["code"] == "expired_card"


def test_create_with_confirm_sets_up_at_once_and_a_decline_leaves_the_intent_behind(services, customer):
    done = opened(services, customer, confirm=True, payment_method="pm_card_visa")
    assert done["status"] == "succeeded"
    declined = opened(services, customer, confirm=True, payment_method="pm_card_visa_chargeDeclined")
    assert declined.status == 402
    left = services.get("/v1/setup_intents", {"customer": customer})["data"]
    assert [row["id"] for row in left] == [declined.error["setup_intent"]["id"], done["id"]]


def test_a_finished_intent_refuses_every_step_and_carries_itself(services, customer):
    done = opened(services, customer, confirm=True, payment_method="pm_card_visa")["id"]
    over = opened(services, customer)["id"]
    assert (
        services.post(f"/v1/setup_intents/{over}/cancel", {"cancellation_reason": "abandoned"})["status"] == "canceled"
    )
    for intent in (done, over):
        for answer in (
            confirmed(services, intent, "pm_card_visa"),
            services.post(f"/v1/setup_intents/{intent}/cancel"),
            services.post(f"/v1/setup_intents/{intent}", {"payment_method": "pm_card_visa"}),
        ):
            assert (answer.status, answer.error["code"]) == (400, "setup_intent_unexpected_state")
            assert answer.error["setup_intent"]["id"] == intent
    assert services.post(f"/v1/setup_intents/{done}", {"metadata": {"a": "b"}})["metadata"] == {"a": "b"}
    assert services.post(f"/v1/setup_intents/{over}", {"metadata": {"a": "b"}}).status == 400


def test_an_intent_can_be_cancelled_in_each_open_state(services, customer):
    waiting = opened(services, customer)["id"]
    confirmed(services, waiting, "pm_card_authenticationRequired")
    for intent in (
        opened(services, customer)["id"],
        opened(services, customer, payment_method="pm_card_visa")["id"],
        waiting,
    ):
        assert services.post(f"/v1/setup_intents/{intent}/cancel")["status"] == "canceled"


def test_after_its_last_confirm_the_provider_cancels_the_intent(make_desk):
    services = make_desk(max_confirms=2)
    intent = opened(services)["id"]
    for _ in range(2):
        confirmed(services, intent, "pm_card_visa_chargeDeclined")
    assert services.get(f"/v1/setup_intents/{intent}")["status"] == "canceled"


@pytest.mark.parametrize(("params", "param"), [
    ({"payment_method_types": ["card"]}, "payment_method_types"),
    ({"automatic_payment_methods": {"enabled": True}}, "automatic_payment_methods"),
    ({"on_behalf_of": "acct_nobody"}, "on_behalf_of"),
    ({"customer": "cus_nobody"}, "customer"),
    ({"return_url": "https://example.com"}, "return_url"),
    ({"mandate_data": CONSENT}, "mandate_data"),
    ({"single_use": {"amount": 5, "currency": "usd"}}, "single_use"),
    ({"usage": "sometimes"}, "usage"),
    ({"allowed_payment_method_types": ["sepa_debit"]}, "allowed_payment_method_types"),
    ({"payment_method_options": {"card": {"setup_credential_usage": "never"}}},
     "payment_method_options[card][setup_credential_usage]"),
    ({"amount": 5}, "amount"),
])  # fmt: skip
def test_what_stripe_refuses_is_refused_and_named(services, params, param):
    answer = opened(services, **params)
    assert (answer.status, answer.error["param"]) == (400, param)


def test_options_and_merchant_are_kept(services, customer):
    options = {"card": {"setup_credential_usage": "unscheduled", "request_three_d_secure": "any"}}
    made = opened(services, customer, on_behalf_of=services.account.id, payment_method_options=options)
    assert made["on_behalf_of"] == services.account.id
    assert made["payment_method_options"]["card"] | options["card"] == made["payment_method_options"]["card"]
    changed = services.post(f"/v1/setup_intents/{made['id']}", {"description": "d", **CARD})
    assert changed["payment_method_options"] == made["payment_method_options"]


def test_automatic_methods_need_a_return_url_on_the_server_even_for_a_card(services, customer):
    made = services.post("/v1/setup_intents", {"customer": customer})
    assert made["automatic_payment_methods"] == {"allow_redirects": "always", "enabled": True}
    assert made["payment_method_types"] == ["card", "us_bank_account"]
    assert confirmed(services, made["id"], "pm_card_visa").error["param"] == "return_url"
    assert confirmed(services, made["id"], "pm_card_visa", return_url="https://example.com")["status"] == "succeeded"


def test_another_customers_method_is_refused_and_the_own_one_is_set_up_again(services, customer):
    stranger, theirs = save_customer(services.sandbox)
    assert confirmed(services, opened(services, customer)["id"], theirs).error["param"] == "payment_method"
    assert confirmed(services, opened(services, stranger)["id"], theirs)["status"] == "succeeded"


def test_a_bank_account_needs_consent_and_carries_its_mandate(services, customer):
    intent = opened(services, customer, **BANK)["id"]
    refused = confirmed(services, intent, "pm_usBankAccount_success")
    assert (refused.status, refused.error["code"]) == (400, "setup_intent_mandate_invalid")
    done = confirmed(services, intent, "pm_usBankAccount_success", mandate_data=CONSENT)
    assert done["status"] == "succeeded"
    mandate = services.get(f"/v1/mandates/{done['mandate']}")
    assert (mandate["status"], mandate["payment_method"]) == ("active", done["payment_method"])
    services.post(f"/v1/payment_methods/{done['payment_method']}/detach")
    assert services.get(f"/v1/mandates/{done['mandate']}")["status"] == "inactive"


def test_a_bank_account_may_stay_with_the_bank_for_a_while(make_desk):
    services = make_desk(setup_processing_seconds=60.0)
    customer = services.post("/v1/customers")["id"]
    method = {"payment_method": "pm_usBankAccount_success", "mandate_data": CONSENT}
    intent = opened(services, customer, confirm=True, **BANK, **method)
    assert intent["status"] == "processing"
    assert services.post(f"/v1/setup_intents/{intent['id']}/cancel").status == 400
    services.sandbox.advance(61)
    assert services.get(f"/v1/setup_intents/{intent['id']}")["status"] == "succeeded"


def deposits(services, customer):
    """An intent that waits for its payer to name the small deposits on a bank account."""
    intent = opened(services, customer, **BANK)
    secret = {"client_secret": intent["client_secret"], "payment_method_data": ACCOUNT}
    answer = services.post(f"/v1/setup_intents/{intent['id']}/confirm", secret, api_key=BROWSER)
    assert answer["next_action"]["type"] == "verify_with_microdeposits"
    return intent["id"]


@pytest.mark.parametrize(("wrong", "right"), [
    ({"amounts": [10, 11]}, {"amounts": [32, 45]}),
    ({"descriptor_code": "SM33CC"}, {"descriptor_code": "SM11AA"}),
])  # fmt: skip
def test_an_unknown_bank_account_is_set_up_once_its_deposits_are_named(services, customer, wrong, right):
    path = f"/v1/setup_intents/{deposits(services, customer)}/verify_microdeposits"
    assert services.post(path, wrong).error["code"].endswith("_mismatch")
    done = services.post(path, right)
    assert done["status"] == "succeeded"
    assert services.get(f"/v1/payment_methods/{done['payment_method']}")["customer"] == customer
    assert services.post(path, right).error["code"] == "setup_intent_unexpected_state"


def test_deposits_that_nobody_names_in_ten_days_end_the_attempt(services, customer):
    intent = deposits(services, customer)
    services.sandbox.advance(9 * 86_400)
    assert services.get(f"/v1/setup_intents/{intent}")["status"] == "requires_action"
    services.sandbox.advance(2 * 86_400)
    over = services.get(f"/v1/setup_intents/{intent}")
    assert over["status"] == "requires_payment_method"
    assert over["last_setup_error"]["code"] == "payment_method_microdeposit_verification_timeout"


def test_a_browser_confirms_with_the_intents_secret_and_reaches_nothing_else(services, customer):
    made = services.post("/v1/setup_intents", {"customer": customer})
    path, known = f"/v1/setup_intents/{made['id']}", {"client_secret": made["client_secret"]}
    for secret in ({}, {"client_secret": "seti_x_secret_y"}):
        assert services.get(path, secret, api_key=BROWSER).error["param"] == "client_secret"
        assert (
            services.post(f"{path}/confirm", secret | {"payment_method": "pm_card_visa"}, api_key=BROWSER).status == 400
        )
    assert services.get(path, known, api_key=BROWSER)["id"] == made["id"]
    back = known | {"return_url": "https://example.com/back", "payment_method": "pm_card_visa"}
    assert services.post(f"{path}/confirm", back, api_key=BROWSER)["status"] == "succeeded"
    for answer in (services.post("/v1/setup_intents", {}, api_key=BROWSER), services.post(path, {}, api_key=BROWSER)):
        assert (answer.status, answer.error["code"]) == (401, "secret_key_required")


@pytest.mark.parametrize(("given", "tries"), [({"amounts": [1, 2]}, 3), ({"descriptor_code": "SM33CC"}, 10)])
def test_too_many_wrong_deposits_end_the_attempt(services, customer, given, tries):
    intent = deposits(services, customer)
    path = f"/v1/setup_intents/{intent}/verify_microdeposits"
    for _ in range(tries - 1):
        assert services.post(path, given).error["setup_intent"]["status"] == "requires_action"
    assert services.post(path, given).error["code"] == "payment_method_microdeposit_verification_attempts_exceeded"
    assert services.get(f"/v1/setup_intents/{intent}")["status"] == "requires_payment_method"


def test_a_browser_sees_nothing_of_what_the_platform_notes(services, customer):
    made = opened(services, customer, metadata={"billing_item": "i1"}, on_behalf_of=services.account.id)
    path, known = f"/v1/setup_intents/{made['id']}", {"client_secret": made["client_secret"]}
    seen = services.get(path, known, api_key=BROWSER).body
    assert (seen["status"], seen["payment_method_types"]) == ("requires_payment_method", ["card"])
    declined = services.post(
        f"{path}/confirm", known | {"payment_method": "pm_card_visa_chargeDeclined"}, api_key=BROWSER
    ).error["setup_intent"]
    assert declined["last_setup_error"]["decline_code"] == "generic_decline"
    for body in (seen, declined):
        assert not {"customer", "metadata", "on_behalf_of"} & body.keys()


def test_consent_given_to_one_account_is_no_consent_to_another(services, customer):
    other = connect(services.sandbox).id
    for merchant, status in ((services.account.id, 200), (other, 400), (None, 200)):
        named = {"on_behalf_of": merchant} if merchant else {}
        bank = {"confirm": True, "payment_method": "pm_usBankAccount_success", "mandate_data": CONSENT}
        saved = opened(services, customer, **BANK, **bank, **named)["payment_method"]
        intent = services.open(**BANK)["id"]
        answer = services.confirm(intent, services.clone(saved, customer)["id"])
        assert answer.status == status
        if status == 400:
            assert answer.error["code"] == "payment_intent_mandate_invalid"


def test_a_method_that_is_taken_away_as_soon_as_it_was_saved_leaves_a_succeeded_intent(services, customer):
    done = confirmed(services, opened(services, customer)["id"], "pm_sandbox_detached")
    assert done["status"] == "succeeded"
    assert services.get(f"/v1/payment_methods/{done['payment_method']}")["customer"] is None


def test_a_first_payment_from_an_unknown_bank_account_waits_for_its_deposits(services, customer):
    intent = services.post("/v1/payment_intents", {
        "amount": 500, "currency": "usd", "customer": customer, "setup_future_usage": "off_session", **BANK,
    })["id"]  # fmt: skip
    world = services.sandbox.world
    asked = services.post(f"/v1/payment_intents/{intent}/confirm", {"payment_method_data": ACCOUNT})
    assert (asked["status"], asked["latest_charge"]) == ("requires_action", None)
    assert act(world, intent, Deed.FAIL, "")["refused"]
    assert act(world, intent, Deed.AUTHENTICATE, "")["status"] == "processing"
    saved = services.get(f"/v1/payment_intents/{intent}")["payment_method"]
    assert services.get(f"/v1/payment_methods/{saved}")["customer"] == customer


def test_a_first_payment_whose_deposits_nobody_names_is_over_after_ten_days(services, customer):
    intent = services.post("/v1/payment_intents", {
        "amount": 500, "currency": "usd", "confirm": True, "payment_method_data": ACCOUNT, **BANK,
    })["id"]  # fmt: skip
    services.sandbox.advance(11 * 86_400)
    over = services.get(f"/v1/payment_intents/{intent}")
    assert (over["status"], over["latest_charge"]) == ("requires_payment_method", None)
    assert over["last_payment_error"]["code"] == "payment_method_microdeposit_verification_timeout"


def test_what_a_charge_says_of_a_card_on_file_is_what_its_intent_said(services):
    usage = {"card": {"stored_credential_usage": "unscheduled"}}
    intent = services.open(payment_method_options=usage)["id"]
    charge = services.confirm(intent, services.clone()["id"], expand=["latest_charge"])["latest_charge"]
    assert charge["payment_method_details"]["card"]["stored_credential_usage"] == "unscheduled"


def test_lists_filter_by_customer_and_by_method(services, customer):
    done = opened(services, customer, confirm=True, payment_method="pm_card_visa")
    opened(services)
    for wanted in ({"customer": customer}, {"payment_method": done["payment_method"]}):
        assert [row["id"] for row in services.get("/v1/setup_intents", wanted)["data"]] == [done["id"]]
    assert services.get("/v1/setup_intents", {"status": "succeeded"}).error["param"] == "status"


def test_a_payer_who_was_asked_nothing_answers_nothing(services, customer):
    with pytest.raises(ConfigProblem):
        act(services.sandbox.world, opened(services, customer)["id"], Deed.AUTHENTICATE, "")


def test_a_permission_is_asked_for_before_anything_is_looked_up(services):
    key = "rk_test_narrow0000"
    services.sandbox.gate.withhold(key, "setup_intent_write")
    answer = services.post("/v1/setup_intents/seti_nobody/cancel", api_key=key)
    assert answer.status == 403
    assert services.post("/v1/setup_intents/seti_nobody/cancel").error["code"] == "resource_missing"


def test_a_payment_on_the_platform_saves_its_method_if_asked_to(services, customer):
    paid = services.post("/v1/payment_intents", {
        "amount": 1000, "currency": "usd", "customer": customer, "payment_method": "pm_card_visa", "confirm": True,
        "setup_future_usage": "off_session", **CARD,
    })  # fmt: skip
    assert paid["status"] == "succeeded"
    assert services.get(f"/v1/payment_methods/{paid['payment_method']}")["customer"] == customer
    assert services.get(f"/v1/customers/{customer}")["invoice_settings"]["default_payment_method"] is None
    assert services.clone(paid["payment_method"], customer).status == 200
