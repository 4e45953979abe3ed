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
from billing.core.groups import exit_for
from billing.core.policies import Dunning, Policies
from billing.core.states import State
from billing.edge.ledger.memory import Making
from billing.edge.logs import visible
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

PAST = frozenset({State.UNPAID, State.FAILED, State.SKIPPED})
# How old runs ended is their own report's business: without a run id, only what is still open decides the exit code.


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
    opening = Opening(session.settings.mode, verb, live=live, wait=wait, rate=rate, making=Making.NEVER)
    return run_async(follow_up, session, verb, run_id, opening, declines_ok)


async def follow_up(session: Session, verb: str, run_id: str | None, opening: Opening, declines_ok: bool) -> int:
    """Open the desk, follow every run that asks for it, print, and return the exit code."""
    if run_id is not None:
        async with open_books(session) as ledger:
            opening = replace(opening, mode=known_run(ledger, run_id).mode)
    async with desk_for(session, opening) as desk:
        records = await _records(desk, verb, run_id)
        ending = await _each(session, desk, verb, records)
        chosen = [record.run_id for record in records] if run_id is None else [run_id]
        code = ending.exit or _worth(desk, chosen, known=run_id is not None, declines_ok=declines_ok)
        _print(session, desk, verb, chosen, ending, code)
        return code


async def _records(desk: Desk, verb: str, run_id: str | None) -> list[RunRecord]:
    """Return the runs with something to follow, the oldest first; without any, nobody is asked anything.

    Without a run id these are the runs of this key's platform and mode: it sees no other's intents.
    """
    found = [
        record
        for record in reversed(desk.ledger.runs())
        if record.mode is desk.mode
        and run_id in {None, record.run_id}
        and has_work(desk.ledger, record.run_id, GOALS[verb])
    ]
    if found and run_id is None:
        await desk.identify()
        return [record for record in found if record.platform == desk.platform]
    return found


async def _each(session: Session, desk: Desk, verb: str, records: Sequence[RunRecord]) -> Ending:
    options = RunOptions(concurrency=desk.rates.items, per_account=session.settings.per_account_concurrency)
    for record in records:
        with watching(f"{verb} {record.run_id}") as watch:
            ending = await VERBS[verb](desk, record.run_id, options, policies_of(record, session.settings), watch)
        if ending.exit:
            return ending
    return Ending()


def policies_of(record: RunRecord, settings: Settings) -> Policies:
    """Return the policies a run was planned with, as far as the ledger keeps them."""
    kept = record.header.get("dunning")
    policies = settings.policies
    return policies if kept is None else replace(policies, dunning=Dunning.from_facts(kept))


def _worth(desk: Desk, runs: Sequence[str], *, known: bool, declines_ok: bool) -> Exit:
    """Return the exit code: as long as anything is open it says so, so that a scheduler comes back."""
    tallies = [tally for run_id in runs for tally in desk.ledger.tally(run_id)]
    still_open = exit_for([tally for tally in tallies if tally.state not in PAST])
    if still_open or not known:
        return still_open
    return exit_for(tallies, declines_ok=declines_ok)


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
