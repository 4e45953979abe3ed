"""Show where runs stand, from the ledger alone: it may be asked while another process charges."""

import sys
import textwrap
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from billing.cli.books import open_books
from billing.cli.crew_view import CrewView, crew_of
from billing.cli.endings import run_table, what_comes_next
from billing.cli.progress_bar import Screen, columns
from billing.cli.session import Session
from billing.cli.shelves import Shelf, Unread, View, only_one, shelves_of
from billing.cli.tables import WIDTH, amounts, duration, lined_up, plural
from billing.cli.terminal import is_terminal, write_out
from billing.cli.typed import Typed, following
from billing.core.errors import BillingError
from billing.core.items import Mode
from billing.core.kinds import LIVES
from billing.core.life import Group
from billing.core.records import RunStatus
from billing.edge.ledger import Ledger
from billing.edge.ledger.custody.attendance import Attendance
from billing.edge.logs import visible
from billing.flow.report import known_run, summary
from billing.flow.standing import Progress, Standing, progress_of, standing_of

WATCH_SECONDS = 1.0
CALM = 4.0
# A look at a large ledger takes time: it is left alone for so many times as long.


@dataclass(slots=True)
class Seen:
    """A run of a list: whose it is, where it stands, and what a program wants to know of it."""

    name: str
    standing: Standing
    facts: dict[str, Any]


async def look_once(sessions: Sequence[Session], run_id: str | None) -> int:
    """Print it."""
    view = await _look(sessions, run_id)
    _show(sessions[0], view)
    return view.exit


async def look_on(sessions: Sequence[Session], run_id: str | None) -> int:
    """Look again until nothing runs any more: in place on a terminal, else whenever something has changed."""
    import anyio

    first = sessions[0]
    screen = Screen(sys.stdout) if is_terminal(sys.stdout) and not first.json else None
    before: list[str] = []
    while True:
        began = time.monotonic()
        view = await _look(sessions, run_id)
        if screen is not None:
            width = columns()
            screen.draw([line.rstrip("\n")[: width - 1] for line in view.lines])
        elif view.lines != before:
            _show(first, view)
        before = view.lines
        if not view.running:
            return view.exit
        await anyio.sleep(max(WATCH_SECONDS, CALM * (time.monotonic() - began)))


def _show(session: Session, view: View) -> None:
    write_out(view.lines)
    for each in view.unread if session.json else ():
        session.log("ledger_unread", level="error", platforms=list(each.names), message=str(each.error))


async def _look(sessions: Sequence[Session], run_id: str | None) -> View:
    """Look at the ledgers of all platforms; where there is only one, what is wrong with it is raised."""
    shelves = shelves_of(sessions)
    runs: list[Seen] = []
    found: list[tuple[Shelf, View]] = []
    unread: list[Unread] = []
    for shelf in shelves:
        try:
            async with _opened(shelf) as (ledger, attendance):
                if run_id is None:
                    runs += _runs_of(shelf, ledger, attendance)
                elif len(shelves) == 1 or ledger.run(run_id) is not None:
                    crew = await crew_of(shelf.session, run_id)
                    found.append((shelf, _one(shelf, ledger, attendance, run_id, crew)))
        except BillingError as error:
            if len(shelves) == 1:
                raise
            unread.append(Unread(tuple(shelf.names.values()), error))
    if run_id is not None:
        view = only_one(found, unread, run_id)
        view.lines += [] if sessions[0].json else _unread(unread)
        return view
    lines = [_json([each.facts for each in runs])] if sessions[0].json else [*_list(runs, unread)]
    return View(lines, tuple(unread), any(each.standing.running for each in runs))


@asynccontextmanager
async def _opened(shelf: Shelf) -> AsyncIterator[tuple[Ledger, Attendance]]:
    """Open a ledger. Who holds it is asked first: a run that ends in between has its end on record then."""
    async with open_books(shelf.session) as ledger:
        yield ledger, ledger.attendance()


def _runs_of(shelf: Shelf, ledger: Ledger, attendance: Attendance) -> list[Seen]:
    """Look at every run of a ledger that is shown."""
    seen = []
    for record in shelf.runs(ledger):
        standing = standing_of(ledger, record, attendance)
        facts = summary(ledger, record.run_id) | standing.facts() if shelf.session.json else {}
        seen.append(Seen(shelf.name_of(record), standing, facts | shelf.facts_of(record)))
    return seen


