"""One seed, one life of a run of payers: runners and pages come to grief, payers answer or do not; then the books.

One ledger, or two that know nothing of each other. What happens to runners and requests is drawn as for charges
(`tests.sim.schedule`); beside it payers click, complete what they were shown, are declined, or have a card blocked at
once; the operator gives some of them up; days pass.
"""

import random
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path

from billing.core.errors import BillingError
from billing.core.exits import Exit
from billing.core.kinds.payer import State, customer_of
from billing.edge.runfiles import ReadOptions, open_run
from billing.edge.stripe.found import LookupFailed
from billing.flow.carry_out import agree_to_all, carry_out_run
from billing.flow.kinds.payer import invite
from billing.flow.planning.preflight import Preflight
from billing.flow.request import RunRequest
from billing.sandbox.config import Behaviour, Chances, ConfigProblem, Latency, Limits, SandboxConfig
from billing.sandbox.faults import FaultKind, FaultPlan
from billing.sandbox.payer import Deed, act
from tests.flow.payer_world import CUSTOMERS, PayerWorld, Person
from tests.flow.world import RUN
from tests.sim.lifecycle import YieldingLedger, memory_folder
from tests.sim.machine import Machine, Process
from tests.sim.network import Network
from tests.sim.pair import PAUSES
from tests.sim.schedule import DAY, HOUR, Doom, Fate, How, fate_of
from tests.virtual import run_virtually

DEEDS = {"saves": 0.5, "is declined": 0.2, "is blocked at once": 0.15, "leaves": 0.15}
RESTING = (State.READY, State.INVITED, State.PARKED, State.SUCCEEDED, State.FAILED, State.SKIPPED)
CONTINUATIONS, WEATHER, DAY_PASSES = 8, 3, 5
LATES = (5.0, 2 * HOUR, 26 * HOUR)


