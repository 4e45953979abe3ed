"""One case of the fault matrix, lived: its requests, its faults, perhaps a runner that dies, and what came of it."""

import asyncio
import random
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from billing.core.entries import Entry, ItemRecord
from billing.core.exits import Exit
from billing.core.groups import group_of
from billing.core.kinds import is_unsent
from billing.core.kinds.charge import State
from billing.core.wire import AnswerLost, WireRequest, WireResponse
from billing.edge.stripe.transport import TOTAL_SECONDS
from billing.flow.kinds.charge.prepare import OPEN_WAITS
from billing.sandbox.arrivals import arrival_of
from billing.sandbox.books import IntentBook, Logged
from billing.sandbox.config import START, Behaviour, Limits, SandboxConfig
from billing.sandbox.faults import Scripted
from billing.sandbox.inprocess import InProcess
from billing.sandbox.model import Pending
from tests.flow.world import RUN, World
from tests.sim.matrix import (
    CLONE,
    COSTS,
    FAULTS,
    KEYS,
    KINDS,
    LIST,
    LOOKED_AFTER,
    OPEN,
    OUTLIVED,
    PAIR_AGAIN,
    REFUSED,
    STILL_OPEN,
    STORES,
    WEEK,
    Case,
    Death,
    Kind,
    Sort,
    Trouble,
)
from tests.virtual import run_virtually


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as it left: what it was, what it met. ``life`` counts the runners from 0."""

    life: int
    request: WireRequest
    line: Logged

    @property
    def key(self) -> str:
        """Its idempotency key, or empty."""
        return self.line.idempotency_key or ""


class Watched:
    """The sandbox as a wire that gives up after the real one's time, remembers every request, and kills a runner."""

    def __init__(self, world: World, death: Death | None) -> None:
        self._sandbox = world.sandbox
        self._wire = InProcess(self)  # type: ignore[arg-type]
        self._death = death
        self._met: Counter[str] = Counter()
        self.life = 0
        self.scope = anyio.CancelScope()
        self.sent: list[Sent] = []
        self.exits: list[Exit] = []

    def begin(self, request: WireRequest) -> Pending:
        """Stand before the sandbox: what it notes of a request belongs to the request."""
        pending = self._sandbox.begin(request)
        self.sent.append(Sent(self.life, request, self._sandbox.log[-1]))
        return pending

    def finish(self, pending: Pending) -> Any:
        return self._sandbox.finish(pending)

    async def send(self, request: WireRequest) -> WireResponse:
        operation = arrival_of(request).operation
        self._met[operation] += 1
        doomed = self._death is not None and (operation, self._met[operation]) == (
            self._death.operation,
            self._death.nth,
        )
        if doomed and not self._death.after:
            await self._die()
        with anyio.move_on_after(TOTAL_SECONDS):
            try:
                return await self._wire.send(request)
            finally:
                if doomed:
                    await self._die()
        raise AnswerLost("SocketTimeoutError")

    async def _die(self) -> None:
        self.scope.cancel()
        await anyio.sleep_forever()

    async def aclose(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True, slots=True)
class Story:
    """What one case came to.

    Attributes:
        ran: the item after its run, and after the continued run where a runner died.
        rested: the same after ``resolve``, with the faults over.
        ended: a week later, after ``settle``.
        banked: how often the bank was asked until the item rested.
        intents: what the provider's books hold of it a week later.
        entries: of the ledger.
        sent: every request, in the order of arrival.
        exits: exit code of each run.
        resting: how many requests there were when the item rested.
    """

    case: Case
    ran: ItemRecord
    rested: ItemRecord
    ended: ItemRecord
    banked: int
    intents: tuple[IntentBook, ...]
    entries: tuple[Entry, ...]
    sent: tuple[Sent, ...]
    exits: tuple[Exit, ...]
    resting: int

    @property
    def met(self) -> list[tuple[str, Trouble]]:
        """The faults that were really met, each with the operation that met it."""
        return [(one.line.operation, self.trouble(one.line)) for one in self.sent if one.line.fault is not None]

    @property
    def kind(self) -> Kind:
        """The line the item must follow: its own, unless a refusal that nothing contradicts ended it."""
        ends = (REFUSED.get((op, trouble.done)) for op, trouble in self.met if trouble.sort is Sort.REFUSED)
        return next((end for end in ends if end), KINDS[self.case.kind])

    @property
    def expected(self) -> Counter[str]:
        """How many requests of each operation it takes until the item rests, and how many keys."""
        due = Counter(self.kind.sends)
        due[KEYS] = len(self.kind.sends)
        lost: set[str] = set()
        for operation, trouble in self.met:
            due.update(COSTS[operation, trouble.sort, trouble.done])
            due.update(LOOKED_AFTER.get((operation, trouble.sort), ()) if operation in lost else ())
            if self.case.kind == "not_clonable" and (operation, trouble.sort) in PAIR_AGAIN:
                waits = (operation, trouble.sort, trouble.done) == (OPEN, Sort.STORED, False)
                due[CLONE] += 1 + waits  # in the sweep, and when the key is forgotten
            lost |= {operation} if trouble.sort is Sort.LOST else set()
        if self.case.death is not None:
            due.update(self.case.death.cost)
            due[LIST] -= self.case.death.operation == LIST  # what it would have shown, the next runner's own list shows
        return due

    @property
    def counted(self) -> Counter[str]:
        """What it really took."""
        until = self.sent[: self.resting]
        took = Counter(one.line.operation for one in until)
        took[LIST] -= len({one.life for one in until if one.line.operation == LIST})  # each runner's own, before all
        took[KEYS] = len({one.key for one in until if one.key})
        return took

    def trouble(self, line: Logged) -> Trouble:
        if line.fault in STORES and line.status not in (0, 500):
            return FAULTS["slow"]  # the key had its answer already, and that was replayed: an answer
        meant = (FAULTS[step.fault] for step in self.case.steps if step.operation == line.operation)
        return next(found for found in meant if found.fault.kind is line.fault)


