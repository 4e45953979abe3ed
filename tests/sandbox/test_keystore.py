"""Idempotency keys: kept once execution began, replayed for a day, never for what did not execute."""

import pytest

from billing.sandbox.config import KeyScope, SandboxConfig
from billing.sandbox.faults import Fault, FaultKind, FaultPlan, Scripted
from billing.sandbox.scenario import connect, save_customer

DAY = 86_400


def test_the_same_key_replays_the_first_answer(services):
    first, again = services.open(key="k"), services.open(key="k")
    assert again.body == first.body
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert again.headers["original-request"] == first.headers["request-id"] != again.headers["request-id"]
    assert len(services.sandbox.books().intents) == 1


def test_a_replayed_create_shows_the_intent_as_it_was(services):
    intent = services.open(key="k")["id"]
    services.confirm(intent, services.clone()["id"])
    assert services.open(key="k")["status"] == "requires_payment_method"
    assert services.intent(intent)["status"] == "succeeded"


def test_a_decline_is_kept_and_replayed(services):
    customer, method = save_customer(services.sandbox, "pm_card_chargeCustomerFail")
    intent, clone = services.open()["id"], services.clone(method, customer)["id"]
    assert services.confirm(intent, clone, key="c").status == services.confirm(intent, clone, key="c").status == 402
    assert services.book(intent).declined == 1


def test_other_parameters_under_a_key_are_refused(services):
    services.open(1000, key="k")
    answer = services.open(2000, key="k")
    assert (answer.status, answer.error["type"]) == (400, "idempotency_error")
    assert "same parameters" in answer.error["message"]
    assert "Try using a key other than" in answer.error["message"]


def test_the_order_of_parameters_does_not_matter(services):
    for params in ({"amount": 100, "currency": "usd"}, {"currency": "usd", "amount": 100}):
        assert services.post("/v1/payment_intents", params, account=services.account.id, key="k").status == 200
    assert len(services.sandbox.books().intents) == 1


def test_another_endpoint_under_a_key_is_refused(services):
    services.open(key="k")
    answer = services.clone(key="k")
    assert (answer.status, answer.error["type"]) == (400, "idempotency_error")
    assert "same endpoint" in answer.error["message"]


def test_a_key_whose_request_is_still_running_answers_409(services):
    params = {"amount": 100, "currency": "usd"}
    running = services.begin("POST", "/v1/payment_intents", params, account=services.account.id, key="k")
    answer = services.post("/v1/payment_intents", params, account=services.account.id, key="k")
    assert (answer.status, answer.error["code"]) == (409, "idempotency_key_in_use")
    first = services.end(running)
    assert services.post("/v1/payment_intents", params, account=services.account.id, key="k").body == first.body


@pytest.mark.parametrize("bad", [{"amount": "x", "currency": "usd"}, {"amount": 1, "currency": "usd"}, {"amount": 100}])
def test_failed_validation_is_not_kept(services, bad):
    assert services.post("/v1/payment_intents", bad, account=services.account.id, key="k").status == 400
    good = services.post(
        "/v1/payment_intents", {"amount": 100, "currency": "usd"}, account=services.account.id, key="k"
    )
    assert (good.status, "idempotent-replayed" in good.headers) == (200, False)


def test_a_429_and_a_401_are_not_kept(services):
    services.sandbox.faults.add(Scripted(Fault(FaultKind.RATE_LIMITED)))
    assert services.open(key="k").status == 429
    params = {"amount": 1000, "currency": "usd", "allowed_payment_method_types": ["card"]}
    assert services.post("/v1/payment_intents", params, account=services.account.id, key="k", api_key="x").status == 401
    assert services.open(key="k").status == 200


@pytest.mark.parametrize(("kind", "intents"), [(FaultKind.STORED_500_DONE, 1), (FaultKind.STORED_500_UNDONE, 0)])
def test_a_500_is_kept_whether_or_not_the_work_was_done(services, kind, intents):
    services.sandbox.faults.add(Scripted(Fault(kind)))
    first, again = services.open(key="k"), services.open(key="k")
    assert (first.status, again.status, again.headers["idempotent-replayed"]) == (500, 500, "true")
    assert len(services.sandbox.books().intents) == intents
    assert services.open(key="k2").status == 200


def test_a_key_older_than_a_day_executes_again(services):
    first = services.open(key="k")
    services.sandbox.advance(DAY - 1)
    assert services.open(key="k").body == first.body
    services.sandbox.advance(1)
    again = services.open(key="k")
    assert again["id"] != first["id"]
    assert "idempotent-replayed" not in again.headers


def test_keys_can_be_pruned_now_but_not_while_they_run(services):
    params = {"amount": 100, "currency": "usd"}
    running = services.begin("POST", "/v1/payment_intents", params, account=services.account.id, key="running")
    first = services.open(key="k")
    assert services.sandbox.keys.prune() == 1
    assert services.open(key="k")["id"] != first["id"]
    assert services.post("/v1/payment_intents", params, account=services.account.id, key="running").status == 409
    services.end(running)


@pytest.mark.parametrize(("scope", "shared"), [(KeyScope.ACCOUNT, False), (KeyScope.PLATFORM, True)])
def test_the_key_space_is_an_account_or_the_platform(make_desk, scope, shared):
    services = make_desk(config=SandboxConfig(key_scope=scope))
    first = services.open(key="k")
    services.account = connect(services.sandbox)
    assert (services.open(key="k").body == first.body) is shared


def test_a_get_has_no_key_and_a_key_has_a_length(services):
    path = f"/v1/customers/{services.customer}"
    assert "idempotent-replayed" not in services.get(path, key="k").headers
    assert "idempotent-replayed" not in services.get(path, key="k").headers
    assert services.open(key="k" * 255).status == 200
    assert services.open(key="k" * 256).status == 400


def test_a_script_given_twice_gives_the_same_answers(make_desk):
    def play():
        services = make_desk(faults=FaultPlan(script=[Scripted(Fault(FaultKind.STORED_500_DONE), nth=2)]))
        return [services.open(key=f"k{n}").body for n in range(4)]

    assert play() == play()
