"""The feed of events: what is told, in which order, for how long, and what was there before."""

import pytest

from billing.sandbox.events import previous
from tests.sandbox.shapes import complaint

DAY = 86_400


def told(services, *kinds, account=None, **params):
    wanted = {"types": list(kinds)} if kinds else {}
    return services.get("/v1/events", {"limit": 100, **wanted, **params}, account=account)["data"]


def kinds_of(events):
    return [event["type"] for event in events]


def test_what_happens_to_a_customer_is_told_newest_first(services):
    wanted = services.post("/v1/customers", {"name": "A", "metadata": {"a": "1", "b": "2"}}, key="k1")["id"]
    services.post(f"/v1/customers/{wanted}", {"name": "B", "metadata": {"a": "3"}, "address": {"city": "C"}})
    services.post(f"/v1/customers/{wanted}", {"name": "B"})
    services.ask("DELETE", f"/v1/customers/{wanted}")
    deleted, updated, created = told(services)
    assert kinds_of([deleted, updated, created]) == ["customer.deleted", "customer.updated", "customer.created"]
    assert (created["data"]["object"]["name"], created["request"]["idempotency_key"]) == ("A", "k1")
    assert updated["data"]["object"]["name"] == "B"
    assert updated["data"]["previous_attributes"] == {"address": None, "metadata": {"a": "1"}, "name": "A"}
    assert "previous_attributes" not in created["data"]
    assert deleted["data"]["object"]["id"] == wanted
    assert services.get(f"/v1/events/{updated['id']}").body == updated


def test_what_was_there_before_is_told_of_a_hash_in_part_and_of_a_list_whole():
    before = {"a": 1, "hash": {"x": 1, "y": 2}, "list": [1, 2], "gone": 5}
    now = {"a": 1, "hash": {"x": 1, "y": 3, "z": 4}, "list": [1, 2, 3]}
    assert previous(before, now) == {"gone": 5, "hash": {"y": 2, "z": None}, "list": [1, 2]}


def test_an_event_keeps_its_object_as_it_was(services):
    wanted = services.post("/v1/customers", {"name": "A"})["id"]
    services.post(f"/v1/customers/{wanted}", {"name": "B"})
    assert told(services, "customer.created")[0]["data"]["object"]["name"] == "A"


def test_the_life_of_a_saved_method_is_told(services):
    customer = services.post("/v1/customers")["id"]
    intent = services.post("/v1/setup_intents", {"customer": customer, "allowed_payment_method_types": ["card"]})["id"]
    confirm = f"/v1/setup_intents/{intent}/confirm"
    services.post(confirm, {"payment_method": "pm_card_visa_chargeDeclined"})
    saved = services.post(confirm, {"payment_method": "pm_card_visa"})["payment_method"]
    services.post(f"/v1/payment_methods/{saved}", {"card": {"exp_year": 2040}})
    services.post(f"/v1/customers/{customer}", {"invoice_settings": {"default_payment_method": saved}})
    services.post(f"/v1/payment_methods/{saved}/detach")
    events = told(services)[::-1]
    assert kinds_of(events) == [
        "customer.created", "setup_intent.created", "setup_intent.setup_failed", "payment_method.attached",
        "setup_intent.succeeded", "payment_method.updated", "customer.updated", "payment_method.detached",
    ]  # fmt: skip
    assert events[3]["data"]["object"]["customer"] == customer
    assert events[5]["data"]["previous_attributes"] == {"card": {"exp_year": 2034}}
    assert events[6]["data"]["previous_attributes"] == {"invoice_settings": {"default_payment_method": None}}
    assert events[7]["data"]["object"]["customer"] is None


def test_a_cancelled_intent_and_one_that_asks_are_told(services):
    intent = services.post("/v1/setup_intents", {"allowed_payment_method_types": ["card"]})["id"]
    services.post(f"/v1/setup_intents/{intent}/confirm", {"payment_method": "pm_card_authenticationRequired"})
    services.post(f"/v1/setup_intents/{intent}/cancel")
    assert kinds_of(told(services)) == ["setup_intent.canceled", "setup_intent.requires_action", "setup_intent.created"]


def test_a_payment_that_saves_its_method_tells_of_it(services):
    customer = services.post("/v1/customers")["id"]
    services.post("/v1/payment_intents", {
        "amount": 500, "currency": "usd", "customer": customer, "payment_method": "pm_card_visa", "confirm": True,
        "setup_future_usage": "off_session", "allowed_payment_method_types": ["card"],
    })  # fmt: skip
    assert told(services, "payment_method.attached")[0]["data"]["object"]["customer"] == customer


def test_each_account_has_a_feed_of_its_own(services):
    services.post("/v1/customers", {}, account=services.account.id)
    assert told(services) == []
    there = told(services, account=services.account.id)
    assert (kinds_of(there), there[0]["account"]) == (["customer.created"], services.account.id)


def test_kinds_filter_by_name_by_list_and_by_pattern(services):
    wanted = services.post("/v1/customers", {"payment_method": "pm_card_visa"})["id"]
    services.post(f"/v1/customers/{wanted}", {"name": "B"})
    assert kinds_of(told(services, "customer.created", "payment_method.attached")) == [
        "customer.created", "payment_method.attached",
    ]  # fmt: skip
    assert kinds_of(told(services, type="customer.*")) == ["customer.updated", "customer.created"]
    for params in ({"type": "customer.created", "types": ["customer.updated"]}, {"types": ["customer.created"] * 21}):
        assert services.get("/v1/events", params).error["param"] == "types"


def test_time_filters_and_pages_follow_on(services):
    services.post("/v1/customers")
    services.sandbox.advance(100)
    for _ in range(3):
        services.post("/v1/customers")
    since = int(services.sandbox.now)
    assert len(told(services, created={"gte": since})) == 3
    first = services.get("/v1/events", {"limit": 2})
    rest = services.get("/v1/events", {"limit": 2, "starting_after": first["data"][-1]["id"]})
    assert (first["has_more"], rest["has_more"], len(rest["data"])) == (True, False, 2)


def test_after_thirty_days_an_event_is_gone(services):
    services.post("/v1/customers")
    services.sandbox.advance(30 * DAY - 1)
    old = told(services)[0]["id"]
    services.sandbox.advance(2)
    assert told(services) == []
    assert services.get(f"/v1/events/{old}").error["code"] == "resource_missing"


def test_what_stood_there_before_a_rehearsal_is_not_told(services):
    assert told(services) == []


@pytest.mark.parametrize("change", [{"type": "customer.renamed"}, {"data": {"object": {"object": "customer"}}}])
def test_an_event_that_is_none_of_stripes_is_found(services, change):
    services.post("/v1/customers")
    event = told(services)[0]
    assert complaint(200, event) is None
    assert complaint(200, event | change)
