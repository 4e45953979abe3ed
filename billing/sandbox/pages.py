"""What a payer's browser gets from the sandbox's server: Stripe.js, a bank's question, small deposits, Checkout."""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from aiohttp import web

from billing.sandbox import deposits, page_html, payer
from billing.sandbox.config import ConfigProblem
from billing.sandbox.model import Sandbox
from billing.sandbox.refusals import Obj
from billing.sandbox.world import API_VERSION

RELEASE = API_VERSION.partition(".")[2]
FILES = Path(__file__).with_name("web")
TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'"
HEADERS = {  # of the sandbox's own pages; a page of somebody else's names this server in its own policy
    "content-security-policy": POLICY,
    "referrer-policy": "no-referrer", "cache-control": "no-store",
}  # fmt: skip
FIELDS = {"pi": "payment_intent", "seti": "setup_intent"}
OVER = "This page is over"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def routes(sandbox: Sandbox) -> list[web.RouteDef]:
    """Every page, as routes of the server."""

    def bound(serve: Callable[[Sandbox, web.Request], Awaitable[web.StreamResponse]]) -> Handler:
        async def handler(request: web.Request) -> web.StreamResponse:
            sandbox.tick()
            try:
                return await serve(sandbox, request)
            except ConfigProblem:
                return _html(OVER, page_html.note("There is nothing left to do here."), status=410)

        return handler

    return [
        web.get(f"/{RELEASE}/{{name}}", _file),
        web.get("/3d_secure/{intent}", bound(_question)),
        web.post("/3d_secure/{intent}", bound(_answer)),
        web.get("/microdeposit/{intent}", bound(_deposit)),
        web.post("/microdeposit/{intent}", bound(_verify)),
        web.get("/c/pay/{intent}", bound(_checkout)),
        web.post("/c/pay/{intent}", bound(_save)),
    ]


async def _file(request: web.Request) -> web.StreamResponse:
    """One of the files there are, and no other."""
    known = {path.name: path for path in FILES.iterdir()}
    path = known.get(request.match_info["name"])
    if path is None:
        raise web.HTTPNotFound
    return web.Response(text=path.read_text("utf-8"), content_type=TYPES[path.suffix], headers=HEADERS)


def _html(title: str, body: str, head: str = "", status: int = 200) -> web.Response:
    text = page_html.page(RELEASE, title, body, head)
    return web.Response(text=text, content_type="text/html", headers=HEADERS, status=status)


def _known(sandbox: Sandbox, intent: str, given: Mapping[str, str]) -> Obj:
    """The intent of a page, for somebody who knows its secret.

    Raises:
        ConfigProblem: there is none, or the secret is another's.
    """
    _, body, _ = payer.found(sandbox.world, intent)
    if not hmac.compare_digest(given.get("client_secret", ""), body["client_secret"]):
        raise ConfigProblem("another secret")
    return body


async def _question(sandbox: Sandbox, request: web.Request) -> web.StreamResponse:
    body = _known(sandbox, request.match_info["intent"], request.query)
    if body["status"] != "requires_action":
        raise ConfigProblem("asks for nothing")
    given = {name: request.query.get(name, "") for name in ("client_secret", "return_url", "embedded")}
    asked = page_html.note("Your bank wants to know whether it is you.") + page_html.question(given)
    return _html("3D Secure", asked)


async def _answer(sandbox: Sandbox, request: web.Request) -> web.StreamResponse:
    given = {name: str(value) for name, value in (await request.post()).items()}
    body = _known(sandbox, request.match_info["intent"], given)
    action = body["next_action"] or {}
    session = _session_of(sandbox, body["id"])
    payer.authenticate(sandbox.world, body["id"], passed=given.get("answer") == "complete")
    if given.get("embedded"):
        return _html("3D Secure", page_html.note("Thank you."), f'<script src="/{RELEASE}/answered.js"></script>')
    if session is not None:
        return _see_other(str(session["url"] or _success(session)))
    back = given.get("return_url") or (action.get("redirect_to_url") or {}).get("return_url") or ""
    if not back.startswith(("http://", "https://")):
        return _html("3D Secure", page_html.note("Thank you. You may close this page."))
    return _see_other(_with(back, body))


