"""Parameters are checked against the SDK's own types, and refused in the provider's words."""

import pytest

from billing.sandbox.expand import EXPANDABLE
from billing.sandbox.routes import ROUTES, SPACES
from billing.sandbox.shapes import ADDRESS
from billing.sandbox.specs import shape
from billing.sandbox.unserved import SERVED_KINDS, UNSERVED


def test_an_unknown_parameter_is_named(services):
    answer = services.open(colour="red")
    assert (answer.status, answer.error["code"], answer.error["param"]) == (400, "parameter_unknown", "colour")


def test_an_unknown_nested_parameter_is_named_with_its_path(services):
    answer = services.open(shipping={"address": {"planet": "x"}, "name": "n"})
    assert (answer.error["code"], answer.error["param"]) == ("parameter_unknown", "shipping[address][planet]")


@pytest.mark.parametrize("missing", ["amount", "currency"])
def test_a_missing_parameter_is_named(services, missing):
    params = {"amount": 100, "currency": "usd"}
    del params[missing]
    answer = services.post("/v1/payment_intents", params, account=services.account.id)
    assert (answer.status, answer.error["code"], answer.error["param"]) == (400, "parameter_missing", missing)


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x"])
def test_a_body_that_is_no_form_is_not_read_as_one(services, kind):
    answer = services.post("/v1/customers", {"name": "x"}, headers={"Content-Type": kind})
    assert (answer.status, "application/x-www-form-urlencoded" in answer.error["message"]) == (400, True)


def test_an_index_of_another_alphabet_is_none(services):
    answer = services.post("/v1/customers", {"preferred_locales": {"²": "en"}})
    assert (answer.status, answer.error["param"]) == (400, "preferred_locales")


@pytest.mark.parametrize("amount", ["10.5", "1e3", "x", "١٠٠", "+5"])
def test_an_amount_is_an_ascii_integer(services, amount):
    answer = services.open(amount)
    assert (answer.error["code"], answer.error["param"]) == ("parameter_invalid_integer", "amount")


def test_an_enum_takes_only_its_words(services):
    answer = services.open(capture_method="someday")
    assert answer.status == 400
    assert answer.error["param"] == "capture_method"
    assert "must be one of automatic, automatic_async, or manual" in answer.error["message"]


def test_an_empty_value_is_refused_where_nothing_can_be_unset(services):
    assert services.open("").error["code"] == "parameter_invalid_empty"


def test_a_text_is_no_object_and_an_object_no_text(services):
    assert services.open(shipping="here").error["param"] == "shipping"
    assert services.open(description={"a": "b"}).error["param"] == "description"


def test_off_session_takes_a_truth_value_or_one_of_its_words(services):
    for value in (True, "one_off", "recurring"):
        assert services.confirm(services.open()["id"], services.clone()["id"], off_session=value).status == 200
    assert (
        services.confirm(services.open()["id"], services.clone()["id"], off_session="perhaps").error["param"]
        == "off_session"
    )


@pytest.mark.parametrize(
    "path", ["/v1/payment_intents", "/v1/payment_intents/pi_x/confirm", "/v1/payment_intents/pi_x"]
)
def test_payment_method_types_is_gone(services, path):
    answer = services.post(
        path, {"amount": 100, "currency": "usd", "payment_method_types": ["card"]}, account=services.account.id
    )
    assert (answer.status, answer.error["code"]) == (400, "payment_method_types_no_longer_supported")


def test_metadata_has_the_documented_bounds(services):
    assert services.open(metadata={f"k{n}": "v" for n in range(50)}).status == 200
    assert services.open(metadata={f"k{n}": "v" for n in range(51)}).error["param"] == "metadata"
    assert services.open(metadata={"k" * 40: "v" * 500}).status == 200
    assert services.open(metadata={"k" * 41: "v"}).status == 400
    assert services.open(metadata={"k": "v" * 501}).status == 400


def test_metadata_is_merged_and_an_empty_value_drops_its_key(services):
    intent = services.open(metadata={"a": "1", "b": "2"})["id"]
    answer = services.post(
        f"/v1/payment_intents/{intent}", {"metadata": {"a": "", "c": "3"}}, account=services.account.id
    )
    assert answer["metadata"] == {"b": "2", "c": "3"}


