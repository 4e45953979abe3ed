"""Payers who are to be subscribed on connected accounts: a bench over a real SQLite file against the sandbox."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from billing.core.entries import ItemRecord
from billing.core.kinds.subscription import State
from billing.core.wire import WireRequest
from billing.flow.closing import Why, close
from billing.flow.options import RunOptions
from billing.flow.planning.preflight import Preflight
from billing.sandbox.config import SandboxConfig
from billing.sandbox.faults import FaultPlan
from billing.sandbox.recurring_books import SubscriptionBook, subscription_books
from billing.sandbox.scenario import save_customer
from tests.flow.world import RUN, World

DAY = 86_400
OPEN, PAY, START, END = "subscriptions.create", "invoices.pay", "subscriptions.update", "subscriptions.cancel"
CUSTOMER, CLONE, ATTACH, DEFAULT = (
    "customers.create", "payment_methods.create", "payment_methods.attach", "customers.update",
)  # fmt: skip
LIST = "subscriptions.list"
COLUMNS = (
    "reference", "customer", "payment_method", "account", "amount", "currency", "interval", "product", "price",
    "quantity", "application_fee_percent", "trial_end", "billing_cycle_anchor", "metadata.contract",
)  # fmt: skip
PLAIN = {"amount": "20.00", "currency": "USD", "interval": "month", "product": "Membership"}
NOT_SUBSCRIBED = (State.FAILED, State.SKIPPED, State.ELSEWHERE)


@dataclass(slots=True)
class SubscribeWorld:
    """The bench.

    Attributes:
        world: provider, folder, and the ways to begin a runner.
        rows: the lines of the sheet.
    """

    world: World
    rows: list[dict[str, str]] = field(default_factory=list)

    @classmethod
    def make(
        cls,
        folder: Path,
        methods: Sequence[str] = ("pm_card_visa",),
        config: SandboxConfig | None = None,
        clock: Callable[[], float] | None = None,
        *,
        accounts: int = 1,
        **cells: str,
    ) -> "SubscribeWorld":
        """Save a customer with each test method and write a line for each, on accounts in turn."""
        bench = cls(World.make(folder, config, clock, items=0, accounts=accounts))
        for method in methods:
            customer, _ = save_customer(bench.sandbox, method)
            bench.line(customer, **cells)
        return bench

    def line(self, customer: str, **cells: str) -> dict[str, str]:
        """Add a line to the sheet; what is not said is a plain monthly membership."""
        number = len(self.rows)
        accounts = self.world.scenario.accounts
        row = {"reference": f"SUB-{number}", "customer": customer, "account": accounts[number % len(accounts)]}
        row |= ({} if "price" in cells else PLAIN) | cells
        self.rows.append(row)
        self.write()
        return row

    def write(self) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        self.world.file.write_text(text.getvalue())

    @property
    def sandbox(self) -> Any:
        return self.world.sandbox

    def sent(self, operation: str) -> int:
        """Requests of an operation so far."""
        return int(self.sandbox.requests[operation].sent)

    def date(self, days: float) -> str:
        """A time of so many days from now, as a sheet has it."""
        from datetime import UTC, datetime

        return datetime.fromtimestamp(int(self.sandbox.now + days * DAY), UTC).isoformat()

    def post(self, path: str, account: str = "", method: str = "POST", **params: Any) -> dict[str, Any]:
        """Somebody else does something in the Dashboard."""
        headers = {"Authorization": "Bearer sk_test_dashboard000"} | ({"Stripe-Account": account} if account else {})
        request = WireRequest(method, f"https://api.stripe.com{path}", headers, urlencode(params).encode())
        weather, self.sandbox.faults = self.sandbox.faults, FaultPlan()
        response = self.sandbox.handle(request).response
        self.sandbox.faults = weather
        assert response is not None
        body: dict[str, Any] = json.loads(response.body)
        assert response.status == 200, body
        return body

    def elsewhere(self, folder: Path) -> "SubscribeWorld":
        """Another machine with the same sheet: its own ledger, its own key, the same Stripe."""
        folder.mkdir()
        other = replace(self, world=replace(self.world, folder=folder, events=[]))
        other.write()
        return other

    async def subscribe_all(self, preflight: Preflight = Preflight.ALL) -> Any:
        """Plan and run in one runner, then go home."""
        async with self.world.services() as services:
            await self.world.plan(services, preflight)
            return await self.world.run(services)

    async def go_on(self, verb: str = "run") -> Any:
        """Run, resolve or settle once more, in another runner."""
        async with self.world.services() as services:
            return await getattr(self.world, verb)(services)

    async def give_up(self) -> Any:
        """Close every line unpaid, as `billing cancel` does."""
        rows = dict.fromkeys((item.id for item in await self.items()), Why("cancelled"))
        async with self.world.services() as services:
            return await close(services, RUN, rows, self.world.policies, RunOptions())

    # -- what came of it

    async def items(self) -> list[ItemRecord]:
        return await self.world.item()

    async def states(self) -> list[str]:
        return [str(item.state) for item in await self.items()]

    def books(self) -> list[SubscriptionBook]:
        return [book for account in self.sandbox.world.accounts.values() for book in subscription_books(account)]

    def customers(self, account: str) -> list[Mapping[str, Any]]:
        return list(self.sandbox.world.account(account)["cus"])

    async def assert_true(self) -> None:
        """Of each line at most one subscription was ever paid or will be, and what is called so is the one that was."""
        await self.assert_once()
        for item in await self.items():
            if item.state is State.SUCCEEDED:
                counting = [book.subscription for book in self.of_line(item) if book.counts or _has_started(book)]
                assert counting == [item.object_id], f"{item.reference} is subscribed by {counting}"

    def of_line(self, item: ItemRecord) -> list[SubscriptionBook]:
        """Every subscription that was ever opened for an item."""
        return [book for book in self.books() if book.metadata.get("billing_item") == item.item_id]

    async def assert_once(self, *, alone: bool = True) -> None:
        """The same at any moment, whatever others have cancelled; ``alone``: no other ledger has sent anything.

        Of each line at most one subscription counts, none where a ledger says that nothing was or will be paid; of each
        payer one customer on an account is used; the ledger is whole.
        """
        async with self.world.read() as ledger:
            assert ledger.verify().faults == ()
        for item in await self.items():
            counting = [book.subscription for book in self.of_line(item) if book.counts]
            assert len(counting) <= 1, f"{item.reference} has {counting}"
            if alone and item.state in NOT_SUBSCRIBED:
                assert counting == [], f"{item.reference} is {item.state}, and {counting} counts"
        for account in self.world.scenario.accounts:
            used = {book.customer for book in self.books() if book.account == account}
            rows = [row for row in self.customers(account) if row["id"] in used]
            linked = [payer for row in rows if (payer := row["metadata"].get("billing_payer"))]
            assert len(linked) == len(set(linked)), f"two customers of one payer on {account}"


def _has_started(book: SubscriptionBook) -> bool:
    """Whether it was started; its renewals may have come to nothing since, and ended it."""
    return book.metadata.get("billing_started") == "1"
