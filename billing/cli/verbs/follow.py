"""Resolve what was left in doubt, and settle what takes days: one run, or every run of the ledger in this mode."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from billing.cli.books import open_books
from billing.cli.desks import desk_for
from billing.cli.endings import run_table, said_of, what_comes_next
from billing.cli.face import answer, answer_json
from billing.cli.session import Common, Session, begin, run_async
from billing.cli.watching import watching
from billing.core.entries import RunRecord
from billing.core.exits import Exit
from billing.core.groups import exit_for, in_sight
from billing.core.items import Mode
from billing.core.policies import Dunning, Notification, Policies
from billing.edge.ledger.memory import Making
from billing.edge.logs import visible
from billing.edge.notify import notify
from billing.edge.settings import Settings
from billing.flow.bill import requests_sent
from billing.flow.charge import Goal
from billing.flow.desk import Desk
from billing.flow.invocation import Ending, RunOptions
from billing.flow.opening import Opening
from billing.flow.report import known_run, summary
from billing.flow.resolve import resolve, settle
from billing.flow.run import has_work

GOALS = {"resolve": Goal.RESOLVE, "settle": Goal.SETTLE}
VERBS = {"resolve": resolve, "settle": settle}


def follow(
    common: Common,
    verb: str,
    run_id: str | None,
    *,
    live: bool,
    rate: float | None,
    wait: float | None,
    declines_ok: bool,
) -> int:
    """Carry out `billing resolve` or `billing settle`."""
    session = begin(common)
    # Without a run id there is no run file to name the mode: whoever types --live means live.
    mode = Mode.LIVE if live else session.settings.mode
    opening = Opening(mode, verb, live=live, wait=wait, rate=rate, making=Making.NEVER)
    return run_async(follow_up, session, verb, run_id, opening, declines_ok)


async def follow_up(session: Session, verb: str, run_id: str | None, opening: Opening, declines_ok: bool) -> int:
    """Open the desk, follow every run that asks for it, print, and return the exit code."""
    if run_id is not None:
        async with open_books(session) as ledger:
            opening = replace(opening, mode=known_run(ledger, run_id).mode)
    async with desk_for(session, opening) as desk:
        records = await _records(desk, verb, run_id)
        asked = {record.run_id for record in records if has_work(desk.ledger, record.run_id, GOALS[verb])}
        ending = await _each(session, desk, verb, records, declines_ok=declines_ok)
        tallies = {record.run_id: desk.ledger.tally(record.run_id) for record in records}
        everything = [tally for each in tallies.values() for tally in each]
        code = ending.exit or exit_for(in_sight(everything, ending.ended), declines_ok=declines_ok)
        shown = [each for each in tallies if each == run_id or each in asked or any(in_sight(tallies[each], ()))]
        _print(session, desk, verb, shown, ending, code)
        return code


async def _records(desk: Desk, verb: str, run_id: str | None) -> list[RunRecord]:
    """Return the runs that are looked through, the oldest first: one, or all of this key's platform and mode.

    A key sees no other's intents. Whose it is is only asked when there is something to look at, or to tell apart.
    """
    found = [
        record
        for record in reversed(desk.ledger.runs())
        if record.mode is desk.mode and run_id in {None, record.run_id}
    ]
    several = len({record.platform for record in found}) > 1
    if run_id is None and (several or any(has_work(desk.ledger, record.run_id, GOALS[verb]) for record in found)):
        await desk.identify()
        return [record for record in found if record.platform == desk.platform]
    return found


async def _each(session: Session, desk: Desk, verb: str, records: Sequence[RunRecord], *, declines_ok: bool) -> Ending:
    """Look through one run after the other, and tell whoever its run tells when something has changed."""
    options = RunOptions(concurrency=desk.rates.items, per_account=session.settings.per_account_concurrency)
    whole = Ending()
    for record in records:
        policies = policies_of(record, session.settings)
        with watching(f"{verb} {record.run_id}") as watch:
            ending = await VERBS[verb](desk, record.run_id, options, policies, watch)
        whole = Ending(ending.exit, ending.reason, whole.ended + ending.ended, whole.changed + ending.changed)
        if ending.changed or ending.exit:
            await _tell(session, desk, record, policies, ending, declines_ok=declines_ok)
        if ending.exit:
            return whole
    return whole


async def _tell(
    session: Session, desk: Desk, record: RunRecord, policies: Policies, ending: Ending, *, declines_ok: bool
) -> None:
    tallies = in_sight(desk.ledger.tally(record.run_id), ending.ended)
    code = ending.exit or exit_for(tallies, declines_ok=declines_ok)
    found = summary(desk.ledger, record.run_id, exit_code=code, requests=requests_sent(desk))
    occasion = "stopped" if ending.exit else "finished"
    await notify(policies.notify, occasion, found, environ=session.environ, log=session.log)


def policies_of(record: RunRecord, settings: Settings) -> Policies:
    """Return the policies a run was planned with, as far as the ledger keeps them."""
    dunning, told = record.header.get("dunning"), record.header.get("notify")
    policies = settings.policies
    if dunning is not None:
        policies = replace(policies, dunning=Dunning.from_facts(dunning))
    if told is not None:
        policies = replace(policies, notify=tuple(Notification.from_facts(each) for each in told))
    return policies


def _print(session: Session, desk: Desk, verb: str, runs: Sequence[str], ending: Ending, code: Exit) -> None:
    if session.json:
        found: list[dict[str, Any]] = [summary(desk.ledger, run_id) for run_id in runs]
        answer_json({"exit_code": int(code), "runs": found, "requests": requests_sent(desk)})
        return
    lines = [] if requests_sent(desk)["sent"] else [f"nothing to {verb}"]
    for run_id in runs:
        lines += [run_id, "", *run_table(desk.ledger, run_id), *what_comes_next(desk.ledger, run_id)]
    if ending.exit:
        lines.append(f"stopped: {visible(ending.reason)}")
    if runs:
        lines.append(said_of(code))
    answer("".join(line + "\n" for line in lines))
