"""A whole run against a sandbox in this process: plan, charges, declines and faults survived, report, proof."""

import secrets
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from billing.cli.books import open_books
from billing.cli.following import follow_up
from billing.cli.ledger_view import verdict
from billing.cli.looking_ahead import look_ahead
from billing.cli.options import Common, Sending
from billing.cli.reconciling import Asked, reconcile_and_tell
from billing.cli.report_out import ReportRequest, write_report
from billing.cli.running import Manner, carry_out
from billing.cli.session import Session, begin_apart
from billing.cli.source import open_source
from billing.cli.tables import duration, plural
from billing.cli.terminal import write_out
from billing.core.errors import UsageError
from billing.core.exits import Exit
from billing.core.items import Mode
from billing.edge.logs import visible
from billing.edge.outputs import REPORT, Target
from billing.edge.privatefile import write_private
from billing.edge.runfiles import ReadOptions
from billing.flow.open_services import ServiceOptions
from billing.flow.request import RunRequest
from billing.sandbox.config import SandboxConfig, read
from billing.sandbox.model import Sandbox
from billing.sandbox.scenario import ScenarioSpec, build
from billing.sandbox.server import serve, ticking

MARK = ".billing-demo"
# Stands in every folder a demo made, so that only such folders are ever emptied.
RUN = "coaching-2026-11"
ACCOUNTS, DEAD_ACCOUNTS = 12, 1
RATE = 60.0
# Requests a second: a run of 300 items then takes as long as a person likes to watch.
REPORTS = ("report.html", "report.xlsx", "report.csv")
SETTLED_SECONDS = 8 * 86_400.0
# After so long every bank debit of the sandbox has been answered.

