"""One seed, one life of a run: runners come and go as the seed says until nothing is left to do; then the books."""

import random
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from billing.core.entries import ItemRecord
from billing.core.errors import BillingError, LedgerError
from billing.core.exits import Exit
from billing.core.groups import group_of
from billing.core.kinds.charge import State
from billing.core.life import Group
from billing.edge.ledger.sqlite.ledger import SqliteLedger
from billing.edge.stripe.found import LookupFailed
from billing.flow.kinds.charge.prepare import OPEN_WAITS
from billing.sandbox.config import Chances, Latency, Limits, SandboxConfig
from tests.flow.world import RUN, World
from tests.sim.machine import Machine, Process
from tests.sim.network import Network
from tests.sim.schedule import DAY, HOUR, MIX, Doom, Fate, How, fate_of
from tests.virtual import run_virtually

OPEN = (Group.UNKNOWN, Group.PENDING, Group.PARKED)
CONTINUATIONS, WEATHER, DAY_PASSES = 8, 4, 6
# An operator continues and resolves at most this often; more would hide a livelock. From the one continuation on the
# weather is fine, and before the other a day passes.


class YieldingLedger:
    """The real ledger, with an await before and after each commit: a runner can be killed on either side of it.

    The ledger of a simulation commits on the runner's own thread; the shipped one hands over to another. From the
    ``fails_at``-th commit on it fails as on a full disk.
    """

    def __init__(self, ledger: SqliteLedger, fails_at: int | None = None) -> None:
        self._ledger, self._left = ledger, fails_at

    async def record(self, *args, **kwargs):
        await anyio.lowlevel.checkpoint()
        if self._left is not None:
            self._left -= 1
            if self._left <= 0:
                raise LedgerError("no space left on the disk")
        after = await self._ledger.record(*args, **kwargs)
        await anyio.lowlevel.checkpoint()
        return after

    def __getattr__(self, name: str):
        return getattr(self._ledger, name)


@dataclass(slots=True)
class Life:
    """A platform, its ledger and the machine its runners work on; ``met`` counts the dooms that found one alive."""

    world: World
    machine: Machine
    network: Network
    fate: Fate
    met: Counter[How] = field(default_factory=Counter)

    @classmethod
    def begin(cls, seed: int, fate: Fate, folder: Path, mix: dict[str, float] = MIX) -> "Life":
        """Build the world of a seed; the provider's time is the machine's."""
        machine = Machine(seed)
        config = SandboxConfig(
            seed=seed,
            limits=Limits.off(),
            latency=Latency(median_seconds=fate.latency),
            behaviour=fate.habits,
            chances=Chances(kinds=fate.faults, late_seconds=5.0, hang_seconds=3.0, slow_seconds=2.0),
        )
        accounts = min(3, fate.items)
        clock = lambda: config.start + machine.now  # noqa: E731  a clock is a function
        world = World.make(
            folder, config, clock, seed=config.seed, items=fate.items, accounts=accounts, items_per_customer=2, mix=mix
        )
        return cls(world, machine, Network(machine, world.sandbox, fate.travel), fate)

    def runner(self, doom: Doom | None = None) -> Process:
        """Start what an operator starts, again and again: the run, then what it left open."""

        async def main(process: Process) -> Exit:
            skew = doom.skew if doom else 0.0
            async with self.world.services(lock=False, wire=self.network.wire(process), skew=skew) as services:
                cut = doom.turn if doom and doom.how is How.CUT else None
                services.ledger = YieldingLedger(services.ledger, cut)
                if isinstance(await services.gateway.own_account(), LookupFailed):
                    return (
                        Exit.UNREACHABLE
                    )  # as `flow.open_services` does, so that Stripe's time is known before any key is
                if services.ledger.run(RUN) is None:
                    await self.world.plan(services)
                ending = await self.world.run(services)
                if ending.exit is Exit.OK:
                    ending = await self.world.resolve(services)
                return ending.exit

        return self.machine.start(main)

    def doomed(self, doom: Doom) -> Process:
        """Let one runner meet its fate, and whoever keeps it company come to an end."""
        runner = self.runner(doom)
        company = [self.runner()] if doom.company else []
        turns = float("inf") if doom.how is How.CUT else doom.turn
        self.machine.run(lambda: not runner.alive or runner.turns >= turns)
        self._meet(runner, doom.how)
        rest = [] if doom.how is How.STOP else [runner]
        self.machine.finish(*rest, *company)
        self.machine.pass_time(doom.jump)
        return runner

    def _meet(self, runner: Process, how: How) -> None:
        self.met[how] += runner.alive or (how is How.CUT and _failed(runner))
        match how:
            case How.KILL:
                runner.kill()
                self.network.cut_off(runner)
            case How.STOP:
                runner.stop()
            case How.DRAIN:
                runner.signal(signal.SIGTERM)
            case How.DRAIN_TWICE:
                runner.signal(signal.SIGTERM)
                self.machine.run(lambda turns=runner.turns: not runner.alive or runner.turns > turns + 5)
                runner.signal(signal.SIGTERM)
            case How.CUT:
                pass

    def finish(self) -> None:
        """Continue until nothing is open, as often as an operator might."""
        for turn in range(CONTINUATIONS):
            if turn == WEATHER:
                self.world.sandbox.faults.clear()  # finitely many faults
            if turn == DAY_PASSES:
                run_virtually(assert_only_opens_wait, self.world)
                self.machine.pass_time(DAY + HOUR)
            last = self.runner()
            self.machine.finish(last)
            groups = run_virtually(self.world.groups)
            if groups.total() == self.fate.items and not any(groups[group] for group in OPEN):
                return
        raise AssertionError(f"still open after {CONTINUATIONS} continuations: {dict(groups)}")

    def live(self) -> None:
        """Let every doomed runner have its turn, then continue; last, wake those that stood still, and continue."""
        stopped = []
        for doom in self.fate.dooms:
            runner = self.doomed(doom)
            if doom.how is How.STOP and runner.alive:
                stopped.append(runner)
            if (self.world.folder / "ledger.db").exists():
                run_virtually(self.world.assert_true)
        self.finish()
        if stopped:
            self.machine.pass_time(DAY)
            for runner in stopped:
                runner.resume(noticed=self.fate.noticed)
            self.machine.finish(*stopped)
            self.finish()

    def verdict(self) -> Counter[Group]:
        """Hold the whole life to I1-I6; return how its items ended.

        Raises:
            AssertionError: one of them does not hold.
        """
        assert self.network.conflicts == [], self.network.conflicts[0]
        for process in self.machine.processes:
            _assert_ended_on_purpose(process)
        known = run_virtually(self.world.assert_true)
        assert_as_expected(self.world, self.fate, known)
        return Counter(group_of(item) for item in known)


