"""Deliveries to webhook endpoints: who is told what, signed how, how often, and what stays untold."""

import asyncio
import json
from collections import Counter

import aiohttp
import pytest
import stripe
from aiohttp import web

from billing.sandbox.config import SandboxConfig
from billing.sandbox.control import command
from billing.sandbox.server import serve
from billing.sandbox.webhook_deliveries import body_of
from billing.sandbox.webhook_endpoints import forward
from billing.sandbox.webhook_habits import Webhooks
from tests.sandbox.shapes import complaint

DAY = 86_400
CLOCK = 1_800_000_000.0


def endpoint(services, *kinds, connect=True, **params):
    wanted = {"url": "http://127.0.0.1:9/hooks", "enabled_events": list(kinds) or ["*"], "connect": connect}
    return services.post("/v1/webhook_endpoints", {**wanted, **params})


def taken(services, *, answered=True):
    """Take what is due and say how it went; the events, oldest first."""
    deliveries = services.sandbox.world.deliveries
    found = deliveries.take()
    for each in found:
        deliveries.ended(each, answered=answered)
    return [json.loads(body_of(each.event)) for each in found]


def kinds_of(events):
    return [event["type"] for event in events]


def lever(services, **settings):
    return command(services.sandbox, "POST", "webhook", json.dumps(settings).encode())


def waiting(services):
    return command(services.sandbox, "GET", "webhook", b"")["waiting"]


def test_a_payment_is_told_from_its_opening_to_its_balance_transaction(services):
    endpoint(services)
    intent, _ = services.charge()
    services.sandbox.advance(2)
    told = taken(services)
    assert kinds_of(told) == [
        "payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "charge.updated",
    ]  # fmt: skip
    assert {event["account"] for event in told} == {services.account.id}
    assert told[2]["data"]["object"]["id"] == intent
    assert told[3]["data"]["previous_attributes"] == {"balance_transaction": None}
    assert [complaint(200, event) for event in told] == [None] * 4
    assert told[3]["request"] == {"id": None, "idempotency_key": None}


@pytest.mark.parametrize(("method", "kinds"), [
    ("pm_card_visa_chargeDeclined", ["charge.failed", "payment_intent.payment_failed"]),
    ("pm_usBankAccount_success", ["charge.pending", "payment_intent.processing", "charge.succeeded",
                                  "payment_intent.succeeded", "charge.updated"]),
    ("pm_usBankAccount_insufficientFunds", ["charge.pending", "payment_intent.processing", "charge.failed",
                                            "payment_intent.payment_failed"]),
])  # fmt: skip
def test_every_end_of_a_payment_is_told(services, method, kinds):
    endpoint(services)
    services.charge(method)
    services.sandbox.advance(20 * DAY)
    payments = [kind for kind in kinds_of(taken(services)) if kind.split(".")[0] in ("charge", "payment_intent")]
    assert payments == ["payment_intent.created", *kinds]


def test_a_cancelled_intent_and_a_held_and_captured_one_are_told(services):
    endpoint(services)
    services.cancel(services.open()["id"])
    intent, _ = services.charge(capture_method="manual")
    services.post(f"/v1/payment_intents/{intent}/capture", account=services.account.id)
    assert kinds_of(taken(services)) == [
        "payment_intent.created", "payment_intent.canceled", "payment_intent.created", "charge.succeeded",
        "payment_intent.amount_capturable_updated", "charge.captured", "payment_intent.succeeded",
    ]  # fmt: skip


def test_an_endpoint_gets_own_or_connected_events_and_only_the_kinds_it_wants(services):
    endpoint(services, connect=False)
    services.charge()
    assert taken(services) == []
    services.post("/v1/customers")
    assert kinds_of(taken(services)) == ["customer.created"]
    endpoint(services, "payment_intent.succeeded")
    services.charge()
    assert kinds_of(taken(services)) == ["payment_intent.succeeded"]


def test_the_secret_is_shown_once_and_application_tells_a_connect_endpoint(services):
    made, own = endpoint(services), endpoint(services, connect=False)
    assert made["secret"].startswith("whsec_")
    listed = services.get("/v1/webhook_endpoints")["data"]
    assert [("secret" in row, row["application"] is not None) for row in listed] == [(False, False), (False, True)]
    assert own["application"] is None
    assert "secret" not in services.get(f"/v1/webhook_endpoints/{made['id']}").body


@pytest.mark.parametrize("params", [{"url": "ftp://a"}, {"url": "no address"}, {"enabled_events": ["no.such"]},
                                    {"enabled_events": ["*", "charge.failed"]}])  # fmt: skip
def test_an_endpoint_that_could_never_work_is_refused(services, params):
    refused = endpoint(services, **params)
    assert (refused.status, refused.error["param"].split("[")[0]) == (400, next(iter(params)))


def test_every_living_secret_signs_what_stripe_verifies(services):
    made = endpoint(services)
    services.charge()
    deliveries = services.sandbox.world.deliveries
    second = lever(services, roll=[made["id"]])["secrets"][made["id"]]
    delivery = deliveries.take()[0]

    def verified(secret):
        headers, body = deliveries.signed(delivery, CLOCK)
        try:
            return stripe.WebhookSignature.verify_header(body, headers["stripe-signature"], secret)
        except stripe.SignatureVerificationError:
            return False

    assert (verified(made["secret"]), verified(second), verified("whsec_other")) == (True, True, False)
    services.sandbox.advance(DAY + 1)
    assert (verified(made["secret"]), verified(second)) == (False, True)


