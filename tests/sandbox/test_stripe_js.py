"""The stand-in for Stripe.js in a real browser, on a page of another origin under a strict policy."""

import contextlib
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from billing.sandbox.config import ThreeDSecure
from billing.sandbox.faults import Fault, FaultKind, FaultPlan, Scripted
from billing.sandbox.server import serve
from tests.browser import launched

pytestmark = pytest.mark.asyncio(loop_scope="module")
PAGE = Path(__file__).with_name("page")
FRAME = 'iframe[title="Secure payment input frame"]'
MODAL = 'iframe[title="Secure 3D authentication frame"]'
ASKS = "4000002500003155"
READY = 15_000  # milliseconds; only a page that never gets there waits so long


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser():
    async with launched() as browser:
        yield browser


@contextlib.asynccontextmanager
async def platform(sandbox_url):
    """A page of the platform's on an origin of its own; its policy names the sandbox where it would name Stripe."""
    policy = f"default-src 'none'; script-src 'self' {sandbox_url}; connect-src {sandbox_url}; frame-src {sandbox_url}"

    async def page(_):
        text = (PAGE / "page.html").read_text("utf-8").replace("SANDBOX", sandbox_url)
        return web.Response(text=text, content_type="text/html", headers={"content-security-policy": policy})

    async def script(_):
        return web.Response(text=(PAGE / "page.js").read_text("utf-8"), content_type="text/javascript")

    async def back(request):
        return web.Response(text=f"back {request.query.get('redirect_status')}", content_type="text/plain")

    app = web.Application()
    app.add_routes([web.get("/page", page), web.get("/page.js", script), web.get("/back", back)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class Visit:
    """A payer in front of the page."""

    def __init__(self, services, page, intent):
        self.services, self.page, self.intent = services, page, intent
        self.frame = page.frame_locator(FRAME)

    async def told(self, text):
        await self.page.get_by_text(text).wait_for(timeout=READY)

    async def card(self, number, expiry="12 / 34", cvc="123"):
        await self.frame.get_by_label("Card number").fill(number)
        await self.frame.get_by_label("Expiration date").fill(expiry)
        await self.frame.get_by_label("Security code").fill(cvc)
        await self.save()

    async def save(self):
        await self.page.get_by_role("button", name="Save").click()

    async def back(self):
        await self.page.wait_for_url("**/back?*", timeout=READY)
        return (await self.page.inner_text("body")).removeprefix("back ")

    @property
    def now(self):
        path = "payment_intents" if self.intent["id"].startswith("pi_") else "setup_intents"
        return self.services.get(f"/v1/{path}/{self.intent['id']}")


@contextlib.asynccontextmanager
async def visit(services, browser, *, intent=None, redirect="always", ready="ready"):
    """A payer on the page of a fresh SetupIntent, or of the intent given."""
    customer = services.post("/v1/customers")["id"]
    made = intent or services.post("/v1/setup_intents", {"customer": customer}).body
    async with serve(services.sandbox) as running, platform(running.url) as origin:
        context = await browser.new_context()
        page = await context.new_page()
        await page.goto(f"{origin}/page#secret={made['client_secret']}&redirect={redirect}")
        payer = Visit(services, page, made)
        await payer.told(ready)
        yield payer
        await context.close()


async def test_a_card_is_saved_and_the_payer_is_back_on_the_page(services, browser):
    async with visit(services, browser) as payer:
        await payer.card("4242 4242 4242 4242")
        assert await payer.back() == "succeeded"
        assert set(payer.page.url.partition("?")[2].split("&")) == {
            "x=1", f"setup_intent={payer.intent['id']}", "redirect_status=succeeded",
            f"setup_intent_client_secret={payer.intent['client_secret']}",
        }  # fmt: skip
        assert payer.now["status"] == "succeeded"
        saved = services.get(f"/v1/payment_methods/{payer.now['payment_method']}")
        assert (saved["customer"], saved["card"]["exp_year"]) == (payer.intent["customer"], 2034)


async def test_whoever_needs_no_way_back_stays_on_the_page(services, browser):
    async with visit(services, browser, redirect="if_required") as payer:
        await payer.card("4242424242424242")
        await payer.told("saved succeeded")
        assert payer.now["status"] == "succeeded"


@pytest.mark.parametrize(
    ("number", "code"), [("4000000000000002", "generic_decline"), ("4000000000009995", "insufficient_funds")]
)
async def test_a_declined_payer_is_told_and_may_try_another_card(services, browser, number, code):
    async with visit(services, browser) as payer:
        await payer.card(number)
        await payer.told(f"error card_declined {code}")
        assert payer.now["status"] == "requires_payment_method"
        await payer.card("4242424242424242")
        assert await payer.back() == "succeeded"


@pytest.mark.parametrize(("given", "code"), [
    (("4242424242424241", "12/34", "123"), "invalid_number"), (("4242424242424242", "1", "123"), "incomplete_expiry"),
    (("4242424242424242", "12/34", ""), "incomplete_cvc"),
])  # fmt: skip
async def test_what_is_not_filled_in_is_never_sent(services, browser, given, code):
    async with visit(services, browser) as payer:
        before = services.sandbox.requests.total()
        await payer.card(*given)
        await payer.told(f"submit {code}")
        assert services.sandbox.requests.total() == before


@pytest.mark.parametrize(("button", "said", "ends"), [
    ("Complete", "succeeded", "succeeded"), ("Fail", "failed", "requires_payment_method"),
])  # fmt: skip
async def test_the_bank_asks_on_a_page_of_its_own(services, browser, button, said, ends):
    async with visit(services, browser) as payer:
        await payer.card(ASKS)
        await payer.page.get_by_role("button", name=button).click()
        assert (await payer.back(), payer.now["status"]) == (said, ends)


async def test_the_bank_asks_in_a_window_over_the_page(make_desk, browser):
    services = make_desk(three_d_secure=ThreeDSecure.MODAL)
    async with visit(services, browser, redirect="if_required") as payer:
        await payer.card(ASKS)
        await payer.page.frame_locator(MODAL).get_by_role("button", name="Fail").click()
        await payer.told("error setup_intent_authentication_failure")
        await payer.card(ASKS)
        await payer.page.frame_locator(MODAL).get_by_role("button", name="Complete").click()
        await payer.told("saved succeeded")
        assert payer.now["status"] == "succeeded"


async def test_a_bank_account_chosen_at_its_bank_is_saved_at_once(services, browser):
    async with visit(services, browser) as payer:
        await payer.frame.get_by_label("US bank account").check()
        await payer.frame.get_by_label("Full name").fill("A Payer")
        await payer.told("complete us_bank_account")
        await payer.save()
        assert await payer.back() == "succeeded"
        assert payer.now["mandate"]


async def test_a_bank_account_by_number_waits_for_its_deposits(services, browser):
    async with visit(services, browser) as payer:
        await payer.frame.get_by_label("US bank account").check()
        await payer.frame.get_by_label("Full name").fill("A Payer")
        await payer.frame.get_by_label("Enter bank details manually").check()
        await payer.frame.get_by_label("Routing number").fill("110000000")
        await payer.frame.get_by_label("Account number").fill("000123456789")
        await payer.save()
        assert await payer.back() == "pending"
        assert payer.now["next_action"]["type"] == "verify_with_microdeposits"


async def test_the_form_of_an_intent_that_is_over_is_not_shown_again(services, browser):
    done = services.post("/v1/setup_intents", {
        "confirm": True, "payment_method": "pm_card_visa", "allowed_payment_method_types": ["card"],
    }).body  # fmt: skip
    async with visit(services, browser, intent=done, ready="loaderror setup_intent_unexpected_state") as payer:
        assert not await payer.frame.get_by_label("Card number").is_visible()


async def test_a_first_payment_is_confirmed_and_its_card_saved(services, browser):
    customer = services.post("/v1/customers")["id"]
    intent = services.post("/v1/payment_intents", {
        "amount": 1200, "currency": "usd", "customer": customer, "setup_future_usage": "off_session",
    }).body  # fmt: skip
    async with visit(services, browser, intent=intent) as payer:
        await payer.card("4242424242424242")
        assert await payer.back() == "succeeded"
        assert services.get(f"/v1/payment_methods/{payer.now['payment_method']}")["customer"] == customer


async def test_a_lost_answer_is_an_error_of_the_connection(services, browser):
    async with visit(services, browser) as payer:
        lost = Scripted(Fault(FaultKind.LOST_AFTER), operation="setup_intents.confirm", times=9)  # a browser asks again
        services.sandbox.faults = FaultPlan(script=(lost,))
        await payer.card("4242424242424242")
        await payer.told("error api_connection_error")
        services.sandbox.faults = FaultPlan()
        await payer.save()
        await payer.told("error setup_intent_unexpected_state")
        assert payer.now["status"] == "succeeded"


async def test_nothing_on_the_page_breaks_its_policy_and_the_numbers_stay_in_the_frame(services, browser):
    async with visit(services, browser) as payer:
        await payer.card("4000000000000002")
        await payer.told("error card_declined")
        text = await payer.page.content()
        assert "violated" not in text
        assert "4000000000000002" not in text
        assert "secret key was taken" not in text
