"""People who save payment details: a bench for payers, over a real SQLite file and a real sheet against the sandbox."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from billing.core.entries import ItemRecord
from billing.core.kinds.payer import State, customer_of
from billing.core.wire import Wire, WireRequest
from billing.edge.runfiles import ReadOptions, open_run
from billing.flow.carry_out import RunResult, agree_to_all, carry_out_run
from billing.flow.closing import Why, close
from billing.flow.kinds.payer import invite
from billing.flow.options import RunOptions
from billing.flow.planning.preflight import Preflight
from billing.flow.request import RunRequest
from billing.flow.services import Services
from billing.sandbox.config import SandboxConfig
from billing.sandbox.faults import FaultPlan
from billing.sandbox.payer import Deed, act
from tests.flow.world import RUN, UNGUARDED, World

PAGE = "https://pay.example.com"
HEADER = "reference,email,name,phone,types,return_url,first_payment,currency"
CUSTOMERS, SETUPS = "customers.create", "setup_intents.create"
OPEN_STATES = (State.READY, State.INVITED)
DAY = 86_400
VISA = "pm_card_visa"


@dataclass(frozen=True, slots=True)
class Person:
    """One line of the sheet."""

    number: int
    types: str = ""
    return_url: str = ""
    first_payment: str = ""
    currency: str = ""

    @property
    def cells(self) -> Sequence[str]:
        """The line."""
        who = (f"PAY-{self.number}", f"person{self.number}@example.net", f"Person {self.number}", "")
        return (*who, self.types, self.return_url, self.first_payment, self.currency)


@dataclass(slots=True)
class PayerWorld:
    """The bench.

    Attributes:
        world: provider, folder, and the ways to begin a runner.
        people: the lines.
        page: where payers reach a page of ours, or empty.
    """

    world: World
    people: Sequence[Person]
    page: str = PAGE
    answers_with: str = ""

    @classmethod
    def make(
        cls,
        folder: Path,
        people: Sequence[Person] | int = 1,
        config: SandboxConfig | None = None,
        clock: Callable[[], float] | None = None,
        page: str = PAGE,
    ) -> "PayerWorld":
        """Write a sheet of people."""
        world = World.make(folder, config, clock, items=0)
        every = [Person(number) for number in range(people)] if isinstance(people, int) else people
        made = cls(world, every, page)
        made.write()
        return made

    def write(self) -> None:
        """Write the sheet as the people are now."""
        lines = [HEADER, *(",".join(person.cells) for person in self.people)]
        self.world.file.write_text("\n".join(lines) + "\n")

    @property
    def sandbox(self) -> Any:
        return self.world.sandbox

    def sent(self, operation: str) -> int:
        """Requests of an operation so far."""
        return int(self.sandbox.requests[operation].sent)

    def elsewhere(self, folder: Path) -> "PayerWorld":
        """Another machine with the same sheet: its own ledger, its own key, the same Stripe."""
        folder.mkdir()
        other = replace(self, world=replace(self.world, folder=folder, events=[]))
        other.write()
        return other

    # -- verbs, each in a runner of its own

    @asynccontextmanager
    async def services(self, wire: Wire | None = None) -> AsyncIterator[Services]:
        """A runner's desk."""
        async with self.world.services(wire=wire) as services:
            services.public_url, services.answers_with = self.page, self.answers_with
            yield services

    async def run(self, *, amend: bool = False, wire: Wire | None = None) -> RunResult:
        """Plan and run, as ``billing run`` does."""
        asked = RunRequest(file=self.world.file, preflight=Preflight.NONE, read=ReadOptions(RUN), amend=amend)
        async with self.services(wire) as services:
            with open_run(self.world.file, run_id=RUN) as source:
                return await carry_out_run(services, source, asked, agree=agree_to_all)

    async def settle(self) -> Any:
        async with self.services() as services:
            return await self.world.settle(services)

    async def resolve(self) -> Any:
        async with self.services() as services:
            return await self.world.resolve(services)

    async def close(self, number: int = 0) -> Any:
        """Give a payer up, as ``billing cancel`` does."""
        async with self.services() as services:
            item = await self.item(number)
            return await close(services, RUN, {item.id: Why("cancelled")}, UNGUARDED, RunOptions())

    async def click(self, number: int = 0) -> invite.Invitation | invite.Answer:
        """The payer opens the link."""
        async with self.services() as services:
            return await invite.invitation(services, services.ledger.item((await self.item(number)).id))

    async def come_back(self, number: int = 0) -> invite.Answer:
        """The payer's browser comes back to the page."""
        async with self.services() as services:
            return await invite.follow(services, services.ledger.item((await self.item(number)).id))

    # -- what others do

    async def completes(self, number: int = 0, method: str = VISA) -> dict[str, Any]:
        """The payer completes the open invitation with a method of their own."""
        item = await self.item(number)
        assert item.instrument_id is not None
        return dict(act(self.sandbox.world, item.instrument_id, Deed.PAY, method))

    def post(self, path: str, **params: Any) -> dict[str, Any]:
        """Somebody does something on the platform in the Dashboard."""
        headers = {"Authorization": "Bearer sk_test_dashboard000"}
        request = WireRequest("POST", f"https://api.stripe.com{path}", headers, urlencode(params).encode())
        weather, self.sandbox.faults = self.sandbox.faults, FaultPlan()
        response = self.sandbox.handle(request).response
        self.sandbox.faults = weather
        assert response is not None
        body: dict[str, Any] = json.loads(response.body)
        assert response.status == 200, body
        return body

    # -- what came of it

    async def items(self) -> list[ItemRecord]:
        return await self.world.item()

    async def item(self, number: int = 0) -> ItemRecord:
        return (await self.items())[number]

    async def states(self) -> list[str]:
        return [str(item.state) for item in await self.items()]

    async def assert_true(self, *, alone: bool = True) -> None:
        """Hold the ledger against the sandbox's own objects: nobody pays twice, and nothing saved is called failed.

        Args:
            alone: no other ledger asks the same people: what is called failed here is so for all.
        """
        shelves = self.sandbox.world.platform
        setups = [*shelves["seti"], *shelves["pi"]]
        async with self.world.read() as ledger:
            assert ledger.verify().faults == ()
        for item in await self.items():
            ours = [one for one in setups if one["metadata"].get("billing_item") == item.item_id]
            saved = [one for one in ours if one["status"] == "succeeded"]
            attached = [one for one in saved if shelves["pm"].peek(one["payment_method"])["customer"]]
            assert sum(one["object"] == "payment_intent" for one in saved) <= 1, f"{item.reference} has paid twice"
            if item.state in (State.FAILED, State.SKIPPED):
                on_record = [item.facts.get("setup_intent"), item.facts.get("payment_intent")]
                known = [one["id"] for one in attached if alone or one["id"] in on_record]
                assert known == [], f"{item.reference} is {item.state}, and {known} is saved"
                assert all(one["status"] == "canceled" for one in ours if one["id"] in on_record)
            if item.state is State.SUCCEEDED:
                self._hold_default(item, alone=alone)

    def _hold_default(self, item: ItemRecord, *, alone: bool) -> None:
        """What was saved is the default, unless it was detached since; of two ledgers, what either has saved."""
        shelves = self.sandbox.world.platform
        owner = customer_of(item.object_id)
        saved = str(item.facts["payment_method"])
        if shelves["pm"].peek(saved)["customer"] is None:
            return
        default = shelves["cus"].peek(owner)["invoice_settings"]["default_payment_method"]
        assert default == saved or not alone, f"the default of {item.reference} is {default}, and {saved} was saved"
        assert default is not None, f"{item.reference} is {item.state}, and has no default"
        assert shelves["pm"].peek(default)["customer"] == owner, f"the default of {item.reference} is not its own"
