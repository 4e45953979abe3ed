"""Every Stripe call: one call is one request, built from what is recorded, and nothing comes back but an outcome."""

import asyncio
import json
import logging
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from billing.core.calls import Call, Op, Reads
from billing.core.entries import ItemRecord
from billing.core.errors import CredentialsError, ProviderUnreachable, UsageError
from billing.core.items import Kind, Mode
from billing.core.keys import idempotency_key
from billing.core.kinds.charge import State
from billing.core.outcomes import (
    Declined,
    Halt,
    LookWhy,
    Lost,
    Made,
    Succeeded,
    Unconfirmed,
    Undecided,
    Unsent,
    Unsettled,
)
from billing.core.wire import AnswerLost, NeverSent, WireRequest, WireResponse
from billing.edge.pacing.throttle import Rates, Throttle
from billing.edge.secrets import ApiKey
from billing.edge.stripe.breaker import FAILURES
from billing.edge.stripe.calls.charge import cancel_intent, clone_method, confirm_intent, open_intent, read_intent
from billing.edge.stripe.clock import ProviderClock
from billing.edge.stripe.found import LookupFailed, Trouble
from billing.edge.stripe.gateway import API_BASE, API_VERSION, Gateway
from billing.sandbox.config import Limits, SandboxConfig
from billing.sandbox.inprocess import InProcess
from billing.sandbox.model import Sandbox
from billing.sandbox.scenario import connect, save_customer
from tests.virtual import run

SECRET = "canary51H8xQ2eZvKYlo2C9k7TtRw4Vb"
PLATFORM, ACCOUNT = "acct_platform", "acct_connected"
KNOWN = ItemRecord(
    id=1,
    item_id="item7",
    run_id="coaching-2026-11",
    kind=Kind.CHARGE,
    reference="INV-1",
    generation=0,
    account=ACCOUNT,
    payer="cus_1",
    amount=1099,
    currency="usd",
    digest="d" * 64,
    content={
        "customer": "cus_1",
        "payment_method": "pm_1",
        "application_fee": 55,
        "description": "November & more",
        "statement_suffix": "NOV26",
        "metadata": {"contract": "C-77"},
        "run_id": "coaching-2026-11",
    },
    state=State.PLANNED,
    attempt=2,
    object_id="pi_1",
    instrument_id="pm_clone",
)


