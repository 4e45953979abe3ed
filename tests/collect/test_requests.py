"""What every request must be and what every answer carries."""

import asyncio
import hashlib
import re
from dataclasses import replace
from ipaddress import ip_network

import pytest
import stripe
from site_tools import OPTIONS, SECRET, Memory, served, token

from billing.core.items import Kind, Mode
from billing.core.keys import item_id
from billing.edge.collect.headers import content_security_policy
from billing.edge.collect.stripejs import RELEASE, STRIPE, of_sandbox

HTTPS = replace(OPTIONS, public_url="https://pay.example.com", proxies=(ip_network("127.0.0.0/8"),))
OTHER = item_id(Mode.TEST, "acct_P", "", "MEM-2", 0, Kind.PAYER)
PAYER, PROXY = "203.0.113.9", "127.0.0.1"


# --- what an answer carries


def test_the_policy_is_what_stripes_guide_lists_our_own_files_and_nothing_else():
    assert content_security_policy(STRIPE) == (
        "default-src 'none'; "
        "script-src 'self' https://js.stripe.com https://*.js.stripe.com; "
        "style-src 'self'; "
        "frame-src https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com; "
        "connect-src 'self' https://api.stripe.com; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def test_a_sandboxs_page_allows_the_sandbox_and_not_stripe():
    policy = content_security_policy(of_sandbox("http://127.0.0.1:12111"))
    assert "stripe.com" not in policy
    assert policy.count("http://127.0.0.1:12111") == 3


def test_stripe_js_comes_from_stripe_in_the_release_of_the_pinned_api_version():
    assert STRIPE.script == f"https://js.stripe.com/{RELEASE}/stripe.js"
    assert stripe.api_version.endswith(f".{RELEASE}")


ASKED = [
    ("GET", f"/s/{token()}"),
    ("HEAD", f"/s/{token()}"),
    ("GET", f"/s/{token()}/done"),
    ("GET", f"/s/{token()}/done?a=b"),
    ("GET", "/s/forged"),
    ("GET", "/"),
    ("GET", "/nothing/here"),
    ("GET", "/static/nothing.js"),
    ("GET", "/healthz"),
    ("GET", "/robots.txt"),
    ("POST", f"/s/{token()}/open"),
    ("POST", f"/s/{token()}"),
    ("GET", f"/s/{token()}/open"),
    ("DELETE", f"/s/{token()}"),
    ("OPTIONS", f"/s/{token()}/open"),
]


@pytest.mark.parametrize(("method", "path"), ASKED)
async def test_every_answer_carries_every_header_of_safety(method, path):
    async with served() as page:
        got = await page.ask(method, path)
    assert got.headers["Content-Security-Policy"] == content_security_policy(STRIPE)
    assert got.headers["Referrer-Policy"] == "no-referrer"
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["Cache-Control"] == "no-store"
    assert got.headers["Server"] == "billing"
    assert not {"Cross-Origin-Opener-Policy", "Cross-Origin-Embedder-Policy"} & set(got.headers)
    assert "Access-Control-Allow-Origin" not in got.headers
    assert "Set-Cookie" not in got.headers
    assert "Strict-Transport-Security" not in got.headers


async def test_a_page_has_no_inline_script_or_style_and_no_script_but_stripes_and_ours():
    async with served() as page:
        for path in (f"/s/{token()}", f"/s/{token()}/done", "/s/forged", "/"):
            text = (await page.get(path)).text
            assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|<form", text)
            scripts = re.findall(r"<script([^>]*)>([^<]*)</script>", text)
            assert all(
                re.fullmatch(r' src="(https://js\.stripe\.com|/static)/[^"]+" defer', head) for head, _ in scripts
            )
            assert not any(body for _, body in scripts)


async def test_our_files_may_be_kept_for_ever_since_their_address_is_their_content():
    async with served() as page:
        text = (await page.get(f"/s/{token()}")).text
        for path in re.findall(r'"(/static/[^"]+)"', text):
            plain = await page.get(path, Accept_Encoding="identity")
            packed = await page.get(path, Accept_Encoding="gzip")
            assert plain.text == packed.text
            assert packed.headers["Content-Encoding"] == "gzip"
            assert plain.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert hashlib.sha256(plain.text.encode()).hexdigest()[:12] in path


async def test_a_page_and_all_of_ours_it_needs_fit_into_twenty_kilobytes():
    async with served() as page:
        got = await page.get(f"/s/{token()}")
        paths = [f"/s/{token()}", *re.findall(r'"(/static/[^"]+)"', got.text)]
        sizes = [int((await page.get(path, Accept_Encoding="gzip")).headers["Content-Length"]) for path in paths]
    assert len(sizes) == 3
    assert sum(sizes) < 20_000


# --- what a request must be


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", [f"/s/{token()}", f"/s/{token()}/open", "/nothing"])
async def test_nothing_but_get_head_and_post_is_answered(method, path):
    async with served() as page:
        got = await page.ask(method, path)
        assert page.memory.opens == 0
    assert got.status == 405
    assert SECRET not in got.text


@pytest.mark.parametrize(
    "changed",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"X_Collect": ""},
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/x-www-form-urlencoded"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
async def test_a_secret_is_given_to_our_own_pages_script_alone(changed):
    async with served() as page:
        got = await page.open(token(), **changed)
        assert page.memory.opens == 0
    assert got.status == 403
    assert SECRET not in got.text


async def test_a_body_larger_than_the_form_sends_is_not_read():
    async with served() as page:
        got = await page.open(token(), b"x" * 2000)
        assert page.memory.opens == 0
    assert got.status == 413


async def test_what_is_no_request_at_all_is_answered_in_plain_text_and_not_logged():
    async with served() as page:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(page.url.rpartition(":")[2]))
        writer.write(f"GET /s/{token()} HTTP/1.1\r\n<script> {SECRET}\r\n\r\n".encode())
        got = (await reader.read()).decode()
        writer.close()
        assert page.log == []
    assert got.startswith(("HTTP/1.1 400 ", "HTTP/1.0 400 "))
    assert "Content-Type: text/plain" in got