def test_what_is_not_answered_is_sent_again_after_growing_pauses_until_they_are_spent(make_desk):
    pauses = (60.0, 600.0)
    services = make_desk(config=SandboxConfig(webhooks=Webhooks(retry_seconds=pauses)))
    endpoint(services, "payment_intent.succeeded")
    services.charge()
    tries = [len(taken(services, answered=False))]
    for pause in pauses:
        services.sandbox.advance(pause - 1)
        early = len(taken(services))
        services.sandbox.advance(1)
        tries += [early, len(taken(services, answered=False))]
    services.sandbox.advance(DAY)
    assert (tries, taken(services)) == ([1, 0, 1, 0, 1], [])
    assert command(services.sandbox, "GET", "webhook", b"")["counts"] == {"failed": 3, "given_up": 1}


def test_what_an_endpoint_still_lacks_is_listed(services):
    endpoint(services, "payment_intent.succeeded")
    services.charge()

    def lacking(*, delivered):
        params = {"delivery_success": delivered, "type": "payment_intent.*"}
        return kinds_of(services.get("/v1/events", params, account=services.account.id)["data"])

    taken(services, answered=False)
    assert (lacking(delivered=False), lacking(delivered=True)) == (
        ["payment_intent.succeeded"], ["payment_intent.created"],
    )  # fmt: skip
    services.sandbox.advance(60)
    taken(services)
    assert (lacking(delivered=False), waiting(services)) == ([], 0)


def test_nothing_more_is_sent_to_an_endpoint_that_is_gone_or_disabled(services):
    gone, disabled = endpoint(services), endpoint(services)
    services.charge()
    services.ask("DELETE", f"/v1/webhook_endpoints/{gone['id']}")
    services.post(f"/v1/webhook_endpoints/{disabled['id']}", {"disabled": True})
    assert len(taken(services)) == 3
    services.charge()
    assert (taken(services), waiting(services)) == ([], 0)


def test_chance_duplicates_delays_ages_and_adds_what_is_of_the_other_mode(make_desk):
    habits = Webhooks(duplicate=0.5, late=0.5, late_seconds=60, stale=0.5, foreign=0.5)
    services = make_desk(config=SandboxConfig(webhooks=habits))
    endpoint(services, "payment_intent.succeeded")
    made = [services.charge()[0] for _ in range(40)]
    services.sandbox.advance(61)
    deliveries = services.sandbox.world.deliveries
    found = deliveries.take()
    old = [int(deliveries.signed(each, CLOCK)[0]["stripe-signature"][2:12]) < CLOCK - 300 for each in found]
    told = [json.loads(body_of(each.event)) for each in found]
    own = [event["data"]["object"]["id"] for event in told if not event["livemode"]]
    times = Counter(own)
    assert set(times) == set(made)
    assert set(times.values()) == {1, 2}
    assert [wanted for wanted in own if times[wanted] == 1] != [wanted for wanted in made if times[wanted] == 1]
    assert any(event["livemode"] for event in told)
    assert all(event["livemode"] == event["data"]["object"]["livemode"] for event in told)
    assert 0 < sum(old) < len(old)


def test_events_and_their_deliveries_change_no_other_id(make_desk):
    with_one, without = make_desk(), make_desk()
    forward(with_one.sandbox.world, "http://127.0.0.1:9")
    for _ in range(2):  # of the two endpoints
        without.sandbox.world.ids.new("we_1")
    assert [with_one.charge()[0] for _ in range(3)] == [without.charge()[0] for _ in range(3)]


def test_a_resend_by_hand_leaves_the_retries_as_they_are(services):
    endpoint(services, "payment_intent.succeeded")
    services.charge()
    event = taken(services, answered=False)[0]
    assert lever(services, resend=[event["id"]])["waiting"] == 1
    assert (len(taken(services)), waiting(services)) == (1, 1)
    services.sandbox.advance(60)
    assert (len(taken(services)), waiting(services)) == (1, 0)


def test_events_are_forgotten_when_nobody_can_ask_for_them_any_more(services):
    def asked(count):
        for _ in range(count):
            services.post("/v1/customers")

    asked(1000)
    services.sandbox.advance(31 * DAY)
    asked(100)
    feed = services.sandbox.world.platform["evt"]
    assert len(feed) == 100
    page = services.get("/v1/events", {"limit": 60})["data"]
    rest = services.get("/v1/events", {"limit": 60, "starting_after": page[-1]["id"]})["data"]
    assert (len(page), len(rest)) == (60, 40)
    assert services.get(f"/v1/events/{rest[-1]['id']}").body == rest[-1]


async def test_a_served_sandbox_delivers_over_http_and_follows_no_redirect(services):
    got, arrived = [], asyncio.Event()

    async def take(request):
        if not got:
            got.append("sent away")
            raise web.HTTPTemporaryRedirect("/elsewhere")
        got.append((request.path, request.headers["stripe-signature"], await request.read()))
        arrived.set()
        return web.Response()

    app = web.Application()
    app.router.add_post("/{path:.*}", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/stripe"
    try:
        async with serve(services.sandbox) as served, aiohttp.ClientSession(served.url) as session:
            secret = endpoint(services, "payment_intent.succeeded", url=url)["secret"]
            services.charge()
            async with asyncio.timeout(10):
                while waiting(services) != 1 or got != ["sent away"]:  # noqa: ASYNC110  the sandbox tells nobody
                    await asyncio.sleep(0.01)
            await session.post("/_sandbox/clock", json={"advance_seconds": 60})
            async with asyncio.timeout(10):
                await arrived.wait()
    finally:
        await runner.cleanup()
    path, signed, body = got[1]
    event = stripe.Webhook.construct_event(body, signed, secret)
    assert (path, event.type, event.account) == ("/stripe", "payment_intent.succeeded", services.account.id)
