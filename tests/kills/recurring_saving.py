"""Payment details of everybody are saved: some in test mode's short way, the others on our page while it is killed."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from billing.core.life import Group
from tests.kills import recurring_laws as laws
from tests.kills.assertions import Line
from tests.kills.processes import RATE, Runner
from tests.kills.recurring_blows import MONTH, SAVED, Blows, Words
from tests.kills.recurring_browser import Browser
from tests.kills.recurring_people import CONFIRMED, TYPED, Person, Saves, people, sheet
from tests.kills.recurring_sheets import Saved

PATH = ("customers.create", "setup_intents.create", "setup_intents.confirm", "customers.update")
BROWSERS = 4


class Saving:
    """The payers of a world, and the ways in which they are asked."""

    def __init__(self, blows: Blows, sheets: Path) -> None:
        self._blows, self._sheets = blows, sheets
        self._office, self._verdict, self._sizes = blows.office, blows.verdict, blows.sizes
        self._provider, self._watch = blows.office.provider, blows.watch
        self._people = people(blows.sizes.payers)

    def save(self) -> list[Saved]:
        """Ask everybody, hold what came of it against the sandbox, and return whose details are saved."""
        reports = [self._confirmed(saves) for saves in CONFIRMED]
        reports.append(self._on_the_page())
        told = [line for report in reports for line in report]
        self._provider.ask(lambda sandbox: laws.hold_payers(self._verdict.findings, sandbox, told))
        by_name = {person.reference: person.saves for person in self._people}
        told.sort(key=lambda line: line["reference"])
        payers = [
            Saved(line["customer"], line["payment_method"], by_name[line["reference"]])
            for line in told
            if line["status"] == Group.SUCCEEDED
        ]
        self._verdict.figures["payers"] += len(payers)
        return payers

    def _confirmed(self, saves: Saves) -> list[Line]:
        who = [person for person in self._people if person.saves is saves]
        verb = self._run_of(who, f"payers-{saves}-{MONTH}", "--confirm-with", CONFIRMED[saves])
        if not who:
            return []
        self._blows.struck(verb, PATH, len(who), part=2)
        return self._blows.finished(f"payers-{saves}-{MONTH}", verb, ("settle", f"payers-{saves}-{MONTH}"), over=SAVED)

    def _run_of(self, who: Sequence[Person], run_id: str, *options: str) -> Words:
        file = self._sheets / f"{run_id}.csv"
        file.write_text(sheet(who))
        return ("run", str(file), "--run", run_id, "--yes", *options)

    def _on_the_page(self) -> list[Line]:
        """Invite, then serve the page and kill it while payers are on it, until all of them have saved."""
        who = [person for person in self._people if person.saves in TYPED]
        run_id = f"payers-page-{MONTH}"
        verb = self._run_of(who, run_id)
        self._blows.struck(verb, PATH, len(who), part=2)
        self._blows.clear()
        self._office.ask(*verb, *RATE)
        links = {line["reference"]: line["link"] for line in self._office.report(run_id)}
        self._blows.bad_weather()
        door = self._provider.door()
        self._provider.ask(lambda sandbox: setattr(sandbox.world, "origin", door.url))
        browsers = [Browser(door.url, links[person.reference], TYPED[person.saves]) for person in who]
        pool = ThreadPoolExecutor(BROWSERS)
        try:
            self._serve([pool.submit(browser.save) for browser in browsers])
        finally:
            pool.shutdown(cancel_futures=True)  # where the page is gone for good, nobody else needs to come
        return self._blows.finished(run_id, ("settle", run_id), over=SAVED)

    def _visited(self, visits: Sequence[Future[str]], page: Runner) -> None:
        """Wait until all payers have left, or the page is gone: as long as one after another leaves."""
        while not page.done and (left := sum(not visit.done() for visit in visits)):
            self._watch.until(lambda left=left: page.done or sum(not visit.done() for visit in visits) < left, page)

    def _serve(self, visits: Sequence[Future[str]]) -> None:
        """Keep the page up while somebody is on it, through so many deaths."""
        for _ in range(self._sizes.strikes):
            page = self._office.start(("collect",), self._blows.trip(PATH, len(visits) // (2 * self._sizes.strikes)))
            self._visited(visits, page)
            if not page.done:
                self._office.close(page)
                break
            self._watch.await_(page)
        else:
            page = self._office.start(("collect",), None)
            self._visited(visits, page)
            self._office.close(page)
        self._verdict.problems += [
            f"a payer is told: {told}" for visit in visits if (told := visit.result()) != "saved"
        ]
