"""Paid charges of which a run gives back each: a bench for refunds, over a real SQLite file against the sandbox."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from billing.core.entries import ItemRecord
from billing.core.findings import Findings
from billing.core.items import FeeBack, Kind, Mode, Refund
from billing.core.kinds.refund import State
from billing.core.money import Money
from billing.core.plans import PlanContext
from billing.core.records import PlannedLine, RunRecord
from billing.core.wire import WireRequest
from billing.flow.services import Services
from billing.sandbox.config import SandboxConfig
from billing.sandbox.faults import FaultPlan
from billing.sandbox.scenario import save_customer
from tests.flow.world import RUN, World

CREATE, LIST, READ, DISPUTES = "refunds.create", "refunds.list", "payment_intents.retrieve", "disputes.list"
DAY = 86_400
AMOUNT, FEE = 5_000, 500
NOT_BACK = (State.FAILED, State.MOOT, State.SKIPPED)


@dataclass(frozen=True, slots=True)
class Paid:
    """A charge that was paid before anything here begins."""

    reference: str
    account: str
    customer: str
    intent: str
    charge: str


@dataclass(slots=True)
class RefundWorld:
    """The bench.

    Attributes:
        world: provider, folder, and the ways to begin a runner.
        paid: the charges, in the order of the refunds' lines.
        fee: what becomes of the platform's share of each.
    """

    world: World
    paid: tuple[Paid, ...]
    fee: FeeBack = FeeBack.REFUND
    approved: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def make(
        cls,
        folder: Path,
        methods: Sequence[str] = ("pm_card_visa",),
        config: SandboxConfig | None = None,
        clock: Callable[[], float] | None = None,
        *,
        accounts: int = 1,
        fee: FeeBack = FeeBack.REFUND,
    ) -> "RefundWorld":
        """Pay a charge with each test method, on accounts in turn."""
        world = World.make(folder, config, clock, items=0, accounts=accounts)
        paid = [_pay(world, number, method) for number, method in enumerate(methods)]
        world.sandbox.advance(7 * DAY)  # debits have settled, disputes are open
        return cls(world, tuple(paid), fee)

    @property
    def sandbox(self) -> Any:
        return self.world.sandbox

    def sent(self, operation: str = CREATE) -> int:
        """Requests of an operation so far."""
        return int(self.sandbox.requests[operation].sent)

    def post(self, path: str, account: str, **params: Any) -> dict[str, Any]:
        """Somebody else does something in the Dashboard."""
        return posted(self.world, path, account, params)

    def elsewhere(self, folder: Path) -> "RefundWorld":
        """Another machine with the same lines: its own ledger, its own key, the same Stripe."""
        folder.mkdir()
        return replace(self, world=replace(self.world, folder=folder, events=[]))

    # -- lines and runs

    def lines(self) -> Iterator[PlannedLine]:
        """Yield a line for each charge, as a plan decides it."""
        platform = self.sandbox.world.platform.id
        context = PlanContext(platform, Mode.TEST, "2026-11", RUN, False, False, Findings(), kind=Kind.REFUND)
        for number, one in enumerate(self.paid, 2):
            new = context.item(self.refund(one), 0, None)
            yield PlannedLine(number, (one.reference,), new)

    def refund(self, one: Paid) -> Refund:
        """Return what a line asks for."""
        amount = Money(self.approved.get(one.reference, AMOUNT), "usd")
        return Refund(
            one.reference, one.account, one.customer, one.intent, one.charge, amount, self.fee, "fall-2026-10"
        )

    async def plan(self, services: Services) -> None:
        """Keep the run of refunds."""
        totals = {"usd": sum(line.new.amount for line in self.lines() if line.new)}
        header = {"file": "undo.yaml", "columns": ["reference"], "timezone": "UTC", "totals": totals}
        record = RunRecord(
            RUN, services.platform, "coaching", "2026-11", Mode.TEST, Kind.REFUND, header, "0" * 64, "0" * 64
        )
        await services.ledger.plan_run(record, self.lines())

    async def refund_all(self) -> Any:
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
        """Hold the ledger against the sandbox's own books, after every refund was looked at since its bank spoke."""
        await self.once()
        for item in await self.items():
            _hold(item, self.sandbox.books(), settled=True)

    async def unhidden(self) -> None:
        """Hold it against them at any moment: banks may have spoken since."""
        await self.once()
        for item in await self.items():
            _hold(item, self.sandbox.books(), settled=False)

    async def once(self) -> None:
        """Hold the books themselves: nothing was given back twice, or beyond its charge, and the ledger is whole."""
        books = self.sandbox.books()
        assert books.refunded_twice() == []
        assert all(row.refunded <= row.taken for row in books.intents)
        async with self.world.read() as ledger:
            assert ledger.verify().faults == ()


def _hold(item: ItemRecord, books: Any, settled: bool) -> None:
    ours = [row for row in books.refunds if row.metadata.get("billing_item") == item.item_id]
    standing = [row for row in ours if row.stands]
    if item.state in NOT_BACK:
        assert standing == [], f"{item.reference} is {item.state}, and {standing} stands"
    if item.state in (State.SUCCEEDED, State.UNSETTLED, State.SETTLED):
        assert ours, f"{item.reference} is {item.state}, and nothing was ever given back"
        assert not settled or [row.amount for row in standing] == [item.amount]
        assert item.facts["refund"] in {row.refund for row in ours}
    if standing:
        back = books.fees_given_back.get(str(item.content["charge"]), 0)
        assert back == (FEE if item.content["fee"] == FeeBack.REFUND else 0)


def _pay(world: World, number: int, method: str) -> Paid:
    card = method.startswith("pm_card")
    account = world.scenario.accounts[number % len(world.scenario.accounts) if card else 0]  # the first is in the US
    customer, saved = save_customer(world.sandbox, method)
    kind = "card" if card else "us_bank_account"
    opening = {
        "amount": AMOUNT, "currency": "usd", "application_fee_amount": FEE, "allowed_payment_method_types[0]": kind,
        "metadata[billing_item]": f"charge-{number}",
    }  # fmt: skip
    intent = posted(world, "/v1/payment_intents", account, opening)["id"]
    clone = posted(world, "/v1/payment_methods", account, {"customer": customer, "payment_method": saved})["id"]
    confirmed = posted(world, f"/v1/payment_intents/{intent}/confirm", account, {"payment_method": clone})
    return Paid(f"INV-{number}", account, customer, intent, str(confirmed["latest_charge"]))


def posted(world: World, path: str, account: str, params: Mapping[str, Any]) -> dict[str, Any]:
    headers = {"Authorization": "Bearer sk_test_dashboard000", "Stripe-Account": account}
    request = WireRequest("POST", f"https://api.stripe.com{path}", headers, urlencode(params).encode())
    weather, world.sandbox.faults = world.sandbox.faults, FaultPlan()
    response = world.sandbox.handle(request).response
    world.sandbox.faults = weather
    assert response is not None
    body: dict[str, Any] = json.loads(response.body)
    assert response.status == 200, body
    return body


def keys_of(requests: Iterable[WireRequest]) -> list[str]:
    """Return the idempotency keys of the refunds among requests, in order."""
    return [
        {name.lower(): value for name, value in one.headers.items()}["idempotency-key"]
        for one in requests
        if one.method == "POST" and one.url.endswith("/v1/refunds")
    ]