@pytest.mark.parametrize(("method", "path"), [
    ("GET", "/v1/nonsense"), ("POST", "/v1/payment_intents/pi_x/explode"), ("DELETE", "/v1/charges/ch_x"),
    ("GET", "/"), ("GET", "/v1/"), ("GET", "/v1/checkout"), ("GET", "/v1/checkout//"),
    ("POST", "/v1/customers/search"), ("GET", "/v1/payment_intents/search"),
])  # fmt: skip
def test_an_unknown_endpoint_is_the_providers_404(services, method, path):
    answer = services.ask(method, path)
    assert answer.status == 404
    assert answer.error["message"].startswith(f"Unrecognized request URL ({method}: {path})")


def test_expand_fills_in_objects_and_refuses_what_is_none(services):
    intent, _ = services.charge()
    services.sandbox.advance(5)
    answer = services.intent(intent, expand=["latest_charge.balance_transaction", "payment_method"])
    assert answer["latest_charge"]["balance_transaction"]["net"] == 1000 - 59
    assert answer["payment_method"]["object"] == "payment_method"
    assert services.intent(intent)["latest_charge"].startswith("ch_3")
    assert services.intent(intent, expand=["amount"]).error["param"] == "expand"


def test_expand_reaches_into_lists(services):
    services.charge()
    page = services.get("/v1/payment_intents", {"expand": ["data.latest_charge"]}, account=services.account.id)
    assert page["data"][0]["latest_charge"]["object"] == "charge"


def test_a_refused_expand_carries_nothing_out(services):
    assert services.open(expand=["nonsense"], key="k").error["param"] == "expand"
    assert services.open(expand=["latest_charge.customer.email"], key="k").error["param"] == "expand"
    assert len(services.sandbox.books().intents) == 0


def test_a_refused_default_leaves_the_customer_as_it_was(services):
    path = f"/v1/customers/{services.customer}"
    before = services.get(path).body
    services.post(path, {"email": "b@example.com", "invoice_settings": {"default_payment_method": "pm_none"}})
    assert services.get(path).body == before


