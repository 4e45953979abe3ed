"""What subscriptions and invoices tell the feed of events, by requests and by the clock."""

import pytest

from tests.sandbox.shapes import complaint
from tests.sandbox.subscribing import DAY, HOUR, Subscriber

CREATED, UPDATED, DELETED = (f"customer.subscription.{verb}" for verb in ("created", "updated", "deleted"))
DECLINES = "pm_card_chargeCustomerFail"


@pytest.fixture
def payer(services):
    return Subscriber(services)


def told(payer, *kinds):
    """Oldest first."""
    wanted = {"types": kinds or [CREATED, UPDATED, DELETED, "invoice.*", "invoice_payment.paid"], "limit": 100}
    return payer.get("/v1/events", wanted)["data"][::-1]


def kinds_of(events):
    return [event["type"] for event in events]


def test_the_life_of_a_subscription_is_told_in_order(payer):
    made = payer.subscribe()
    payer.pay(made["latest_invoice"]["id"])
    payer.update(made["id"], metadata={"a": "b"})
    payer.update(made["id"], metadata={"a": "b"})
    payer.cancel(made["id"])
    events = told(payer)
    assert kinds_of(events) == [
        "invoice.created", "invoice.finalized", CREATED, "invoice_payment.paid", "invoice.paid",
        "invoice.payment_succeeded", UPDATED, UPDATED, DELETED,
    ]  # fmt: skip
    assert "previous_attributes" not in events[2]["data"]
    assert [event["data"]["previous_attributes"] for event in events[6:8]] == [
        {"status": "incomplete"}, {"metadata": {"a": None}},
    ]  # fmt: skip
    assert events[-1]["data"]["object"]["status"] == "canceled"
    assert {event["account"] for event in events} == {payer.account}
    assert [complaint(200, event["data"]["object"]) for event in events] == [None] * len(events)


def test_a_renewal_is_told_and_so_is_its_failure(payer):
    made = payer.running()
    payer.make_default(payer.card_of(DECLINES))
    payer.services.sandbox.advance(30 * DAY + HOUR)
    events = told(payer)  # those of the first month are forgotten
    assert kinds_of(events) == [
        "invoice.created", UPDATED, "invoice.finalized", "invoice.payment_failed", UPDATED,
    ]  # fmt: skip
    assert {*events[1]["data"]["previous_attributes"]} == {"items", "latest_invoice"}
    assert events[-1]["data"]["previous_attributes"] == {"status": "active"}
    assert {event["request"]["id"] for event in events} == {None}
    payer.services.sandbox.advance(15 * DAY)
    assert kinds_of(told(payer))[-1] == DELETED
    assert payer.read(made)["status"] == "canceled"


def test_what_expires_is_told_as_a_change(payer):
    payer.subscribe()
    payer.services.sandbox.advance(23 * HOUR)
    assert kinds_of(told(payer))[-2:] == ["invoice.voided", UPDATED]
    assert told(payer)[-1]["data"]["object"]["status"] == "incomplete_expired"


def test_what_was_declined_at_once_and_never_was_is_not_told_of(services):
    payer = Subscriber(services, DECLINES)
    assert payer.subscribe(payment_behavior="error_if_incomplete").status == 402
    assert told(payer, CREATED, UPDATED, DELETED) == []