TROUBLE = {
    "latency": {"median_seconds": "0.15"},
    "limits": {"platform_rate": "90", "endpoint_rate": "60"},
    "chances": {
        "kinds": {
            "lost_before": "0.01",  # never arrived
            "lost_after": "0.02",  # carried out, the answer lost
            "stored_500_done": "0.005",  # carried out, a 500 answered
            "rate_limited": "0.005",
        }
    },
}


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a demo plays.

    Attributes:
        folder: of its files.
        sandbox: the provider.
        session: as if the commands had been typed in the folder.
    """

    folder: Path
    sandbox: Sandbox
    session: Session


def make_room(folder: Path) -> None:
    """Empty the folder of an earlier demo, or make it.

    Raises:
        UsageError: it holds something else.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"{folder} is no plain folder; name another with --dir")
    if folder.is_dir() and any(folder.iterdir()):
        if (folder / MARK).is_symlink() or not (folder / MARK).is_file():
            raise UsageError(f"{folder} holds files that are not of a demo; name another folder with --dir")
        shutil.rmtree(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be made: {error.strerror}") from None
    write_private(folder / MARK, ["made by billing demo, which empties this folder when it runs again\n"])


def config_of(seed: int) -> SandboxConfig:
    """Return a sandbox in trouble: the same seed, the same trouble."""
    return read({**TROUBLE, "seed": str(seed)})


@asynccontextmanager
async def staged(common: Common, folder: Path, config: SandboxConfig) -> AsyncIterator[Stage]:
    """A sandbox in this process and a session in the folder, as long as the context lasts."""
    sandbox = ticking(config)
    async with serve(sandbox) as served:
        environ = {
            "STRIPE_API_KEY": f"sk_test_demo{secrets.token_hex(8)}",
            "BILLING_API_BASE": served.url,
            "BILLING_LEDGER": f"sqlite:///{(folder / 'billing.db').absolute()}",
            "BILLING_LEDGER_KEY_FILE": str((folder / "ledger.key").absolute()),
            "BILLING_LOG_LEVEL": "error",
            "BILLING_RECONCILE_RATE": f"{RATE}",
        }
        yield Stage(folder, sandbox, begin_apart(common, environ))


async def play(common: Common, folder: Path, items: int, config: SandboxConfig) -> int:
    """Play it from the sheet to the proof, each step as it would be typed."""
    began = time.monotonic()
    async with staged(common, folder, config) as stage:
        _prepare(stage, items, config.seed)
        await _plan(stage)
        code = await _charge(stage)
        if code in {Exit.INTERRUPTED, Exit.TERMINATED}:
            return code
        await _afterwards(stage, code)
        sound = await _prove(stage, items)
    _close(stage, time.monotonic() - began)
    return Exit.OK if sound else Exit.INTERNAL


def step(command: str, about: str) -> None:
    """Show what is typed, and why."""
    write_out(f"\n# {about}\n$ {command}\n")


def _prepare(stage: Stage, items: int, seed: int) -> None:
    """Make up the platform, its payers and the sheet that charges them; trouble begins only afterwards."""
    spec = ScenarioSpec(seed=seed, accounts=ACCOUNTS, dead_accounts=DEAD_ACCOUNTS, items=items, items_per_customer=2)
    scenario = build(stage.sandbox, spec)
    write_private(_sheet(stage), [scenario.as_csv()])
    write_out(
        f"A Stripe sandbox runs inside this process: {plural(ACCOUNTS + DEAD_ACCOUNTS, 'connected account')}, "
        f"{plural(items, 'charge')} to make.\nAnswers get lost, requests are limited, cards decline. "
        "No key, no network, no real money.\n"
    )


def _sheet(stage: Stage) -> Path:
    return stage.folder / "coaching.csv"


def _request(stage: Stage) -> RunRequest:
    return RunRequest(file=_sheet(stage), read=ReadOptions(RUN), rate=RATE)


async def _plan(stage: Stage) -> None:
    step(f"billing plan coaching.csv --run {RUN}", "What would happen? Only reads are sent.")
    request = _request(stage)
    with open_source(stage.session, request.file, request.read) as source:
        await look_ahead(stage.session, request, source)


async def _charge(stage: Stage) -> int:
    """Charge everything; the last line says what the exit code tells a scheduler."""
    step(f"billing run coaching.csv --run {RUN} --yes", "Charge. Each item once, whatever gets lost on the way.")
    return await _run(stage)


async def _run(stage: Stage) -> int:
    request = _request(stage)
    with open_source(stage.session, request.file, request.read) as source:
        return await carry_out(stage.session, request, source, Manner(yes=True, quiet=True))


async def _afterwards(stage: Stage, code: int) -> None:
    """Look at what is in doubt, if anything is, and let a week pass for the bank debits."""
    opening = ServiceOptions(Mode.TEST, "demo", rate=RATE)
    stage.sandbox.faults.clear()
    if code == Exit.UNFINISHED:
        step(f"billing resolve {RUN}", "Something is left in doubt: look it up. Nothing is charged anew.")
        await follow_up(stage.session, "resolve", RUN, opening, False)
    stage.sandbox.advance(SETTLED_SECONDS)
    step(f"billing settle {RUN}", "A week later in the sandbox: the banks have answered.")
    await follow_up(stage.session, "settle", RUN, opening, False)
    step(f"billing reconcile {RUN}", "Does the bank agree? Every line, to fee and payout.")
    await reconcile_and_tell(stage.session, Asked(RUN, None, Sending()))


async def _prove(stage: Stage, items: int) -> bool:
    """Write the report, check the ledger, and compare with the sandbox's own books."""
    named = " ".join(f"-o {name}" for name in REPORTS)
    step(f"billing report {RUN} {named} && billing ledger verify", "Every line, with proof.")
    request = ReportRequest(outs=tuple(stage.folder / name for name in REPORTS))
    await write_report(stage.session, RUN, request, {out: Target(out, REPORT) for out in request.outs})
    async with open_books(stage.session) as ledger:
        found = ledger.verify()
        paid = sum(tally.items for tally in ledger.tally(RUN) if tally.state == "succeeded")
    books = stage.sandbox.books()
    charged = sum(intent.paid for intent in books.intents)
    doubles = len(books.doubles())
    write_out("".join(line + "\n" for line in verdict(found)))
    write_out(
        f"the sandbox's own books: {charged:,} of {plural(items, 'item')} paid, the ledger says {paid:,}; "
        f"{doubles} paid twice\n"
    )
    return not doubles and charged == paid and not found.faults


def _close(stage: Stage, seconds: float) -> None:
    shown = visible(str(stage.folder))
    write_out(
        f"""
Done in {duration(seconds)}. Open one of these: each has every line of {shown}/coaching.csv.
  {shown}/report.html    in a browser
  {shown}/report.xlsx    in Excel or LibreOffice
  {shown}/report.csv     anywhere

Next: billing demo --recurring shows saved cards, subscriptions, a changed card and a renewal.
With your own account in test mode:
  billing init                                 settings, a CSV template, a sample run
  export STRIPE_API_KEY=rk_test_...            a restricted key of the platform
  billing doctor                               what is missing, and what to do about it
  billing plan FILE.csv --run NAME-2026-11     look before anything is sent
  billing run FILE.csv --run NAME-2026-11      charge
"""
    )
