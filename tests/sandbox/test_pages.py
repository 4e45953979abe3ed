"""What a payer's browser gets from the server: its script, and the pages that work without one."""

import re
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from billing.sandbox.pages import FILES, RELEASE
from billing.sandbox.server import serve

BACK = "https://example.com/back?x=1"
BROWSER = {"Authorization": "Bearer pk_test_page0000"}


@pytest.fixture
async def url(services):
    async with serve(services.sandbox) as running:
        yield running.url


@pytest.fixture
async def session(url):
    async with aiohttp.ClientSession() as session:
        yield session


def asked(services, **params):
    """A SetupIntent whose payer has to authenticate."""
    customer = services.post("/v1/customers")["id"]
    made = services.post("/v1/setup_intents", {"customer": customer, "allowed_payment_method_types": ["card"]})
    card = {"payment_method": "pm_card_authenticationRequired"}
    return services.post(f"/v1/setup_intents/{made['id']}/confirm", card | params).body


def checkout(services):
    """An open Checkout session."""
    customer = services.post("/v1/customers")["id"]
    return services.post("/v1/checkout/sessions", {
        "mode": "setup", "customer": customer, "currency": "usd",
        "success_url": "https://example.com/done?cs={CHECKOUT_SESSION_ID}",
    }).body  # fmt: skip


def status(services, path):
    return services.get(path)["status"]


async def test_the_script_and_the_frame_are_served_under_the_release_and_nothing_else_is(url, session):
    for path in FILES.iterdir():
        async with session.get(f"{url}/{RELEASE}/{path.name}") as answer:
            assert (answer.status, await answer.text()) == (200, path.read_text("utf-8"))
            assert "unsafe" not in answer.headers["content-security-policy"]
    for path in (f"/{RELEASE}/none.js", f"/{RELEASE}/..%2fpages.py", "/acacia/stripe.js"):
        async with session.get(url + path) as answer:
            assert answer.status in (401, 404)


async def test_no_file_of_the_page_runs_anything_inline():
    for path in FILES.glob("*.js"):
        assert not [
            word for word in ("eval(", "Function(", "innerHTML", "document.write") if word in path.read_text("utf-8")
        ]
    html = (FILES / "frame.html").read_text("utf-8")
    assert not re.search(r"\sstyle=|\son\w+=|<style|<script>", html)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_page_of_another_origin_may_ask_with_its_publishable_key(services, url, session, method):
    asking = {"Origin": "https://pages.example", "Access-Control-Request-Method": method,
              "Access-Control-Request-Headers": "authorization,stripe-account"}  # fmt: skip
    made = services.post("/v1/setup_intents", {"allowed_payment_method_types": ["card"]}).body
    path = f"{url}/v1/setup_intents/{made['id']}" + ("/confirm" if method == "POST" else "")
    async with session.options(path, headers=asking) as answer:
        assert answer.status == 200
        assert "authorization" in answer.headers["access-control-allow-headers"]
    secret = {"client_secret": made["client_secret"]}
    how = {"params": secret} if method == "GET" else {"data": secret | {"payment_method": "pm_card_visa"}}
    async with session.request(method, path, headers=BROWSER, **how) as answer:
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "*")


@pytest.mark.parametrize(("answer", "ends", "said"), [
    ("complete", "succeeded", "succeeded"), ("fail", "requires_payment_method", "failed"),
])  # fmt: skip
async def test_the_banks_question_leads_back_to_the_page(services, url, session, answer, ends, said):
    intent = asked(services, return_url=BACK)
    page = intent["next_action"]["redirect_to_url"]["url"]
    assert page.startswith(url)
    async with session.get(page) as shown:
        assert "Complete" in await shown.text()
    given = {"client_secret": intent["client_secret"], "answer": answer}
    async with session.post(page.partition("?")[0], data=given, allow_redirects=False) as done:
        back = urlsplit(done.headers["location"])
    assert back._replace(query="").geturl() == "https://example.com/back"
    assert parse_qs(back.query) == {
        "x": ["1"], "setup_intent": [intent["id"]], "setup_intent_client_secret": [intent["client_secret"]],
        "redirect_status": [said],
    }  # fmt: skip
    assert status(services, f"/v1/setup_intents/{intent['id']}") == ends


