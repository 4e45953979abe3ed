"""One seed, one life of a run whose file people edit: amendments and cancellations between runners and after kills.

The operator changes amounts, takes lines out, puts them back, and cancels some; any of these commands may be killed,
and is typed again, or something else is. What is refused because it was paid is restored, as the message says. At the
end, over all generations and whatever was killed: at most one payment a reference, never an amount that no plan has
shown among what it charges, and the books tie.
"""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from billing.core.entries import ItemRecord
from billing.core.errors import BillingError, InvalidInput, PlanStale
from billing.core.exits import Exit
from billing.core.kinds.charge import State
from billing.core.planrows import TO_CHARGE, row_of
from billing.edge.runfiles import RunDefaults, open_run
from billing.edge.stripe.found import LookupFailed
from billing.flow.cancelling import cancel, look_through
from billing.flow.carry_out import carry_out_run
from billing.flow.options import RunOptions, Selection
from billing.flow.planning.decisions import decisions
from billing.flow.planning.planned import Plan, Source
from billing.flow.planning.preflight import Preflight
from billing.flow.request import RunRequest
from billing.flow.services import Services
from billing.sandbox.scenario import Row, as_csv
from tests.flow.world import RUN
from tests.sim.lifecycle import CONTINUATIONS, OPEN, Life, YieldingLedger, memory_folder
from tests.sim.machine import Process
from tests.sim.schedule import DAY, HOUR, TURNS_PER_ITEM, fate_of
from tests.virtual import run_virtually

REFERENCE = "billing_reference"
JUMPS = (0.0, 60.0, 10 * HOUR, 25 * HOUR)
COMMANDS = 5


@dataclass(slots=True)
class Sheet:
    """The file as it stands, and what it was.

    Attributes:
        rows: reference -> its row.
        gone: the same of lines that were taken out.
        versions: (reference, minor units) -> the row that said so.
    """

    rows: dict[str, Row]
    gone: dict[str, Row] = field(default_factory=dict)
    versions: dict[tuple[str, int], Row] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "Sheet":
        """Begin with these rows."""
        sheet = cls({})
        for row in rows:
            sheet.put(row)
        return sheet

    def put(self, row: Row) -> None:
        """Have a row in the file, instead of another of its reference if there is one."""
        self.rows[row.reference] = self.versions[row.reference, row.amount_minor] = row
        self.gone.pop(row.reference, None)

    def edit(self, chance: random.Random) -> None:
        """Change a few lines as people do."""
        for _ in range(chance.randint(1, 3)):
            name = chance.choice(sorted(self.rows))
            match chance.choice(["amount", "out", "back"]):
                case "amount":
                    row = self.rows[name]
                    self.put(replace(row, amount_minor=row.amount_minor + 100 * chance.randint(1, 9)))
                case "out" if len(self.rows) > 1:
                    self.gone[name] = self.rows.pop(name)
                case "back" if self.gone:
                    self.put(self.gone[chance.choice(sorted(self.gone))])