@dataclass(slots=True)
class PayerLife:
    """People, a ledger, and the machine that its runners and pages work on.

    Attributes:
        shown: intents whose secret a page was given.
        given_up: items that the operator has cancelled.
    """

    world: PayerWorld
    machine: Machine
    network: Network
    shown: list[str] = field(default_factory=list)
    given_up: set[str] = field(default_factory=set)
    met: Counter[How] = field(default_factory=Counter)

    @classmethod
    def begin(cls, seed: int, fate: Fate, folder: Path, people: Sequence[Person]) -> "PayerLife":
        """Write the sheet."""
        machine, chance = Machine(seed), random.Random(f"payers-{seed}")
        config = SandboxConfig(
            seed=seed,
            limits=Limits.off(),
            latency=Latency(median_seconds=fate.latency),
            behaviour=Behaviour(detach_clears_default=chance.random() < 0.5),
        )
        clock = lambda: config.start + machine.now  # noqa: E731  a clock is a function
        world = PayerWorld.make(folder, people, config, clock)
        chances = Chances(kinds=fate.faults, late_seconds=chance.choice(LATES), hang_seconds=3.0)
        world.sandbox.faults = FaultPlan(seed, chances)
        return cls(world, machine, Network(machine, world.sandbox, fate.travel))

    def elsewhere(self, folder: Path, fate: Fate) -> "PayerLife":
        """Another machine with the same sheet, its own ledger and network."""
        network = Network(self.machine, self.world.sandbox, fate.travel)
        return replace(self, world=self.world.elsewhere(folder), network=network, given_up=set())

    # -- processes

    def runner(self, doom: Doom | None = None) -> Process:
        """Start what an operator starts, again and again: the run, then `settle` and `resolve`."""

        async def main(process: Process) -> Exit:
            world = self.world.world
            wire, skew = self.network.wire(process), doom.skew if doom else 0.0
            async with world.services(lock=False, wire=wire, skew=skew) as services:
                services.public_url = self.world.page
                cut = doom.turn if doom and doom.how is How.CUT else None
                services.ledger = YieldingLedger(services.ledger, cut)  # type: ignore[arg-type]
                if isinstance(await services.gateway.own_account(), LookupFailed):
                    return Exit.UNREACHABLE
                asked = RunRequest(file=world.file, preflight=Preflight.NONE, read=ReadOptions(RUN))
                with open_run(world.file, run_id=RUN) as source:
                    ending = (await carry_out_run(services, source, asked, agree=agree_to_all)).ending
                for verb in (world.settle, world.resolve):
                    if ending.exit is Exit.OK:
                        ending = await verb(services)
                return ending.exit

        return self.machine.start(main)

    def page(self, number: int) -> Process:
        """Start what answers a payer's click, and the browser that comes back."""

        async def main(process: Process) -> Exit:
            async with self.world.world.services(lock=False, wire=self.network.wire(process)) as services:
                services.public_url = self.world.page
                services.ledger = YieldingLedger(services.ledger)  # type: ignore[arg-type]
                if isinstance(await services.gateway.own_account(), LookupFailed):
                    return Exit.UNREACHABLE
                found = [line.item for line in services.ledger.report(RUN) if line.item is not None]
                shown = await invite.invitation(services, found[number])
                if isinstance(shown, invite.Invitation):
                    self.shown.append(shown.intent)
                await invite.follow(services, services.ledger.item(found[number].id))
                return Exit.OK

        return self.machine.start(main)

    def doomed(self, doom: Doom, chance: random.Random, *company: Process) -> Process:
        """Let a runner, or a page, meet its fate, and whoever keeps it company come to an end."""
        planned = len(run_virtually(self.world.items)) if self.exists else 0
        clicks = planned and doom.how is not How.CUT and chance.random() < 0.4
        runner = self.page(chance.randrange(planned)) if clicks else self.runner(doom)
        turns = float("inf") if doom.how is How.CUT else doom.turn
        self.machine.run(lambda: not runner.alive or runner.turns >= turns)
        self.met[doom.how] += runner.alive
        if doom.how is How.KILL:
            runner.kill()
            self.network.cut_off(runner)
        elif doom.how is How.STOP:
            runner.stop()
        elif doom.how in (How.DRAIN, How.DRAIN_TWICE) and not clicks:
            runner.signal(signal.SIGTERM)
        self.machine.finish(*([] if doom.how is How.STOP else [runner]), *company)
        self.machine.pass_time(doom.jump)
        return runner

    @property
    def exists(self) -> bool:
        """Whether anything is planned."""
        return (self.world.world.folder / "ledger.db").exists()

    # -- what others do

    def deed(self, chance: random.Random) -> None:
        """Let one of those who were shown an invitation do something about it."""
        if not self.shown:
            return
        intent = chance.choice(self.shown)
        what = chance.choices(list(DEEDS), list(DEEDS.values()))[0]
        if what != "leaves":
            self.answer(intent, "pm_card_chargeDeclined" if what == "is declined" else "pm_card_visa")
        if what == "is blocked at once":
            shelves = self.world.sandbox.world.platform
            method = shelves[intent.partition("_")[0]].peek(intent)["payment_method"]
            if method and shelves["pm"].peek(method)["customer"]:
                self.world.post(f"/v1/payment_methods/{method}/detach")

    def answer(self, intent: str, method: str) -> None:
        """Let a payer complete what was shown, if it can be."""
        try:
            act(self.world.sandbox.world, intent, Deed.PAY, method)
        except ConfigProblem:
            return

    def give_up(self, chance: random.Random) -> None:
        """Let the operator cancel a line."""
        items = run_virtually(self.world.items) if self.exists else []
        if items:
            number = chance.randrange(len(items))
            self.given_up.add(items[number].reference)
            run_virtually(partial(self.world.close, number))

    def finish(self) -> None:
        """Continue until nothing is on its way, as often as an operator might; the weather turns fine meanwhile."""
        for turn in range(CONTINUATIONS):
            if turn == WEATHER:
                self.world.sandbox.faults.clear()
            if turn == DAY_PASSES:
                self.machine.pass_time(DAY + HOUR)  # an error that is stored under a key is waited out
            self.machine.finish(self.runner())
            items = run_virtually(self.world.items)
            if len(items) == len(self.world.people) and all(item.state in RESTING for item in items):
                return
        raise AssertionError(f"still open after {CONTINUATIONS} continuations: {[str(item.state) for item in items]}")

    def all_answer(self) -> None:
        """Let whoever was not given up click and save, in fine weather, and follow them."""
        self.world.sandbox.faults.clear()
        for _ in range(2):
            for number, item in enumerate(run_virtually(self.world.items)):
                if item.state in (State.READY, State.INVITED):
                    self.machine.finish(self.page(number))
                    for intent in self.shown[-1:]:
                        self.answer(intent, "pm_card_visa")
            self.machine.finish(self.runner())

    def verdict(self, *, alone: bool) -> None:
        """Hold the whole life to its laws.

        Args:
            alone: no other ledger asks the same people.

        Raises:
            AssertionError: one of them does not hold.
        """
        assert self.network.conflicts == [], self.network.conflicts[0]
        run_virtually(partial(self.world.assert_true, alone=alone))
        for item in run_virtually(self.world.items):
            allowed = {State.SUCCEEDED}
            allowed |= {State.FAILED, State.SKIPPED} if item.reference in self.given_up else set()
            allowed |= {State.PARKED} if item.facts.get("paid") else set()
            assert item.state in allowed, f"{item.reference} ended {item.state}: {dict(item.facts)}"


def drawn(seed: int, items: int) -> tuple[Fate, tuple[Person, ...], random.Random]:
    """Return what a seed holds in store."""
    chance = random.Random(f"payer-life-{seed}")
    people = tuple(
        Person(number, first_payment="12.50", currency="USD") if chance.random() < 0.4 else Person(number)
        for number in range(items)
    )
    return fate_of(seed, items), people, chance


