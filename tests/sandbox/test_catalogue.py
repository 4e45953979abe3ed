"""Products and prices: made, changed within what Stripe lets change, listed, and refused."""

import pytest

from tests.sandbox.subscribing import Subscriber


@pytest.fixture
def payer(services):
    return Subscriber(services)


def test_a_product_is_made_changed_and_listed(payer):
    made = payer.post("/v1/products", {"name": "Gold", "metadata": {"a": "b"}, "id": "gold"})
    assert (made["id"], made["active"], made["type"]) == ("gold", True, "service")
    assert payer.post("/v1/products", {"name": "Gold", "id": "gold"}).error["code"] == "resource_already_exists"
    price = payer.priced(product="gold")
    changed = payer.post("/v1/products/gold", {"description": "d", "default_price": price, "active": False})
    assert (changed["description"], changed["default_price"], changed["active"]) == ("d", price, False)
    assert payer.post("/v1/products/gold", {"default_price": payer.price}).error["param"] == "default_price"
    assert [row["id"] for row in payer.get("/v1/products", {"ids": ["gold"], "active": False})["data"]] == ["gold"]


def test_a_price_is_of_a_product_or_makes_one_and_keeps_its_amount(payer):
    body = {"currency": "USD", "unit_amount": 1250, "recurring": {"interval": "week", "interval_count": 2},
            "lookup_key": "fortnight"}  # fmt: skip
    made = payer.post("/v1/prices", body | {"product_data": {"name": "Box"}, "expand": ["product"]})
    assert (made["product"]["name"], made["unit_amount_decimal"], made["type"]) == ("Box", "1250", "recurring")
    assert (made["recurring"]["interval"], made["recurring"]["interval_count"]) == ("week", 2)
    assert payer.post("/v1/prices", body | {"product": payer.product}).error["code"] == "resource_already_exists"
    assert payer.post(f"/v1/prices/{made['id']}", {"nickname": "n", "active": False})["active"] is False
    assert payer.post(f"/v1/prices/{made['id']}", {"unit_amount": 1}).error["code"] == "parameter_unknown"
    for wanted in ({"lookup_keys": ["fortnight"]}, {"product": made["product"]["id"]}, {"recurring[interval]": "week"}):
        assert [row["id"] for row in payer.get("/v1/prices", wanted)["data"]] == [made["id"]]


@pytest.mark.parametrize(("params", "param"), [
    ({"unit_amount": 1, "recurring": {"interval": "month"}}, "product"),
    ({"product": "none", "unit_amount": 1}, "product"),
    ({"product_data": {"name": "n"}}, "unit_amount"),
    ({"product_data": {"name": "n"}, "unit_amount": -1}, "unit_amount"),
    ({"product_data": {"name": "n"}, "unit_amount": 1, "unit_amount_decimal": "1.5"}, "unit_amount"),
    ({"product_data": {"name": "n"}, "unit_amount": 1, "currency": "xxx"}, "currency"),
    ({"product_data": {"name": "n"}, "unit_amount": 1, "recurring": {"interval": "year", "interval_count": 4}},
     "recurring[interval_count]"),
    ({"product_data": {"name": "n"}, "unit_amount": 1, "recurring": {"interval": "month", "usage_type": "metered"}},
     "recurring[usage_type]"),
])  # fmt: skip
def test_a_price_that_cannot_be_is_refused(payer, params, param):
    answer = payer.post("/v1/prices", {"currency": "usd"} | params)
    assert (answer.status, answer.error["param"]) == (400, param)


def test_an_item_may_bring_its_price_of_a_product_that_exists(payer):
    data = {"currency": "usd", "product": payer.product, "unit_amount": 300, "recurring": {"interval": "month"}}
    made = payer.subscribe(items=[{"price_data": data, "quantity": 3}])
    assert (made["latest_invoice"]["total"], made["items"]["data"][0]["price"]["active"]) == (900, False)
    refused = payer.subscribe(items=[{"price_data": data | {"product": "prod_none"}}])
    assert refused.error["param"] == "items[0][price_data][product]"
    named = {name: value for name, value in data.items() if name != "product"} | {"product_data": {"name": "x"}}
    assert payer.subscribe(items=[{"price_data": named}]).error["code"] == "parameter_unknown"


def test_fractions_of_a_minor_unit_are_rounded_on_the_line(payer):
    price = payer.priced(unit_amount_decimal="33.335", unit_amount=None)
    assert payer.subscribe(items=[{"price": price, "quantity": 100}])["latest_invoice"]["total"] == 3334


def test_items_that_do_not_go_together_are_refused(payer):
    once = payer.post("/v1/prices", {"currency": "usd", "product": payer.product, "unit_amount": 5})["id"]
    good = {"price": payer.price}
    for items, param in (
        ([], "items"), ([good, good], "items"), ([{"price": once}], "items[0][price]"),
        ([good, {"price": payer.priced(currency="eur")}], "items"),
        ([good, {"price": payer.priced(interval="year")}], "items"), ([{"quantity": 1}], "items[0][price]"),
        ([good | {"plan": "x"}], "items[0][plan]"), ([good | {"quantity": -1}], "items[0][quantity]"),
    ):  # fmt: skip
        answer = payer.subscribe(items=items)
        assert (answer.status, answer.error["param"]) == (400, param)
    assert payer.get("/v1/subscriptions", {"status": "all"})["data"] == []
