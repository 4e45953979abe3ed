"""One seed, one life of links kept in step: syncs come to grief, payers change cards and names; then all is read.

One ledger, or two that know nothing of each other. What happens to runners and requests is drawn as for charges
(`tests.sim.schedule`); beside it payers save other cards, issuers replace them, names change, somebody subscribes once
more or makes an old copy the default by hand.
"""

import random
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import anyio

from billing.core.errors import BillingError
from billing.core.exits import Exit
from billing.core.kinds import is_final
from billing.core.wire import WireRequest, WireResponse
from billing.edge.stripe.found import LookupFailed
from billing.sandbox import issuer
from billing.sandbox.config import Behaviour, Chances, Latency, Limits, SandboxConfig
from billing.sandbox.faults import FaultPlan
from billing.sandbox.inprocess import InProcess
from billing.sandbox.issuer import NewCard
from tests.flow.sync_world import SyncWorld
from tests.sim.lifecycle import YieldingLedger, memory_folder
from tests.sim.machine import Machine, Process
from tests.sim.network import Network
from tests.sim.pair import PAUSES
from tests.sim.schedule import DAY, HOUR, Doom, Fate, How, fate_of
from tests.virtual import run_virtually

CARDS = ("pm_card_mastercard", "pm_card_amex", "pm_card_visa")
CONTINUATIONS, WEATHER = 7, 3
LATES = (5.0, 2 * HOUR, 26 * HOUR)
APART = 5.0
# Seconds between what payers do and what syncs do: of two copies made in one second neither counts as older.


class Yielding(YieldingLedger):
    """The same for commits about several items."""

    async def record_all(self, *args, **kwargs):
        await anyio.lowlevel.checkpoint()
        after = await self._ledger.record_all(*args, **kwargs)
        await anyio.lowlevel.checkpoint()
        return after


