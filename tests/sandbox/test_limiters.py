"""Limits: what is admitted in a second, and which limiter speaks."""

from dataclasses import replace

import pytest

from billing.sandbox.config import LimitChange, Limits, SandboxConfig
from billing.sandbox.scenario import connect

REASON = "stripe-rate-limited-reason"


def admitted(services, count):
    """How many of ``count`` requests at one moment are let through, and the reason of the first 429."""
    answers = [services.get(f"/v1/customers/{services.customer}") for _ in range(count)]
    refused = [answer for answer in answers if answer.status == 429]
    return count - len(refused), refused[0].headers[REASON] if refused else None


def test_the_defaults_are_those_of_a_stripe_sandbox(services, make_desk):
    assert admitted(make_desk(limits=Limits()), 60) == (25, "global-rate")
    assert admitted(services, 60) == (60, None)


def test_a_bucket_fills_with_time_and_never_above_its_burst(make_desk):
    services = make_desk(limits=replace(Limits.off(), platform_rate=10.0, burst_seconds=0.5))
    assert admitted(services, 20)[0] == 5
    services.sandbox.advance(0.3)
    assert admitted(services, 20)[0] == 3
    services.sandbox.advance(60)
    assert admitted(services, 20)[0] == 5


def test_each_endpoint_has_its_own_limit_whatever_the_id(make_desk):
    services = make_desk(limits=replace(Limits.off(), endpoint_rate=3.0))
    assert admitted(services, 9) == (3, "endpoint-rate")
    assert services.open().status == 200


@pytest.mark.parametrize("reason", ["global-rate", "resource-specific"])
def test_each_account_has_its_own_limit_with_the_reason_of_your_choice(make_desk, reason):
    services = make_desk(limits=replace(Limits.off(), account_rate=2.0, account_reason=reason))
    assert [services.open().status for _ in range(3)] == [200, 200, 429]
    assert services.open().headers[REASON] == reason
    services.account = connect(services.sandbox)
    assert services.open().status == 200


@pytest.mark.parametrize(("name", "reason"), [
    ("platform_concurrency", "global-concurrency"), ("endpoint_concurrency", "endpoint-concurrency"),
])  # fmt: skip
def test_requests_in_flight_are_counted_until_they_end(make_desk, name, reason):
    services = make_desk(limits=replace(Limits.off(), **{name: 2}))
    running = [services.begin("GET", f"/v1/customers/{services.customer}") for _ in range(2)]
    refused = services.get(f"/v1/customers/{services.customer}")
    assert (refused.status, refused.headers[REASON]) == (429, reason)
    services.end(running.pop())
    assert services.get(f"/v1/customers/{services.customer}").status == 200


def test_a_refused_request_takes_nothing_and_touches_nothing(make_desk):
    services = make_desk(limits=replace(Limits.off(), platform_rate=1.0, endpoint_rate=1.0))
    assert services.open().status == 200
    assert services.open().status == 429
    assert len(services.sandbox.books().intents) == 1
    assert services.sandbox.requests["payment_intents.create"].limited == 1


def test_limits_change_at_their_time(make_desk):
    changes = (LimitChange(60.0, replace(Limits.off(), platform_rate=2.0)), LimitChange(120.0, Limits.off()))
    services = make_desk(config=SandboxConfig(limit_changes=changes))
    assert admitted(services, 10) == (10, None)
    services.sandbox.advance(60)
    assert admitted(services, 10) == (2, "global-rate")
    services.sandbox.advance(60)
    assert admitted(services, 10) == (10, None)


def test_writes_to_one_intent_collide_without_a_reason(services):
    intent, clone = services.open()["id"], services.clone()["id"]
    path, params = f"/v1/payment_intents/{intent}/confirm", {"payment_method": clone, "off_session": True}
    running = services.begin("POST", path, params, account=services.account.id)
    blocked = services.cancel(intent)
    assert (blocked.status, blocked.error["code"], REASON in blocked.headers) == (429, "lock_timeout", False)
    assert services.intent(intent).status == 200
    assert services.end(running)["status"] == "succeeded"
    assert services.cancel(intent).error["code"] == "payment_intent_unexpected_state"


def test_clones_of_one_customer_collide_where_that_is_asked_for(make_desk):
    services = make_desk(lock_customers=True)
    params = {"customer": services.customer, "payment_method": services.method}
    running = services.begin("POST", "/v1/payment_methods", params, account=services.account.id)
    assert services.clone().error["code"] == "lock_timeout"
    services.end(running)
    assert services.clone().status == 200
