"""`billing doctor` beside a real sandbox: each permission by name, and a wrong address told from an outage."""

import json

import pytest
from cli_tools import RUN

KEY = "rk_test_doctor12345678"


@pytest.fixture
def ready(billing, rehearsal):
    """The command with a restricted key, beside a sandbox."""
    billing.environ |= {"STRIPE_API_KEY": KEY}
    return billing


def permissions_in(ended):
    return {each["about"]: each["permission"] for each in json.loads(ended.out) if each["permission"]}


def test_doctor_names_every_permission_that_a_run_needs(ready):
    ended = ready("doctor", "--output", "json")
    assert ended.code == 0
    found = permissions_in(ended)
    assert set(found.values()) == {"yes"}
    assert len(found) == 22


def test_a_key_that_may_only_read_fails_before_a_run_and_is_told_what_it_lacks(ready, rehearsal):
    rehearsal.ask("keys", {"restrict": {KEY: ["GET *"]}})
    ended = ready("doctor")
    assert ended.code == 8
    for name in ("PaymentIntents write", "PaymentMethods write"):
        assert f"fail  {name} on connected accounts" in ended.out
    assert "give the key PaymentIntents write" in ended.out
    lacking = permissions_in(ready("doctor", "--output", "json"))
    assert [name for name, grant in lacking.items() if grant == "no"] == [
        "PaymentMethods write on connected accounts",
        "PaymentIntents write on connected accounts",
        "Charges and Refunds write on connected accounts",
        "Customers write",
        "SetupIntents write",
        "Checkout Sessions write",
        "Customers write on connected accounts",
        "Subscriptions write on connected accounts",
        "Invoices write on connected accounts",
        "Products write on connected accounts",
    ]
    books = rehearsal.ask("books")
    assert not books["intents"]


@pytest.mark.parametrize(
    ("name", "permission"),
    [
        ("charge_read", "Charges and Refunds read"),
        ("charge_write", "Charges and Refunds write"),
        ("dispute_read", "Disputes read"),
    ],
)
def test_a_key_that_may_charge_and_not_refund_is_warned_by_name_and_can_charge(ready, rehearsal, name, permission):
    rehearsal.ask("keys", {"withhold": {KEY: [name]}})
    ended = ready("doctor")
    assert ended.code == 0
    (told,) = [line for line in ended.out.splitlines() if name in line]
    assert told.startswith(f"warn  {permission} on connected accounts")
    assert "refund" in told
    assert f"give the key {permission}" in told


def test_a_key_that_may_not_read_accounts_is_told_what_else_it_has(ready, rehearsal):
    rehearsal.ask("keys", {"withhold": {KEY: ["accounts_kyc_basic_read"]}})
    ended = ready("doctor", "--output", "json")
    assert ended.code == 8
    found = permissions_in(ended)
    assert found["Connected accounts read"] == "no"
    assert found["Customers read"] == "yes"
    assert found["PaymentIntents write on connected accounts"] == "not tested"


@pytest.mark.parametrize(
    "args", [("doctor",), ("plan", "rehearsal.csv", *RUN), ("run", "rehearsal.csv", *RUN, "--yes")]
)
def test_an_address_that_is_not_stripes_is_wrong_usage_and_is_named(ready, rehearsal, args):
    wrong = f"{rehearsal.url}/stripe"
    ready.environ["BILLING_API_BASE"] = wrong
    ended = ready(*args)
    assert ended.code == 2
    said = ended.out + ended.err
    assert f"GET {wrong}/v1/account" in said
    assert "BILLING_API_BASE" in said
    assert "try again" not in said
