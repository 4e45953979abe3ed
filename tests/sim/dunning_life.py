"""One seed, 90 days of dunning: a retry every day over cards that decline in all ways, killed at random awaits.

Two monthly runs, several lines for a card over several accounts, cards that two customers share, cards that pay from
some day on, customers who save another one. No later attempt exceeds what a card may be tried, by the charges of the
provider and not by our ledger; whatever can be recovered is, once; everything ends. For many seeds there is
``python -m tests.sim.dunning_life``.
"""

import argparse
import math
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from billing.core.entries import ItemRecord
from billing.core.groups import group_of
from billing.core.kinds.charge import State
from billing.core.life import Group
from billing.edge.ledger.sqlite.ledger import SqliteLedger
from billing.edge.ledger.sqlite.opening import open_ledger
from billing.edge.runfiles import RunDefaults, open_run
from billing.edge.stripe.clock import ProviderClock
from billing.edge.stripe.found import LookupFailed
from billing.flow.execute import execute
from billing.flow.options import RunOptions
from billing.flow.planning.plan import PlanOptions, keep, make_plan
from billing.flow.planning.preflight import Preflight
from billing.flow.services import Services
from billing.sandbox import instruments, methods
from billing.sandbox.config import Chances, Latency, Limits, SandboxConfig
from billing.sandbox.faults import FaultPlan
from billing.sandbox.model import Sandbox
from billing.sandbox.scenario import Scenario, connect, save_customer
from billing.sandbox.testmethods import Act, method_named
from billing.sandbox.world import Call
from tests.flow.retry_world import charges_of, excesses, try_again
from tests.flow.world import UNGUARDED, World
from tests.sim.lifecycle import YieldingLedger, memory_folder
from tests.sim.machine import Machine, Process
from tests.sim.network import Network
from tests.sim.schedule import DAY, HOUR
from tests.virtual import run_virtually

RUNS = ("coaching-2026-11", "coaching-2026-12")
DAYS, LONGEST = 90, 500
# A retry a day for so long; then none but what is left, until nothing moves any more.
CARDS = {
    "insufficient_funds": 5, "do_not_honor": 2, "processing_error": 1, "authentication_required": 2, "expired_card": 1,
    "stolen_card": 1, "duplicate_transaction": 1, "insufficient_funds..24": 1, "insufficient_funds..30": 1,
}  # fmt: skip
SOFT = frozenset({"insufficient_funds", "do_not_honor", "processing_error"})
HEADER = "reference,customer,payment_method,account,amount,currency"
TURNS = 120
# Within which a doomed retry is killed: about what a few lines take.
FAULTS = ("lost_after", "lost_before", "bad_gateway_done", "rate_limited")


class Bench(World):
    """A world whose ledger is not read through at each end of a process: there are hundreds of them."""

    @asynccontextmanager
    async def ledger(self, clock: ProviderClock, **options: Any) -> AsyncIterator[SqliteLedger]:
        url, key = f"sqlite:///{self.folder / 'ledger.db'}", self.folder / "ledger.key"
        ledger = await open_ledger(url, key_file=key, clock=clock.now, inline=True, purpose="retry", **options)
        try:
            yield ledger
        finally:
            await ledger.aclose()


@dataclass(slots=True)
class Card:
    """One payer's method: how it declines, and from which day on it pays."""

    customer: str
    method: str
    code: str
    heals: int | None


