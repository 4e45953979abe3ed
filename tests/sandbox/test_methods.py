"""Payment methods: who may clone them, what uses them up, and what each test method does."""

import pytest

from billing.sandbox.config import CloneSpentOn
from billing.sandbox.instruments import ACCOUNT_NUMBERS, CARD_NUMBERS
from billing.sandbox.scenario import save_customer
from billing.sandbox.shapes import ADDRESS
from billing.sandbox.testmethods import ADVICE, TEST_METHODS

SPENT = "previously used with a PaymentIntent without Customer attachment"


def test_a_clone_is_a_new_unattached_method_with_the_same_card(services):
    original = services.get(f"/v1/payment_methods/{services.method}").body
    clone = services.clone(metadata={"a": "b"})
    assert clone.status == 200
    assert clone["id"] != original["id"]
    assert (clone["customer"], clone["metadata"], clone["card"]) == (None, {"a": "b"}, original["card"])
    assert services.get(f"/v1/payment_methods/{clone['id']}").status == 404


def test_a_clone_and_its_original_go_separate_ways(services):
    owner = services.post("/v1/customers", {}, account=services.account.id)["id"]
    clone = f"/v1/payment_methods/{services.clone()['id']}"
    services.post(f"{clone}/attach", {"customer": owner}, account=services.account.id)
    services.post(f"/v1/payment_methods/{services.method}", {"card": {"exp_year": 2040}})
    assert services.get(clone, account=services.account.id)["card"]["exp_year"] == 2034
    services.post(clone, {"card": {"exp_year": 2027}}, account=services.account.id)
    assert services.get(f"/v1/payment_methods/{services.method}")["card"]["exp_year"] == 2040


def test_a_clone_needs_the_customer_it_belongs_to(services):
    stranger, _ = save_customer(services.sandbox)
    assert services.clone(customer=stranger).error["param"] == "payment_method"
    assert services.clone(customer="cus_nobody").error["code"] == "resource_missing"
    assert services.clone(method="pm_nothing").status == 404
    bare = services.post("/v1/payment_methods", {"payment_method": services.method}, account=services.account.id)
    assert bare.status == 400


def test_only_cards_and_us_bank_accounts_can_be_cloned(services):
    customer, link = save_customer(services.sandbox, "pm_sandbox_link")
    assert services.clone(link, customer).error["param"] == "payment_method"
    customer, bank = save_customer(services.sandbox, "pm_usBankAccount_success")
    assert services.clone(bank, customer)["type"] == "us_bank_account"


def test_a_method_is_cloned_to_a_connected_account_only(services):
    own = services.post("/v1/payment_methods", {"payment_method": services.method, "customer": services.customer})
    assert own.error["param"] == "payment_method"


def test_sharing_an_unattached_method_burns_the_original(services):
    loose = services.post("/v1/payment_methods", {"type": "card", "card": {"token": "tok_visa"}})["id"]
    first = services.post("/v1/payment_methods", {"payment_method": loose}, account=services.account.id)
    assert first.status == 200
    again = services.post("/v1/payment_methods", {"payment_method": loose}, account=services.account.id)
    assert SPENT in again.error["message"]
    assert (
        SPENT in services.post(f"/v1/payment_methods/{loose}/attach", {"customer": services.customer}).error["message"]
    )


def test_a_charge_uses_up_the_clone_and_leaves_the_original_as_it_was(services):
    clone = services.clone()["id"]
    assert services.confirm(services.open()["id"], clone).status == 200
    again = services.confirm(services.open()["id"], clone)
    assert (again.status, again.error["type"]) == (400, "invalid_request_error")
    assert SPENT in again.error["message"]
    assert services.clone().status == 200


@pytest.mark.parametrize(("rule", "declined_again", "paid_again"), [
    (CloneSpentOn.ALWAYS, 400, 400), (CloneSpentOn.SUCCESS, 402, 400), (CloneSpentOn.NEVER, 402, 200),
])  # fmt: skip
def test_what_uses_up_a_clone_is_configurable(make_desk, rule, declined_again, paid_again):
    services = make_desk(clone_spent_on=rule)
    customer, failing = save_customer(services.sandbox, "pm_card_chargeCustomerFail")
    for method, payer, expected in (
        (failing, customer, declined_again),
        (services.method, services.customer, paid_again),
    ):
        clone = services.clone(method, payer)["id"]
        services.confirm(services.open()["id"], clone)
        assert services.confirm(services.open()["id"], clone).status == expected


