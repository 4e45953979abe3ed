"""Limits: what is admitted in a second, and which limiter speaks."""

from dataclasses import replace

import pytest

from billing.sandbox.config import LimitChange, Limits, SandboxConfig
from billing.sandbox.scenario import connect

REASON = "stripe-rate-limited-reason"


def admitted(desk, count):
    """How many of ``count`` requests at one moment are let through, and the reason of the first 429."""
    answers = [desk.get(f"/v1/customers/{desk.customer}") for _ in range(count)]
    refused = [answer for answer in answers if answer.status == 429]
    return count - len(refused), refused[0].headers[REASON] if refused else None


def test_the_defaults_are_those_of_a_stripe_sandbox(desk, make_desk):
    assert admitted(make_desk(limits=Limits()), 60) == (25, "global-rate")
    assert admitted(desk, 60) == (60, None)


def test_a_bucket_fills_with_time_and_never_above_its_burst(make_desk):
    desk = make_desk(limits=replace(Limits.off(), platform_rate=10.0, burst_seconds=0.5))
    assert admitted(desk, 20)[0] == 5
    desk.sandbox.advance(0.3)
    assert admitted(desk, 20)[0] == 3
    desk.sandbox.advance(60)
    assert admitted(desk, 20)[0] == 5


def test_each_endpoint_has_its_own_limit_whatever_the_id(make_desk):
    desk = make_desk(limits=replace(Limits.off(), endpoint_rate=3.0))
    assert admitted(desk, 9) == (3, "endpoint-rate")
    assert desk.open().status == 200


@pytest.mark.parametrize("reason", ["global-rate", "resource-specific"])
def test_each_account_has_its_own_limit_with_the_reason_of_your_choice(make_desk, reason):
    desk = make_desk(limits=replace(Limits.off(), account_rate=2.0, account_reason=reason))
    assert [desk.open().status for _ in range(3)] == [200, 200, 429]
    assert desk.open().headers[REASON] == reason
    desk.account = connect(desk.sandbox)
    assert desk.open().status == 200


@pytest.mark.parametrize(("name", "reason"), [
    ("platform_concurrency", "global-concurrency"), ("endpoint_concurrency", "endpoint-concurrency"),
])  # fmt: skip
def test_requests_in_flight_are_counted_until_they_end(make_desk, name, reason):
    desk = make_desk(limits=replace(Limits.off(), **{name: 2}))
    running = [desk.begin("GET", f"/v1/customers/{desk.customer}") for _ in range(2)]
    refused = desk.get(f"/v1/customers/{desk.customer}")
    assert (refused.status, refused.headers[REASON]) == (429, reason)
    desk.end(running.pop())
    assert desk.get(f"/v1/customers/{desk.customer}").status == 200


def test_a_refused_request_takes_nothing_and_touches_nothing(make_desk):
    desk = make_desk(limits=replace(Limits.off(), platform_rate=1.0, endpoint_rate=1.0))
    assert desk.open().status == 200
    assert desk.open().status == 429
    assert len(desk.sandbox.books().intents) == 1
    assert desk.sandbox.requests["payment_intents.create"].limited == 1


def test_limits_change_at_their_time(make_desk):
    changes = (LimitChange(60.0, replace(Limits.off(), platform_rate=2.0)), LimitChange(120.0, Limits.off()))
    desk = make_desk(config=SandboxConfig(limit_changes=changes))
    assert admitted(desk, 10) == (10, None)
    desk.sandbox.advance(60)
    assert admitted(desk, 10) == (2, "global-rate")
    desk.sandbox.advance(60)
    assert admitted(desk, 10) == (10, None)


def test_writes_to_one_intent_collide_without_a_reason(desk):
    intent, clone = desk.open()["id"], desk.clone()["id"]
    path, params = f"/v1/payment_intents/{intent}/confirm", {"payment_method": clone, "off_session": True}
    running = desk.begin("POST", path, params, account=desk.account.id)
    blocked = desk.cancel(intent)
    assert (blocked.status, blocked.error["code"], REASON in blocked.headers) == (429, "lock_timeout", False)
    assert desk.intent(intent).status == 200
    assert desk.end(running)["status"] == "succeeded"
    assert desk.cancel(intent).error["code"] == "payment_intent_unexpected_state"


def test_clones_of_one_customer_collide_where_that_is_asked_for(make_desk):
    desk = make_desk(lock_customers=True)
    params = {"customer": desk.customer, "payment_method": desk.method}
    running = desk.begin("POST", "/v1/payment_methods", params, account=desk.account.id)
    assert desk.clone().error["code"] == "lock_timeout"
    desk.end(running)
    assert desk.clone().status == 200