@dataclass(slots=True)
class DunningLife:
    """A platform, its ledger, and the machine on which retries come to grief.

    Attributes:
        cards: of the payers.
        recoverable: items that rested with a date on the day on which their card began to pay.
        killed: retries that were killed.
    """

    world: World
    machine: Machine
    network: Network
    chance: random.Random
    cards: list[Card] = field(default_factory=list)
    recoverable: set[str] = field(default_factory=set)
    killed: int = 0

    @classmethod
    def begin(cls, seed: int, folder: Path, people: int) -> "DunningLife":
        """Build accounts, payers and the sheets of two months."""
        machine, chance = Machine(seed), random.Random(f"dunning-{seed}")
        config = SandboxConfig(seed=seed, limits=Limits.off(), latency=Latency(median_seconds=0.1))
        sandbox = Sandbox(config, clock=lambda: config.start + machine.now)
        kinds = dict.fromkeys(chance.sample(FAULTS, chance.randint(0, 2)), 0.01)
        life = cls(Bench(folder, sandbox, Scenario((), (), ())), machine, Network(machine, sandbox, 0.05), chance)
        accounts = [connect(sandbox).id for _ in range(chance.randint(1, 3))]
        life._save_cards(people)
        for run_id in RUNS:
            life._write(run_id, accounts)
        sandbox.faults = FaultPlan(seed, Chances(kinds=kinds))
        return life

    def _save_cards(self, people: int) -> None:
        numbers: list[str] = []
        for _ in range(people):
            code = self.chance.choices(list(CARDS), list(CARDS.values()))[0]
            customer, method = save_customer(self.world.sandbox, f"pm_sandbox_decline_{code}")
            numbers.append(self.chance.choice(numbers) if numbers and self.chance.random() < 0.3 else customer)
            self._print_number(method, numbers[-1], "mastercard" if code[-2:].isdigit() else "visa")
            heals = self.chance.choice([1, 3, 8, 20, 45, None]) if code.partition(".")[0] in SOFT else None
            self.cards.append(Card(customer, method, code, heals))

    def _print_number(self, method: str, number: str, brand: str) -> None:
        """Two customers may have saved one card: the same number shows the same fingerprint."""
        row = self.world.sandbox.world.platform["pm"].find(method, False)
        fingerprint = instruments.fingerprint_of(self.world.sandbox.config.seed, number)
        row["card"] = row["card"] | {"fingerprint": fingerprint, "brand": brand}

    def _write(self, run_id: str, accounts: list[str]) -> None:
        rows = [HEADER]
        for place, card in enumerate(self.cards):
            for line in range(self.chance.randint(1, 3)):
                account = self.chance.choice(accounts)
                rows.append(f"{run_id[-2:]}-{place}-{line},{card.customer},{card.method},{account},{10 + line}.00,USD")
        (self.world.folder / f"{run_id}.csv").write_text("\n".join(rows) + "\n")

    # -- processes

    async def _charge(self, services: Services, run_id: str) -> None:
        if services.ledger.run(run_id) is None:
            file = self.world.folder / f"{run_id}.csv"
            with open_run(file, run_id=run_id, late=True, defaults=RunDefaults(policies=UNGUARDED)) as source:
                await keep(await make_plan(services, source, PlanOptions(Preflight.NONE)), source, services.ledger)
        await execute(services, run_id, RunOptions(), UNGUARDED)

    def process(self, run_id: str = "", **asked: Any) -> Process:
        """Start a run, or without one a retry of all runs."""

        async def main(process: Process) -> None:
            async with self.world.services(lock=False, wire=self.network.wire(process)) as services:
                services.ledger = YieldingLedger(services.ledger)  # type: ignore[arg-type]
                if isinstance(await services.gateway.own_account(), LookupFailed):
                    return
                await (self._charge(services, run_id) if run_id else try_again(self.world, services, None, **asked))

        return self.machine.start(main)

    def through(self, process: Process, *, doomed: bool) -> None:
        """Let a process come to its end, or kill it at some await."""
        turns = int(math.exp(self.chance.uniform(0, math.log(TURNS)))) if doomed else float("inf")
        self.machine.run(lambda: not process.alive or process.turns >= turns)
        if process.alive:
            process.kill()
            self.network.cut_off(process)
            self.killed += 1
        self.machine.finish(process)
        if not process.killed:
            assert process.result is None

    # -- what happens

    def day(self, day: int) -> None:
        """One day: cards begin to pay, customers save others, retries run once or more, each perhaps killed."""
        self._heal(day)
        if self.chance.random() < 0.1:
            self._save_another()
        if day in (0, 31):
            self.through(self.process(RUNS[day > 0]), doomed=self.chance.random() < 0.3)
            self.through(self.process(RUNS[day > 0]), doomed=False)
        for _ in range(self.chance.choice([1, 1, 1, 2, 3])):
            if self.chance.random() < 0.05:
                self.through(self.process(RUNS[0]), doomed=False)  # somebody types the run again
            self.through(self.process(), doomed=self.chance.random() < 0.25)
            self.machine.pass_time(self.chance.uniform(0, 2 * HOUR))
        self.machine.pass_time(DAY - self.machine.now % DAY + self.chance.uniform(0, HOUR))

    def _heal(self, day: int) -> None:
        for card in self.cards:
            if card.heals == day:
                instrument = self.world.sandbox.world.platform.instruments[card.method]
                instrument.acts = replace(instrument.acts, act=Act.PAYS, decline=None)
                waiting = (item for item in self.items() if item.content["payment_method"] == card.method)
                self.recoverable |= {item.item_id for item in waiting if _waits(item)}

    def _save_another(self) -> None:
        card = self.chance.choice(self.cards)
        call = Call(self.world.sandbox.world, self.world.sandbox.world.platform, False, False, (), {})
        code = self.chance.choice(["", "", "insufficient_funds"])
        name = f"pm_sandbox_decline_{code}" if code else "pm_card_visa"
        made = methods.make(call, instruments.Details(method_named(name), f"{card.customer} {self.machine.now}"))
        made["customer"] = card.customer
        settings = self.world.sandbox.world.platform["cus"].find(card.customer, False)["invoice_settings"]
        settings["default_payment_method"] = made["id"]

    def items(self) -> list[ItemRecord]:
        """Every item of both runs, by what anybody may read."""

        async def read() -> list[ItemRecord]:
            async with self.world.read() as ledger:
                runs = [record.run_id for record in ledger.runs()]
                return [line.item for run in runs for line in ledger.report(run) if line.item is not None]

        return run_virtually(read) if (self.world.folder / "ledger.db").exists() else []

    def verdict(self) -> None:
        """Hold the whole life to its laws.

        Raises:
            AssertionError: one of them does not hold.
        """
        assert excesses(self.world) == [], excesses(self.world)[0]
        books = self.world.sandbox.books()
        assert books.doubles() == []
        by_intent = {row.intent: row for row in books.intents}
        for item in self.items():
            taken = sum(row.taken for row in books.by_item().get(item.item_id, []))
            assert (taken > 0) == (item.state is State.SUCCEEDED), (
                f"{item.reference} is {item.state}, {taken} was taken"
            )
            if item.state is State.FAILED:
                assert by_intent[item.object_id].status == "canceled"
            assert _is_over(item), f"{item.reference} has come to no end: {item.state} {dict(item.facts)}"
            if item.item_id in self.recoverable:
                assert item.state is State.SUCCEEDED, f"{item.reference} could be recovered, and is {item.state}"