def test_the_code_of_a_used_up_method_is_configurable(make_desk):
    services = make_desk(spent_code="payment_method_unexpected_state")
    clone = services.clone()["id"]
    services.confirm(services.open()["id"], clone)
    assert services.confirm(services.open()["id"], clone).error["code"] == "payment_method_unexpected_state"


def test_an_attached_clone_is_reusable_but_only_for_its_customer(services):
    owner = services.post("/v1/customers", {"email": "a@example.com"}, account=services.account.id)["id"]
    clone = services.clone()["id"]
    attached = services.post(f"/v1/payment_methods/{clone}/attach", {"customer": owner}, account=services.account.id)
    assert attached["customer"] == owner
    assert services.confirm(services.open()["id"], clone).error["param"] == "payment_method"
    for _ in range(2):
        assert services.confirm(services.open(customer=owner)["id"], clone)["status"] == "succeeded"


def test_detaching_is_final(services):
    assert services.post(f"/v1/payment_methods/{services.method}/detach")["customer"] is None
    assert services.post(f"/v1/payment_methods/{services.method}/attach", {"customer": services.customer}).status == 400
    assert services.clone().status == 400
    assert services.post(f"/v1/payment_methods/{services.method}/detach").status == 400


@pytest.mark.parametrize("name", sorted(name for name, method in TEST_METHODS.items() if method.kind == "card"))
def test_the_cards_that_always_decline_cannot_be_attached_and_all_others_can(services, name):
    answer = services.post(f"/v1/payment_methods/{name}/attach", {"customer": services.customer})
    if TEST_METHODS[name].attaches:
        assert (answer.status, answer["customer"]) == (200, services.customer)
        assert answer["id"] != name
    else:
        assert (answer.status, answer.error["type"]) == (402, "card_error")


