"""A platform, its ledger and its run on one bench: the shipped flows over a real SQLite file against the sandbox."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from billing.core.entries import ItemRecord
from billing.core.groups import group_of
from billing.core.items import Mode
from billing.core.kinds.charge import State
from billing.core.life import Group
from billing.core.policies import Policies, StopOn
from billing.core.wire import Wire, WireRequest, WireResponse
from billing.edge.ledger import Ledger
from billing.edge.ledger.sqlite.ledger import SqliteLedger
from billing.edge.ledger.sqlite.opening import open_ledger
from billing.edge.pacing.throttle import Rates, Throttle
from billing.edge.runfiles import RunDefaults, open_run
from billing.edge.secrets import ApiKey
from billing.edge.stripe.clock import ProviderClock
from billing.edge.stripe.gateway import Gateway
from billing.flow.execute import execute
from billing.flow.options import Ending, RunOptions
from billing.flow.planning.plan import PlanOptions, keep, make_plan
from billing.flow.planning.preflight import Preflight
from billing.flow.resolve import resolve, settle
from billing.flow.services import Services
from billing.sandbox.config import SandboxConfig
from billing.sandbox.faults import Fault, FaultKind, Scripted
from billing.sandbox.inprocess import InProcess
from billing.sandbox.model import Sandbox
from billing.sandbox.scenario import Scenario, ScenarioSpec, build
from tests.facts import assert_told

RUN = "coaching-2026-11"
IN_DOUBT = {State.PREPARING, State.READY, State.CONFIRMING, State.UNKNOWN, State.PARKED, State.CANCELLING}
FAST = Rates(1000, 1000, 1000, 64, 64)
UNGUARDED = Policies(stop_on=StopOn(decline_rate=1.0, same_error=10**9))


class Recording:
    """A wire that remembers what went over it."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.requests: list[WireRequest] = []

    async def send(self, request: WireRequest) -> WireResponse:
        self.requests.append(request)
        return await self._wire.send(request)

    async def aclose(self) -> None:
        await self._wire.aclose()