class Canned:
    """A wire that gives these answers in turn, the last one for ever, and keeps what it was asked."""

    def __init__(self, *answers: WireResponse | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[WireRequest] = []

    async def send(self, request: WireRequest) -> WireResponse:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def aclose(self) -> None:
        pass


def answer(status: int, body: Any, **headers: str) -> WireResponse:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WireResponse(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


def intent(status: str = "requires_payment_method") -> dict[str, Any]:
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "status": status,
        "amount": 1099,
        "amount_received": 1099,
        "currency": "usd",
        "livemode": False,
        "metadata": {"billing_item": "item7"},
    }


def gateway(wire: Any, rates: Rates = Rates(1e4, 1e4, 1e4), **settings: Any) -> Gateway:  # noqa: B008  a frozen value
    given = {"mode": Mode.TEST, "platform": PLATFORM, "throttle": Throttle(rates), "clock": ProviderClock(), **settings}
    return Gateway(wire, given.pop("key", ApiKey(f"sk_test_{SECRET}")), **given)


def sent(request: WireRequest) -> dict[str, str]:
    """The parameters of a request, one value each."""
    text = request.body.decode() if request.method == "POST" else urlsplit(request.url).query
    return {name: values[0] for name, values in parse_qs(text, strict_parsing=bool(text)).items()}


def header(request: WireRequest, name: str) -> str | None:
    return {key.lower(): value for key, value in request.headers.items()}.get(name.lower())


REQUESTS = {
    "open": (
        "POST",
        "/v1/payment_intents",
        {
            "amount": "1099",
            "currency": "usd",
            "allowed_payment_method_types[0]": "card",
            "allowed_payment_method_types[1]": "us_bank_account",
            "application_fee_amount": "55",
            "description": "November & more",
            "statement_descriptor_suffix": "NOV26",
            "metadata[contract]": "C-77",
            "metadata[billing_v]": "1",
            "metadata[billing_item]": "item7",
            "metadata[billing_run]": "coaching-2026-11",
            "metadata[billing_reference]": "INV-1",
            "metadata[billing_digest]": "d" * 16,
        },
    ),
    "clone": (
        "POST",
        "/v1/payment_methods",
        {"customer": "cus_1", "payment_method": "pm_1", "metadata[billing_item]": "item7"},
    ),
    "confirm": (
        "POST",
        "/v1/payment_intents/pi_1/confirm",
        {"payment_method": "pm_clone", "off_session": "true", "amount_to_confirm": "1099"},
    ),
    "cancel": ("POST", "/v1/payment_intents/pi_1/cancel", {"cancellation_reason": "abandoned"}),
    "read": ("GET", "/v1/payment_intents/pi_1", {}),
}


CALLS = {
    "open": open_intent,
    "clone": clone_method,
    "confirm": confirm_intent,
    "cancel": cancel_intent,
    "read": read_intent,
}


async def call(door: Gateway, name: str, item: ItemRecord = KNOWN, number: int = 0) -> Any:
    return await door.send(item, CALLS[name](item), number)


@pytest.mark.parametrize("name", REQUESTS)
async def test_each_call_is_this_one_request(name):
    wire = Canned(answer(500, {"error": {}}))
    await call(gateway(wire), name)
    (request,) = wire.requests
    method, path, params = REQUESTS[name]
    assert (request.method, urlsplit(request.url).path, sent(request)) == (method, path, params)
    assert request.url.startswith(API_BASE)
    assert header(request, "Stripe-Account") == ACCOUNT
    assert header(request, "Stripe-Version") == API_VERSION
    assert header(request, "Authorization") == f"Bearer sk_test_{SECRET}"


@pytest.mark.parametrize(("op", "attempt"), [("open", 0), ("clone", 2), ("confirm", 2), ("cancel", 0)])
async def test_every_post_carries_the_key_of_its_obligation(op, attempt):
    wire = Canned(answer(500, {}))
    await call(gateway(wire), op, number=3)
    key = idempotency_key(Mode.TEST, PLATFORM, ACCOUNT, "item7", op, attempt, 3)
    assert header(wire.requests[0], "Idempotency-Key") == key


async def test_a_call_of_the_platform_itself_names_no_account_and_may_name_its_own_key():
    wire = Canned(answer(500, {}))
    door = gateway(wire)
    asked = open_intent(KNOWN)
    await door.send(KNOWN, replace(asked, account="", names="link9"), 1)
    await door.send(KNOWN, replace(read_intent(KNOWN), account="", params={"expand": ["latest_charge"]}))
    written, read = wire.requests
    assert (header(written, "Stripe-Account"), header(read, "Stripe-Account")) == (None, None)
    assert header(written, "Idempotency-Key") == idempotency_key(Mode.TEST, PLATFORM, "", "link9", "open", 0, 1)
    assert (header(read, "Idempotency-Key"), sent(read)) == (None, {"expand[0]": "latest_charge"})


async def test_what_is_ended_by_delete_has_no_key_and_says_what_it_says_in_its_address():
    wire = Canned(answer(200, {}))
    ending = Op("end_now", ends=True, looks=True)
    params = {"cancellation_details": {"feedback": "unused"}}
    await gateway(wire).send(KNOWN, Call(ending, "/v1/subscriptions/sub_1", params, Reads(lambda *_: Made("sub_1"))))
    (sent,) = wire.requests
    assert (sent.method, urlsplit(sent.url).path) == ("DELETE", "/v1/subscriptions/sub_1")
    assert parse_qs(urlsplit(sent.url).query) == {"cancellation_details[feedback]": ["unused"]}
    headers = {name.lower(): value for name, value in sent.headers.items()}
    assert "idempotency-key" not in headers
    assert headers["stripe-account"] == ACCOUNT


async def test_what_an_item_does_not_have_is_not_sent():
    wire = Canned(answer(500, {}))
    bare = replace(KNOWN, currency="eur", content={"customer": "cus_1", "payment_method": "pm_1"})
    await call(gateway(wire), "open", bare)
    names = set(sent(wire.requests[0]))
    assert not names & {"application_fee_amount", "description", "statement_descriptor_suffix"}
    assert "allowed_payment_method_types[1]" not in names


async def test_nothing_of_the_machine_is_sent_along():
    wire = Canned(answer(200, intent(), request_id="req_1"))
    door = gateway(wire)
    await call(door, "read")
    await call(door, "read")
    assert header(wire.requests[1], "X-Stripe-Client-Telemetry") is None
    about = json.loads(header(wire.requests[1], "X-Stripe-Client-User-Agent") or "{}")
    assert not {"telemetry_id", "platform"} & set(about)


FAULTS = {
    "500": answer(500, {"error": {"type": "api_error"}}, stripe_should_retry="true"),
    "503 in HTML": answer(503, b"<html>"),
    "409": answer(409, {"error": {"code": "idempotency_key_in_use"}}, stripe_should_retry="true"),
    "429": answer(429, {"error": {"code": "lock_timeout"}}, stripe_should_retry="true"),
    "lost": AnswerLost("SocketTimeoutError"),
    "never sent": NeverSent("ClientConnectorError"),
    "cut": answer(200, b'{"object": "payment_int'),
    "list": answer(200, b"[]"),
    "odd error": answer(400, {"error": "invalid"}),
    "null error": answer(400, {"error": None}),
    "not text": answer(200, b"\xff\xfe"),
    "redirect": answer(302, b"", location="https://evil.example/"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", REQUESTS)
async def test_no_fault_makes_a_second_request_or_an_exception(name, fault):
    wire = Canned(FAULTS[fault])
    outcome = await call(gateway(wire), name)
    assert len(wire.requests) == 1
    assert not isinstance(outcome, Succeeded | Made)


async def test_a_reply_keeps_its_headers_although_the_sdk_cannot_read_it():
    door = gateway(Canned(answer(500, b"<html>", request_id="req_9", stripe_should_retry="false")))
    outcome = await call(door, "read")
    assert isinstance(outcome, Lost)
    assert (outcome.request_id, outcome.renew) == ("req_9", True)


@pytest.mark.parametrize(
    ("key", "mode", "base"),
    [
        (f"sk_test_{SECRET}", Mode.LIVE, API_BASE),
        (f"rk_live_{SECRET}", Mode.TEST, API_BASE),
        (f"sk_live_{SECRET}", Mode.LIVE, "http://127.0.0.1:12111"),
        (f"sk_live_{SECRET}", Mode.LIVE, "https://api.stripe.com.evil.example"),
        (f"sk_live_{SECRET}", Mode.LIVE, "https://api.stripe.com/"),
        (f"sk_live_{SECRET}", Mode.LIVE, "http://api.stripe.com"),
    ],
)
async def test_a_key_of_the_other_mode_or_a_live_key_for_another_host_is_refused_before_anything_is_sent(
    key, mode, base
):
    wire = Canned(answer(200, intent()))
    with pytest.raises(UsageError) as caught:
        gateway(wire, key=ApiKey(key), mode=mode, api_base=base)
    assert wire.requests == []
    assert SECRET not in str(caught.value)


async def test_every_request_is_told_with_facts_and_without_secrets(caplog):
    events: list[Any] = []
    body = intent("succeeded") | {"receipt_email": "anna@shop.example"}
    wire = Canned(answer(200, body, request_id="req_1"))
    with caplog.at_level(logging.DEBUG):
        await call(gateway(wire, on_request=events.append), "confirm")
    (event,) = events
    assert event["outcome"] == "succeeded"
    assert (event["endpoint"], event["account"], event["status"]) == ("confirm", ACCOUNT, 200)
    assert (event["request_id"], event["reference"], event["attempt"]) == ("req_1", "INV-1", 2)
    written = repr(events) + caplog.text
    assert not [secret for secret in (SECRET, "anna@", "November", "cus_1") if secret in written]


async def test_requests_limits_and_repeats_are_counted():
    limited = answer(429, {"error": {}}, stripe_rate_limited_reason="global-concurrency")
    door = gateway(Canned(limited, answer(200, intent())))
    assert isinstance(await call(door, "open"), Unsent)
    await call(door, "open")
    await call(door, "open", KNOWN, 1)
    assert (door.counters.sent, door.counters.rate_limited, door.counters.resent) == (3, 1, 1)


async def test_the_clock_learns_from_every_answer():
    clock = ProviderClock()
    await call(gateway(Canned(answer(404, {"error": {}}, date="Thu, 01 Jan 2032 00:01:00 GMT")), clock=clock), "read")
    assert clock.now().year == 2032


def test_a_429_slows_what_it_names():
    async def main():
        limited = answer(429, {"error": {}}, stripe_rate_limited_reason="endpoint-rate", retry_after="7")
        door = gateway(Canned(limited, answer(200, intent())), Rates(100.0, 100.0, 100.0))
        loop = asyncio.get_running_loop()
        began = loop.time()
        await call(door, "open")
        await call(door, "read")
        assert loop.time() - began < 1
        await call(door, "open")
        assert loop.time() - began >= 7

    run(main())


def test_an_outage_of_five_minutes_costs_fewer_than_two_hundred_requests_and_ends_by_itself():
    async def main():
        loop = asyncio.get_running_loop()
        began = loop.time()

        class Down(Canned):
            async def send(self, request: WireRequest) -> WireResponse:
                self.requests.append(request)
                await asyncio.sleep(0.1)
                return answer(200, intent()) if loop.time() - began > 300 else answer(500, {"error": {}})

        wire = Down()
        door = gateway(wire, Rates(100.0, 100.0, 100.0))

        async def until_answered() -> None:
            while isinstance(await call(door, "read"), Lost):
                pass

        await asyncio.gather(*(until_answered() for _ in range(64)))
        assert len(wire.requests) < 200
        assert loop.time() - began < 300 + 5

    run(main())


def test_what_waits_for_its_turn_when_the_provider_goes_down_is_not_sent():
    async def main():
        wire = Canned(answer(500, {"error": {}}))
        door = gateway(wire, Rates(10.0, 10.0, 10.0))
        waiting = [asyncio.create_task(call(door, "read")) for _ in range(60)]
        await asyncio.sleep(6.0)
        assert len(wire.requests) <= FAILURES + 1
        for task in waiting:
            task.cancel()

    run(main())


def test_an_outage_without_end_raises_and_sends_nothing_more():
    async def main():
        wire = Canned(NeverSent("ClientConnectorError"))
        door = gateway(wire, Rates(100.0, 100.0, 100.0))

        async def for_ever() -> None:
            while True:
                await call(door, "read")

        with pytest.raises(ProviderUnreachable):
            await for_ever()
        assert len(wire.requests) < 200

    run(main())


@pytest.fixture
def sandbox() -> Sandbox:
    """A sandbox without limits."""
    return Sandbox(SandboxConfig(limits=Limits.off()))


def item(sandbox: Sandbox, method: str) -> ItemRecord:
    """An item of a connected account that this test payment method pays."""
    customer, saved = save_customer(sandbox, method)
    content = {**KNOWN.content, "customer": customer, "payment_method": saved}
    account = connect(sandbox).id
    return replace(KNOWN, account=account, content=content, attempt=1, object_id=None, instrument_id=None)


async def prepared(door: Gateway, item: ItemRecord) -> ItemRecord:
    """The item with its intent and clone."""
    opened, cloned = await call(door, "open", item, 0), await call(door, "clone", item, 0)
    assert isinstance(opened, Made)
    assert isinstance(cloned, Made)
    return replace(item, object_id=opened.object_id, instrument_id=cloned.object_id)


async def test_a_charge_against_the_sandbox_succeeds_once(sandbox):
    door = gateway(InProcess(sandbox))
    known = await prepared(door, item(sandbox, "pm_card_visa"))
    assert isinstance(await call(door, "read", known), Unconfirmed)
    paid = await call(door, "confirm", known)
    assert isinstance(paid, Succeeded)
    assert (paid.seen.amount_received, paid.seen.application_fee) == (1099, 55)
    for number in (0, 1):
        assert isinstance(await call(door, "confirm", known, number), Succeeded)
    assert isinstance(await call(door, "cancel", known), Succeeded)
    assert isinstance(await call(door, "read", known), Succeeded)
    assert sandbox.books().doubles() == []


async def test_a_decline_of_the_sandbox_is_seen_by_answer_and_by_read_and_its_replay_is_not_believed(sandbox):
    door = gateway(InProcess(sandbox))
    known = await prepared(door, item(sandbox, "pm_card_chargeCustomerFail"))
    declined, again, spent = (
        await call(door, "confirm", known),
        await call(door, "confirm", known),
        await call(door, "confirm", known, 1),
    )
    assert isinstance(declined, Declined)
    assert isinstance(await call(door, "read", known), Declined)
    assert isinstance(await call(door, "read", replace(known, attempt=2, instrument_id="pm_next")), Unconfirmed)
    assert isinstance(again, Undecided)
    assert isinstance(spent, Undecided)
    assert (again.why, spent.why) == (LookWhy.REPLAYED, LookWhy.SPENT_CLONE)


async def test_a_bank_debit_of_the_sandbox_is_unsettled(sandbox):
    door = gateway(InProcess(sandbox))
    known = await prepared(door, item(sandbox, "pm_usBankAccount_success"))
    assert isinstance(await call(door, "confirm", known), Unsettled)


async def test_other_content_under_a_used_key_stops_the_run(sandbox):
    door = gateway(InProcess(sandbox))
    known = item(sandbox, "pm_card_visa")
    await call(door, "open", known)
    assert isinstance(await call(door, "open", replace(known, amount=2999), 0), Halt)


async def test_intents_are_found_by_item_over_several_pages(sandbox):
    door = gateway(InProcess(sandbox))
    known = item(sandbox, "pm_card_visa")
    for n in range(103):
        await call(door, "open", replace(known, item_id=f"item{n}"), 0)
    listed = [one async for one in door.list_intents(known.account, 0)]
    assert len(listed) == 103


async def test_look_ups_give_small_values(sandbox):
    door = gateway(InProcess(sandbox))
    known = item(sandbox, "pm_card_visa")
    customer, method = known.content["customer"], known.content["payment_method"]
    own, account = await door.own_account(), await door.account(known.account)
    payer, saved = await door.customer(customer), await door.payment_method(method)
    assert not isinstance(own, LookupFailed)
    assert not isinstance(account, LookupFailed)
    assert (account.id, account.charges_enabled, account.capabilities["card_payments"]) == (
        known.account,
        True,
        "active",
    )
    assert not isinstance(payer, LookupFailed)
    assert (payer.default_method, payer.deleted) == (method, False)
    assert not isinstance(saved, LookupFailed)
    assert (saved.customer, saved.type, saved.livemode) == (customer, "card", False)
    assert await door.customer_methods(customer) == (saved,)


@pytest.mark.parametrize(
    ("status", "error", "trouble"),
    [
        (404, {"code": "resource_missing"}, Trouble.MISSING),
        (403, {"code": "account_invalid"}, Trouble.BARRED),
        (403, {"code": "more_permissions_required"}, Trouble.CREDENTIALS),
        (403, {"message": "Permission denied."}, Trouble.CREDENTIALS),
        (403, {"message": "the 'rak_accounts_read' permission would allow"}, Trouble.CREDENTIALS),
        (401, {}, Trouble.CREDENTIALS),
        (400, {"code": "parameter_unknown"}, Trouble.REFUSED),
        (400, {"code": "rate_limit"}, Trouble.UNANSWERED),
        (429, {"code": "lock_timeout"}, Trouble.UNANSWERED),
        (500, {}, Trouble.UNANSWERED),
    ],
)
def test_a_look_up_without_a_result_says_why(status, error, trouble):
    async def main():
        found = await gateway(Canned(answer(status, {"error": error}, request_id="req_1"))).account("acct_1")
        assert isinstance(found, LookupFailed)
        assert (found.trouble, found.request_id) == (trouble, "req_1")

    run(main())


def test_a_look_up_is_repeated_while_it_stays_unanswered():
    async def main():
        account = {"object": "account", "id": "acct_1", "charges_enabled": True}
        wire = Canned(answer(500, {"error": {}}), AnswerLost("X"), answer(200, b"<html>"), answer(200, account))
        found = await gateway(wire).account("acct_1")
        assert not isinstance(found, LookupFailed)
        assert len(wire.requests) == 4

    run(main())


@pytest.mark.parametrize("body", [{"object": "customer", "id": "cus_other"}, {"object": "account", "id": "cus_1"}, {}])
def test_another_object_is_no_answer_to_a_look_up(body):
    async def main():
        right = {"object": "customer", "id": "cus_1", "invoice_settings": {"default_payment_method": "pm_1"}}
        found = await gateway(Canned(answer(200, body), answer(200, right))).customer("cus_1")
        assert (found.id, found.default_method) == ("cus_1", "pm_1")

    run(main())


async def test_a_list_that_breaks_off_is_not_taken_for_the_whole():
    page = {"object": "list", "data": [{"id": "pi_1"}], "has_more": True}
    wire = Canned(answer(200, page), answer(401, {"error": {"message": "no"}}))
    with pytest.raises(CredentialsError):
        [one async for one in gateway(wire).list_intents(ACCOUNT, 0)]


@pytest.mark.parametrize("name", ["account", "customer", "payment_method", "customer_methods"])
async def test_an_id_cannot_lead_to_another_path(name):
    wire = Canned(answer(200, {}))
    with pytest.raises(ValueError, match="id"):
        await getattr(gateway(wire), name)("acct_1/../../refunds")
    assert wire.requests == []


def a_page(*bodies: dict, more: bool = False) -> dict:
    return {"object": "list", "data": list(bodies), "has_more": more}


def test_customers_come_with_their_defaults_and_without_where_that_is_refused():
    async def main():
        whole = {"object": "payment_method", "id": "pm_1", "type": "card", "customer": "cus_1"}
        customer = {"object": "customer", "id": "cus_1", "invoice_settings": {"default_payment_method": whole}}
        plain = customer | {"invoice_settings": {"default_payment_method": "pm_1"}}
        wire = Canned(answer(200, a_page(customer)))
        [[found]] = [page async for page in gateway(wire).customer_pages()]
        assert (found.default_method, found.default.id, found.default.type) == ("pm_1", "pm_1", "card")
        assert b"expand" in wire.requests[0].url.encode() + (wire.requests[0].body or b"")
        refused = answer(403, {"error": {"code": "more_permissions_required"}})
        [[found]] = [page async for page in gateway(Canned(refused, answer(200, a_page(plain)))).customer_pages()]
        assert (found.default_method, found.default) == ("pm_1", None)

    run(main())


def test_a_list_ends_with_its_last_page_or_with_why_it_broke_off():
    async def main():
        accounts = [{"object": "account", "id": f"acct_{n}"} for n in range(3)]
        first, second = answer(200, a_page(accounts[0], more=True)), answer(200, a_page(*accounts[1:]))
        assert [len(page) async for page in gateway(Canned(first, second)).account_pages()] == [1, 2]
        assert [type(page) async for page in gateway(Canned(first, first, first)).account_pages()] == [
            list,
            list,
            LookupFailed,
        ]
        *_, broken = [page async for page in gateway(Canned(first, answer(401, {"error": {}}))).account_pages()]
        assert broken.trouble is Trouble.CREDENTIALS

    run(main())


@pytest.mark.parametrize(
    ("settings", "length"),
    [
        ({"card_payments": {"statement_descriptor_prefix": "COACHING"}, "payments": {"statement_descriptor": "X"}}, 8),
        ({"card_payments": {"statement_descriptor_prefix": None}, "payments": {"statement_descriptor": "CLUB"}}, 4),
        ({"payments": {"statement_descriptor": "A LONG NAME OF A CLUB"}}, 10),
        ({"card_payments": None}, 0),
        (None, 0),
    ],
)
def test_an_account_tells_how_long_the_start_of_its_statement_descriptor_is(settings, length):
    async def main():
        body = {"object": "account", "id": "acct_1", "settings": settings}
        assert (await gateway(Canned(answer(200, body))).account("acct_1")).prefix_length == length

    run(main())
