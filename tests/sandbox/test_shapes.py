"""The check of every answer against what Stripe publishes: that it can fail, and where."""

import pytest

from tests.sandbox.shapes import complaint

MISSING = object()


@pytest.mark.parametrize(("field", "value"), [
    ("id", 1), ("amount", "1000"), ("amount", True), ("amount", None), ("livemode", 0), ("status", "done"),
    ("customer", {}), ("metadata", {"a": 1}), ("processing", {"type": "us_bank_account"}), ("payment_details", None),
    ("payment_method_types", "card"), ("automatic_payment_methods", {"allow_redirects": "always"}), ("colour", "red"),
    ("receipt_email", MISSING), ("payment_record", MISSING), ("latest_charge", {"object": "charge"}),
    ("allowed_payment_method_types", ["cash"]), ("object", "payment_intention"),
])  # fmt: skip
def test_a_field_that_is_wrong_missing_or_made_up_is_found(services, field, value):
    true = services.open().body
    assert complaint(200, true) is None
    wrong = {name: each for name, each in (true | {field: value}).items() if each is not MISSING}
    assert complaint(200, wrong)
    assert complaint(200, {"object": "list", "data": [true, wrong], "has_more": False, "url": "/v1/x"})


@pytest.mark.parametrize("change", [{"type": "rate_limit_error"}, {"code": "made_up"}, {"colour": "red"}, {"param": 1}])
def test_an_error_that_is_none_of_stripes_is_found(services, change):
    error = services.open(amount="x").error
    assert complaint(400, {"error": error}) is None
    assert complaint(400, {"error": error | change})


def test_a_page_that_is_no_list_object_is_found(services):
    page = services.get("/v1/customers").body
    assert complaint(200, page) is None
    assert complaint(200, page | {"total": 1})
    assert complaint(200, {name: value for name, value in page.items() if name != "has_more"})


def test_the_sandbox_cannot_answer_a_test_in_a_shape_of_its_own(services):
    services.account.body["colour"] = "red"
    with pytest.raises(AssertionError, match=r"\.colour: Account has no such field"):
        services.get("/v1/account", account=services.account.id)
