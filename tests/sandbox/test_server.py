"""The sandbox over a real socket: through the official SDK, with connections that break, and its control plane."""

import asyncio
import json
import shlex

import aiohttp
import pytest
import stripe

from billing.cli.serving import LEVERS, levers
from billing.sandbox.config import Limits
from billing.sandbox.faults import Fault, FaultKind, Scripted
from billing.sandbox.levers import open_dispute, warn
from billing.sandbox.server import serve
from tests.sandbox.subscribing import Subscriber

KEY = "sk_test_desk0000"


@pytest.fixture
async def served(services):
    async with serve(services.sandbox) as running:
        yield running


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def sdk(served, session):
    transport = stripe.AIOHTTPClient(session=session)
    return stripe.StripeClient(KEY, http_client=transport, base_addresses={"api": served.url})


async def test_the_official_sdk_makes_a_direct_charge(services, sdk):
    options = {"stripe_account": services.account.id}
    intent = await sdk.v1.payment_intents.create_async(
        {
            "amount": 1099,
            "currency": "usd",
            "allowed_payment_method_types": ["card"],
            "metadata": {"billing_item": "i"},
        },
        {**options, "idempotency_key": "open"},
    )
    clone = await sdk.v1.payment_methods.create_async(
        {"customer": services.customer, "payment_method": services.method}, options
    )
    paid = await sdk.v1.payment_intents.confirm_async(
        intent.id, {"payment_method": clone.id, "off_session": True}, options
    )
    assert (paid.status, paid.amount_received, paid.metadata["billing_item"]) == ("succeeded", 1099, "i")
    assert paid.last_response.headers["request-id"].startswith("req_")
    assert services.book(intent.id).paid == 1


async def test_the_official_sdk_opens_pays_and_ends_a_subscription(services, sdk):
    options = {"stripe_account": services.account.id}
    payer = Subscriber(services)
    price = await sdk.v1.prices.create_async(
        {"currency": "usd", "unit_amount": 750, "recurring": {"interval": "week"}, "product_data": {"name": "Box"}},
        options,
    )
    made = await sdk.v1.subscriptions.create_async(
        {"customer": payer.customer, "items": [{"price": price.id, "quantity": 2}], "application_fee_percent": 2.5,
         "payment_behavior": "default_incomplete", "expand": ["latest_invoice.payments"]},
        {**options, "idempotency_key": "open"},
    )  # fmt: skip
    payment = made.latest_invoice.payments.data[0].payment
    paid = await sdk.v1.invoices.pay_async(made.latest_invoice.id, {"off_session": True}, options)
    assert (paid.status, paid.amount_paid, payment.type) == ("paid", 1500, "payment_intent")
    listed = await sdk.v1.subscriptions.list_async({"status": "all", "created": {"gte": made.created}}, options)
    assert [(row.id, row.status, row.application_fee_percent) for row in listed.data] == [(made.id, "active", 2.5)]
    ended = await sdk.v1.subscriptions.cancel_async(made.id, None, options)
    assert (ended.status, services.book(payment.payment_intent).application_fee) == ("canceled", 38)
    with pytest.raises(stripe.InvalidRequestError) as gone:
        await sdk.v1.subscriptions.cancel_async(made.id, None, options)
    assert (gone.value.http_status, gone.value.code) == (404, "resource_missing")


