"""`billing doctor` beside a real sandbox: each permission by name, and a wrong address told from an outage."""

import json
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from cli_tools import RUN

from billing.flow.permissions import PROBES

KEY = "rk_test_doctor12345678"
BEARER = {"Authorization": f"Bearer {KEY}"}


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
    assert len(found) == len(PROBES)


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


def opened(url: str, *events: str) -> None:
    """Make a webhook endpoint for connected accounts, as a person does in the Dashboard."""
    fields = [("url", "http://127.0.0.1:9/stripe"), ("connect", "true"), *(("enabled_events[]", one) for one in events)]
    request = Request(f"{url}/v1/webhook_endpoints", urlencode(fields).encode(), BEARER)  # noqa: S310  loopback
    with urlopen(request, timeout=10) as answer:  # noqa: S310  loopback
        assert answer.status == 200


def webhooks_in(ended):
    return {each["about"]: each for each in json.loads(ended.out) if each["about"].startswith("webhooks")}


def test_doctor_tells_which_webhooks_would_not_arrive(ready, rehearsal):
    none = webhooks_in(ready("doctor", "--output", "json"))
    assert [each["verdict"] for each in none.values()] == ["ok", "ok"]
    assert "connect=true" in none["webhooks of accounts"]["found"]
    opened(rehearsal.url, "payment_intent.succeeded", "refund.failed")
    some = webhooks_in(ready("doctor", "--output", "json"))["webhooks of accounts"]
    assert some["verdict"] == "warn"
    assert "charge.dispute.created" in some["found"]
    assert "refund.failed" not in some["found"]
    opened(rehearsal.url, "*")
    assert webhooks_in(ready("doctor", "--output", "json"))["webhooks of accounts"]["verdict"] == "ok"


def test_a_key_that_may_not_see_webhook_endpoints_is_told_so_and_nothing_is_wrong(ready, rehearsal):
    rehearsal.ask("keys", {"withhold": {KEY: ["webhook_read"]}})
    ended = ready("doctor", "--output", "json")
    assert ended.code == 0
    (line,) = webhooks_in(ended).values()
    assert (line["verdict"], "Webhook endpoints read" in line["do"]) == ("ok", True)