# --- what is written down


async def test_no_link_no_secret_and_no_address_of_a_payer_is_ever_logged():
    async with served(HTTPS) as page:
        headers = {"X_Forwarded_Proto": "https", "X_Forwarded_For": PAYER}
        await page.get(f"/s/{token()}", **headers)
        await page.open(token(), **headers)
        await page.get(f"/s/{token()}/done?setup_intent_client_secret={SECRET}", **headers)
        await page.get(f"/s/{token()[:20]}", **headers)
        page.memory.fails = ValueError(f"{SECRET} {token()} {PAYER}")
        broken = await page.get(f"/s/{token()}", **headers)
        lines = list(page.log)
    assert broken.status == 500
    assert "ValueError" not in broken.text
    assert [line["route"] for line in lines if line["event"] == "collect_request"] == [
        "form", "open", "done", "form", "form",
    ]  # fmt: skip
    for hidden in (SECRET, token(), token()[:20], PAYER, "MEM-20417"):
        assert hidden not in repr(lines)


async def test_a_request_that_has_begun_is_answered_before_the_server_ends():
    begun, go_on = asyncio.Event(), asyncio.Event()

    class Slow(Memory):
        async def open(self, item):
            begun.set()
            await go_on.wait()
            return await super().open(item)

    serving = served(memory=Slow(), closes=False)
    page = await serving.__aenter__()
    asked = asyncio.create_task(page.open(token()))
    await begun.wait()
    ending = asyncio.create_task(serving.__aexit__(None, None, None))
    await asyncio.sleep(0)
    assert not ending.done()
    go_on.set()
    assert (await asked).status == 200
    await page.client.close()
    await ending


async def test_what_was_begun_for_a_payer_who_has_gone_is_finished():
    begun, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    class Slow(Memory):
        async def open(self, item):
            begun.set()
            await go_on.wait()
            ended.set()
            return await super().open(item)

    memory = Slow()
    async with served(memory=memory) as page:
        asked = asyncio.create_task(page.open(token()))
        await begun.wait()
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        await page.client.close()
        await asyncio.sleep(0.05)  # for the server to learn that nobody listens
        go_on.set()
        await asyncio.wait_for(ended.wait(), 10)
        assert memory.opens == 1
