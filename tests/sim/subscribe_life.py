"""One seed, one life of a run of subscriptions: runners come to grief, others meddle, banks answer; then the books.

One ledger, or two that know nothing of each other. What happens to runners and requests is drawn as for charges
(`tests.sim.schedule`); beside it somebody cancels in the Dashboard, and days pass in which what was opened and not
recorded expires.
"""

import random
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from billing.core.errors import BillingError
from billing.core.exits import Exit
from billing.core.groups import group_of
from billing.core.life import Group
from billing.edge.stripe.found import LookupFailed
from billing.flow.planning.preflight import Preflight
from billing.sandbox.config import Chances, Latency, Limits, SandboxConfig
from billing.sandbox.faults import FaultKind, FaultPlan
from billing.sandbox.recurring import Recurring, VoidedFirst
from tests.flow.subscribe_world import OPEN as OPEN_IT
from tests.flow.subscribe_world import PAY, SubscribeWorld
from tests.flow.world import RUN
from tests.sim.lifecycle import YieldingLedger, memory_folder
from tests.sim.machine import Machine, Process
from tests.sim.network import Network
from tests.sim.schedule import DAY, HOUR, Doom, Fate, How, fate_of
from tests.virtual import run_virtually

METHODS = {
    "pm_card_visa": 0.55, "pm_card_chargeCustomerFail": 0.15, "pm_usBankAccount_success": 0.15,
    "pm_usBankAccount_noAccount": 0.08, "pm_card_authenticationRequired": 0.07,
}  # fmt: skip
LATER = 0.35
# The part of the lines that begin with a trial: nothing is due, and there is a fuse.
OPEN = (Group.UNKNOWN, Group.PENDING)
CONTINUATIONS, WEATHER = 8, 3
LATES = (5.0, 2 * HOUR, 26 * HOUR)
TRIAL_DAYS = 20
EXIT_CODES = (None, Exit.OK, Exit.TERMINATED, Exit.UNREACHABLE, Exit.STOPPED)


@dataclass(slots=True)
class SubscribeLife:
    """Payers, a ledger of subscriptions, and the machine its runners work on.

    Attributes:
        meddled: subscriptions that somebody cancelled in the Dashboard.
        met: what runners came to.
    """

    world: SubscribeWorld
    machine: Machine
    network: Network
    fate: Fate
    meddled: set[str] = field(default_factory=set)
    met: Counter[How] = field(default_factory=Counter)

    @classmethod
    def begin(cls, seed: int, fate: Fate, folder: Path, methods: Sequence[str]) -> "SubscribeLife":
        """Save the methods in fine weather; the faults begin with the run."""
        machine, chance = Machine(seed), random.Random(f"subscriptions-{seed}")
        recurring = Recurring(
            debit_activates=chance.random() < 0.5,
            cancel_voids=chance.random() < 0.5,
            voided_first=chance.choice(list(VoidedFirst)),
            carry_intent=chance.random() < 0.7,
        )
        config = SandboxConfig(
            seed=seed, limits=Limits.off(), latency=Latency(median_seconds=fate.latency), recurring=recurring
        )
        clock = lambda: config.start + machine.now  # noqa: E731  a clock is a function
        world = SubscribeWorld.make(folder, methods, config, clock, accounts=min(2, len(methods)))
        for row in world.rows:
            if chance.random() < LATER:
                row["trial_end"] = world.date(TRIAL_DAYS)
        if len(methods) > 1:  # a second line of the first payer, on the same account
            world.line(world.rows[0]["customer"], account=world.rows[0]["account"], product="Locker")
        world.write()
        chances = Chances(kinds=fate.faults, late_seconds=chance.choice(LATES), hang_seconds=3.0)
        world.sandbox.faults = FaultPlan(seed, chances)
        return cls(world, machine, Network(machine, world.sandbox, fate.travel), fate)

    def elsewhere(self, folder: Path) -> "SubscribeLife":
        """Another machine with the same sheet, its own ledger and network."""
        network = Network(self.machine, self.world.sandbox, self.fate.travel)
        return replace(self, world=self.world.elsewhere(folder), network=network)

    def runner(self, doom: Doom | None = None) -> Process:
        """Start what an operator starts, again and again: the run, then what it left open."""

        async def main(process: Process) -> Exit:
            skew = doom.skew if doom else 0.0
            wire = self.network.wire(process)
            async with self.world.world.services(lock=False, wire=wire, skew=skew) as services:
                cut = doom.turn if doom and doom.how is How.CUT else None
                services.ledger = YieldingLedger(services.ledger, cut)  # type: ignore[arg-type]
                if isinstance(await services.gateway.own_account(), LookupFailed):
                    return Exit.UNREACHABLE
                if services.ledger.run(RUN) is None:
                    await self.world.world.plan(services, Preflight.ACCOUNTS)
                ending = await self.world.world.run(services)
                if ending.exit is Exit.OK:
                    ending = await self.world.world.resolve(services)
                return ending.exit

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
        self.machine.pass_time(doom.jump)
        return runner

    def finish(self) -> None:
        """Continue until nothing is open, as often as an operator might; the weather turns fine meanwhile."""
        items = []
        for turn in range(CONTINUATIONS):
            if turn == WEATHER:
                self.world.sandbox.faults.clear()
                self.machine.pass_time(1.1 * DAY)  # errors that Stripe keeps for a day are forgotten
            self.machine.finish(self.runner())
            items = run_virtually(self.world.items)
            if len({item.reference for item in items}) == len(self.world.rows) and not any(
                group_of(item) in OPEN for item in items
            ):
                return
        raise AssertionError(f"still open after {CONTINUATIONS} continuations: {[str(item.state) for item in items]}")

    def follow(self, days: float) -> None:
        """Let days pass, and read in fine weather what the banks have said."""
        self.world.sandbox.faults.clear()
        self.machine.pass_time(days * DAY)

        async def main(process: Process) -> None:
            async with self.world.world.services(lock=False, wire=self.network.wire(process)) as services:
                await self.world.world.resolve(services)
                await self.world.world.settle(services)

        self.machine.finish(self.machine.start(main))

    def meddle(self, chance: random.Random) -> None:
        """Let somebody cancel one of the subscriptions in the Dashboard."""
        self.world.post("/v1/account", method="GET")  # what is due by now happens before anybody looks
        alive = [book for book in self.world.books() if book.status not in ("canceled", "incomplete_expired")]
        if alive:
            one = chance.choice(alive)
            self.meddled.add(one.subscription)
            self.world.post(f"/v1/subscriptions/{one.subscription}", one.account, "DELETE")

    def hold(self, *, alone: bool) -> None:
        """Hold the books at any moment."""
        if (self.world.world.folder / "ledger.db").exists():
            run_virtually(partial(self.world.assert_once, alone=alone))


