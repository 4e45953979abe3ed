"""Subscriptions of which a run ends each: a bench for cancellations, over a real SQLite file against the sandbox."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from billing.core.entries import ItemRecord
from billing.core.findings import Findings
from billing.core.items import Cancellation, Kind, Mode, When
from billing.core.kinds.cancellation import State
from billing.core.plans import PlanContext
from billing.core.records import PlannedLine, RunRecord
from billing.core.wire import WireRequest
from billing.flow.services import Services
from billing.sandbox.config import SandboxConfig
from billing.sandbox.faults import FaultPlan
from billing.sandbox.recurring_books import SubscriptionBook
from billing.sandbox.scenario import save_customer
from tests.flow.world import RUN, World

READ, UPDATE, END = "subscriptions.retrieve", "subscriptions.update", "subscriptions.cancel"
LIST, FINALIZE, VOID = "invoices.list", "invoices.finalize", "invoices.void"
OF_RUN = "gym-2026-10"
HOUR, DAY = 3_600, 86_400
PERCENT = "7.5"


@dataclass(frozen=True, slots=True)
class Made:
    """A subscription that was made before anything here begins."""

    reference: str
    account: str
    payer: str
    customer: str
    subscription: str


@dataclass(slots=True)
class CancelWorld:
    """The bench.

    Attributes:
        world: provider, folder, and the ways to begin a runner.
        made: the subscriptions, in the order of the lines.
        when, clear_fee, feedback: what each line says.
        others: references of lines whose subscription somebody else has ended, or has taken the end back.
    """

    world: World
    made: tuple[Made, ...]
    when: When = When.NOW
    clear_fee: bool = False
    feedback: str = ""
    whens: dict[str, When] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)

    @classmethod
    def make(
        cls,
        folder: Path,
        methods: Sequence[str] = ("pm_card_visa",),
        config: SandboxConfig | None = None,
        clock: Callable[[], float] | None = None,
        *,
        accounts: int = 1,
        **said: Any,
    ) -> "CancelWorld":
        """Subscribe a payer with each test method, on accounts in turn."""
        world = World.make(folder, config, clock, items=0, accounts=accounts)
        made = [_subscribe(world, number, method) for number, method in enumerate(methods)]
        world.sandbox.advance(7 * DAY)  # first debits have settled
        return cls(world, tuple(made), **said)

    @property
    def sandbox(self) -> Any:
        return self.world.sandbox

    def sent(self, operation: str) -> int:
        """Requests of an operation so far."""
        return int(self.sandbox.requests[operation].sent)

    def ask(self, method: str, path: str, number: int = 0, **params: Any) -> dict[str, Any]:
        """Somebody else does something in the Dashboard."""
        return asked(self.world, method, path, self.made[number].account, params)

    def change(self, number: int = 0, **params: Any) -> dict[str, Any]:
        """Somebody changes a subscription in the Dashboard."""
        return self.ask("POST", f"/v1/subscriptions/{self.made[number].subscription}", number, **params)

    def of(self, number: int = 0) -> dict[str, Any]:
        """A subscription as the sandbox has it."""
        one = self.made[number]
        found: dict[str, Any] = self.sandbox.world.accounts[one.account]["sub"].find(one.subscription, False)
        return found

    def invoices(self, number: int = 0) -> list[str]:
        """The statuses of its invoices, oldest first."""
        one = self.made[number]
        rows = [row for row in self.sandbox.world.accounts[one.account]["in"] if _of(row) == one.subscription]
        return [row["status"] for row in rows]

    def spoil(self, number: int = 0) -> None:
        """Take away the card of a payer."""
        one = self.made[number]
        customer = self.sandbox.world.accounts[one.account]["cus"].find(one.customer, False)
        method = customer["invoice_settings"]["default_payment_method"]
        self.ask("POST", f"/v1/payment_methods/{method}/detach", number)

    def renew(self, days: float = 32) -> None:
        """Let days pass, so that a month begins."""
        self.sandbox.advance(days * DAY)

    def elsewhere(self, folder: Path) -> "CancelWorld":
        """Another machine with the same lines: its own ledger, its own key, the same Stripe."""
        folder.mkdir()
        return replace(self, world=replace(self.world, folder=folder, events=[]))

    # -- lines and runs

    def lines(self) -> Iterator[PlannedLine]:
        """Yield a line for each subscription, as a plan decides it."""
        platform = self.sandbox.world.platform.id
        context = PlanContext(platform, Mode.TEST, "2026-10", RUN, False, False, Findings(), kind=Kind.CANCELLATION)
        for number, one in enumerate(self.made, 2):
            yield PlannedLine(number, (one.reference,), context.item(self.cancellation(one), 0, None))

    def cancellation(self, one: Made) -> Cancellation:
        """Return what a line asks for."""
        when = self.whens.get(one.reference, self.when)
        return Cancellation(
            one.reference, one.account, one.payer, one.subscription, when, OF_RUN, self.clear_fee, self.feedback
        )

    async def plan(self, services: Services) -> None:
        """Keep the run of cancellations."""
        header = {"file": "end.yaml", "columns": ["reference"], "timezone": "UTC", "totals": {}}
        record = RunRecord(
            RUN, services.platform, "coaching", "2026-10", Mode.TEST, Kind.CANCELLATION, header, "0" * 64, "0" * 64
        )
        await services.ledger.plan_run(record, self.lines())

    async def cancel_all(self) -> Any:
        """Plan and run in one runner, then go home."""
        async with self.world.services() as services:
            await self.plan(services)
            return await self.world.run(services)

    async def go_on(self, verb: str = "run") -> Any:
        """Run, resolve or settle once more, in another runner."""
        async with self.world.services() as services:
            return await getattr(self.world, verb)(services)

    # -- what came of it

    async def items(self) -> list[ItemRecord]:
        return await self.world.item()

    async def states(self) -> list[str]:
        return [str(item.state) for item in await self.items()]

    async def assert_true(self) -> None:
        """Hold the ledger against the sandbox's own books, and against itself."""
        await self.once()
        for item in await self.items():
            self.hold(item)

    async def unhidden(self) -> None:
        """Hold it against them at any moment, others may have acted since: what is cancelled now is so for good."""
        await self.once()
        for item in await self.items():
            if item.content["when"] == When.NOW:
                self.hold(item)

    async def once(self) -> None:
        """Hold the ledger against itself."""
        async with self.world.read() as ledger:
            assert ledger.verify().faults == ()

    def hold(self, item: ItemRecord) -> None:
        """Hold one item against the books."""
        books = {row.subscription: row for row in self.sandbox.books().subscriptions}
        book = books[item.content["subscription"]]
        if item.state is State.FAILED and self._ended_otherwise(item):
            return
        _hold(item, book)
        if item.state is State.SUCCEEDED and item.content["when"] == When.NOW:
            rows = [
                row["status"]
                for row in self.sandbox.world.accounts[book.account]["in"]
                if _of(row) == book.subscription
            ]
            assert not {"draft", "open"} & set(rows), f"{item.reference} is {item.state}, and its invoices are {rows}"

    def _ended_otherwise(self, item: ItemRecord) -> bool:
        """Tell whether others have ended a subscription since, or Stripe for want of payment."""
        (number,) = (number for number, one in enumerate(self.made) if one.subscription == item.content["subscription"])
        return item.reference in self.others or self.of(number)["cancellation_details"]["reason"] == "payment_failed"