@dataclass(slots=True)
class Edited:
    """A life and the sheet of it; ``shown`` are the amounts that plans have counted as what they charge."""

    life: Life
    sheet: Sheet
    chance: random.Random
    shown: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    killed: int = 0

    def amend(self) -> Process:
        """`billing run FILE --amend --yes`, with the file as it stands."""
        self.life.world.file.write_text(as_csv(self.sheet.rows.values()))

        async def command(services: Services) -> Exit:
            defaults = RunDefaults(policies=self.life.world.policies)
            with open_run(self.life.world.file, run_id=RUN, defaults=defaults) as source:
                options = RunRequest(RunOptions(), amend=True, preflight=Preflight.NONE)
                result = await carry_out_run(
                    services, source, options, agree=lambda plan: self._show(services, source, plan)
                )
                return result.exit

        return self._start(command)

    def cancel(self, names: Sequence[str]) -> Process:
        """`billing cancel RUN --only NAME ... --yes`."""

        async def command(services: Services) -> Exit:
            if services.ledger.run(RUN) is None:
                return Exit.USAGE
            found = look_through(services.ledger, RUN, Selection(only=tuple(names)))
            ending = await cancel(services, RUN, found, "a complaint", self.life.world.policies, RunOptions())
            return ending.exit

        return self._start(command)

    def _start(self, command) -> Process:
        async def main(process: Process) -> Exit:
            async with self.life.world.services(lock=False, wire=self.life.network.wire(process)) as services:
                services.ledger = YieldingLedger(services.ledger)
                if isinstance(await services.gateway.own_account(), LookupFailed):
                    return Exit.UNREACHABLE
                return await command(services)

        return self.life.machine.start(main)

    def _show(self, services: Services, source: Source, plan: Plan) -> None:
        for line, decision in decisions(plan, source, services.ledger):
            if line.item is not None and row_of(decision, plan.elsewhere) == TO_CHARGE:
                self.shown[line.item.reference].add(line.item.amount.minor)

    def live(self) -> None:
        """Let commands come, be killed, and come again; then finish what is wanted."""
        self._strike(self.amend())
        for _ in range(COMMANDS):
            if self.chance.random() < 0.3:
                names = self.chance.sample(sorted(self.sheet.versions), 2)
                one = lambda names=names: self.cancel([name for name, _ in names])  # noqa: E731  typed again as it was
            else:
                self.sheet.edit(self.chance)
                one = self.amend
            if self._strike(one()) and self.chance.random() < 0.7:
                self._strike(one())
        self.finish()

    def _strike(self, process: Process) -> bool:
        """Kill a command somewhere, or let it end; tell whether it was killed."""
        most = TURNS_PER_ITEM * self.life.fate.items
        turn = self.chance.randint(1, most) if self.chance.random() < 0.6 else 10**9
        machine = self.life.machine
        machine.run(lambda: not process.alive or process.turns >= turn)
        killed = process.alive
        if killed:
            process.kill()
            self.life.network.cut_off(process)
            self.killed += 1
        else:
            self._heed(process)
        machine.pass_time(self.chance.choice(JUMPS))
        return killed

    def _heed(self, process: Process) -> bool:
        """Take in how a command ended: what it refuses as paid is restored. Tell whether it was refused."""
        try:
            assert process.result in (Exit.OK, Exit.USAGE, Exit.DECLINES, Exit.UNFINISHED, Exit.UNREACHABLE)
        except InvalidInput as refused:
            known = self._known()
            for problem in refused.problems:
                item = known[problem.reference]
                self.sheet.put(self.sheet.versions[item.reference, item.amount])
            return True
        except PlanStale:
            return True
        except (BillingError, BaseExceptionGroup) as error:
            if isinstance(error, BaseExceptionGroup) and error.split(BillingError)[1] is not None:
                raise
        return False

    def finish(self) -> None:
        """Type the same until nothing is open, the second half of the time in fine weather."""
        for turn in range(2 * CONTINUATIONS):
            if turn == CONTINUATIONS:
                self.life.world.sandbox.faults.clear()
                self.life.machine.pass_time(DAY + HOUR)
            last = self.amend()
            self.life.machine.finish(last)
            refused = self._heed(last)
            looks = self.life.runner()
            self.life.machine.finish(looks)
            groups = run_virtually(self.life.world.groups)
            if not refused and set(self.sheet.rows) <= set(self._known()) and not any(groups[group] for group in OPEN):
                return
        raise AssertionError(f"still open: {dict(groups)}")

    def verdict(self) -> None:
        """Hold the whole life to its law.

        Raises:
            AssertionError: it does not hold.
        """
        assert self.life.network.conflicts == [], self.life.network.conflicts[0]
        run_virtually(self.life.world.assert_true)
        books = self.life.world.sandbox.books()
        assert books.doubles(REFERENCE) == [], f"paid more than once: {books.doubles(REFERENCE)}"
        for name, intents in books.by_item(REFERENCE).items():
            for row in intents:
                assert not row.taken or row.taken in self.shown[name], f"{name}: {row.taken} was shown by no plan"
        item = self._known()
        for name, row in self.sheet.rows.items():
            assert item[name].state not in (State.SUCCEEDED, State.UNSETTLED) or item[name].amount == row.amount_minor

    def _known(self) -> dict[str, ItemRecord]:
        """What the ledger holds of each reference, in its newest generation."""
        known = sorted(run_virtually(self.life.world.item), key=lambda item: item.generation)
        return {item.reference: item for item in known}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a life came to: ``violation`` is empty when its law held."""

    seed: int
    violation: str
    killed: int


def edited(seed: int, items: int = 5) -> Outcome:
    """Live one seed with a file that is edited."""
    random.seed(seed)
    fate = fate_of(seed, items)
    with memory_folder() as folder:
        life = Life.begin(seed, fate, folder)
        story = Edited(life, Sheet.of(life.world.scenario.rows), random.Random(f"edited-{seed}"))
        try:
            story.live()
            story.verdict()
            violation = ""
        except Exception as failure:  # noqa: BLE001  whatever it is, the seed is what the reader needs
            violation = f"{type(failure).__name__}: {failure}"
        life.machine.bury()
    return Outcome(seed, violation, story.killed)