def drawn(seed: int, items: int) -> tuple[Fate, tuple[str, ...], random.Random]:
    """Return what a seed holds in store."""
    chance = random.Random(f"subscribe-life-{seed}")
    methods = tuple(chance.choices(list(METHODS), list(METHODS.values()), k=items))
    return fate_of(seed, items), methods, chance


def simulate_subscriptions(seed: int, items: int = 4, *, ledgers: int = 1) -> str:
    """Live one seed on one ledger or two; return what was violated, or an empty text."""
    random.seed(seed)  # the jitter of resends draws from the process's own generator
    fate, methods, chance = drawn(seed, items)
    with memory_folder() as folder:
        (folder / "first").mkdir()
        one = SubscribeLife.begin(seed, fate, folder / "first", methods)
        lives = [one] if ledgers == 1 else [one, one.elsewhere(folder / "second")]
        try:
            _live(lives, fate, chance)
            violation = ""
        except Exception as failure:  # noqa: BLE001  whatever it is, the seed is what the reader needs
            violation = f"{type(failure).__name__}: {failure}"
        one.machine.bury()
        return violation


def _live(lives: Sequence[SubscribeLife], fate: Fate, chance: random.Random) -> None:
    """Let every doomed runner have its turn, then continue; wake those that stood still; follow the banks."""
    alone = len(lives) == 1
    stopped = [runner for doom in fate.dooms if (runner := _doomed(lives, doom, chance)) is not None]
    for life in lives:
        life.finish()
    if stopped:
        lives[0].machine.pass_time(1.1 * DAY)
        for runner in stopped:
            runner.resume(noticed=fate.noticed)
        lives[0].machine.finish(*stopped)
        for life in lives:
            life.finish()
    for days in (9, 30):
        for life in lives:
            life.follow(days)
            life.hold(alone=alone)
    for life in lives:
        assert life.network.conflicts == [] or not alone, life.network.conflicts[0]
        if alone and not life.meddled:
            run_virtually(life.world.assert_true)
    for process in lives[0].machine.processes:
        _assert_ended_on_purpose(process)


def _doomed(lives: Sequence[SubscribeLife], doom: Doom, chance: random.Random) -> Process | None:
    """Let one runner on one of the ledgers meet its fate; return it if it stands still."""
    life = chance.choice(lives)
    runner = life.doomed(doom, *([chance.choice(lives).runner()] if doom.company else []))
    if chance.random() < 0.25:
        life.meddle(chance)
    if len(lives) > 1:
        life.machine.pass_time(chance.choice((0.0, 5 * HOUR, 1.1 * DAY)))
    for each in lives:
        each.hold(alone=len(lives) == 1)
    return runner if doom.how is How.STOP and runner.alive else None


def _assert_ended_on_purpose(process: Process) -> None:
    """A runner ends with an exit code or with an error raised on purpose, never with a surprise."""
    try:
        ended = process.result
    except (BillingError, BaseExceptionGroup) as error:
        surprises = error.split(BillingError)[1] if isinstance(error, BaseExceptionGroup) else None
        if surprises is not None:
            raise surprises from None
        return
    assert ended in EXIT_CODES, f"a runner ended with {ended!r}"


# --- requests that are days late -------------------------------------------------------------------------------------


def late_open_where_nothing_is_due() -> str:
    """Let a first open arrive three days late, when another one has started long since; return what was violated."""
    with memory_folder() as folder:
        bench = SubscribeWorld.make(folder)
        bench.rows[0]["trial_end"] = bench.date(TRIAL_DAYS)
        bench.write()
        bench.world.script(FaultKind.LATE, OPEN_IT, seconds=3 * DAY)
        run_virtually(bench.subscribe_all)
        bench.sandbox.advance(10 * DAY)
        return _held(bench)


def late_pay_of_what_was_given_up() -> str:
    """Let a payment arrive after the operator gave its line up; return what was violated."""
    with memory_folder() as folder:
        bench = SubscribeWorld.make(folder)
        bench.world.script(FaultKind.LATE, PAY, seconds=3 * HOUR)
        bench.world.script(FaultKind.UNAVAILABLE_503, PAY, nth=2, times=10**6)
        run_virtually(bench.subscribe_all)
        bench.sandbox.faults.clear()
        run_virtually(bench.give_up)
        bench.sandbox.advance(4 * HOUR)
        return _held(bench)


def _held(bench: SubscribeWorld) -> str:
    try:
        run_virtually(bench.assert_once)
    except AssertionError as violation:
        return str(violation)
    return ""