async def test_the_official_sdk_saves_a_card_and_reads_what_happened(services, sdk):
    customer = await sdk.v1.customers.create_async({"name": "A Payer", "metadata": {"payer": "p1"}})
    intent = await sdk.v1.setup_intents.create_async({
        "customer": customer.id, "allowed_payment_method_types": ["card"], "usage": "off_session",
        "payment_method_options": {"card": {"setup_credential_usage": "unscheduled"}},
        "metadata": {"billing_item": "i"},
    })  # fmt: skip
    with pytest.raises(stripe.CardError) as declined:
        await sdk.v1.setup_intents.confirm_async(intent.id, {"payment_method": "pm_card_visa_chargeDeclined"})
    assert declined.value.error.setup_intent.last_setup_error.decline_code == "generic_decline"
    done = await sdk.v1.setup_intents.confirm_async(intent.id, {"payment_method": "pm_card_visa"})
    assert (done.status, done.metadata["billing_item"]) == ("succeeded", "i")
    with pytest.raises(stripe.InvalidRequestError) as over:
        await sdk.v1.setup_intents.cancel_async(intent.id)
    assert over.value.code == "setup_intent_unexpected_state"
    session = await sdk.v1.checkout.sessions.create_async(
        {"mode": "setup", "customer": customer.id, "currency": "usd", "success_url": "https://example.com"}
    )
    assert (await sdk.v1.checkout.sessions.expire_async(session.id)).status == "expired"
    events = await sdk.v1.events.list_async({"types": ["payment_method.attached"], "created": {"gte": 1}})
    assert [event.data.object["customer"] for event in events.data] == [customer.id]
    services.sandbox.advance(61)
    found = await sdk.v1.customers.search_async({"query": "metadata['payer']:'p1'"})
    assert [each.id for each in found.data] == [customer.id]


async def test_the_official_sdk_follows_money_to_the_bank(services, sdk):
    options = {"stripe_account": services.account.id}
    intent, _ = services.charge(application_fee_amount=100)
    charge = services.intent(intent)["latest_charge"]
    warn(services.sandbox, services.account.id, charge)
    services.sandbox.advance(2 * 86_400)
    await sdk.v1.balance_settings.update_async({"payments": {"payouts": {"schedule": {"interval": "manual"}}}}, options)
    assert (await sdk.v1.balance_settings.retrieve_async(options=options)).payments.payouts.status == "enabled"
    by_hand = await sdk.v1.payouts.create_async({"amount": 41, "currency": "usd", "expand": ["destination"]}, options)
    assert (by_hand.destination.object, (await sdk.v1.payouts.cancel_async(by_hand.id, options=options)).status) == (
        "bank_account", "canceled",
    )  # fmt: skip
    await sdk.v1.balance_settings.update_async({"payments": {"payouts": {"schedule": {"interval": "daily"}}}}, options)
    services.sandbox.advance(86_400)
    payout = (await sdk.v1.payouts.list_async({"arrival_date": {"gte": 1}}, options)).data[0]
    rows = [
        row async for row in (await sdk.v1.balance_transactions.list_async(
            {"payout": payout.id, "limit": 2, "expand": ["data.source"]}, options
        )).auto_paging_iter()
    ]  # fmt: skip
    assert sum(row.net for row in rows if row.source.id != payout.id) == payout.amount == 841
    (warning,) = (await sdk.v1.radar.early_fraud_warnings.list_async({"charge": charge}, options)).data
    dispute = open_dispute(services.sandbox, services.account.id, charge)["id"]
    again = await sdk.v1.radar.early_fraud_warnings.retrieve_async(warning.id, options=options)
    assert (warning.actionable, again.actionable) == (True, False)
    answered = await sdk.v1.disputes.update_async(
        dispute, {"evidence": {"uncategorized_text": "winning_evidence"}}, options
    )
    assert [row.reporting_category for row in answered.balance_transactions] == ["dispute", "dispute_reversal"]


async def test_a_raw_request_of_the_sdk_reads_the_same(services, sdk):
    answer = await sdk.raw_request_async("get", f"/v1/accounts/{services.account.id}")
    assert sdk.deserialize(answer, api_mode="V1").charges_enabled is True


