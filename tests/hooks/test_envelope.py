"""What is taken from an event, and that nothing else of it is."""

import re
from dataclasses import asdict

import pytest
from stripe.params import WebhookEndpointCreateParams

from billing.core.items import Mode
from billing.edge.hooks.envelope import Notice, Unneeded, read_event
from billing.edge.hooks.wanted import WANTED, types
from tests.hooks.events import event


def read(body, mode=Mode.TEST):
    return read_event(body, mode)


def about(kind, shown, **changes):
    return event(kind, data={"object": shown}, **changes)


def test_ids_type_and_account_are_taken_and_nothing_else():
    body = event(data={"object": {"id": "pi_1Mine", "status": "succeeded", "amount_received": 999, "secret": "x" * 99}})
    assert asdict(read(body)) == {
        "event": "evt_1First", "type": "payment_intent.succeeded", "account": "acct_1Mine", "named": "pi_1Mine",
        "dispute": "",
    }  # fmt: skip


@pytest.mark.parametrize(("kind", "shown", "named"), [
    ("refund.failed", {"id": "re_1A", "payment_intent": "pi_1B"}, "re_1A"),
    ("customer.subscription.updated", {"id": "sub_1A"}, "sub_1A"),
    ("invoice.paid", {"id": "in_1A", "parent": {"subscription_details": {"subscription": "sub_1A"}}}, "sub_1A"),
])  # fmt: skip
def test_the_object_is_named_by_what_an_item_has_on_record(kind, shown, named):
    assert read(about(kind, shown)).named == named


@pytest.mark.parametrize("kind", ["setup_intent.succeeded", "checkout.session.completed", "payment_intent.succeeded"])
def test_on_the_platform_itself_a_payer_is_known_by_the_customer(kind):
    assert read(about(kind, {"id": "seti_1A", "customer": "cus_1A"}, account=...)) == Notice(
        "evt_1First", kind, "", "cus_1A"
    )


def test_a_dispute_is_told_apart_from_the_payment_that_it_is_about():
    found = read(about("charge.dispute.created", {"id": "dp_1A", "payment_intent": "pi_1A"}))
    assert (found.named, found.dispute) == ("pi_1A", "dp_1A")


@pytest.mark.parametrize(("body", "why"), [
    (event(livemode=True), Unneeded.OTHER_MODE),
    (event(livemode="false"), Unneeded.OTHER_MODE),
    (event(livemode=...), Unneeded.OTHER_MODE),
    (event("payment_intent.created"), Unneeded.NOT_WANTED),
    (event("invoice.created"), Unneeded.NOT_WANTED),
    (event("setup_intent.succeeded"), Unneeded.NOT_WANTED),
    (event(type=["payment_intent.succeeded"]), Unneeded.NOT_WANTED),
    (event(object="v2.core.event"), Unneeded.NO_EVENT),
    (event(id=7), Unneeded.NO_EVENT),
    (b"[]", Unneeded.NO_EVENT),
    (b"", Unneeded.NO_EVENT),
    (b"\xff", Unneeded.NO_EVENT),
    (b"[" * 100_000, Unneeded.NO_EVENT),
    (event(data=None), Unneeded.NO_OBJECT),
    (event(data={"object": None}), Unneeded.NO_OBJECT),
    (event(named="pi_1'; DROP TABLE items"), Unneeded.NO_OBJECT),
    (event(named="../../v1/refunds"), Unneeded.NO_OBJECT),
    (event(account="acct_1\r\nX-Injected: yes"), Unneeded.NO_OBJECT),
    (event(account={"id": "acct_1"}), Unneeded.NO_OBJECT),
    (about("invoice.paid", {"id": "in_1A", "parent": None}), Unneeded.NO_OBJECT),
])  # fmt: skip
def test_what_is_of_no_use_is_told_apart_from_what_cannot_be_believed(body, why):
    assert read(body) is why


def test_a_live_endpoint_takes_live_events_alone():
    assert isinstance(read(event(livemode=True), Mode.LIVE), Notice)
    assert read(event(), Mode.LIVE) is Unneeded.OTHER_MODE


def test_every_wanted_event_is_one_that_an_endpoint_can_ask_for():
    known = set(re.findall(r"[a-z_.]+", str(WebhookEndpointCreateParams.__annotations__["enabled_events"])))
    wanted = [*types(own=True), *types(own=False)]
    assert [kind for kind in wanted if kind not in known] == []
    assert "invoice.created" not in wanted
    assert len({(each.own, each.family) for each in WANTED}) == len(WANTED)
