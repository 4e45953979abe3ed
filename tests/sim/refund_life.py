"""One seed, one life of a run of refunds: runners come to grief, others meddle, banks return; then the books.

One ledger, or two that know nothing of each other. What happens to runners and requests is drawn as for charges
(`tests.sim.schedule`); beside it somebody refunds in the Dashboard, payers dispute, disputes are won, days pass.
"""

import json
import random
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from billing.core.entries import ItemRecord
from billing.core.errors import BillingError
from billing.core.exits import Exit
from billing.core.groups import group_of
from billing.core.items import FeeBack
from billing.core.kinds.refund import State
from billing.core.life import Group
from billing.edge.stripe.found import LookupFailed
from billing.sandbox import disputes
from billing.sandbox.config import Behaviour, Chances, Latency, Limits, SandboxConfig
from billing.sandbox.faults import FaultKind, FaultPlan
from billing.sandbox.testmethods import FRAUD
from billing.sandbox.world import Call
from tests.flow.refund_world import CREATE, Paid, RefundWorld
from tests.flow.world import RUN
from tests.sim.lifecycle import YieldingLedger, memory_folder
from tests.sim.machine import Machine, Process
from tests.sim.network import Network
from tests.sim.pair import PAUSES
from tests.sim.schedule import DAY, HOUR, Doom, Fate, How, fate_of
from tests.virtual import run_virtually

METHODS = {
    "pm_card_visa": 0.5, "pm_card_pendingRefund": 0.1, "pm_card_refundFail": 0.1, "pm_usBankAccount_success": 0.08,
    "pm_sandbox_refund_returns_pending": 0.08, "pm_card_createDispute": 0.07, "pm_card_createDisputeInquiry": 0.07,
}  # fmt: skip
DISPUTED = frozenset({"pm_card_createDispute", "pm_card_createDisputeInquiry"})
RETURNED = frozenset({"pm_card_refundFail", "pm_sandbox_refund_returns_pending"})
OPEN = (Group.UNKNOWN, Group.PENDING)
CONTINUATIONS, WEATHER = 6, 3
REFUSED = "charge_not_refundable"
REFUSAL = json.dumps({"error": {"type": "invalid_request_error", "code": REFUSED, "message": "no"}}).encode()
LATES = (5.0, 2 * HOUR, 26 * HOUR)


