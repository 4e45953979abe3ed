"""Cards that their issuers replace or close, and the copies of them; what a detached default leaves behind."""

import json

import pytest

from billing.sandbox.control import ControlProblem, command
from billing.sandbox.scenario import save_customer


def issuer(services, method, **new):
    body = {"payment_method": method} | ({"new": new} if new else {})
    return command(services.sandbox, "POST", "cards", json.dumps(body).encode())


def attached_copy(services):
    """A customer on the connected account with an attached copy of the platform's saved card."""
    owner = services.post("/v1/customers", {}, account=services.account.id)["id"]
    copy = services.clone()["id"]
    services.post(f"/v1/payment_methods/{copy}/attach", {"customer": owner}, account=services.account.id)
    return owner, copy


def pay(services, owner, copy):
    return services.confirm(services.open(customer=owner)["id"], copy)


def test_a_replaced_card_keeps_its_id_and_a_feed_tells_of_it(services):
    before = services.get(f"/v1/payment_methods/{services.method}")["card"]
    shown = issuer(services, services.method, exp_month=3, exp_year=2031, last4="1881")
    card = services.get(f"/v1/payment_methods/{services.method}")["card"]
    assert shown["card"] == {"exp_month": 3, "exp_year": 2031, "last4": "1881"}
    assert (card["last4"], card["exp_year"], card["fingerprint"] == before["fingerprint"]) == ("1881", 2031, False)
    told = services.get("/v1/events", {"types": ["payment_method.automatically_updated"]})["data"][0]
    assert told["data"]["object"]["card"]["last4"] == "1881"
    assert told["request"] == {"id": None, "idempotency_key": None}


def test_an_old_copy_of_a_replaced_card_declines_and_a_new_one_pays(services):
    owner, copy = attached_copy(services)
    assert pay(services, owner, copy)["status"] == "succeeded"
    issuer(services, services.method, exp_month=3, exp_year=2031, last4="1881")
    assert pay(services, owner, copy).error["decline_code"] == "invalid_account"
    assert services.get(f"/v1/payment_methods/{copy}", account=services.account.id)["card"]["last4"] == "4242"
    assert services.confirm(services.open()["id"], services.clone()["id"])["status"] == "succeeded"


def test_a_renewal_charges_the_old_copy_until_the_customer_has_a_new_one(services):
    owner, copy = attached_copy(services)
    there = {"account": services.account.id}
    product = services.post("/v1/products", {"name": "Coaching"}, **there)["id"]
    price = {"product": product, "currency": "usd", "unit_amount": 500, "recurring": {"interval": "month"}}
    price = services.post("/v1/prices", price, **there)["id"]
    items = {"customer": owner, "items": [{"price": price}], "default_payment_method": copy, "off_session": True}
    path = f"/v1/subscriptions/{services.post('/v1/subscriptions', items, **there)['id']}"
    issuer(services, services.method, exp_month=3, exp_year=2031, last4="1881")
    services.sandbox.advance(32 * 86_400)
    assert services.get(path, **there)["status"] == "past_due"
    fresh = services.clone()["id"]
    services.post(f"/v1/payment_methods/{fresh}/attach", {"customer": owner}, **there)
    services.post(path, {"default_payment_method": fresh}, **there)
    services.sandbox.advance(32 * 86_400)
    assert services.get(path, **there)["status"] == "active"


def test_a_copy_with_an_old_expiry_alone_pays_until_it_is_over(services):
    owner, copy = attached_copy(services)
    issuer(services, services.method, exp_month=3, exp_year=2040)
    assert pay(services, owner, copy)["status"] == "succeeded"
    services.sandbox.advance(9 * 366 * 86_400)
    assert pay(services, owner, copy).error["code"] == "expired_card"


def test_copies_may_be_replaced_too(make_desk):
    services = make_desk(updates_reach_clones=True)
    owner, copy = attached_copy(services)
    issuer(services, services.method, exp_month=3, exp_year=2031, last4="1881")
    assert services.get(f"/v1/payment_methods/{copy}", account=services.account.id)["card"]["last4"] == "1881"
    assert pay(services, owner, copy)["status"] == "succeeded"
    there = services.get("/v1/events", {"type": "payment_method.*"}, account=services.account.id)["data"]
    assert there[0]["type"] == "payment_method.automatically_updated"


def test_a_closed_card_declines_itself_its_copies_old_and_new_and_on_saving(services):
    owner, copy = attached_copy(services)
    issuer(services, services.method)
    assert pay(services, owner, copy).error["decline_code"] == "invalid_account"
    assert services.confirm(services.open()["id"], services.clone()["id"]).status == 402
    again = {"customer": services.customer, "payment_method": services.method, "confirm": True}
    assert services.post("/v1/setup_intents", again | {"allowed_payment_method_types": ["card"]}).status == 402


def test_a_copy_of_a_detached_card_goes_on_paying(services):
    owner, copy = attached_copy(services)
    services.post(f"/v1/payment_methods/{services.method}/detach")
    assert pay(services, owner, copy)["status"] == "succeeded"


@pytest.mark.parametrize("new", [
    {"exp_month": 13, "exp_year": 2031}, {"exp_month": 1, "exp_year": 2031, "last4": "12a4"}, {"exp_month": 1},
])  # fmt: skip
def test_no_issuer_sends_such_a_card(services, new):
    with pytest.raises(ControlProblem):
        issuer(services, services.method, **new)


def test_only_cards_have_an_issuer(services):
    _, bank = save_customer(services.sandbox, "pm_usBankAccount_success")
    for method in (bank, "pm_nobody"):
        with pytest.raises(ControlProblem):
            issuer(services, method)


@pytest.mark.parametrize("clears", [True, False])
def test_whether_a_detached_default_is_left_behind_is_configurable(make_desk, clears):
    services = make_desk(detach_clears_default=clears)
    services.post(f"/v1/payment_methods/{services.method}/detach")
    customer = services.get(f"/v1/customers/{services.customer}")
    assert customer["invoice_settings"]["default_payment_method"] == (None if clears else services.method)
    updates = services.get("/v1/events", {"type": "customer.updated"})["data"]
    assert len(updates) == int(clears)


def test_a_detached_method_is_refused_as_the_default_and_attached_never_again(services):
    owner, copy = attached_copy(services)
    other = services.post("/v1/customers", {}, account=services.account.id)["id"]
    there = {"account": services.account.id}
    assert services.post(f"/v1/payment_methods/{copy}/attach", {"customer": other}, **there).status == 400
    services.post(f"/v1/payment_methods/{copy}/detach", **there)
    default = {"invoice_settings": {"default_payment_method": copy}}
    assert services.post(f"/v1/customers/{owner}", default, **there).error["code"] == "resource_missing"
    assert services.post(f"/v1/payment_methods/{copy}/attach", {"customer": owner}, **there).status == 400
    assert pay(services, owner, copy).status == 400