@pytest.mark.parametrize(("name", "code", "decline_code"), [
    ("pm_card_chargeCustomerFail", "card_declined", "generic_decline"),
    ("pm_card_authenticationRequired", "authentication_required", "authentication_required"),
    ("pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("pm_sandbox_decline_stolen_card", "card_declined", "stolen_card"),
    ("pm_sandbox_decline_expired_card", "expired_card", "expired_card"),
])  # fmt: skip
def test_a_documented_card_declines_with_its_code(services, name, code, decline_code):
    intent, answer = services.charge(name)
    assert (answer.status, answer.error["code"], answer.error["decline_code"]) == (402, code, decline_code)
    assert answer.error["payment_method"]["object"] == "payment_method"
    error = services.intent(intent)["last_payment_error"]
    assert (error["code"], error["payment_method"]["id"]) == (code, answer.error["payment_method"]["id"])
    assert services.intent(intent)["payment_method"] is None
    assert services.book(intent).paid == 0


@pytest.mark.parametrize("name", ["pm_card_visa", "pm_card_authenticationRequiredSetupForOffSession", "pm_card_amex"])
def test_a_good_card_pays_off_session(services, name):
    assert services.charge(name)[1]["status"] == "succeeded"


@pytest.mark.parametrize("code", sorted(ADVICE))
def test_every_decline_code_can_be_rehearsed(services, code):
    intent, answer = services.charge(f"pm_sandbox_decline_{code}")
    assert (answer.status, answer.error["decline_code"]) == (402, code)
    assert answer.error.get("advice_code") == ADVICE[code][0]
    charge = services.get(f"/v1/charges/{services.intent(intent)['latest_charge']}", account=services.account.id)
    assert (charge["status"], charge["outcome"]["reason"]) == ("failed", code)


def test_advice_codes_can_be_chosen(services):
    _, answer = services.charge("pm_sandbox_decline_do_not_honor.do_not_try_again.03")
    assert (answer.error["advice_code"], answer.error["network_advice_code"]) == ("do_not_try_again", "03")


@pytest.mark.parametrize("reason", ["highest_risk_level", "rule", "previously_declined_do_not_retry"])
def test_a_block_by_the_provider_never_reaches_the_network(services, reason):
    intent, answer = services.charge(f"pm_sandbox_block_{reason}")
    assert answer.status == 402
    charge = services.get(f"/v1/charges/{services.intent(intent)['latest_charge']}", account=services.account.id)
    outcome = charge["outcome"]
    assert (outcome["type"], outcome["reason"], outcome["network_status"]) == ("blocked", reason, "not_sent_to_network")


def test_on_session_authentication_leaves_the_intent_waiting_and_unpaid(services):
    customer, method = save_customer(services.sandbox, "pm_card_authenticationRequired")
    intent = services.open()["id"]
    answer = services.confirm(intent, services.clone(method, customer)["id"], off_session=False)
    assert (answer.status, answer["status"], services.book(intent).paid) == (200, "requires_action", 0)
    assert services.cancel(intent)["status"] == "canceled"


def test_an_expired_card_clones_and_then_declines(services):
    details = {"type": "card", "card": {"number": "4242424242424242", "exp_month": 11, "exp_year": 2026}}
    loose = services.post("/v1/payment_methods", details)["id"]
    method = services.post(f"/v1/payment_methods/{loose}/attach", {"customer": services.customer})["id"]
    assert services.confirm(services.open()["id"], services.clone(method)["id"])["status"] == "succeeded"
    services.sandbox.advance(30 * 86_400)
    answer = services.confirm(services.open()["id"], services.clone(method)["id"])
    assert answer.error["code"] == "expired_card"


def test_methods_are_listed_and_read_per_customer(services):
    stranger, _ = save_customer(services.sandbox)
    mine = services.get(f"/v1/customers/{services.customer}/payment_methods", {"type": "card"})
    assert [row["id"] for row in mine["data"]] == [services.method]
    assert services.get("/v1/payment_methods", {"customer": services.customer})["data"] == mine["data"]
    assert services.get(f"/v1/customers/{services.customer}/payment_methods/{services.method}")["id"] == services.method
    assert services.get(f"/v1/customers/{stranger}/payment_methods/{services.method}").status == 404


def test_a_customer_keeps_a_default_that_is_attached_to_it(services):
    _, foreign = save_customer(services.sandbox)
    path = f"/v1/customers/{services.customer}"
    refused = services.post(path, {"invoice_settings": {"default_payment_method": foreign}})
    assert refused.error["param"] == "invoice_settings[default_payment_method]"
    assert services.get(path)["invoice_settings"]["default_payment_method"] == services.method


def test_an_unattached_method_cannot_be_updated(services):
    clone = services.clone()["id"]
    assert (
        services.post(f"/v1/payment_methods/{clone}", {"metadata": {"a": "b"}}, account=services.account.id).status
        == 400
    )
    assert services.post(f"/v1/payment_methods/{services.method}", {"metadata": {"a": "b"}})["metadata"] == {"a": "b"}


def make(services, kind, **details):
    return services.post("/v1/payment_methods", {"type": kind, kind: details})


BANK = {"account_holder_type": "individual", "account_number": "000123456789", "routing_number": "110000000"}


def test_a_new_method_needs_a_type_and_details_of_it(services):
    assert services.post("/v1/payment_methods", {"card": {"token": "tok_visa"}}).error["param"] == "type"
    for kind in ("card", "us_bank_account"):
        answer = services.post("/v1/payment_methods", {"type": kind})
        assert (answer.error["code"], answer.error["param"]) == ("parameter_missing", kind)
    both = services.post("/v1/payment_methods", {"type": "us_bank_account", "card": {"token": "tok_visa"}})
    assert both.status == 400
    assert make(services, "card", token="tok_none").error["message"] == "No such token: 'tok_none'"


@pytest.mark.parametrize("params", [
    {"type": "sepa_debit", "sepa_debit": {"iban": "DE89370400440532013000"}}, {"type": "ideal"},
    {"type": "ideal", "card": {"number": "4242424242424242"}}, {"type": "card", "ideal": {}},
])  # fmt: skip
def test_a_type_that_is_not_served_is_said_to_be_so_and_is_no_wrong_card(services, params):
    answer = services.post("/v1/payment_methods", params)
    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize(("number", "name"), sorted(CARD_NUMBERS.items()))
def test_every_documented_number_is_the_card_of_its_name(services, number, name):
    made = make(services, "card", number=number, exp_month=1, exp_year=2030, cvc="123")
    acts = TEST_METHODS[f"pm_card_{name}"]
    assert (made.status, made["card"]["brand"], made["card"]["country"]) == (200, acts.brand, acts.country)


def test_a_number_that_is_in_no_table_is_incorrect(services):
    unknown = make(services, "card", number="4111111111111111")
    assert (unknown.status, unknown.error["code"]) == (402, "incorrect_number")


@pytest.mark.parametrize(("month", "year", "code"), [
    (13, 2030, "invalid_expiry_month"), (0, 2030, "invalid_expiry_month"), (10, 2026, "invalid_expiry_month"),
    (1, 2020, "invalid_expiry_year"), (1, 2099, "invalid_expiry_year"),
])  # fmt: skip
def test_a_card_that_has_expired_is_not_made(services, month, year, code):
    answer = make(services, "card", number="4242424242424242", exp_month=month, exp_year=year)
    assert (answer.status, answer.error["code"]) == (402, code)


def test_one_number_has_one_fingerprint_whoever_holds_it(services):
    one, other = (make(services, "card", number="4242424242424242")["card"]["fingerprint"] for _ in range(2))
    assert one == other == make(services, "card", token="tok_visa")["card"]["fingerprint"]
    assert one != make(services, "card", number="5555555555554444")["card"]["fingerprint"]
    _, somebody = save_customer(services.sandbox)
    fingerprints = [
        services.get(f"/v1/payment_methods/{each}")["card"]["fingerprint"] for each in (services.method, somebody)
    ]
    assert len({one, *fingerprints}) == 3
    assert services.clone()["card"]["fingerprint"] == fingerprints[0]


@pytest.mark.parametrize(("number", "name"), sorted(ACCOUNT_NUMBERS.items()))
def test_a_bank_account_acts_as_its_number_says(services, number, name):
    made = make(services, "us_bank_account", **BANK | {"account_number": number})
    acts = services.sandbox.world.platform.instruments[made["id"]].acts
    assert acts == TEST_METHODS[f"pm_usBankAccount_{name}"]


@pytest.mark.parametrize("missing", sorted(BANK))
def test_a_bank_account_needs_its_details(services, missing):
    details = {name: value for name, value in BANK.items() if name != missing}
    assert make(services, "us_bank_account", **details).error["param"] == f"us_bank_account[{missing}]"


@pytest.mark.parametrize("name", ["account_number", "routing_number"])
def test_a_bank_account_takes_test_numbers_only(services, name):
    assert make(services, "us_bank_account", **BANK | {name: "000000001"}).error["param"] == f"us_bank_account[{name}]"


def test_a_bank_account_is_attached_once_it_is_verified(services):
    unverified = make(services, "us_bank_account", **BANK)["id"]
    assert services.post(f"/v1/payment_methods/{unverified}/attach", {"customer": services.customer}).status == 400
    attached = services.post("/v1/payment_methods/pm_usBankAccount_success/attach", {"customer": services.customer})
    assert attached["customer"] == services.customer


def test_a_customer_is_named_when_a_method_is_cloned_or_attached_only(services):
    params = {"type": "card", "card": {"token": "tok_visa"}, "customer": services.customer}
    assert services.post("/v1/payment_methods", params).error["param"] == "customer"


def test_a_test_name_can_be_read_and_becomes_a_method(services):
    made = services.get("/v1/payment_methods/pm_card_visa")
    assert services.get(f"/v1/payment_methods/{made['id']}")["card"]["last4"] == "4242"
    assert services.get("/v1/payment_methods/pm_none").error["param"] == "payment_method"


def test_an_update_is_applied_to_what_a_method_is(services):
    path = f"/v1/payment_methods/{services.method}"
    details = {"address": {"country": "US"}, "name": "A"}
    changed = services.post(path, {"allow_redisplay": "always", "billing_details": details, "card": {"exp_year": 2041}})
    assert (changed["allow_redisplay"], changed["card"]["exp_year"]) == ("always", 2041)
    assert changed["billing_details"]["address"] == dict.fromkeys(ADDRESS) | {"country": "US"}
    assert services.post(path, {"us_bank_account": {"account_type": "savings"}}).error["param"] == "us_bank_account"


def test_a_clone_takes_no_type(services):
    assert services.clone(type="card").error["code"] == "parameters_exclusive"


def test_a_method_is_attached_once(services):
    answer = services.post(f"/v1/payment_methods/{services.method}/attach", {"customer": services.customer})
    assert answer.status == 400
    assert services.post(f"/v1/payment_methods/{services.method}/attach").error["param"] == "customer"