def _waits(item: ItemRecord) -> bool:
    """Whether an item has a date, and so a try left that would be paid."""
    return item.state is State.UNPAID and bool(item.facts.get("next_try")) and not item.facts.get("fence")


def _is_over(item: ItemRecord) -> bool:
    """Whether an item is at an end, or waits for a person and for no date."""
    if item.state in (State.SUCCEEDED, State.FAILED, State.SKIPPED):
        return True
    return item.state is State.UNPAID and not item.facts.get("next_try") and group_of(item) in (
        Group.NEEDS_CUSTOMER, Group.DECLINED,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Dunned:
    """What a seed came to."""

    violation: str
    states: Counter[str]
    repeats: int
    killed: int
    days: int


def simulate_dunning(seed: int, people: int = 4, days: int = DAYS) -> Dunned:
    """Live one seed; ``violation`` is empty where every law held."""
    random.seed(seed)  # the jitter of resends draws from the process's own generator
    with memory_folder() as folder:
        life = DunningLife.begin(seed, folder, people)
        day, violation = 0, ""
        try:
            while day < days or (day < LONGEST and not all(map(_is_over, life.items()))):
                if day == days:
                    life.world.sandbox.faults.clear()
                life.day(day)
                day += 1
            life.world.sandbox.faults.clear()
            for run_id in (*RUNS, ""):
                life.through(life.process(run_id), doomed=False)
            life.verdict()
        except Exception as failure:  # noqa: BLE001  whatever it is, the seed is what the reader needs
            violation = f"{type(failure).__name__}: {failure}"
        charges = charges_of(life.world).values()
        intents = {intent for each in charges for _, intent in each}
        states = Counter(str(item.state) for item in life.items())
        life.machine.bury()
        return Dunned(violation, states, sum(map(len, charges)) - len(intents), life.killed, day)


def main() -> int:
    """Live the seeds, print failures as they come and the sums at the end."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim.dunning_life", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--people", type=int, default=4)
    asked = parser.parse_args()
    states, repeats, killed, days, bad = Counter(), 0, 0, 0, 0
    for seed in range(asked.first, asked.first + asked.seeds):
        found = simulate_dunning(seed, asked.people)
        states += found.states
        repeats, killed, days = repeats + found.repeats, killed + found.killed, days + found.days
        if found.violation:
            bad += 1
            sys.stdout.write(f"seed {seed}: {found.violation}\n")
            sys.stdout.flush()
    sums = ", ".join(f"{state} {count:,}" for state, count in sorted(states.items()))
    lives = f"{asked.seeds:,} lives, {days:,} days, {killed:,} retries killed, {repeats:,} later attempts"
    sys.stdout.write(f"{lives}, {bad} violations; {sums}\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
