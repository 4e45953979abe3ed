"""The payer: asked by the bank, paying on session, confirming from a browser."""

import pytest

from billing.sandbox.config import ConfigProblem
from billing.sandbox.payer import Deed, act
from billing.sandbox.scenario import save_customer


def waiting(desk):
    """An intent whose payer was asked to authenticate."""
    customer, method = save_customer(desk.sandbox, "pm_card_authenticationRequired")
    intent = desk.open()["id"]
    assert desk.confirm(intent, desk.clone(method, customer)["id"], off_session=False)["status"] == "requires_action"
    return intent


def test_a_payer_who_authenticates_has_paid(desk):
    intent = waiting(desk)
    assert act(desk.sandbox.world, intent, Deed.AUTHENTICATE, "")["status"] == "succeeded"
    assert (desk.intent(intent)["status"], desk.book(intent).paid) == ("succeeded", 1)


def test_a_payer_who_does_not_authenticate_has_not_paid_and_may_try_again(desk):
    intent = waiting(desk)
    assert act(desk.sandbox.world, intent, Deed.FAIL, "")["status"] == "requires_payment_method"
    assert desk.intent(intent)["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    assert act(desk.sandbox.world, intent, Deed.PAY, "pm_card_visa")["status"] == "succeeded"
    assert desk.book(intent).paid == 1


def test_a_payer_pays_on_session_what_was_declined_off_session(desk):
    intent, declined = desk.charge("pm_card_authenticationRequired")
    assert declined.error["code"] == "authentication_required"
    assert (
        act(desk.sandbox.world, intent, Deed.PAY, "pm_card_visa_chargeDeclined")["refused"] == "Your card was declined."
    )
    assert act(desk.sandbox.world, intent, Deed.PAY, "pm_card_visa")["status"] == "succeeded"


def test_a_payer_is_asked_nothing_by_an_intent_that_asks_nothing(desk):
    for intent in (desk.open()["id"], "pi_none"):
        with pytest.raises(ConfigProblem):
            act(desk.sandbox.world, intent, Deed.AUTHENTICATE, "")


def test_a_browser_confirms_with_the_intents_secret_and_reaches_nothing_else(desk):
    intent = desk.open()
    path, key = f"/v1/payment_intents/{intent['id']}", {"account": desk.account.id, "api_key": "pk_test_12345678"}
    for secret in ({}, {"client_secret": "pi_x_secret_y"}):
        assert desk.get(path, secret, **key).error["param"] == "client_secret"
        assert desk.post(f"{path}/confirm", secret | {"payment_method": "pm_card_visa"}, **key).status == 400
    known = {"client_secret": intent["client_secret"]}
    assert desk.get(path, known, **key)["id"] == intent["id"]
    made = desk.post("/v1/payment_methods", {"type": "card", "card": {"token": "tok_visa"}}, **key)["id"]
    assert desk.post(f"{path}/confirm", known | {"payment_method": made}, **key)["status"] == "succeeded"
    clone = {"customer": desk.customer, "payment_method": desk.method}
    for answer in (
        desk.post("/v1/payment_intents", {"amount": 1}, **key),
        desk.get("/v1/customers", **key),
        desk.post("/v1/payment_methods", clone, **key),
    ):
        assert (answer.status, answer.error["code"]) == (401, "secret_key_required")
