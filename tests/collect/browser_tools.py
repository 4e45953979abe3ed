"""A page in front of a sandbox, a payer's browser before it, and the payer's fingers."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
from site_tools import ITEM, KEY, NOW, OPTIONS, Lines, token

from billing.core.money import Money
from billing.edge.collect.invitations import Answer, Asked, Asks, Opened
from billing.edge.collect.server import serve
from billing.edge.collect.site import Site
from billing.edge.collect.stripejs import of_sandbox
from billing.sandbox.config import Behaviour, SandboxConfig, ThreeDSecure
from billing.sandbox.server import serve as serve_sandbox
from billing.sandbox.server import ticking

SECRET_KEY, PUBLISHABLE = "sk_test_sandboxcollect", "pk_test_sandboxcollect"
GOOD, DECLINED, ASKS_FOR_3DS = "4242424242424242", "4000000000000002", "4000002760003184"
READ: Mapping[str, Answer] = {
    "succeeded": Answer.SAVED,
    "processing": Answer.PROCESSING,
    "requires_action": Answer.PROCESSING,
    "canceled": Answer.CLOSED,
}


@dataclass
class OnSandbox:
    """One payer whose invitation is an intent of a sandbox: made at the first opening, read whenever asked for."""

    client: aiohttp.ClientSession
    url: str
    asked: Asked = field(default_factory=lambda: Asked("MEM-20417", "Coaching, billed monthly"))
    intent: str = ""
    opens: int = 0

    async def look(self, item: str) -> Asked | None:
        return self.asked if item == ITEM else None

    async def open(self, item: str) -> Opened | Answer:
        self.opens += 1
        if not self.intent:
            await self._make()
        body = await self.read()
        found = READ.get(body["status"], Answer.OPEN)
        asks = Asks.PAYMENT if self.asked.payment else Asks.SETUP
        return Opened(asks, body["client_secret"]) if found is Answer.OPEN else found

    async def outcome(self, item: str) -> Answer:
        if not self.intent:
            return Answer.OPEN
        body = await self.read()
        found = READ.get(body["status"], Answer.OPEN)
        if found is Answer.SAVED:
            self.asked = replace(self.asked, answer=found)
        refused = body.get("last_setup_error") or body.get("last_payment_error")
        return Answer.DECLINED if found is Answer.OPEN and refused else found

    async def read(self) -> dict[str, Any]:
        """Return the intent as the sandbox has it."""
        return await self.ask("GET", f"/v1/{self._kind}/{self.intent}")

    async def ask(self, method: str, path: str, **form: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {SECRET_KEY}"}
        async with self.client.request(method, self.url + path, data=form or None, headers=headers) as found:
            body = await found.json()
        assert found.status == 200, body
        return body

    @property
    def _kind(self) -> str:
        return "payment_intents" if self.asked.payment else "setup_intents"

    async def _make(self) -> None:
        customer = await self.ask("POST", "/v1/customers")
        form = {"customer": customer["id"]}
        form |= {f"allowed_payment_method_types[{n}]": each for n, each in enumerate(self.asked.types)}
        if self.asked.payment:
            form |= {"amount": str(self.asked.payment.minor), "currency": self.asked.payment.currency}
            form |= {"setup_future_usage": "off_session"}
        self.intent = (await self.ask("POST", f"/v1/{self._kind}", **form))["id"]


@dataclass
class World:
    """A sandbox, a page and a browser's tab.

    Attributes:
        sent: method and address of every request the browser sent.
        said: what the browser wrote to its console, such as a policy that was broken.
    """

    site: Site
    payer: OnSandbox
    log: Lines
    sandbox: str
    context: Any
    page: Any
    sent: list[tuple[str, str]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.site.options.public_url

    async def visit(self, path: str = "", link: str | None = None) -> Any:
        """Open the payer's link and wait until the form, or what stands in its place, is there."""
        answer = await self.page.goto(f"{self.url}/s/{link or token()}{path}")
        if await self.page.locator("#form").count():
            await self.page.locator("#save[aria-disabled=false]").wait_for()
        return answer

    @property
    def frame(self) -> Any:
        """Stripe's frame."""
        return self.page.frame_locator('iframe[title="Secure payment input frame"]')

    async def type_card(self, number: str = GOOD) -> None:
        await self.frame.get_by_label("Card number").fill(number)
        await self.frame.get_by_label("Expiration date").fill("12 / 34")
        await self.frame.get_by_label("Security code").fill("123")

    async def save(self) -> None:
        await self.page.locator("#save").click()

    async def message(self) -> str:
        """Wait for a message above the button, and return which one has the focus."""
        await self.page.locator("[data-message]:visible").wait_for()
        return await self.page.evaluate("document.activeElement.dataset.message")

    async def heading(self, text: str) -> None:
        """Wait for a page with this heading."""
        await self.page.get_by_role("heading", level=1, name=text, exact=True).wait_for()

    async def status(self) -> str:
        """Return how the intent stands, by the sandbox."""
        return (await self.payer.read())["status"]

    def confirms(self) -> int:
        """Return how often the browser has confirmed."""
        return sum(method == "POST" and address.endswith("/confirm") for method, address in self.sent)


@asynccontextmanager
async def world(
    browser: Any, *, modal: bool = False, types: tuple[str, ...] = ("card",), payment: Money | None = None,
    options: Mapping[str, Any] | None = None, **context: Any,
) -> AsyncIterator[World]:  # fmt: skip
    """Serve a sandbox and a page, and open a tab; ``context`` is how the browser is set up."""
    how = Behaviour(three_d_secure=ThreeDSecure.MODAL if modal else ThreeDSecure.REDIRECT)
    sandbox = ticking(SandboxConfig(behaviour=how))
    async with aiohttp.ClientSession() as client, serve_sandbox(sandbox) as stripe:
        payer = OnSandbox(client, stripe.url, Asked("MEM-20417", "Coaching", types=types, payment=payment))
        served = replace(OPTIONS, stripe=of_sandbox(stripe.url), publishable_key=PUBLISHABLE, **(options or {}))
        log = Lines()
        site = Site(served, payer, KEY, now=lambda: NOW)
        async with serve(site, log, "127.0.0.1", 0) as port:
            site.options = site.pages.options = replace(served, public_url=f"http://127.0.0.1:{port}")
            tab = await browser.new_context(**({"viewport": {"width": 390, "height": 844}} | context))
            tab.set_default_timeout(15_000)
            page = await tab.new_page()
            made = World(site, payer, log, stripe.url, tab, page)
            page.on("console", lambda line: made.said.append(line.text))
            page.on("pageerror", lambda error: made.said.append(str(error)))
            page.on("request", lambda request: made.sent.append((request.method, request.url)))
            try:
                yield made
            finally:
                await tab.close()