def test_a_customer_can_be_made_with_its_default_method(services):
    made = services.post("/v1/customers", {"payment_method": "pm_card_visa"})
    assert services.get("/v1/payment_methods", {"customer": made["id"]})["data"][0]["card"]["last4"] == "4242"
    named = {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
    default = services.post("/v1/customers", named)["invoice_settings"]["default_payment_method"]
    assert services.get(f"/v1/payment_methods/{default}")["card"]["last4"] == "4242"
    foreign = {"invoice_settings": {"default_payment_method": services.method}}
    assert services.post("/v1/customers", foreign).error["param"] == "invoice_settings[default_payment_method]"


@pytest.mark.parametrize(("path", "params", "param"), [
    ("/v1/payment_intents", {"description": "x" * 1001}, "description"),
    ("/v1/payment_intents", {"statement_descriptor": "x" * 23}, "statement_descriptor"),
    ("/v1/payment_intents", {"transfer_group": "x" * 5001}, "transfer_group"),
    ("/v1/customers", {"name": "x" * 257}, "name"), ("/v1/customers", {"phone": "1" * 21}, "phone"),
    ("/v1/customers", {"email": f"{'x' * 512}@y"}, "email"),
    ("/v1/customers", {"description": "x" * 5001}, "description"),
    ("/v1/customers", {"address": {"line1": "x" * 5001}}, "address[line1]"),
])  # fmt: skip
def test_a_text_that_is_too_long_is_refused_without_repeating_it(services, path, params, param):
    answer = services.post(path, params)
    assert (answer.status, answer.error["param"]) == (400, param)
    assert len(answer.error["message"]) < 100


def test_a_text_of_the_longest_length_fits(services):
    assert services.open(description="x" * 1000).status == 200
    assert (
        services.post("/v1/customers", {"name": "x" * 256, "phone": "1" * 20, "description": "x" * 5000}).status == 200
    )


def test_an_address_that_is_none_is_refused_and_never_repeated(services):
    for answer, param in (
        (services.open(receipt_email="nonsense"), "receipt_email"),
        (services.post("/v1/customers", {"email": "nonsense"}), "email"),
        (services.post(f"/v1/customers/{services.customer}", {"email": "a b@example.com"}), "email"),
    ):
        assert (answer.error["code"], answer.error["param"]) == ("email_invalid", param)
        assert "nonsense" not in answer.error["message"]
    assert services.get("/v1/customers", {"email": "nonsense"})["data"] == []


def test_what_a_customer_is_shows_all_its_fields(services):
    made = services.post(
        "/v1/customers", {"address": {"country": "US"}, "shipping": {"name": "n", "address": {"city": "C"}}}
    )
    assert made["address"] == dict.fromkeys(ADDRESS) | {"country": "US"}
    assert made["shipping"]["address"]["city"] == "C"
    assert (made["preferred_locales"], made["tax_exempt"], made["test_clock"]) == ([], "none", None)
    path = f"/v1/customers/{made['id']}"
    changed = services.post(
        path, {"tax_exempt": "exempt", "preferred_locales": ["de"], "invoice_settings": {"footer": "f"}}
    )
    assert (changed["tax_exempt"], changed["preferred_locales"], changed["invoice_settings"]["footer"]) == (
        "exempt", ["de"], "f",
    )  # fmt: skip


@pytest.mark.parametrize(("operation", "names"), sorted(UNSERVED.items()))
def test_what_is_not_served_is_a_parameter_of_stripes_and_is_refused(services, operation, names):
    route = next(route for route in ROUTES if route.operation == operation)
    path = route.path.replace("{}", "x")
    for name in sorted(names & shape(route.params).names):
        answer = services.ask(route.method, path, {name: "x"})
        assert (answer.status, answer.error["param"]) == (400, name)


NO_TRACE = {  # at Stripe's either: they say how a request is carried out, not what it makes
    "confirm", "error_on_requires_action", "expand", "mandate", "mandate_data", "off_session", "radar_options",
    "return_url", "use_stripe_sdk", "validate",
}  # fmt: skip
DESCRIBED = "description metadata receipt_email shipping"
TAKEN = "amount_details payment_details"
CHOSEN = "allowed_payment_method_types excluded_payment_method_types capture_method payment_method_options"
INSTRUMENT = "payment_method payment_method_data setup_future_usage"
CHANGEABLE = ("allowed_payment_method_types customer description excluded_payment_method_types metadata payment_method "
              "payment_method_data payment_method_options")  # fmt: skip
LABELLED = "statement_descriptor statement_descriptor_suffix"
SAVED = (
    "address balance business_name description email individual_name invoice_prefix invoice_settings metadata name "
    "next_invoice_sequence phone preferred_locales shipping tax_exempt"
)
SOLD = "active description images metadata name shippable statement_descriptor unit_label url"
SUBSCRIBED = (
    "application_fee_percent billing_cycle_anchor cancel_at cancel_at_period_end collection_method "
    "default_payment_method description items metadata payment_behavior payment_settings proration_behavior "
    "trial_end trial_settings"
)
APPLIED = {
    "application_fees.refunds.create": "amount metadata", "application_fees.refunds.update": "metadata",
    "charges.update": f"{DESCRIBED} fraud_details transfer_group",
    "checkout.sessions.create":
        "allowed_payment_method_types cancel_url client_reference_id currency custom_text customer customer_email "
        "excluded_payment_method_types expires_at locale metadata mode payment_method_options redirect_on_completion "
        "return_url setup_intent_data success_url ui_mode",
    "checkout.sessions.expire": "", "checkout.sessions.update": "metadata",
    "customers.create": f"{SAVED} payment_method", "customers.update": SAVED,
    "invoices.finalize": "auto_advance", "invoices.pay": "payment_method off_session", "invoices.void": "",
    "prices.create":
        "active currency lookup_key metadata nickname product product_data recurring tax_behavior unit_amount "
        "unit_amount_decimal",
    "prices.update": "active lookup_key metadata nickname tax_behavior",
    "products.create": f"{SOLD} id", "products.update": f"{SOLD} default_price",
    "subscriptions.create":
        f"{SUBSCRIBED} billing_cycle_anchor_config billing_mode currency customer trial_period_days",
    "subscriptions.update": f"{SUBSCRIBED} cancellation_details",
    "balance_settings.update": "payments",
    "disputes.close": "", "disputes.update": "evidence metadata submit", "payouts.cancel": "", "payouts.create":
        "amount currency description destination metadata method source_type statement_descriptor",
    "payouts.update": "metadata",
    "payment_intents.cancel": "cancellation_reason",
    "payment_intents.capture":
        f"{TAKEN} {LABELLED} amount_to_capture application_fee_amount final_capture metadata",
    "payment_intents.confirm": f"{TAKEN} {CHOSEN} {INSTRUMENT} amount_to_confirm receipt_email shipping",
    "payment_intents.create":
        f"{TAKEN} {CHOSEN} {INSTRUMENT} {DESCRIBED} {LABELLED} amount application_fee_amount automatic_payment_methods "
        "confirmation_method currency customer on_behalf_of transfer_group",
    "payment_intents.update":
        f"{TAKEN} {CHOSEN} {INSTRUMENT} {DESCRIBED} {LABELLED} amount application_fee_amount currency customer "
        "transfer_group",
    "payment_methods.attach": "customer", "payment_methods.detach": "",
    "payment_methods.create": " ".join(SERVED_KINDS),
    "payment_methods.update": "allow_redisplay billing_details card metadata us_bank_account",
    "refunds.cancel": "", "refunds.create":
        "amount charge instructions_email metadata payment_intent reason refund_application_fee reverse_transfer",
    "refunds.update": "metadata",
    "setup_intents.cancel": "cancellation_reason", "setup_intents.verify_microdeposits": "amounts descriptor_code",
    "payment_intents.verify_microdeposits": "amounts descriptor_code",
    "setup_intents.confirm":
        "allowed_payment_method_types payment_method payment_method_data payment_method_options",
    "setup_intents.create": f"{CHANGEABLE} automatic_payment_methods on_behalf_of usage",
    "setup_intents.update": CHANGEABLE,
    "webhook_endpoints.create": "api_version connect description enabled_events metadata url",
    "webhook_endpoints.update": "description disabled enabled_events metadata url",
}  # fmt: skip


@pytest.mark.parametrize("route", [route for route in ROUTES if route.method == "POST"], ids=lambda one: one.operation)
def test_every_parameter_of_stripes_is_applied_refused_or_leaves_no_trace(route):
    known = shape(route.params).names - NO_TRACE
    if route.operation == "payment_methods.create":
        known &= SERVED_KINDS  # a hash for every other type of payment method is refused
    assert known - UNSERVED.get(route.operation, set()) == set(APPLIED[route.operation].split()) - NO_TRACE


@pytest.mark.parametrize("resource", sorted(EXPANDABLE))
def test_every_field_that_stripe_expands_is_expanded_or_left_as_it_is(services, resource):
    paid, _ = services.charge(application_fee_amount=10, metadata={"billing_item": "i"})
    services.post("/v1/refunds", {"payment_intent": paid, "refund_application_fee": True}, account=services.account.id)
    services.charge("pm_card_createDispute")
    services.sandbox.advance(4 * 86_400)
    for name in EXPANDABLE[resource]:
        whole = resource.startswith(SPACES)
        base, _, inner = (resource.replace(".", "/"), "", "") if whole else resource.partition(".")
        path, prefix = f"/v1/{base}", f"{inner}."
        params = {"expand": [f"data.{prefix.lstrip('.')}{name}"]}
        if resource == "application_fees.refunds":
            path, params = (
                f"/v1/application_fees/{services.get('/v1/application_fees')['data'][0]['id']}/refunds",
                {"expand": [f"data.{name}"]},
            )
        for account in (None, services.account.id):
            answer = services.get(path, params, account=account)
            assert answer.status in (200, 404), (name, answer.body)


def test_a_charge_shows_its_fee_its_application_and_its_refunds_on_request(services):
    intent, _ = services.charge(application_fee_amount=10)
    services.post("/v1/refunds", {"payment_intent": intent, "amount": 7}, account=services.account.id)
    paths = [f"latest_charge.{name}" for name in ("application_fee", "application", "refunds")]
    charge = services.intent(intent, expand=paths)["latest_charge"]
    assert (charge["application_fee"]["amount"], charge["application"]["object"]) == (10, "application")
    assert [row["amount"] for row in charge["refunds"]["data"]] == [7]
    fee = services.get("/v1/application_fees", {"expand": ["data.charge", "data.account"]})["data"][0]
    assert (fee["charge"]["id"], fee["account"]["id"]) == (charge["id"], services.account.id)