@dataclass(slots=True)
class SyncLife:
    """Links, a ledger, and the machine on which syncs are run."""

    world: SyncWorld
    machine: Machine
    network: Network
    fate: Fate
    met: Counter[How] = field(default_factory=Counter)

    @classmethod
    def begin(cls, seed: int, fate: Fate, folder: Path, items: int, *, own: bool) -> "SyncLife":
        """Subscribe in fine weather; the faults begin with the first change."""
        machine, chance = Machine(seed), random.Random(f"sync-{seed}")
        config = SandboxConfig(
            seed=seed,
            limits=Limits.off(),
            latency=Latency(median_seconds=fate.latency),
            behaviour=Behaviour(detach_clears_default=chance.random() < 0.3),
        )
        clock = lambda: config.start + machine.now  # noqa: E731  a clock is a function
        payers = ("pm_card_visa",) * max(items // 2, 1)
        world = SyncWorld.make(folder, payers, config, clock, accounts=2, own=own)
        chances = Chances(kinds=fate.faults, late_seconds=chance.choice(LATES), hang_seconds=3.0)
        world.sandbox.faults = FaultPlan(seed, chances)
        return cls(world, machine, Network(machine, world.sandbox, fate.travel), fate)

    def elsewhere(self, folder: Path) -> "SyncLife":
        """Another machine that keeps the same links in step: its own ledger and network."""
        network = Network(self.machine, self.world.sandbox, self.fate.travel)
        return replace(self, world=self.world.elsewhere(folder), network=network)

    def runner(self, doom: Doom | None = None, *, everybody: bool = False) -> Process:
        """Start what an operator starts, again and again."""

        async def main(process: Process) -> Exit:
            skew = doom.skew if doom else 0.0
            wire = self.network.wire(process)
            async with self.world.world.services(lock=False, wire=wire, skew=skew) as services:
                cut = doom.turn if doom and doom.how is How.CUT else None
                services.ledger = Yielding(services.ledger, cut)  # type: ignore[arg-type]
                if isinstance(await services.gateway.own_account(), LookupFailed):
                    return Exit.UNREACHABLE
                return (await self.world.sync_with(services, everybody=everybody)).exit

        return self.machine.start(main)

    def doomed(self, doom: Doom, *company: Process) -> Process:
        """Let one runner meet its fate, and whoever keeps it company come to an end."""
        runner = self.runner(doom)
        turns = float("inf") if doom.how is How.CUT else doom.turn
        self.machine.run(lambda: not runner.alive or runner.turns >= turns)
        self.met[doom.how] += runner.alive
        if doom.how is How.KILL:
            runner.kill()
            self.network.cut_off(runner)
        elif doom.how is How.STOP:
            runner.stop()
        elif doom.how in (How.DRAIN, How.DRAIN_TWICE):
            runner.signal(signal.SIGTERM)
        self.machine.finish(*([] if doom.how is How.STOP else [runner]), *company)
        self.machine.pass_time(max(doom.jump, APART))
        return runner

    def finish(self) -> None:
        """Sync until nothing is open, as often as an operator might; the weather turns fine meanwhile."""
        for turn in range(CONTINUATIONS):
            if turn == WEATHER:
                self.world.sandbox.faults.clear()
            self.machine.pass_time(APART)
            self.machine.finish(self.runner(everybody=turn >= WEATHER))
            items = run_virtually(self.world.items)
            if turn > WEATHER and all(is_final(item.state) for item in items):
                return
        raise AssertionError(f"still open after {CONTINUATIONS} syncs: {[str(item.state) for item in items]}")

    def change(self, chance: random.Random) -> None:
        """Let a payer, an issuer or somebody in the Dashboard do something."""
        link = chance.choice(self.world.links)
        what = chance.choice(("card", "card", "issuer", "name", "subscribe", "default", "nothing"))
        attached = [copy["id"] for copy in self.world.attached(link)]
        if what == "card":
            self.world.new_card(link.payer, chance.choice(CARDS))
        elif what == "issuer":
            card = NewCard(chance.randint(1, 12), chance.randint(2031, 2040), f"{chance.randint(0, 9999):04}")
            issuer.replace(self.world.sandbox.world, self.world.default_of(link.payer)["id"], card)
        elif what == "name":
            self.world.post(f"/v1/customers/{link.payer}", name=f"Somebody {chance.randint(0, 99)}")
        elif what == "subscribe" and attached:
            self.world.open(link.account, link.customer, default_payment_method=chance.choice(attached))
        elif what == "default" and attached:
            name = "invoice_settings[default_payment_method]"
            self.world.post(f"/v1/customers/{link.customer}", link.account, **{name: chance.choice(attached)})
        self.machine.pass_time(APART)

    def verdict(self, *, alone: bool) -> None:
        """Hold the whole life to its laws.

        Raises:
            AssertionError: one of them does not hold.
        """
        assert self.network.conflicts == [], self.network.conflicts[0]
        self.world.assert_in_step(alone=alone)
        run_virtually(self.world.whole)
        found = run_virtually(lambda: self.world.look(everybody=True))
        assert not found.drifted, f"after all of it: {found.says()}"


def simulate_syncs(seed: int, items: int = 4, *, ledgers: int = 1) -> str:
    """Live one seed on one ledger or two; return what was violated, or an empty text."""
    random.seed(seed)  # the jitter of resends draws from the process's own generator
    chance = random.Random(f"sync-life-{seed}")
    fate = fate_of(seed, items)
    with memory_folder() as folder:
        (folder / "first").mkdir()
        one = SyncLife.begin(seed, fate, folder / "first", items, own=chance.random() < 0.5)
        lives = [one] if ledgers == 1 else [one, one.elsewhere(folder / "second")]
        try:
            _live(lives, fate, chance)
            violation = ""
        except Exception as failure:  # noqa: BLE001  whatever it is, the seed is what the reader needs
            violation = f"{type(failure).__name__}: {failure}"
        one.machine.bury()
        return violation


def _live(lives: Sequence[SyncLife], fate: Fate, chance: random.Random) -> None:
    """Let payers change and every doomed sync have its turn, then continue; wake those that stood still; read."""
    stopped = [runner for doom in fate.dooms if (runner := _doomed(lives, doom, chance)) is not None]
    lives[0].change(chance)
    _finish(lives)
    if stopped:
        lives[0].machine.pass_time(DAY)
        for runner in stopped:
            runner.resume(noticed=fate.noticed)
        lives[0].machine.finish(*stopped)
        _finish(lives)
    for life in lives:
        life.verdict(alone=len(lives) == 1 and not fate.pairs)
    for process in lives[0].machine.processes:
        _assert_ended_on_purpose(process)


def _doomed(lives: Sequence[SyncLife], doom: Doom, chance: random.Random) -> Process | None:
    """Let something change, and one runner on one of the ledgers meet its fate; return it if it stands still."""
    life = chance.choice(lives)
    for _ in range(chance.randint(1, 2)):
        life.change(chance)
    runner = life.doomed(doom, *([chance.choice(lives).runner()] if doom.company else []))
    if len(lives) > 1:
        life.machine.pass_time(chance.choice(PAUSES))
    life.world.assert_works()
    return runner if doom.how is How.STOP and runner.alive else None


def _finish(lives: Sequence[SyncLife]) -> None:
    for _ in lives:  # what one ledger has left to another is seen by the next round
        for life in lives:
            life.finish()
            life.world.assert_works()


def _assert_ended_on_purpose(process: Process) -> None:
    """A runner ends with an exit code or with an error raised on purpose, never with a surprise."""
    try:
        process.result  # noqa: B018  raises what ended it
    except (BillingError, BaseExceptionGroup) as error:
        surprises = error.split(BillingError)[1] if isinstance(error, BaseExceptionGroup) else None
        if surprises is not None:
            raise surprises from None


# --- nothing goes wrong -----------------------------------------------------------------------------------------------


class Watched:
    """A wire that notes after which answers a default is dead, or a customer without a method that works."""

    def __init__(self, world: SyncWorld) -> None:
        self._world, self._wire = world, InProcess(world.sandbox)
        self.wrong: list[str] = []

    async def send(self, request: WireRequest) -> WireResponse:
        """Carry one request, then look at everything."""
        answer = await self._wire.send(request)
        if self._world.sandbox.books().dead_defaults or not all(map(self._world.attached, self._world.links)):
            self.wrong.append(f"{request.method} {request.url}")
        return answer

    async def aclose(self) -> None:
        """Nothing is open."""


async def undisturbed(world: SyncWorld) -> list[str]:
    """Sync once, looking at everything after every answer; return what was wrong on the way."""
    watched = Watched(world)
    async with world.world.services(wire=watched) as services:
        assert (await world.sync_with(services)).exit is Exit.OK
    return watched.wrong


# --- every await -----------------------------------------------------------------------------------------------------


def sync_points(how: How, *, jump: float, every: int = 1) -> Iterator[str]:
    """Live a sync once for every so manieth turn an undisturbed runner takes; yield what was violated, or nothing."""
    for turn in count(1, every):
        reached, violation = _disturbed(how, turn, jump)
        if not (reached or violation):
            return
        yield violation


def _disturbed(how: How, turn: int, jump: float) -> tuple[bool, str]:
    doom = Doom(how, turn, company=False, jump=jump, skew=0.0)
    fate = Fate(1, {}, 0.1, 0.02, Behaviour(), (), noticed=False)
    with memory_folder() as folder:
        life = SyncLife.begin(7, fate, folder, 1, own=True)
        life.world.links = life.world.links[:1]
        life.machine.finish(life.runner())
        life.world.new_card(life.world.links[0].payer)
        life.machine.pass_time(APART)
        try:
            stopped = life.doomed(doom)
            life.world.assert_works()
            life.finish()
            if how is How.STOP and stopped.alive:
                stopped.resume(noticed=False)
                life.machine.finish(stopped)
                life.finish()
            life.verdict(alone=how is not How.STOP)
            violation = ""
        except Exception as failure:  # noqa: BLE001  whatever it is, the place is what the reader needs
            violation = f"{how}, after turn {turn}: {type(failure).__name__}: {failure}"
        life.machine.bury()
        return life.met.total() > 0, violation