async def test_the_question_is_shown_to_who_knows_the_secret_once(services, url, session):
    intent = asked(services)
    page = f"{url}/3d_secure/{intent['id']}"
    for given in ({}, {"client_secret": "seti_x_secret_y"}):
        async with session.get(page, params=given) as answer:
            assert answer.status == 410
        async with session.post(page, data=given | {"answer": "complete"}) as answer:
            assert answer.status == 410
    given = {"client_secret": intent["client_secret"], "answer": "fail", "return_url": "javascript:alert(1)"}
    async with session.post(page, data=given, allow_redirects=False) as answer:
        assert answer.status == 200
    async with session.post(page, data=given, allow_redirects=False) as answer:
        assert answer.status == 410
    assert status(services, f"/v1/setup_intents/{intent['id']}") == "requires_payment_method"


async def test_what_a_page_repeats_is_escaped(services, url, session):
    intent = asked(services)
    given = {"client_secret": intent["client_secret"], "return_url": 'https://example.com/"><script>'}
    async with session.get(f"{url}/3d_secure/{intent['id']}", params=given) as answer:
        assert "<script>" not in await answer.text()


async def test_a_payer_saves_a_card_on_the_page_of_a_session(services, url, session):
    made = checkout(services)
    card = {"type": "card", "number": "4000000000000002", "expiry": "12 / 34", "cvc": "123"}
    async with session.post(made["url"], data=card, allow_redirects=False) as answer:
        assert "declined" in await answer.text()
    async with session.post(made["url"], data=card | {"expiry": ""}, allow_redirects=False) as answer:
        assert "expiration" in await answer.text()
    async with session.post(made["url"], data=card | {"number": "4242424242424242"}, allow_redirects=False) as answer:
        assert answer.headers["location"] == f"https://example.com/done?cs={made['id']}"
    assert status(services, f"/v1/checkout/sessions/{made['id']}") == "complete"
    async with session.get(made["url"]) as answer:
        assert answer.status == 410


async def test_a_bank_account_on_the_page_of_a_session_is_verified_on_another(services, url, session):
    made = checkout(services)
    bank = {"type": "us_bank_account", "name": "A", "routing": "110000000", "account": "000123456789"}
    async with session.post(made["url"], data=bank, allow_redirects=False) as answer:
        assert answer.status == 303
    intent = services.get(f"/v1/setup_intents/{made['setup_intent']}")
    page = intent["next_action"]["verify_with_microdeposits"]["hosted_verification_url"]
    async with session.post(page, data={"code": "SM33CC"}) as answer:
        assert "does not match" in await answer.text()
    async with session.post(page, data={"code": "SM11AA"}) as answer:
        assert "Verified" in await answer.text()
    assert status(services, f"/v1/setup_intents/{made['setup_intent']}") == "succeeded"


async def test_a_payer_of_a_session_who_fails_the_question_is_back_on_its_page(services, url, session):
    made = checkout(services)
    card = {"type": "card", "number": "4000002760003184", "expiry": "12/34", "cvc": "123"}
    for answer, leads in (("fail", made["url"]), ("complete", f"https://example.com/done?cs={made['id']}")):
        async with session.post(made["url"], data=card, allow_redirects=False) as asked_for:
            page = urlsplit(asked_for.headers["location"])
        given = {"client_secret": parse_qs(page.query)["client_secret"][0], "answer": answer}
        async with session.post(page._replace(query="").geturl(), data=given, allow_redirects=False) as done:
            assert done.headers["location"] == leads


async def test_an_expired_session_says_so(services, url, session):
    made = checkout(services)
    services.sandbox.advance(86_401)
    for ask in (session.get, session.post):
        async with ask(made["url"]) as answer:
            assert (answer.status, "over" in await answer.text()) == (410, True)
