"""Subscribed customers of connected accounts, and a platform on which they change: a bench for syncs."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from billing.core.entries import ItemRecord
from billing.core.items import Kind, Mode
from billing.core.kinds import is_final
from billing.core.kinds.sync import SYNC_LIFE
from billing.core.objects.link import LINK, METHOD
from billing.core.wire import WireRequest
from billing.edge.settings.load import Settings, load_settings
from billing.flow.closing import Why, close
from billing.flow.kinds.sync.links import Link, links_of
from billing.flow.options import RunOptions
from billing.flow.planning.planned import Plan
from billing.flow.request import RunRequest
from billing.flow.services import Services
from billing.flow.syncing import Found, Synced, find, sync
from billing.sandbox.config import SandboxConfig
from billing.sandbox.faults import FaultPlan
from billing.sandbox.scenario import save_customer
from tests.flow.world import UNGUARDED, World

CLONE, ATTACH, DETACH = "payment_methods.create", "payment_methods.attach", "payment_methods.detach"
UPDATE, MOVE = "customers.update", "subscriptions.update"
NAME, EMAIL = "Wilhelmina Canary", "canary@example.com"
DAY = 86_400


@dataclass(slots=True)
class SyncWorld:
    """The bench.

    Attributes:
        world: provider, folder, and the ways to begin a runner.
        links: what the platform's customers are subscribed with.
        found: what each look came to, in order.
        given: the links are said; else the ledger tells them by the subscriptions on record.
    """

    world: World
    links: list[Link] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    given: bool = True

    @classmethod
    def make(
        cls,
        folder: Path,
        methods: Sequence[str] = ("pm_card_visa",),
        config: SandboxConfig | None = None,
        clock: Callable[[], float] | None = None,
        *,
        accounts: int = 1,
        own: bool = False,
    ) -> "SyncWorld":
        """Subscribe a customer with each test method on each account; ``own``: the subscription names the copy."""
        bench = cls(World.make(folder, config, clock, items=0, accounts=accounts))
        payers = [save_customer(bench.sandbox, method)[0] for method in methods]
        for payer in payers:
            bench.post(f"/v1/customers/{payer}", name=NAME, email=EMAIL)
        for account in bench.world.scenario.accounts:
            bench.links += [bench.subscribe(payer, account, own=own) for payer in payers]
        bench.sandbox.advance(DAY)
        return bench

    @classmethod
    async def of_ledger(cls, world: World) -> "SyncWorld":
        """Keep in step what runs of subscriptions have put on record."""
        async with world.services() as services:
            return cls(world, links_of(services), given=False)

    @property
    def sandbox(self) -> Any:
        return self.world.sandbox

    def sent(self, operation: str) -> int:
        """Requests of an operation so far."""
        return int(self.sandbox.requests[operation].sent)

    # -- what other people do

    def post(self, path: str, account: str = "", **params: Any) -> dict[str, Any]:
        """Somebody else does something, in any weather."""
        return self._ask("POST", path, account, params)

    def get(self, path: str, account: str = "", **params: Any) -> dict[str, Any]:
        """Look, past everything that is tested."""
        return self._ask("GET", path, account, params)

    def delete(self, path: str, account: str = "") -> dict[str, Any]:
        """Delete something for good."""
        return self._ask("DELETE", path, account, {})

    def subscribe(self, payer: str, account: str, *, own: bool = False) -> Link:
        """Link a customer with an account and subscribe it, as a run of subscriptions does."""
        customer = self.post("/v1/customers", account, name=NAME, email=EMAIL)["id"]
        copy = self.copy(payer, account)
        self.post(f"/v1/payment_methods/{copy}/attach", account, customer=customer)
        self.post(f"/v1/customers/{customer}", account, **{"invoice_settings[default_payment_method]": copy})
        self.open(account, customer, **({"default_payment_method": copy} if own else {}))
        return Link(account, payer, customer, frozenset({self.default_of(payer)["id"]}))

    def copy(self, payer: str, account: str) -> str:
        """Make a copy of what the platform has now, told as ours."""
        method = self.default_of(payer)
        told = {f"metadata[{LINK}]": payer, f"metadata[{METHOD}]": method["id"]}
        made = self.post("/v1/payment_methods", account, customer=payer, payment_method=method["id"], **told)
        return str(made["id"])

    def open(self, account: str, customer: str, **params: Any) -> str:
        """Subscribe a connected customer to something."""
        product = self.post("/v1/products", account, name="Coaching")["id"]
        item = {
            "items[0][price_data][currency]": "usd", "items[0][price_data][product]": product,
            "items[0][price_data][unit_amount]": 5_000, "items[0][price_data][recurring][interval]": "month",
        }  # fmt: skip
        return str(self.post("/v1/subscriptions", account, customer=customer, **item, **params)["id"])

    def default_of(self, payer: str) -> dict[str, Any]:
        """Return the platform customer's default method."""
        params = {"expand[0]": "invoice_settings.default_payment_method"}
        found: dict[str, Any] = self.get(f"/v1/customers/{payer}", **params)["invoice_settings"]
        method: dict[str, Any] = found["default_payment_method"]
        return method

    def new_card(self, payer: str, test_method: str = "pm_card_mastercard") -> str:
        """The payer saves another card, which becomes the default."""
        saved = self.post(f"/v1/payment_methods/{test_method}/attach", customer=payer)["id"]
        self.post(f"/v1/customers/{payer}", **{"invoice_settings[default_payment_method]": saved})
        return str(saved)

    def _ask(self, verb: str, path: str, account: str, params: Mapping[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": "Bearer sk_test_dashboard000"} | ({"Stripe-Account": account} if account else {})
        query = urlencode(params)
        url = f"https://api.stripe.com{path}" + (f"?{query}" if verb == "GET" and query else "")
        weather, self.sandbox.faults = self.sandbox.faults, FaultPlan()
        response = self.sandbox.handle(
            WireRequest(verb, url, headers, b"" if verb != "POST" else query.encode())
        ).response
        self.sandbox.faults = weather
        assert response is not None
        body: dict[str, Any] = json.loads(response.body)
        assert response.status == 200, body
        return body

    # -- syncs

    async def sync(self, *, everybody: bool = False) -> Synced:
        """Bring everything in step, in a runner of its own."""
        async with self.world.services() as services:
            return await self.sync_with(services, everybody=everybody)

    async def sync_with(self, services: Services, *, everybody: bool = False) -> Synced:
        """The same, on a desk that is open."""

        def agree(found: Found, _plan: Plan) -> None:
            self.found.append(found)

        return await sync(
            services,
            settings(),
            RunRequest(),
            agree=agree,
            everybody=everybody,
            links=self.links if self.given else None,
        )

    async def look(self, *, everybody: bool = False) -> Found:
        """Only look."""
        async with self.world.services() as services:
            return await find(services, settings(), everybody=everybody, links=self.links if self.given else None)

    async def close(self) -> None:
        """Close whatever is open, as somebody does who does not want it any more."""
        async with self.world.services() as services:
            for item in await self.items():
                if not is_final(item.state):
                    rows = {item.id: Why("cancelled", "wanted no more")}
                    await close(services, item.run_id, rows, UNGUARDED, RunOptions())

    def elsewhere(self, folder: Path) -> "SyncWorld":
        """Another machine that keeps the same links in step: its own ledger, its own key, the same Stripe."""
        folder.mkdir()
        return replace(self, world=replace(self.world, folder=folder, events=[]), found=[])

    # -- what came of it

    async def items(self) -> list[ItemRecord]:
        async with self.world.read() as ledger:
            platform = self.sandbox.world.platform.id
            return list(ledger.of_kind(platform, Mode.TEST, Kind.SYNC, SYNC_LIFE.states))

    async def whole(self) -> None:
        """The ledger holds together."""
        async with self.world.read() as ledger:
            assert ledger.verify().faults == ()

    def customer(self, link: Link) -> dict[str, Any]:
        return self.get(f"/v1/customers/{link.customer}", link.account)

    def attached(self, link: Link) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.get(f"/v1/customers/{link.customer}/payment_methods", link.account)["data"]
        return rows

    def subscriptions(self, link: Link) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.get("/v1/subscriptions", link.account, customer=link.customer)["data"]
        return rows

    def assert_works(self) -> None:
        """At any moment: whoever pays has a method that is attached."""
        for link in self.links:
            assert self.attached(link), f"{link.name}: no method is attached"

    def assert_in_step(self, *, alone: bool = True) -> None:
        """Every default is an attached copy of what the platform has now, nothing names another, nothing is left.

        Two ledgers may each leave a copy of it: neither takes away what the other has just made.
        """
        for link in self.links:
            method = self.default_of(link.payer)
            default = self.customer(link)["invoice_settings"]["default_payment_method"]
            copies = {copy["id"]: copy for copy in self.attached(link)}
            assert {copy[method["type"]]["last4"] for copy in copies.values()} == {method[method["type"]]["last4"]}
            assert set(copies) == {default} if alone else default in copies
            assert copies[default][method["type"]] == method[method["type"]]
            assert {row["default_payment_method"] for row in self.subscriptions(link)} <= {None, default}
            ours, theirs = self.get(f"/v1/customers/{link.payer}"), self.customer(link)
            assert [ours[name] for name in FIELDS] == [theirs[name] for name in FIELDS], link.name


FIELDS = ("name", "email", "phone", "address")


def settings() -> Settings:
    """Return the settings of nobody in particular."""
    settings = load_settings({})
    return replace(settings, values={**settings.values, "policies": UNGUARDED})
