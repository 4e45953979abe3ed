"""Resolve what was left in doubt, and settle what takes days: one run, or every run of the ledger in this mode."""

from collections.abc import Iterator
from dataclasses import replace

from billing.cli.books import open_books
from billing.cli.endings import run_table, said_of, what_comes_next, when_stopped
from billing.cli.options import Common, Sending
from billing.cli.progress_bar import watching
from billing.cli.services import services_for
from billing.cli.session import Session, begin, run_async
from billing.cli.terminal import write_json, write_out
from billing.core.items import Mode
from billing.edge.ledger.custody.known_ledgers import Making
from billing.edge.logs import visible
from billing.flow.carry_out import requests_sent
from billing.flow.follow import Followed, Following
from billing.flow.follow import follow as follow_runs
from billing.flow.open_services import ServiceOptions
from billing.flow.report import known_run
from billing.flow.services import Services


def follow(common: Common, verb: str, run_id: str | None, sending: Sending, *, declines_ok: bool) -> int:
    """Carry out `billing resolve` or `billing settle`."""
    session = begin(common)
    # Without a run id there is no run file to name the mode: whoever types --live means live.
    mode = Mode.LIVE if sending.live else session.settings.mode
    opening = ServiceOptions(mode, verb, live=sending.live, wait=sending.wait, rate=sending.rate, making=Making.NEVER)
    return run_async(follow_up, session, verb, run_id, opening, declines_ok)


async def follow_up(session: Session, verb: str, run_id: str | None, opening: ServiceOptions, declines_ok: bool) -> int:
    """Open the desk, follow every run that asks for it, print, and return the exit code."""
    if run_id is not None:
        async with open_books(session) as ledger:
            opening = replace(opening, mode=known_run(ledger, run_id).mode)
    async with services_for(session, opening) as services:
        asked = Following(verb, run_id, session.settings, session.environ, declines_ok, watching)
        followed = await follow_runs(services, asked)
        if session.json:
            write_json(followed.summary(services))
        else:
            write_out("".join(line + "\n" for line in _as_text(services, verb, followed)))
        return followed.exit


def _as_text(services: Services, verb: str, followed: Followed) -> Iterator[str]:
    if not requests_sent(services)["sent"]:
        yield f"nothing to {verb}"
    for run_id in followed.runs:
        yield run_id
        yield ""
        yield from run_table(services.ledger, run_id)
        yield from what_comes_next(services.ledger, run_id, stopped=followed.ending.exit)
    if followed.ending.exit:
        yield f"stopped: {visible(followed.ending.reason)}"
    yield from when_stopped(followed.ending.exit)
    if followed.runs:
        yield said_of(followed.exit)
