"""The word to pause to all workers of a run, and the next round that ends the pause."""

from typing import Any

from billing.cli.books import open_books
from billing.cli.options import Sending
from billing.cli.over_workers import Crewing
from billing.cli.services import services_for
from billing.cli.session import Session
from billing.cli.tables import plural
from billing.cli.terminal import write_json, write_out
from billing.cli.typed import following
from billing.core.errors import UsageError
from billing.core.exits import Exit
from billing.core.items import Mode
from billing.edge.engines.controls import Round, Said, Word
from billing.edge.engines.opening import controls_of
from billing.edge.ledger.custody.known_ledgers import Making
from billing.edge.ledger.custody.location import ledger_path
from billing.edge.ledger_url import is_postgres, shown
from billing.edge.logs import visible
from billing.edge.operator import operator
from billing.edge.texts.reasons import recorded_reason
from billing.flow.open_services import ServiceOptions
from billing.flow.report import known_run

PAUSED = "its workers start nothing more"


async def pause(session: Session, run_id: str, reason: str) -> int:
    """Say the word to every worker of a run; a run that is paused stays so. Return the exit code.

    Raises:
        UsageError: the ledger knows no such run, or no workers are at it.
    """
    _require_server(session, "pause")
    if reason:
        recorded_reason(reason, "why it is paused", "nothing was paused")
    async with open_books(session) as ledger:
        live = known_run(ledger, run_id).mode is Mode.LIVE
    by = str(operator()["by"])
    wanted = Said(Word.PAUSE, f"paused by {by}" + (f": {reason}" if reason else ""), by, int(Exit.STOPPED))
    controls = controls_of(session.settings.ledger, f"pause {run_id}")
    try:
        await controls.say(run_id, wanted)
        found = await controls.round(run_id)
    finally:
        await controls.aclose()
    if found is None or found.said is None or found.said.word is not Word.PAUSE:
        raise UsageError(f"run {run_id} is not at workers now{_why(found)}; {_look(run_id)}")
    facts = {"run": run_id, "paused": True, "reason": found.said.reason, "shards_at_work": found.begun - found.ended}
    text = [
        f"Run {run_id} is {visible(found.said.reason)}: {PAUSED}",
        f"Have them go on: {following('resume', run_id, live=live)}",
    ]
    return _told(session, facts, text)


def _why(found: Round | None) -> str:
    if found is None or found.over:
        return " (it has ended, or was never handed out)" if found else ""
    return f" ({visible(found.said.reason)})" if found.said else ""


def _look(run_id: str) -> str:
    return f"see {following('status', run_id)}"


async def resume(session: Session, run_id: str, sending: Sending) -> int:
    """Hand out what is left of a run that was paused, as it was asked for; return the exit code.

    Raises:
        UsageError: it is not paused, or key, mode and run disagree.
        LedgerError: the ledger failed.
    """
    _require_server(session, "resume")
    async with open_books(session) as ledger:
        mode: Mode = known_run(ledger, run_id).mode
    crewing = Crewing(detach=True)
    opening = ServiceOptions(
        mode,
        f"resume {run_id}",
        live=sending.live,
        wait=sending.wait,
        making=Making.NEVER,
        worker=crewing.named("resume", run_id),
    )
    async with services_for(session, opening) as services:
        boss = crewing.overseer(session)
        await boss.resume(services, run_id)
    shards = boss.began.shards if boss.began is not None else 0
    facts = {"run": run_id, "resumed": True, "shards": shards}
    text = [
        f"Run {run_id} goes on: {plural(shards, 'shard')} handed out" if shards else f"Run {run_id}: nothing was left",
        f"See how far it is: {following('status', run_id, watch=True)}",
    ]
    return _told(session, facts, text)


def _told(session: Session, facts: dict[str, Any], text: list[str]) -> int:
    if session.json:
        write_json(facts)
    else:
        write_out("".join(line + "\n" for line in text))
    return Exit.OK


def _require_server(session: Session, verb: str) -> None:
    """Refuse a ledger that one process has to itself.

    Raises:
        UsageError: it is in a file.
    """
    ledger = session.settings.ledger
    if not is_postgres(ledger):
        ledger_path(ledger)  # what is no URL of a ledger is refused as that
        how = {
            "pause": "stop that process (Ctrl-C, SIGTERM): what is on its way comes home, and the same command goes on",
            "resume": "the command that began the run goes on with it: billing run FILE",
        }
        raise UsageError(f"{shown(ledger)}: one process alone works a run in a SQLite ledger; {how[verb]}")