async def live(case: Case, folder: Path) -> Story:
    """Run the item into its faults, continue after a death, resolve, settle a week later; hold it to I1-I3 and I6."""
    began = asyncio.get_running_loop().time()
    config = SandboxConfig(limits=Limits.off(), behaviour=Behaviour(clone_spent_on=case.spent))
    clock = lambda: START + asyncio.get_running_loop().time() - began  # noqa: E731
    world = World.make(folder, config, clock=clock, items=1, accounts=1, mix={case.kind: 1})
    for step in case.steps:
        world.sandbox.faults.add(Scripted(FAULTS[step.fault].fault, step.operation, nth=step.nth, times=step.times))
    random.seed(str(case))  # the jitter of resends draws from the process's own generator
    wire = Watched(world, case.death)
    ran = await _run(world, wire, case)
    rested = await _resolve(world, wire, ran)
    banked, resting = _banked(world), len(wire.sent)
    world.sandbox.advance(WEEK)
    async with world.services(wire=wire) as services:
        if rested.state is State.UNSETTLED:
            await world.settle(services)
        (ended,) = world.items(services)
        entries = tuple(services.ledger.entries(RUN))
    await world.assert_true()
    intents = world.sandbox.books().by_item().get(ended.item_id, [])
    return Story(
        case, ran, rested, ended, banked, tuple(intents), entries, tuple(wire.sent), tuple(wire.exits), resting
    )


async def _run(world: World, wire: Watched, case: Case) -> ItemRecord:
    """Plan and run; the runner that a death leaves behind is followed by another one."""
    with wire.scope:
        async with world.services(wire=wire) as services:
            await world.plan(services)
            wire.exits.append((await world.run(services)).exit)
            (item,) = world.items(services)
    if case.death is None:
        return item
    assert wire.scope.cancelled_caught, f"{case}: nobody died"
    world.sandbox.advance(case.death.hours)
    wire.life += 1
    async with world.services(wire=wire) as services:
        wire.exits.append((await world.run(services)).exit)
        return world.items(services)[0]


async def _resolve(world: World, wire: Watched, item: ItemRecord) -> ItemRecord:
    """Find out what became of what the run left open, now that the faults are over, and run what waits for it."""
    world.sandbox.faults.clear()
    if group_of(item) not in STILL_OPEN:
        return item
    if item.facts.get("reason_code") == OPEN_WAITS["reason_code"]:
        world.sandbox.advance(OUTLIVED)
    wire.life += 1
    async with world.services(wire=wire) as services:
        await world.resolve(services)
        if is_unsent(world.items(services)[0].state):
            await world.run(services)
        return world.items(services)[0]


def _banked(world: World) -> int:
    return sum(intent.paid + intent.pending + intent.declined for intent in world.sandbox.books().intents)


def lived(case: Case) -> Story:
    """Live a case on virtual time, in a folder in memory where there is one: no law here is the disk's."""
    memory = Path("/dev/shm")  # noqa: S108  a file system, not a file name
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None, prefix="billing-matrix-") as folder:
        return run_virtually(live, case, Path(folder))