def _hold(item: ItemRecord, book: SubscriptionBook) -> None:
    over = book.status in ("canceled", "incomplete_expired")
    ends = over or book.ends
    told = f"{item.reference} is {item.state}, and {book}"
    if item.state is State.SUCCEEDED and item.content["when"] == When.NOW:
        assert over, told
        assert (book.open, book.pending) == (0, 0), told
    elif item.state is State.SUCCEEDED:
        assert ends, told
    elif item.state is State.FAILED:
        assert not ends, told
    elif item.state is State.UNSETTLED:
        assert over, told


def _of(invoice: dict[str, Any]) -> Any:
    return invoice["parent"]["subscription_details"]["subscription"]


def _subscribe(world: World, number: int, method: str) -> Made:
    card = method.startswith("pm_card")
    account = world.scenario.accounts[number % len(world.scenario.accounts) if card else 0]
    payer, saved = save_customer(world.sandbox, method)

    def post(path: str, **params: Any) -> str:
        return str(asked(world, "POST", path, account, params)["id"])

    customer = post("/v1/customers", **{"metadata[billing_payer]": payer})
    copy = post("/v1/payment_methods", customer=payer, payment_method=saved)
    post(f"/v1/payment_methods/{copy}/attach", customer=customer)
    post(f"/v1/customers/{customer}", **{"invoice_settings[default_payment_method]": copy})
    product = post("/v1/products", name="Gym")
    price = {"currency": "usd", "product": product, "unit_amount": 2_900, "recurring[interval]": "month"}
    opening = {
        "customer": customer, "items[0][price]": post("/v1/prices", **price), "off_session": "true",
        "application_fee_percent": PERCENT, "payment_behavior": "allow_incomplete",
        "metadata[billing_item]": f"line-{number}", "metadata[billing_run]": OF_RUN,
    }  # fmt: skip
    return Made(f"GYM-{number}", account, payer, customer, post("/v1/subscriptions", **opening))


def asked(world: World, method: str, path: str, account: str, params: dict[str, Any]) -> dict[str, Any]:
    """Send a request that is nobody's runner's, in fine weather, and return the body of its answer."""
    headers = {"Authorization": "Bearer sk_test_dashboard000", "Stripe-Account": account}
    request = WireRequest(method, f"https://api.stripe.com{path}", headers, urlencode(params).encode())
    weather, world.sandbox.faults = world.sandbox.faults, FaultPlan()
    response = world.sandbox.handle(request).response
    world.sandbox.faults = weather
    assert response is not None
    body: dict[str, Any] = json.loads(response.body)
    assert response.status == 200, body
    return body