def _failed(process: Process) -> bool:
    try:
        return process.result is None
    except (BillingError, BaseExceptionGroup):
        return True


def _assert_ended_on_purpose(process: Process) -> None:
    """A runner ends with an exit code or with an error raised on purpose, never with a surprise."""
    try:
        ended = process.result
    except (BillingError, BaseExceptionGroup) as error:
        surprises = error.split(BillingError)[1] if isinstance(error, BaseExceptionGroup) else None
        if surprises is not None:
            raise surprises from None
        return
    assert ended in (None, Exit.OK, Exit.TERMINATED, Exit.UNREACHABLE), f"a runner ended with {ended!r}"


async def assert_only_opens_wait(world: World) -> None:
    """In fine weather a day ends what an hour does not for one thing alone: a server error kept under an open's key."""
    waiting = [item.reference for item in await world.item() if _waits_in_vain(item)]
    assert waiting == [], f"still open in fine weather: {waiting}"


def _waits_in_vain(item: ItemRecord) -> bool:
    return group_of(item) in OPEN and item.facts.get("reason_code") != OPEN_WAITS["reason_code"]


ENDS: dict[str, frozenset[Group]] = {
    "succeeds": frozenset({Group.SUCCEEDED}),
    "insufficient_funds": frozenset({Group.DECLINED}),
    "stolen_card": frozenset({Group.NEEDS_CUSTOMER}),
    "authentication_required": frozenset({Group.NEEDS_CUSTOMER}),
    "debit_succeeds": frozenset({Group.PROCESSING, Group.SUCCEEDED}),
    "debit_fails": frozenset({Group.PROCESSING, Group.DECLINED}),
    "not_clonable": frozenset({Group.FAILED}),
}
# How an item must end whatever went wrong on the way; a debit may have settled while the clock jumped.


def assert_as_expected(world: World, fate: Fate, known: list[ItemRecord]) -> None:
    """I4, and more: every line ends as its payment method says, and no more intents are opened than keys allow."""
    intents = world.sandbox.books().by_item()
    ends = {row.reference: ENDS[row.outcome] for row in world.scenario.rows}
    assert sorted(item.reference for item in known) == sorted(ends), "a line was lost or doubled"
    for item in known:
        # Another ledger's fence is found closed, and does not say why.
        closed = fate.ledgers > 1 and item.state is State.FAILED
        blocked = item.facts.get("reason_code") == "card_blocked"
        group = group_of(item)
        assert blocked or closed or group in ends[item.reference], f"{item.reference} ended {group}"
        opened = len(intents.get(item.item_id, ()))
        # Two runners may each open one under an old and a new key; one runner never does.
        assert fate.pairs or fate.ledgers > 1 or opened <= 1 + item.facts.get("open_n", 0), (
            f"{item.reference}: {opened} intents"
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a life came to: ``violation`` is empty when every invariant held."""

    seed: int
    items: int
    violation: str
    groups: Counter[Group]
    requests: int
    turns: int
    met: int

    @property
    def replay(self) -> str:
        """The command that lives this life again, alone."""
        return f"python -m tests.sim --first {self.seed} --seeds 1 --items {self.items}"


def simulate(seed: int, items: int = 8) -> Verdict:
    """Live one seed and hold it to I1-I6."""
    random.seed(seed)  # the jitter of resends draws from the process's own generator
    fate = fate_of(seed, items)
    with memory_folder() as folder:
        life = Life.begin(seed, fate, folder)
        try:
            life.live()
            violation, groups = "", life.verdict()
        except Exception as failure:  # noqa: BLE001  whatever it is, the seed is what the reader needs
            violation, groups = f"{type(failure).__name__}: {failure}", Counter()
        turns = sum(process.turns for process in life.machine.processes)
        life.machine.bury()
        requests = life.world.sandbox.requests.total()
        return Verdict(seed, items, violation, groups, requests, turns, life.met.total())


@contextmanager
def memory_folder() -> Iterator[Path]:
    """A folder in memory where there is one: the disk's speed is none of the invariants."""
    memory = Path("/dev/shm")  # noqa: S108  a file system, not a file name
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None, prefix="billing-sim-") as folder:
        yield Path(folder)