async def test_the_sdk_sees_each_error_as_its_own_kind(services, sdk):
    options = {"stripe_account": services.account.id}
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        await sdk.v1.payment_intents.create_async(
            {"amount": 1, "currency": "usd", "payment_method_types": ["card"]}, options
        )
    assert unknown.value.code == "payment_method_types_no_longer_supported"
    with pytest.raises(stripe.PermissionError):
        await sdk.v1.accounts.retrieve_async("acct_nobody")
    services.sandbox.faults.add(Scripted(Fault(FaultKind.RATE_LIMITED)))
    with pytest.raises(stripe.RateLimitError) as limited:
        await sdk.v1.accounts.retrieve_current_async()
    assert limited.value.headers["Stripe-Rate-Limited-Reason"] == "global-rate"


async def test_the_sdk_sees_a_decline_with_its_intent(services, sdk):
    from billing.sandbox.scenario import save_customer

    options = {"stripe_account": services.account.id}
    customer, method = save_customer(services.sandbox, "pm_card_chargeCustomerFail")
    intent = await sdk.v1.payment_intents.create_async({"amount": 1099, "currency": "usd"}, options)
    clone = await sdk.v1.payment_methods.create_async({"customer": customer, "payment_method": method}, options)
    with pytest.raises(stripe.CardError) as declined:
        await sdk.v1.payment_intents.confirm_async(
            intent.id, {"payment_method": clone.id, "off_session": True}, options
        )
    assert declined.value.error.payment_intent.id == intent.id
    assert (declined.value.code, declined.value.error.decline_code) == ("card_declined", "generic_decline")


@pytest.mark.parametrize(("kind", "carried_out"), [
    (FaultKind.REFUSED, False), (FaultKind.LOST_BEFORE, False), (FaultKind.LOST_AFTER, True),
])  # fmt: skip
async def test_a_dropped_connection_is_really_dropped(services, served, session, kind, carried_out):
    services.sandbox.faults.add(Scripted(Fault(kind)))
    before = len(services.sandbox.world.platform["cus"])
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await post(session, served, "/v1/customers")
    assert (len(services.sandbox.world.platform["cus"]) > before) is carried_out


async def test_a_cut_body_breaks_off_inside(services, served, session):
    services.sandbox.faults.add(Scripted(Fault(FaultKind.CUT_BODY)))
    response = await session.post(f"{served.url}/v1/customers", headers={"Authorization": f"Bearer {KEY}"})
    assert (response.status, int(response.headers["Content-Length"]) > 0) == (200, True)
    with pytest.raises(aiohttp.ClientPayloadError):
        await response.read()


async def test_a_withheld_answer_does_not_hold_up_the_end(services, session):
    services.sandbox.faults.add(Scripted(Fault(FaultKind.HANG, seconds=3600)))
    arrived = asyncio.Event()
    services.sandbox.observe(lambda _: arrived.set())
    async with serve(services.sandbox) as served:
        hanging = asyncio.create_task(post(session, served, "/v1/customers"))
        await arrived.wait()
    with pytest.raises(aiohttp.ClientError):
        await hanging


async def test_a_gateway_answers_html_with_the_sandboxes_date(services, served, session):
    services.sandbox.faults.add(Scripted(Fault(FaultKind.BAD_GATEWAY_DONE)))
    async with session.get(f"{served.url}/v1/account", headers={"Authorization": f"Bearer {KEY}"}) as response:
        assert (response.status, response.content_type) == (502, "text/html")
        assert response.headers["Date"] == "Mon, 02 Nov 2026 09:00:00 GMT"


