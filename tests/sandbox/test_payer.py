"""The payer: asked by the bank, paying on session, confirming from a browser."""

import pytest

from billing.sandbox.config import ConfigProblem
from billing.sandbox.payer import Deed, act
from billing.sandbox.scenario import save_customer


def waiting(services):
    """An intent whose payer was asked to authenticate."""
    customer, method = save_customer(services.sandbox, "pm_card_authenticationRequired")
    intent = services.open()["id"]
    assert (
        services.confirm(intent, services.clone(method, customer)["id"], off_session=False)["status"]
        == "requires_action"
    )
    return intent


def test_a_payer_who_authenticates_has_paid(services):
    intent = waiting(services)
    assert act(services.sandbox.world, intent, Deed.AUTHENTICATE, "")["status"] == "succeeded"
    assert (services.intent(intent)["status"], services.book(intent).paid) == ("succeeded", 1)


def test_a_payer_who_does_not_authenticate_has_not_paid_and_may_try_again(services):
    intent = waiting(services)
    assert act(services.sandbox.world, intent, Deed.FAIL, "")["status"] == "requires_payment_method"
    assert services.intent(intent)["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    assert act(services.sandbox.world, intent, Deed.PAY, "pm_card_visa")["status"] == "succeeded"
    assert services.book(intent).paid == 1


def test_a_payer_pays_on_session_what_was_declined_off_session(services):
    intent, declined = services.charge("pm_card_authenticationRequired")
    assert declined.error["code"] == "authentication_required"
    assert (
        act(services.sandbox.world, intent, Deed.PAY, "pm_card_visa_chargeDeclined")["refused"]
        == "Your card was declined."
    )
    assert act(services.sandbox.world, intent, Deed.PAY, "pm_card_visa")["status"] == "succeeded"


def test_a_payer_is_asked_nothing_by_an_intent_that_asks_nothing(services):
    for intent in (services.open()["id"], "pi_none"):
        with pytest.raises(ConfigProblem):
            act(services.sandbox.world, intent, Deed.AUTHENTICATE, "")


def test_a_browser_confirms_with_the_intents_secret_and_reaches_nothing_else(services):
    intent = services.open()
    path, key = f"/v1/payment_intents/{intent['id']}", {"account": services.account.id, "api_key": "pk_test_12345678"}
    for secret in ({}, {"client_secret": "pi_x_secret_y"}):
        assert services.get(path, secret, **key).error["param"] == "client_secret"
        assert services.post(f"{path}/confirm", secret | {"payment_method": "pm_card_visa"}, **key).status == 400
    known = {"client_secret": intent["client_secret"]}
    assert services.get(path, known, **key)["id"] == intent["id"]
    made = services.post("/v1/payment_methods", {"type": "card", "card": {"token": "tok_visa"}}, **key)["id"]
    assert services.post(f"{path}/confirm", known | {"payment_method": made}, **key)["status"] == "succeeded"
    clone = {"customer": services.customer, "payment_method": services.method}
    for answer in (
        services.post("/v1/payment_intents", {"amount": 1}, **key),
        services.get("/v1/customers", **key),
        services.post("/v1/payment_methods", clone, **key),
    ):
        assert (answer.status, answer.error["code"]) == (401, "secret_key_required")
