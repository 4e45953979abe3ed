"""One world of payers: saved, subscribed, changed, brought in step, ended and renewed, by processes that are killed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import yaml

from billing.core.exits import Exit
from billing.core.life import Group
from billing.sandbox.server import ticking
from tests.kills import recurring_laws as laws
from tests.kills.assertions import UNPAID
from tests.kills.processes import RATE, is_cold
from tests.kills.provider import Provider
from tests.kills.recurring_blows import AGAIN, DAY, FAULTS, HOUR, MONTH, SEARCHABLE, Blows
from tests.kills.recurring_crew import Office
from tests.kills.recurring_people import Saves, written_below
from tests.kills.recurring_platform import Changed, change, open_shops
from tests.kills.recurring_saving import Saving
from tests.kills.recurring_sheets import Saved
from tests.kills.recurring_sheets import sheet as sheet_of_lines
from tests.kills.verdict import Asked, Verdict
from tests.kills.world import config

LINES, JOINED = f"members-{MONTH}", f"joiners-{MONTH}"
LINES_PATH = (
    "customers.create", "payment_methods.create", "payment_methods.attach", "customers.update", "subscriptions.create",
    "invoices.pay", "subscriptions.update",
)  # fmt: skip
SYNC_PATH = (
    "payment_methods.create", "payment_methods.attach", "customers.update", "subscriptions.update",
    "payment_methods.detach",
)  # fmt: skip
ENDS_PATHS = {"now": ("subscriptions.cancel", "invoices.void"), "period_end": ("subscriptions.update",)}


class Recurring:
    """The payers, and what befalls the commands that look after them."""

    def __init__(self, office: Office, verdict: Verdict, sheets: Path) -> None:
        sizes = verdict.asked.recurring
        assert sizes is not None
        self._office, self._verdict, self._sizes, self._sheets = office, verdict, sizes, sheets
        self._provider, self._blows = office.provider, Blows(office, verdict, sizes)
        self._chance = self._blows.chance
        self._shops = self._provider.ask(lambda sandbox: open_shops(sandbox, sizes.accounts))
        self._payers: list[Saved] = []
        self._changed: list[Saved] = []
        self._ends: dict[str, str] = {}
        office.settle_in()
        sheets.mkdir()

    def stages(self) -> list[Callable[[], None]]:
        """What happens, in order."""
        return [self.save, self.subscribe, self.change, self.join, self.bring_in_step, self.end, self.renew]

    def save(self) -> None:
        """Save payment details of everybody."""
        self._payers = Saving(self._blows, self._sheets).save()

    def subscribe(self) -> None:
        """Subscribe everybody, most of them on several accounts."""
        self._subscribed(LINES, self._payers, self._sizes.lines, "SUB")

    def join(self) -> None:
        """Subscribe some who have changed cards, with the new one, before any sync has seen it."""
        if self._changed:
            linked = {line["customer"]: line["account"] for line in self._office.report(LINES)}
            self._subscribed(JOINED, self._changed, max(2, self._sizes.lines // 10), "NEW", linked)

    def _subscribed(
        self, run_id: str, who: Sequence[Saved], count: int, word: str, linked: Mapping[str, str] | None = None
    ) -> None:
        file = self._sheets / f"{run_id}.csv"
        file.write_text(sheet_of_lines(who, self._shops, count, self._chance, word, linked or {}))
        verb = ("run", str(file), "--run", run_id, "--yes")
        self._blows.struck(verb, LINES_PATH, count, part=1 if run_id == LINES else 2)
        report = self._blows.finished(run_id, verb, ("resolve", run_id), ("settle", run_id))
        self._provider.ask(lambda sandbox: laws.hold_subscriptions(self._verdict.findings, sandbox, report))
        self._provider.ask(lambda sandbox: laws.hold_defaults(self._verdict.findings, sandbox))
        self._verdict.figures["lines"] += len(report)
        self._verdict.figures["subscribed"] += sum(line["status"] not in UNPAID for line in report)

    def change(self) -> None:
        """Let payers and their issuers change cards, and rename some."""
        customers, (cards, names) = [payer.customer for payer in self._payers], self._changes()
        done: Changed = self._provider.ask(lambda sandbox: change(sandbox, customers, self._chance, cards, names))
        self._verdict.figures["cards changed"] += len(done.saved) + len(done.reissued)
        self._verdict.figures["renamed"] += len(done.renamed)
        self._payers = [
            replace(payer, saves=Saves.CARD, method=done.saved[payer.customer])
            if payer.customer in done.saved
            else payer
            for payer in self._payers
        ]
        self._changed = [payer for payer in self._payers if payer.customer in done.saved]

    def _changes(self) -> tuple[int, int]:
        """Half of the payers get other cards, and a quarter other names."""
        return max(2, self._sizes.payers // 2), max(1, self._sizes.payers // 4)

    def bring_in_step(self) -> None:
        """Sync, killed and again, until a look finds nothing."""
        self._blows.struck(("sync", "--yes"), SYNC_PATH, self._sizes.lines // 2)
        self._blows.clear(SEARCHABLE)
        for _ in range(AGAIN):
            self._office.ask("sync", "--yes", *RATE)
            if self._looked("--full") == Exit.OK:
                break
            self._blows.clear(25 * HOUR)
        else:
            self._verdict.findings.open.append("after several syncs a look still finds something")
        joined = {payer.customer for payer in self._changed}
        self._provider.ask(lambda sandbox: laws.hold_in_step(self._verdict.findings, sandbox, joined))
        self._provider.ask(lambda sandbox: laws.hold_defaults(self._verdict.findings, sandbox))

    def _looked(self, *options: str) -> int:
        return self._office.ask("sync", "--check", *options, *RATE).returncode

    def end(self) -> None:
        """End some subscriptions at once and others with their period."""
        lines = [line for line in self._office.report(LINES) if line["status"] == Group.SUCCEEDED]
        chosen = self._chance.sample(lines, max(2, len(lines) // 10))
        half = len(chosen) // 2
        for when, some in (("now", chosen[:half]), ("period_end", chosen[half:])):
            only = [word for line in some for word in ("--only", line["reference"])]
            file = f"end-{when}.yaml"
            self._office.ask("reverse", LINES, "--when", when, *only, "-o", file)
            verb = ("run", file, "--yes")
            self._blows.struck(verb, ENDS_PATHS[when], len(some), part=2)
            run_id = _run_id_of(self._office.folder / file)
            report = self._blows.finished(run_id, verb, ("resolve", run_id), ("settle", run_id))
            self._verdict.findings.open += [
                f"the end of {line['reference']} is {line['status']}" for line in report
                if line["status"] != Group.SUCCEEDED
            ]  # fmt: skip
            self._ends |= {line["reference"]: line["subscription"] for line in some}
        self._verdict.figures["ended"] += len(self._ends)

    def renew(self) -> None:
        """Let 40 days pass, and hold what they took against what they should."""
        self._blows.clear()
        before = self._provider.ask(laws.payments)
        self._blows.clear(40 * DAY)
        self._office.ask("settle", LINES, *RATE)
        report, ends = self._office.report(LINES), set(self._ends.values())
        # Stripe gives up on a method that declines, and a subscription that never took money counts no more.
        poor = {payer.customer for payer in self._payers if payer.saves is Saves.EMPTY}
        spent = self._ends.keys() | {line["reference"] for line in report if line["customer"] in poor}
        found = self._verdict.findings
        self._provider.ask(lambda sandbox: laws.hold_subscriptions(found, sandbox, report, spent))
        self._verdict.figures["renewed"] += self._provider.ask(
            lambda sandbox: laws.hold_renewals(found, sandbox, before, ends, poor)
        )
        self._provider.ask(lambda sandbox: laws.hold_defaults(found, sandbox))
        if self._looked() != Exit.OK:  # events are older than Stripe keeps them: it looks at everybody by itself
            found.other.append("nobody has changed anything in 40 days, and a look finds something")

    def leave(self) -> None:
        """The ledger holds together, and nobody's name was written anywhere."""
        self._office.ask("ledger", "verify")
        self._office.ask("ledger", "events")
        self._verdict.problems += [f"written: {found}" for found in written_below(self._office.folder)]


def _run_id_of(file: Path) -> str:
    """Return the id of a run file that was written for us."""
    run: dict[str, str] = yaml.safe_load(file.read_text())["run"]
    return f"{run['name']}-{run['period']}"


def live(asked: Asked, root: Path) -> Verdict:
    """Live one world to its end, in a folder of its own below ``root``; whatever happens is in the verdict."""
    verdict, seed = Verdict(asked), asked.seed
    weather = config(seed, FAULTS)
    sandbox = ticking(replace(weather, chances=replace(weather.chances, operations=())))
    with Provider(sandbox) as provider:
        office = Office(
            root / f"recurring-{seed}-{asked.bug or 'shipped'}", provider, asked.bug, is_cold(seed), verdict.problems
        )
        try:
            world = Recurring(office, verdict, root / f"sheets-{seed}")
            for stage in world.stages()[: asked.lives]:
                stage()
            world.leave()
        except Exception as failure:  # noqa: BLE001  whatever it is, the seed is what the reader needs
            verdict.problems.append(f"{type(failure).__name__}: {failure}")
        finally:
            office.dismiss()
        verdict.problems += provider.problems
    return verdict