async def test_the_control_plane_moves_the_clock_prunes_scripts_limits_and_seeds(services, served, session):
    health = await control(session, served, "GET", "health")
    assert (health["status"], health["platform"]) == ("ok", services.sandbox.world.platform.id)
    moved = await control(session, served, "POST", "clock", {"advance_seconds": 3600})
    assert moved["now"] == health["now"] + 3600
    services.open(key="k")
    assert await control(session, served, "POST", "prune") == {"pruned": 1}
    script = [{"operation": "accounts.retrieve_current", "fault": {"kind": "canned", "status": 418, "body": "tea"}}]
    assert (await control(session, served, "POST", "faults", {"seed": 3, "script": script}))["script"] == 1
    async with session.get(f"{served.url}/v1/account") as response:
        assert (response.status, await response.text()) == (418, "tea")
    assert (await control(session, served, "POST", "limits", {"platform_rate": 7}))["platform_rate"] == 7
    await control(
        session, served, "POST", "limits", {"changes": [{"after_seconds": 5, "limits": {"platform_rate": 1}}]}
    )
    services.sandbox.advance(5)
    services.get("/v1/account")
    assert services.sandbox.limiters.limits == Limits(platform_rate=1.0)
    seeded = await control(session, served, "POST", "seed", {"items": 3, "accounts": 1})
    assert (len(seeded["rows"]), seeded["csv"].count("\n")) == (3, 4)


async def test_the_control_plane_shows_books_counters_and_settings_without_keys(services, served, session):
    intent, _ = services.charge(metadata={"billing_item": "i"})
    services.sandbox.gate.withhold("rk_test_secret99", "rak_charge_read")
    books = await control(session, served, "GET", "books")
    assert [(row["intent"], row["paid"]) for row in books["intents"]] == [(intent, 1)]
    assert books["doubles"] == []
    counted = await control(session, served, "GET", "requests")
    assert counted["operations"]["payment_intents.confirm"]["sent"] == 1
    config = await control(session, served, "GET", "config")
    assert config["seed"] == 1
    shown = json.dumps([books, counted, config])
    assert "desk0000" not in shown
    assert "secret99" not in shown
    await control(session, served, "POST", "keys", {"revoke": [KEY]})
    assert services.get("/v1/account").status == 401


async def test_the_control_plane_narrows_keys_and_bars_accounts(services, served, session):
    rk = "rk_test_secret99"
    changes = {"restrict": {rk: ["GET *"]}, "withhold": {rk: ["balance_read"]}, "accounts": {"sk_test_own1": "acct_x"}}
    await control(session, served, "POST", "keys", changes)
    assert [services.post("/v1/customers", api_key=rk).status, services.get("/v1/balance", api_key=rk).status] == [
        403,
        403,
    ]
    await control(session, served, "POST", "keys", {"widen": [rk]})
    assert services.post("/v1/customers", api_key=rk).status == 200
    await control(session, served, "POST", "accounts", {"account": services.account.id, "charges": False})
    assert services.open().error["code"] == "capability_not_active"
    await control(session, served, "POST", "accounts", {"account": services.account.id, "connected": False})
    assert services.open().error["code"] == "account_invalid"


@pytest.mark.parametrize(("method", "name", "body", "status"), [
    ("GET", "nothing", None, 404), ("GET", "clock", None, 405), ("POST", "clock", {"advance_seconds": -1}, 400),
    ("POST", "clock", {"advanced": 1}, 400), ("POST", "faults", {"script": [{"fault": {"kind": "meteor"}}]}, 400),
    ("POST", "faults", {"script": [{}]}, 400), ("POST", "limits", {"rate": 1}, 400),
    ("POST", "clock", {"advance_seconds": "1e400"}, 400), ("POST", "clock", {"advance_seconds": 1e15}, 400),
    ("POST", "clock", {"advance_seconds": 4e8}, 400), ("POST", "limits", "x", 400), ("POST", "limits", [1], 400),
    ("POST", "seed", {"mix": {"x": 1}}, 400), ("POST", "accounts", {"account": "acct_none"}, 400),
])  # fmt: skip
async def test_a_command_that_is_not_understood_says_why(served, session, method, name, body, status):
    async with session.request(method, f"{served.url}/_sandbox/{name}", json=body) as response:
        assert response.status == status
        assert (await response.json())["error"]


async def test_the_clock_moves_ten_years_and_the_sandbox_goes_on(services, served, session):
    await control(session, served, "POST", "clock", {"advance_seconds": 3_652 * 86_400})
    assert services.open().status == 200