@dataclass(slots=True)
class World:
    """The bench. Everything outlives a runner, as Stripe and the disk do.

    Attributes:
        folder: where ledger, key and run file lie.
        sandbox: the provider.
        scenario: the platform's accounts, customers and items.
        held: ends of chains whose entries were held against the tables of facts.
    """

    folder: Path
    sandbox: Sandbox
    scenario: Scenario
    policies: Policies = UNGUARDED
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    held: set[str] = field(default_factory=set)

    @classmethod
    def make(
        cls,
        folder: Path,
        config: SandboxConfig | None = None,
        clock: Callable[[], float] | None = None,
        **spec: Any,
    ) -> "World":
        """Build a platform; ``clock`` gives its epoch seconds, ``spec`` are fields of ``ScenarioSpec``."""
        sandbox = Sandbox(config or SandboxConfig(limits=SandboxConfig().limits.off()), clock=clock)
        world = cls(folder, sandbox, build(sandbox, ScenarioSpec(**spec)))
        world.file.write_text(world.scenario.as_csv())
        return world

    @property
    def file(self) -> Path:
        return self.folder / "coaching.csv"

    def script(self, kind: FaultKind, operation: str, nth: int = 1, times: int = 1, **fault: Any) -> None:
        """Let the nth request of an operation meet a fault."""
        self.sandbox.faults.add(Scripted(Fault(kind, **fault), operation, nth=nth, times=times))

    @asynccontextmanager
    async def ledger(self, clock: ProviderClock, **options: Any) -> AsyncIterator[SqliteLedger]:
        """A handle on the ledger, committing on this thread; ``options`` are those of ``open_ledger``."""
        ledger = await open_ledger(
            f"sqlite:///{self.folder / 'ledger.db'}",
            key_file=self.folder / "ledger.key",
            clock=clock.now,
            inline=True,
            purpose=RUN,
            **options,
        )
        try:
            yield ledger
            if (head := ledger.head) not in self.held:
                assert_told(ledger)
                self.held.add(head)
        finally:
            await ledger.aclose()

    @asynccontextmanager
    async def services(
        self, *, wire: Wire | None = None, rates: Rates = FAST, skew: float = 0.0, **ledger_options: Any
    ) -> AsyncIterator[Services]:
        """One runner's desk: its own ledger handle, gateway and clock; ``skew`` is how wrong its wall clock is."""
        loop = asyncio.get_running_loop()
        clock = ProviderClock(wall=lambda: self.sandbox.now + skew, monotonic=loop.time)
        async with self.ledger(clock, **ledger_options) as ledger:
            gateway = Gateway(
                wire or InProcess(self.sandbox),
                ApiKey("sk_test_worldworldworld"),
                mode=Mode.TEST,
                platform=self.sandbox.world.platform.id,
                throttle=Throttle(rates),
                clock=clock,
                api_base="http://127.0.0.1",
            )
            log: Callable[..., None] = lambda event, **facts: self.events.append((event, facts))  # noqa: E731
            yield Services(ledger, gateway, clock, Mode.TEST, gateway.platform, rates, log)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[SqliteLedger]:
        """The ledger as anybody may read it, while runners come and go."""
        async with self.ledger(ProviderClock(), write=False) as ledger:
            yield ledger

    async def plan(self, services: Services, preflight: Preflight = Preflight.NONE, **options: Any) -> None:
        """Plan the run file and keep the plan."""
        with open_run(self.file, run_id=RUN, defaults=RunDefaults(policies=self.policies)) as source:
            plan = await make_plan(services, source, PlanOptions(preflight, **options))
            await keep(plan, source, services.ledger)

    async def run(self, services: Services, **options: Any) -> Ending:
        return await execute(services, RUN, RunOptions(**options), self.policies)

    async def resolve(self, services: Services) -> Ending:
        return await resolve(services, RUN, RunOptions(), self.policies)

    async def settle(self, services: Services) -> Ending:
        return await settle(services, RUN, RunOptions(), self.policies)

    async def charge_all(self, preflight: Preflight = Preflight.NONE, **options: Any) -> Ending:
        """Plan and run in one runner, then go home."""
        async with self.services() as services:
            await self.plan(services, preflight)
            return await self.run(services, **options)

    def items(self, services: Services) -> list[ItemRecord]:
        return _items(services.ledger)

    async def item(self) -> list[ItemRecord]:
        """What the ledger holds, read by nobody's runner."""
        async with self.read() as ledger:
            return _items(ledger)

    async def groups(self) -> Counter[Group]:
        return Counter(group_of(item) for item in await self.item())

    async def assert_true(self) -> list[ItemRecord]:
        """I1, I2, I3 and I6 against the sandbox's own books, and the ledger against itself; return its items."""
        books = self.sandbox.books()
        assert books.doubles() == []
        by_intent = {row.intent: row for row in books.intents}
        async with self.read() as ledger:
            assert ledger.verify().faults == ()
            known = _items(ledger)
        paid: Counter[tuple[str, str]] = Counter()
        for item in known:
            rows = books.by_item().get(item.item_id, [])
            taken = sum(row.taken for row in rows)
            if item.state is State.SUCCEEDED:
                assert by_intent[item.object_id].paid == 1, f"{item.reference} is not paid by its own intent"
                paid[item.account, item.currency] += item.amount
            elif item.state in (State.FAILED, State.SKIPPED):
                assert taken == 0, f"{item.reference} is {item.state} and {taken} was taken"
                assert item.object_id is None or by_intent[item.object_id].status == "canceled"
            elif item.state is State.UNPAID:
                assert taken == 0, f"{item.reference} rests unpaid and {taken} was taken"
        if not any(item.state in IN_DOUBT for item in known):
            assert paid == self._taken(exclude={item.object_id for item in known if item.state is State.UNSETTLED})
        return known

    def _taken(self, exclude: set[str | None]) -> Counter[tuple[str, str]]:
        """What was really taken per account and currency, without debits the ledger still follows."""
        taken: Counter[tuple[str, str]] = Counter()
        for row in self.sandbox.books().intents:
            if row.taken and row.intent not in exclude:
                taken[row.account, row.currency] += row.taken
        return taken


def _items(ledger: Ledger) -> list[ItemRecord]:
    return [line.item for line in ledger.report(RUN) if line.item is not None]


def with_latency(seconds: float) -> SandboxConfig:
    """A sandbox without limits whose answers take about this long."""
    config = SandboxConfig()
    return replace(config, limits=config.limits.off(), latency=replace(config.latency, median_seconds=seconds))