def simulate_payers(seed: int, items: int = 4, *, ledgers: int = 1) -> str:
    """Live one seed on one ledger or two; return what was violated, or an empty text."""
    random.seed(seed)  # the jitter of resends draws from the process's own generator
    fate, people, chance = drawn(seed, items)
    with memory_folder() as folder:
        (folder / "first").mkdir()
        one = PayerLife.begin(seed, fate, folder / "first", people)
        lives = [one] if ledgers == 1 else [one, one.elsewhere(folder / "second", fate)]
        try:
            _live(lives, fate, chance)
            violation = ""
        except Exception as failure:  # noqa: BLE001  whatever it is, the seed is what the reader needs
            violation = f"{type(failure).__name__}: {failure}"
        one.machine.bury()
        return violation


def _live(lives: Sequence[PayerLife], fate: Fate, chance: random.Random) -> None:
    """Let every doomed process have its turn, then continue; wake those that stood still; let everybody answer."""
    stopped = [runner for doom in fate.dooms if (runner := _doomed(lives, doom, chance)) is not None]
    for life in lives:
        life.finish()
    if stopped:
        lives[0].machine.pass_time(DAY)
        for runner in stopped:
            runner.resume(noticed=fate.noticed)
        lives[0].machine.finish(*stopped)
        for life in lives:
            life.finish()
    for life in lives:
        life.all_answer()
    if len(lives) > 1:
        for life in lives:  # what was saved by the other's invitation is seen by a read
            life.machine.finish(life.runner())
    _one_customer(lives)
    for life in lives:
        life.verdict(alone=len(lives) == 1)
    for process in lives[0].machine.processes:
        _assert_ended_on_purpose(process)


def _doomed(lives: Sequence[PayerLife], doom: Doom, chance: random.Random) -> Process | None:
    """Let one process on one of the ledgers meet its fate; return it if it stands still."""
    life = chance.choice(lives)
    runner = life.doomed(doom, chance, *([chance.choice(lives).runner()] if doom.company else []))
    planned = len(run_virtually(life.world.items)) if life.exists else 0
    if planned and chance.random() < 0.7:
        life.machine.finish(life.page(chance.randrange(planned)))
    life.deed(chance)
    if chance.random() < 0.15 and life.exists:
        life.give_up(chance)
    if len(lives) > 1:
        life.machine.pass_time(chance.choice(PAUSES))
    _one_customer(lives)
    return runner if doom.how is How.STOP and runner.alive else None


def _one_customer(lives: Sequence[PayerLife]) -> None:
    """Of a payer one customer is on record, whichever ledger is asked."""
    used: dict[str, set[str]] = {}
    for life in lives:
        for item in run_virtually(life.world.items) if life.exists else ():
            used.setdefault(item.reference, set()).update({customer_of(item.object_id)} - {""})
    assert all(len(customers) <= 1 for customers in used.values()), f"two customers of one payer: {used}"


def _assert_ended_on_purpose(process: Process) -> None:
    """A process ends with an exit code or with an error raised on purpose, never with a surprise."""
    try:
        ended = process.result
    except (BillingError, BaseExceptionGroup) as error:
        surprises = error.split(BillingError)[1] if isinstance(error, BaseExceptionGroup) else None
        if surprises is not None:
            raise surprises from None
        return
    assert ended in (None, Exit.OK, Exit.TERMINATED, Exit.UNREACHABLE, Exit.STOPPED), f"a process ended with {ended!r}"


# --- every await -----------------------------------------------------------------------------------------------------

BOTH_WAYS = (Person(0), Person(1, first_payment="12.50", currency="USD"))


def payer_points(how: How, *, looks: bool, jump: float, clicks: bool) -> Iterator[str]:
    """Live a run once for every turn an undisturbed process takes; yield what was violated there, or nothing."""
    for turn in count(1):
        reached, violation = _disturbed(how, turn, looks, jump, clicks)
        if not (reached or violation):
            return
        yield violation


def _disturbed(how: How, turn: int, looks: bool, jump: float, clicks: bool) -> tuple[bool, str]:
    fate = Fate(len(BOTH_WAYS), {}, 0.1, 0.02, Behaviour(), (), noticed=False)
    with memory_folder() as folder:
        life = PayerLife.begin(7, fate, folder, BOTH_WAYS)
        if looks:
            life.world.world.script(FaultKind.LOST_AFTER, CUSTOMERS)
        if clicks:
            life.machine.finish(life.runner())
        runner = life.page(turn % len(BOTH_WAYS)) if clicks else life.runner()
        life.machine.run(lambda: not runner.alive or runner.turns >= turn)
        reached = runner.alive
        runner.kill() if how is How.KILL else runner.stop()
        if how is How.KILL:
            life.network.cut_off(runner)
        life.machine.pass_time(jump)
        try:
            _live([life], fate, random.Random(7))
            if how is How.STOP and reached:
                runner.resume(noticed=False)
                life.machine.finish(runner)
                _live([life], fate, random.Random(7))
            violation = ""
        except Exception as failure:  # noqa: BLE001  whatever it is, the place is what the reader needs
            violation = f"{how}, after turn {turn}: {type(failure).__name__}: {failure}"
        life.machine.bury()
        return reached, violation