async def test_a_body_that_cannot_be_read_is_an_error_object(served, session):
    gzip = {"Content-Encoding": "gzip"}
    async with session.post(f"{served.url}/v1/customers", data=b"broken", headers=gzip) as response:
        assert response.status == 400
        assert (await response.json())["error"]["type"] == "invalid_request_error"


async def test_the_payer_acts_by_command(services, served, session):
    intent, _ = services.charge("pm_card_authenticationRequired")
    asked = {"intent": intent, "does": "pay", "method": "pm_card_authenticationRequired"}
    assert (await control(session, served, "POST", "payer", asked))["status"] == "requires_action"
    done = await control(session, served, "POST", "payer", {"intent": intent, "does": "authenticate"})
    assert done == {"intent": intent, "account": services.account.id, "status": "succeeded", "refused": None}
    async with session.post(f"{served.url}/_sandbox/payer", json={"intent": intent, "does": "dance"}) as response:
        assert response.status == 400


async def test_every_lever_that_is_shown_works_when_pasted(services, served, session):
    intent, _ = services.charge("pm_card_chargeCustomerFail")
    setup = services.post("/v1/setup_intents", {"allowed_payment_method_types": ["card"]})["id"]
    card, debit = (services.charge(name)[0] for name in ("pm_card_visa", "pm_usBankAccount_success"))
    services.sandbox.advance(7 * 86_400)
    ids = {
        "pi_...": intent, "seti_...": setup, "pm_...": services.method, "acct_...": services.account.id,
        "ch_...": services.intent(card)["latest_charge"], "py_...": services.intent(debit)["latest_charge"],
    }  # fmt: skip
    shown = [line.lstrip("# ") for line in levers(served.url).splitlines() if "curl" in line]
    assert len(shown) == len(LEVERS)
    for line in shown:
        for shown_id, real in ids.items():
            line = line.replace(shown_id, real)
        words = shlex.split(line)
        body = words[words.index("-d") + 1] if "-d" in words else None
        async with session.request("POST" if body else "GET", words[-1], data=body) as response:
            assert response.status == 200, (line, await response.text())
    assert services.book(intent).paid == 1


async def test_a_malformed_request_leaves_no_key_and_no_address_on_any_stream(served, capfd, caplog):
    for line in (b"Authorization Bearer rk_test_SECRETKEY", b"GET /v1/customers?email=zo\xc3\xab@example.com HTTP/1.1"):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(served.url.rpartition(":")[2]))
        writer.write(b"GET /v1/account HTTP/1.1\r\n" + line + b"\r\n\r\n")
        assert b"400" in await reader.readline()
        writer.close()
    shown = "".join(capfd.readouterr()) + caplog.text
    assert "SECRETKEY" not in shown
    assert "example.com" not in shown


async def test_a_browser_is_told_that_it_may_ask(served, session):
    async with session.options(f"{served.url}/v1/payment_intents/pi_x/confirm") as response:
        assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (200, "*")
    async with session.options(f"{served.url}/_sandbox/books") as response:
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_a_page_from_elsewhere_cannot_reach_the_sandbox(served, session):
    async with session.get(f"{served.url}/_sandbox/books", headers={"Host": "evil.example"}) as response:
        assert response.status == 421


async def test_the_sandbox_listens_beyond_this_machine_only_when_told_to(services):
    with pytest.raises(ValueError, match="loopback"):
        async with serve(services.sandbox, host="0.0.0.0"):  # noqa: S104  refused is what the test is about
            pass


async def post(session, served, path):
    async with session.post(f"{served.url}{path}", headers={"Authorization": f"Bearer {KEY}"}) as response:
        return await response.read()


async def control(session, served, method, name, body=None):
    async with session.request(method, f"{served.url}/_sandbox/{name}", json=body) as response:
        assert response.status == 200, await response.text()
        return await response.json()