@dataclass(slots=True)
class RefundLife:
    """Charges, a ledger of refunds, and the machine its runners work on.

    Attributes:
        methods: with which each charge was paid.
        meddled: references of charges of which others gave something back, or that were disputed later.
    """

    world: RefundWorld
    machine: Machine
    network: Network
    fate: Fate
    methods: tuple[str, ...]
    meddled: set[str] = field(default_factory=set)
    met: Counter[How] = field(default_factory=Counter)

    @classmethod
    def begin(cls, seed: int, fate: Fate, folder: Path, methods: Sequence[str]) -> "RefundLife":
        """Pay the charges in fine weather; the faults begin with the refunds."""
        machine, chance = Machine(seed), random.Random(f"refunds-{seed}")
        config = SandboxConfig(
            seed=seed,
            limits=Limits.off(),
            latency=Latency(median_seconds=fate.latency),
            behaviour=Behaviour(refund_after_failure=chance.random() < 0.5),
        )
        clock = lambda: config.start + machine.now  # noqa: E731  a clock is a function
        fee = chance.choice(list(FeeBack))
        world = RefundWorld.make(folder, methods, config, clock, accounts=min(3, len(methods)), fee=fee)
        chances = Chances(kinds=fate.faults, late_seconds=chance.choice(LATES), hang_seconds=3.0)
        world.sandbox.faults = FaultPlan(seed, chances)
        return cls(world, machine, Network(machine, world.sandbox, fate.travel), fate, tuple(methods))

    def elsewhere(self, folder: Path) -> "RefundLife":
        """Another machine with the same lines, its own ledger and network."""
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
                    await self.world.plan(services)
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
        for turn in range(CONTINUATIONS):
            if turn == WEATHER:
                self.world.sandbox.faults.clear()
            self.machine.finish(self.runner())
            items = run_virtually(self.world.items)
            if len(items) == len(self.methods) and not any(group_of(item) in OPEN for item in items):
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
        """Let somebody else do something to one of the charges."""
        one = chance.choice(self.world.paid)
        account = self.world.sandbox.world.accounts[one.account]
        charge = account["ch"].find(one.charge, False)
        what = chance.choice(("part", "all", "dispute", "win", "refuse"))
        left = charge["amount"] - charge["amount_refunded"]
        if what in ("part", "all") and left and not charge["disputed"]:
            self.meddled.add(one.reference)
            amount = left if what == "all" else max(left // 3, 1)
            self.world.post("/v1/refunds", one.account, payment_intent=one.intent, amount=amount)
        elif what == "dispute" and not charge["disputed"]:
            self.meddled.add(one.reference)
            call = Call(self.world.sandbox.world, account, True, False, (), {}, "sk_test_x", False)
            disputes.open_dispute(call, charge, FRAUD)
        elif what == "win":
            self._win(one)
        elif what == "refuse":
            self.world.world.script(FaultKind.CANNED, CREATE, times=2, status=400, body=REFUSAL)

    def _win(self, one: Paid) -> None:
        self.world.sandbox.advance(0)  # what nobody has answered in time is lost by now
        account = self.world.sandbox.world.accounts[one.account]
        for dispute in account["dp"]:
            if dispute["charge"] == one.charge and dispute["status"] not in disputes.CLOSED:
                self.meddled.add(one.reference)
                evidence = {"evidence[uncategorized_text]": "winning_evidence"}
                self.world.post(f"/v1/disputes/{dispute['id']}", one.account, **evidence)

    def verdict(self, *, alone: bool) -> None:
        """Hold the whole life to its laws.

        Args:
            alone: no other ledger has sent anything: what is called failed here is so for all.

        Raises:
            AssertionError: one of them does not hold.
        """
        assert self.network.conflicts == [], self.network.conflicts[0]
        run_virtually(self.world.assert_true if alone else self.world.once)
        given_back = {row.intent: row.refunded for row in self.world.sandbox.books().intents}
        for item, method in zip(run_virtually(self.world.items), self.methods, strict=True):
            if item.reference not in self.meddled:
                _assert_as_expected(item, method, given_back[item.content["intent"]])


def _assert_as_expected(item: ItemRecord, method: str, given_back: int) -> None:
    """A charge that nobody meddled with ends as its bank says, or waits for a person because a send has no answer."""
    if item.facts.get("reason_code") == REFUSED and item.state is State.FAILED:
        return
    if method in DISPUTED:
        assert item.state is State.SKIPPED, f"{item.reference} is disputed, and is {item.state}"
    elif item.state is State.PARKED:
        assert item.facts.get("loose"), f"{item.reference} is parked without a send in doubt"
        assert given_back == 0, f"{item.reference} is parked, and {given_back} was given back"
    elif method in RETURNED:
        assert item.state is State.FAILED, f"{item.reference} came back, and is {item.state}"
    else:
        assert item.state is State.SETTLED, f"{item.reference} ended {item.state}: {dict(item.facts)}"


def drawn(seed: int, items: int) -> tuple[Fate, tuple[str, ...], random.Random]:
    """Return what a seed holds in store."""
    chance = random.Random(f"refund-life-{seed}")
    methods = tuple(chance.choices(list(METHODS), list(METHODS.values()), k=items))
    return fate_of(seed, items), methods, chance


def simulate_refunds(seed: int, items: int = 6, *, ledgers: int = 1) -> str:
    """Live one seed on one ledger or two; return what was violated, or an empty text."""
    random.seed(seed)  # the jitter of resends draws from the process's own generator
    fate, methods, chance = drawn(seed, items)
    with memory_folder() as folder:
        (folder / "first").mkdir()
        one = RefundLife.begin(seed, fate, folder / "first", methods)
        lives = [one] if ledgers == 1 else [one, one.elsewhere(folder / "second")]
        try:
            live(lives, fate, chance)
            violation = ""
        except Exception as failure:  # noqa: BLE001  whatever it is, the seed is what the reader needs
            violation = f"{type(failure).__name__}: {failure}"
        one.machine.bury()
        return violation


def live(lives: Sequence[RefundLife], fate: Fate, chance: random.Random) -> None:
    """Let every doomed runner have its turn, then continue; wake those that stood still; follow the banks."""
    stopped = [runner for doom in fate.dooms if (runner := _doomed(lives, doom, chance)) is not None]
    _finish(lives)
    if stopped:
        lives[0].machine.pass_time(DAY)
        for runner in stopped:
            runner.resume(noticed=fate.noticed)
        lives[0].machine.finish(*stopped)
        _finish(lives)
    for days in (9, 36):
        for life in lives:
            life.follow(days)
    for life in lives:
        life.verdict(alone=len(lives) == 1)
    for process in lives[0].machine.processes:
        _assert_ended_on_purpose(process)


def _doomed(lives: Sequence[RefundLife], doom: Doom, chance: random.Random) -> Process | None:
    """Let one runner on one of the ledgers meet its fate; return it if it stands still."""
    life = chance.choice(lives)
    runner = life.doomed(doom, *([chance.choice(lives).runner()] if doom.company else []))
    if chance.random() < 0.4:
        life.meddle(chance)
    if len(lives) > 1:
        life.machine.pass_time(chance.choice(PAUSES))
    _hold_to_books(lives)
    return runner if doom.how is How.STOP and runner.alive else None


def _finish(lives: Sequence[RefundLife]) -> None:
    for life in lives:
        life.finish()


def _hold_to_books(lives: Sequence[RefundLife]) -> None:
    for life in lives:
        if (life.world.world.folder / "ledger.db").exists():
            run_virtually(life.world.unhidden if len(lives) == 1 else life.world.once)


def _assert_ended_on_purpose(process: Process) -> None:
    """A runner ends with an exit code or with an error raised on purpose, never with a surprise."""
    try:
        ended = process.result
    except (BillingError, BaseExceptionGroup) as error:
        surprises = error.split(BillingError)[1] if isinstance(error, BaseExceptionGroup) else None
        if surprises is not None:
            raise surprises from None
        return
    assert ended in (None, Exit.OK, Exit.TERMINATED, Exit.UNREACHABLE, Exit.STOPPED), f"a runner ended with {ended!r}"


# --- every await -----------------------------------------------------------------------------------------------------

ALL_WAYS = ("pm_card_visa", "pm_card_createDispute")


def refund_points(how: How, *, looks: bool, jump: float) -> Iterator[str]:
    """Live a run once for every turn an undisturbed runner takes; yield what was violated there, or nothing."""
    for turn in count(1):
        reached, violation = _disturbed(how, turn, looks, jump)
        if not (reached or violation):
            return
        yield violation


def _disturbed(how: How, turn: int, looks: bool, jump: float) -> tuple[bool, str]:
    doom = Doom(how, turn, company=False, jump=jump, skew=0.0)
    fate = Fate(len(ALL_WAYS), {}, 0.1, 0.02, Behaviour(), (doom,), noticed=False)
    with memory_folder() as folder:
        life = RefundLife.begin(7, fate, folder, ALL_WAYS)
        if looks:
            life.world.world.script(FaultKind.LOST_AFTER, CREATE)
        try:
            live([life], fate, random.Random(7 if jump else 8))
            violation = ""
        except Exception as failure:  # noqa: BLE001  whatever it is, the place is what the reader needs
            violation = f"{how}, after turn {turn}: {type(failure).__name__}: {failure}"
        life.machine.bury()
        return life.met.total() > 0, violation


def refused_after_a_late_send() -> str:
    """Let a first send be a day late and a second one be refused; return what was violated when the first arrived."""
    fate = Fate(1, {}, 0.1, 0.02, Behaviour(), (), noticed=True)
    with memory_folder() as folder:
        life = RefundLife.begin(7, fate, folder, ("pm_card_visa",))
        life.world.world.script(FaultKind.LATE, CREATE, seconds=26 * HOUR)
        life.world.world.script(FaultKind.CANNED, CREATE, nth=2, status=400, body=REFUSAL)
        try:
            live([life], fate, random.Random(7))
            violation = ""
        except AssertionError as failure:
            violation = str(failure)
        life.machine.bury()
        return violation
