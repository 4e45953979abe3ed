"""Checkout in setup mode: what opens a session, what finishes it, and when it is over."""

import pytest

from billing.sandbox.config import ConfigProblem
from billing.sandbox.payer import Deed, act

BACK = "https://example.com/saved?session={CHECKOUT_SESSION_ID}"
CARD = {"allowed_payment_method_types": ["card"]}


@pytest.fixture
def customer(services):
    return services.post("/v1/customers", {"email": "payer@example.com", "name": "A Payer"})["id"]


def opened(services, **params):
    usual = {"mode": "setup", "success_url": BACK, **CARD}
    wanted = {name: value for name, value in (usual | params).items() if value is not None}
    return services.post("/v1/checkout/sessions", wanted)


def session(services, wanted):
    return services.get(f"/v1/checkout/sessions/{wanted}")


def intent_of(services, made):
    return services.get(f"/v1/setup_intents/{session(services, made['id'])['setup_intent']}")


def told(services):
    return [event["type"] for event in services.get("/v1/events", {"limit": 100})["data"]]


def test_an_open_session_has_a_page_an_intent_and_a_day(services, customer):
    made = opened(services, customer=customer, client_reference_id="r1", metadata={"a": "b"}, setup_intent_data={
        "metadata": {"billing_item": "i1"}, "description": "d", "on_behalf_of": services.account.id,
    })  # fmt: skip
    assert (made["status"], made["payment_status"], made["client_reference_id"]) == (
        "open",
        "no_payment_required",
        "r1",
    )
    assert made["url"].endswith(made["id"])
    assert made["expires_at"] == made["created"] + 86_400
    intent = intent_of(services, made)
    assert (intent["customer"], intent["metadata"], intent["description"]) == (customer, {"billing_item": "i1"}, "d")
    assert (intent["on_behalf_of"], intent["status"]) == (services.account.id, "requires_payment_method")


def test_a_payer_who_finishes_has_a_method_attached_but_not_as_the_default(services, customer):
    made = opened(services, customer=customer)
    assert act(services.sandbox.world, made["id"], Deed.PAY, "pm_card_visa")["status"] == "succeeded"
    done = session(services, made["id"])
    assert (done["status"], done["url"], done["customer_details"]["email"]) == ("complete", None, "payer@example.com")
    method = services.get(f"/v1/payment_methods/{intent_of(services, made)['payment_method']}")
    assert method["customer"] == customer
    assert services.get(f"/v1/customers/{customer}")["invoice_settings"]["default_payment_method"] is None
    assert told(services)[0] == "checkout.session.completed"


def test_a_declined_payer_may_go_on_and_one_who_is_asked_has_not_finished(services, customer):
    made = opened(services, customer=customer)["id"]
    world = services.sandbox.world
    assert act(world, made, Deed.PAY, "pm_card_visa_chargeDeclined")["refused"]
    assert act(world, made, Deed.PAY, "pm_card_authenticationRequired")["status"] == "requires_action"
    assert session(services, made)["status"] == "open"
    act(world, made, Deed.AUTHENTICATE, "")
    assert session(services, made)["status"] == "complete"
    with pytest.raises(ConfigProblem):
        act(world, made, Deed.PAY, "pm_card_visa")


def test_an_expired_session_takes_its_intent_with_it(services, customer):
    made = opened(services, customer=customer, expires_at=int(services.sandbox.now) + 1_800)
    services.sandbox.advance(1_799)
    assert session(services, made["id"])["status"] == "open"
    services.sandbox.advance(1)
    over = session(services, made["id"])
    assert (over["status"], over["url"], intent_of(services, made)["status"]) == ("expired", None, "canceled")
    assert told(services)[:2] == ["checkout.session.expired", "setup_intent.canceled"]


def test_a_complete_session_never_expires(services, customer):
    made = opened(services, customer=customer)["id"]
    act(services.sandbox.world, made, Deed.PAY, "pm_card_visa")
    services.sandbox.advance(2 * 86_400)
    assert session(services, made)["status"] == "complete"
    assert services.post(f"/v1/checkout/sessions/{made}/expire").status == 400


def test_a_session_is_expired_at_will_and_once(services, customer):
    made = opened(services, customer=customer)["id"]
    assert services.post(f"/v1/checkout/sessions/{made}/expire")["status"] == "expired"
    assert "status of expired" in services.post(f"/v1/checkout/sessions/{made}/expire").error["message"]


def test_the_intent_of_a_session_is_neither_confirmed_nor_cancelled_directly(services, customer):
    intent = f"/v1/setup_intents/{opened(services, customer=customer)['setup_intent']}"
    for answer in (
        services.post(f"{intent}/cancel"),
        services.post(f"{intent}/confirm", {"payment_method": "pm_card_visa"}),
    ):
        assert (answer.status, "created by Checkout" in answer.error["message"]) == (400, True)


@pytest.mark.parametrize(("params", "param"), [
    ({"mode": None}, "mode"), ({"mode": "payment"}, "mode"), ({"success_url": None}, "success_url"),
    ({"allowed_payment_method_types": None}, "currency"), ({"ui_mode": "elements"}, "return_url"),
    ({"return_url": BACK}, "return_url"), ({"customer": "cus_nobody"}, "customer"),
    ({"expires_at": 1_793_610_000 + 1_700}, "expires_at"), ({"expires_at": 1_793_610_000 + 86_500}, "expires_at"),
    ({"line_items": [{"price": "price_1"}]}, "line_items"),
    ({"payment_method_types": ["card"]}, "payment_method_types"),
    ({"setup_intent_data": {"usage": "on_session"}}, "setup_intent_data[usage]"),
])  # fmt: skip
def test_what_stripe_refuses_is_refused_and_named(services, params, param):
    answer = opened(services, **params)
    assert (answer.status, answer.error["param"]) == (400, param)


def test_with_a_currency_the_types_are_the_accounts_own(services, customer):
    made = opened(services, customer=customer, currency="usd", allowed_payment_method_types=None)
    assert made["payment_method_types"] == ["card", "us_bank_account"]


def test_a_page_of_ones_own_gets_a_secret_in_place_of_an_address(services):
    made = opened(services, ui_mode="embedded_page", return_url=BACK, success_url=None)
    assert (made["url"], made["return_url"]) == (None, BACK)
    assert made["client_secret"].startswith(made["id"])


def test_lists_filter_by_customer_and_status(services, customer):
    first, second = opened(services, customer=customer)["id"], opened(services)["id"]
    services.post(f"/v1/checkout/sessions/{second}/expire")
    for wanted in ({"customer": customer}, {"status": "open"}):
        assert [row["id"] for row in services.get("/v1/checkout/sessions", wanted)["data"]] == [first]
    expanded = services.get("/v1/checkout/sessions", {"expand": ["data.setup_intent"], "status": "open"})
    assert expanded["data"][0]["setup_intent"]["object"] == "setup_intent"
