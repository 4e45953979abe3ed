"""One seed, one life of a run of cancellations: runners come to grief, others meddle, months pass; then the books.

What happens to runners and requests is drawn as for charges (`tests.sim.schedule`), and lived as for refunds; beside it
somebody cancels in the Dashboard or takes an end back, Stripe refuses, and subscriptions renew.
"""

import json
import random
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from billing.core.items import When
from billing.core.kinds.cancellation import State
from billing.core.life import Group
from billing.sandbox.config import Behaviour, Chances, Latency, Limits, SandboxConfig
from billing.sandbox.faults import FaultKind, FaultPlan
from tests.flow.cancel_world import END, UPDATE, CancelWorld
from tests.sim.lifecycle import memory_folder
from tests.sim.machine import Machine
from tests.sim.network import Network
from tests.sim.refund_life import LATES, RefundLife, live
from tests.sim.schedule import HOUR, Doom, Fate, How, fate_of
from tests.virtual import run_virtually

METHODS = {"pm_card_visa": 0.7, "pm_usBankAccount_success": 0.3}
REFUSED = "not_now"
REFUSAL = json.dumps({"error": {"type": "invalid_request_error", "code": REFUSED, "message": "no"}}).encode()
ENDED = (State.SUCCEEDED, State.MOOT)


class CancelLife(RefundLife):
    """Subscriptions, a ledger of their ends, and the machine its runners work on."""

    world: Any

    @classmethod
    def begin(cls, seed: int, fate: Fate, folder: Path, methods: Sequence[str]) -> "CancelLife":
        """Subscribe in fine weather; the faults begin with the ends."""
        machine, chance = Machine(seed), random.Random(f"cancellations-{seed}")
        config = SandboxConfig(seed=seed, limits=Limits.off(), latency=Latency(median_seconds=fate.latency))
        clock = lambda: config.start + machine.now  # noqa: E731  a clock is a function
        world = CancelWorld.make(folder, methods, config, clock, accounts=min(3, len(methods)))
        world.clear_fee = chance.random() < 0.5
        world.whens = {one.reference: chance.choice(list(When)) for one in world.made}
        if chance.random() < 0.5:
            world.spoil()  # its next invoice stays open
        renewal = world.of()["items"]["data"][0]["current_period_end"] - world.sandbox.now
        world.sandbox.advance(chance.choice((0.0, renewal + HOUR / 4, renewal + 2 * HOUR)))  # a draft, or at the bank
        chances = Chances(kinds=fate.faults, late_seconds=chance.choice(LATES), hang_seconds=3.0)
        world.sandbox.faults = FaultPlan(seed, chances)
        life = cls(world, machine, Network(machine, world.sandbox, fate.travel), fate, tuple(methods))  # type: ignore[arg-type]
        life.meddled = world.others
        return life

    def meddle(self, chance: random.Random) -> None:
        """Let somebody else do something to one of the subscriptions, or Stripe refuse."""
        number = chance.randrange(len(self.world.made))
        one, body = self.world.made[number], self.world.of(number)
        what = chance.choice(("cancel", "back", "refuse"))
        over = body["status"] in ("canceled", "incomplete_expired")
        if what == "cancel" and not over:
            self.meddled.add(one.reference)
            self.world.ask("DELETE", f"/v1/subscriptions/{one.subscription}", number)
        elif what == "back" and not over and body["cancel_at_period_end"]:
            self.meddled.add(one.reference)
            self.world.change(number, cancel_at_period_end="false")
        elif what == "refuse":
            for operation in (END, UPDATE):
                self.world.world.script(FaultKind.CANNED, operation, status=400, body=REFUSAL)

    def verdict(self, *, alone: bool) -> None:
        """Hold the whole life to its laws.

        Raises:
            AssertionError: one of them does not hold.
        """
        assert self.network.conflicts == [], self.network.conflicts[0]
        run_virtually(self.world.once)
        for number, item in enumerate(run_virtually(self.world.items)):
            if item.reference in self.meddled or (not alone and item.state is State.FAILED):
                continue  # what others ended or took back, or another ledger has ended, is theirs
            self.world.hold(item)
            body = self.world.of(number)
            early = body["ended_at"] and body["ended_at"] < body["items"]["data"][0]["current_period_end"]
            ours = body["cancellation_details"]["reason"] != "payment_failed"  # else it was never paid, and Stripe did
            assert item.content["when"] == When.NOW or not (early and ours), f"{item.reference} ended before its period"
            refused = item.facts.get("reason_code") == REFUSED
            waits = refused and item.facts.get("group") == Group.PARKED and item.facts.get("loose")
            if item.state not in ENDED and not (refused and item.state is State.FAILED) and not waits:
                raise AssertionError(f"{item.reference} ended {item.state}: {dict(item.facts)}")


def drawn(seed: int, items: int) -> tuple[Fate, tuple[str, ...], random.Random]:
    """Return what a seed holds in store."""
    chance = random.Random(f"cancel-life-{seed}")
    return fate_of(seed, items), tuple(chance.choices(list(METHODS), list(METHODS.values()), k=items)), chance


def simulate_cancellations(seed: int, items: int = 3, *, ledgers: int = 1) -> str:
    """Live one seed on one ledger or two; return what was violated, or an empty text."""
    random.seed(seed)  # the jitter of resends draws from the process's own generator
    fate, methods, chance = drawn(seed, items)
    with memory_folder() as folder:
        (folder / "first").mkdir()
        one = CancelLife.begin(seed, fate, folder / "first", methods)
        lives = [one] if ledgers == 1 else [one, one.elsewhere(folder / "second")]
        return _lived(one, lives, fate, chance)


def _lived(one: CancelLife, lives: Sequence[RefundLife], fate: Fate, chance: random.Random) -> str:
    try:
        live(lives, fate, chance)
        violation = ""
    except Exception as failure:  # noqa: BLE001  whatever it is, the seed is what the reader needs
        violation = f"{type(failure).__name__}: {failure}"
    one.machine.bury()
    return violation


def cancel_points(how: How, *, loses: bool, jump: float) -> Iterator[str]:
    """Live a run once for every turn an undisturbed runner takes; yield what was violated there, or nothing."""
    for turn in count(1):
        doom = Doom(how, turn, company=False, jump=jump, skew=0.0)
        fate = Fate(1, {}, 0.1, 0.02, Behaviour(), (doom,), noticed=False)
        with memory_folder() as folder:
            life = CancelLife.begin(7, fate, folder, ("pm_card_visa",))
            if loses:
                life.world.world.script(FaultKind.LOST_AFTER, END)
                life.world.world.script(FaultKind.LOST_AFTER, UPDATE)
            violation = _lived(life, [life], fate, random.Random(8))
        if not (life.met.total() or violation):
            return
        yield f"{how}, after turn {turn}: {violation}" if violation else ""


def refused_after_a_late_send() -> str:
    """Let a first send be a day late and a second one be refused; return what was violated when the first arrived."""
    fate = Fate(1, {}, 0.1, 0.02, Behaviour(), (), noticed=True)
    with memory_folder() as folder:
        life = CancelLife.begin(7, fate, folder, ("pm_card_visa",))
        life.world.whens = dict.fromkeys(life.world.whens, When.NOW)
        life.world.world.script(FaultKind.LATE, END, seconds=26 * HOUR)
        life.world.world.script(FaultKind.CANNED, END, nth=2, times=20, status=400, body=REFUSAL)
        return _lived(life, [life], fate, random.Random(7))