def _one(shelf: Shelf, ledger: Ledger, attendance: Attendance, run_id: str, crew: CrewView) -> View:
    """Look at one run.

    Raises:
        UsageError: there is none, or it is of another platform than the one that is chosen.
    """
    record = known_run(ledger, run_id)
    shelf.require(record)
    standing = standing_of(ledger, record, attendance)
    found = progress_of(ledger, standing)
    if not shelf.session.json:
        if not shelf.alone and (name := shelf.name_of(record)):
            Typed.values = {**Typed.values, "platform": name}  # what comes next is typed for that platform
        return View(list(_as_text(ledger, standing, found, attendance, crew)), running=standing.running)
    facts = summary(ledger, run_id) | standing.facts() | shelf.facts_of(record) | asdict(found) | crew.facts(run_id)
    facts["stop_reason"] = _stop_reason(ledger, standing)
    return View([_json(facts)], running=standing.running)


def _json(value: Any) -> str:  # noqa: ANN401  any JSON value
    import json

    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _list(runs: Sequence[Seen], unread: Sequence[Unread]) -> Iterator[str]:
    if not runs and not unread:
        yield "no runs yet. Next: billing plan FILE\n"
        return
    named = any(each.name for each in runs)
    table = [["run", "", "state", "lines", "done", "needs a person", "money"]] if runs else []
    table += [row for each in runs for row in _rows(each.standing)]
    if named:
        names = ["platform", *(name for each in runs for name in _beside(each))]
        table = [[name, *row] for name, row in zip(names, table, strict=True)]
    right = (4, 5, 6) if named else (3, 4, 5)
    yield from (visible(line) + "\n" for line in lined_up(table, right=right))
    yield from _unread(unread)


def _unread(unread: Sequence[Unread]) -> Iterator[str]:
    yield from (visible(each.sentence) + "\n" for each in unread)


def _rows(each: Standing) -> list[list[str]]:
    """Return a run as rows of the table: its money may take several."""
    word = LIVES[each.record.kind].word(Group.SUCCEEDED)
    first, *more = [f"{word} {amounts({code: minor})}" for code, minor in each.paid.items()] or ["-"]
    person = f"{each.needs_a_person:,}"
    rows = [[each.record.run_id, str(each.record.mode), each.state, f"{each.lines:,}", each.share, person, first]]
    rows += [["", "", "", "", "", "", money] for money in more]
    if each.withdrawn:
        rows.append(["", "", "", "", "", "", f"and {plural(each.withdrawn, 'line')} no longer in the sheet"])
    return rows


def _beside(seen: Seen) -> list[str]:
    """Return what stands in front of the rows of a run: its platform, once."""
    return [seen.name or "-", *[""] * (len(_rows(seen.standing)) - 1)]


def _as_text(
    ledger: Ledger, standing: Standing, found: Progress, attendance: Attendance, crew: CrewView
) -> Iterator[str]:
    run_id = standing.record.run_id
    lines = [f"Run {run_id}: {standing.state}, {standing.record.mode} mode", ""]
    lines += run_table(ledger, run_id)
    if standing.running:
        left = found.eta_seconds
        when = "" if left is None else f", about {duration(left)} left"
        who = f": {attendance.holder}" if attendance.held(run_id) else ""
        lines += ["", f"  {plural(found.left, 'line')} to go{when}{who}"]
    elif found.oldest_unfinished:
        lines.append(f"  begun first and not finished: {found.oldest_unfinished}")
    lines += _why_stopped(ledger, standing, crew)
    lines += crew.text(run_id)
    lines += what_comes_next(ledger, run_id, running=standing.running)
    yield from (visible(line)[: 2 * WIDTH] + "\n" for line in lines)


def _why_stopped(ledger: Ledger, standing: Standing, crew: CrewView) -> Iterator[str]:
    """Say what stopped a run, and for one that was paused what has it go on."""
    if reason := _stop_reason(ledger, standing):
        yield from ("", *textwrap.wrap(reason, WIDTH, initial_indent="  ", subsequent_indent="  "))
        if crew.paused:
            record = standing.record
            resume = following("resume", record.run_id, live=record.mode is Mode.LIVE)
            yield f"  have its workers go on: {resume}"


def _stop_reason(ledger: Ledger, standing: Standing) -> str | None:
    """Return the sentence with which a run was stopped, or None where it is not, or nobody was left to say it."""
    if standing.record.status is not RunStatus.STOPPED:
        return None
    return str(ledger.latest_stop(standing.record.run_id).get("reason") or "") or None