def _see_other(url: str) -> web.Response:
    return web.Response(status=303, headers=HEADERS | {"location": url})


def _with(back: str, body: Obj) -> str:
    """The page's way back, with what Stripe adds to it."""
    field = FIELDS[body["id"].partition("_")[0]]
    status = "failed" if body["status"] == "requires_payment_method" else "succeeded"
    url = urlsplit(back)
    added = {field: body["id"], f"{field}_client_secret": body["client_secret"], "redirect_status": status}
    return urlunsplit(url._replace(query=urlencode(parse_qsl(url.query, keep_blank_values=True) + list(added.items()))))


async def _deposit(sandbox: Sandbox, request: web.Request) -> web.StreamResponse:
    return _asks_for_code(sandbox, request)


def _asks_for_code(sandbox: Sandbox, request: web.Request, refused: str | None = None) -> web.Response:
    _, body, _ = payer.found(sandbox.world, request.match_info["intent"])
    if not deposits.waits(body):
        raise ConfigProblem("asks for no deposit")
    return _html("Verify your bank account", page_html.complaint(refused) + page_html.deposit())


async def _verify(sandbox: Sandbox, request: web.Request) -> web.StreamResponse:
    given = await request.post()
    told = payer.verify(sandbox.world, request.match_info["intent"], str(given.get("code", "")))
    if told["refused"]:
        return _asks_for_code(sandbox, request, told["refused"])
    return _html("Verified", page_html.note("Thank you. You may close this page."))


def _session_of(sandbox: Sandbox, intent: str) -> Obj | None:
    account, _, _ = payer.found(sandbox.world, intent)
    wanted = account.session_of.get(intent)
    return None if wanted is None else account["cs"].peek(wanted)


def _success(session: Obj) -> str:
    """Where a payer who has finished goes (docs.stripe.com/payments/checkout/custom-success-page)."""
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


async def _checkout(sandbox: Sandbox, request: web.Request) -> web.StreamResponse:
    _, body, _ = payer.found(sandbox.world, request.match_info["intent"])
    return _offers(body, (body["last_setup_error"] or {}).get("message"))


def _offers(body: Obj, refused: str | None) -> web.Response:
    shown = page_html.complaint(refused) + page_html.details(body["payment_method_types"])
    return _html("Save your payment details", shown)


async def _save(sandbox: Sandbox, request: web.Request) -> web.StreamResponse:
    given = {name: str(value).strip() for name, value in (await request.post()).items()}
    account, body, _ = payer.found(sandbox.world, request.match_info["intent"])
    session = account["cs"].peek(request.match_info["intent"])
    if session is None:
        raise ConfigProblem("no session")
    told = payer.confirm(sandbox.world, body["id"], {"payment_method_data": _method_data(given)})
    if session["status"] == "complete":
        return _see_other(_success(session))
    if body["status"] == "requires_action":
        return _see_other(body["next_action"]["use_stripe_sdk"]["stripe_js"])
    return _offers(body, told["refused"])


def _method_data(given: Mapping[str, str]) -> Obj:
    """What a form holds, as the API takes it."""
    if given.get("type") != "us_bank_account":
        month, _, year = given.get("expiry", "").replace(" ", "").partition("/")
        card: Obj = {"number": given.get("number", ""), "cvc": given.get("cvc", ""), "exp_month": 0, "exp_year": 0}
        if month.isdecimal() and year.isdecimal():
            card |= {"exp_month": int(month), "exp_year": int(year) % 100 + 2000}
        return {"type": "card", "card": card}
    account = {"account_holder_type": "individual"} | {
        "routing_number": given.get("routing", ""), "account_number": given.get("account", ""),
    }  # fmt: skip
    who = {"name": given.get("name", "")}
    return {"type": "us_bank_account", "us_bank_account": account, "billing_details": who}
