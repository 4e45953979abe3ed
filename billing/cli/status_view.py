"""Show where runs stand, from the ledger alone: it may be asked while another process charges."""

import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from billing.cli.books import open_books
from billing.cli.endings import run_table, what_comes_next
from billing.cli.progress_bar import Screen, columns
from billing.cli.session import Session
from billing.cli.tables import WIDTH, amounts, duration, lined_up, plural
from billing.cli.terminal import is_terminal, write_out
from billing.core.exits import Exit
from billing.core.kinds import LIVES
from billing.core.life import Group
from billing.edge.ledger import Ledger
from billing.edge.ledger.custody.lock import Holder
from billing.edge.logs import visible
from billing.flow.report import known_run, summary
from billing.flow.standing import Progress, Standing, progress_of, standing_of

WATCH_SECONDS = 1.0
CALM = 4.0
# A look at a large ledger takes time: it is left alone for so many times as long.


async def look_once(session: Session, run_id: str | None) -> int:
    """Print it."""
    lines, _ = await _look(session, run_id)
    write_out(lines)
    return Exit.OK


async def look_on(session: Session, run_id: str | None) -> int:
    """Look again until nothing runs any more: in place on a terminal, else whenever something has changed."""
    import anyio

    screen = Screen(sys.stdout) if is_terminal(sys.stdout) and not session.json else None
    before: list[str] = []
    while True:
        began = time.monotonic()
        lines, running = await _look(session, run_id)
        if screen is not None:
            width = columns()
            screen.draw([line.rstrip("\n")[: width - 1] for line in lines])
        elif lines != before:
            write_out(lines)
        before = lines
        if not running:
            return Exit.OK
        await anyio.sleep(max(WATCH_SECONDS, CALM * (time.monotonic() - began)))


async def _look(session: Session, run_id: str | None) -> tuple[list[str], bool]:
    """Return what there is to show, and whether any run of it is going on."""
    async with open_books(session) as ledger:
        holder = ledger.holder()  # asked first: a run that ends in between has its end on record then
        if run_id is None:
            standings = [standing_of(ledger, record, holder) for record in ledger.runs()]
            shown = _list_json(ledger, standings) if session.json else list(_list(standings))
            return shown, any(standing.running for standing in standings)
        record = known_run(ledger, run_id)
        standing = standing_of(ledger, record, holder)
        found = progress_of(ledger, standing)
        if session.json:
            return [_json(summary(ledger, run_id) | standing.facts() | asdict(found))], standing.running
        return list(_as_text(ledger, standing, found, holder)), standing.running


def _json(value: Any) -> str:  # noqa: ANN401  any JSON value
    import json

    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _list_json(ledger: Ledger, standings: list[Standing]) -> list[str]:
    return [_json([summary(ledger, each.record.run_id) | each.facts() for each in standings])]


def _list(standings: list[Standing]) -> Iterator[str]:
    if not standings:
        yield "no runs yet. Next: billing plan FILE\n"
        return
    table = [["run", "", "state", "lines", "done", "needs a person", "money"]]
    for each in standings:
        word = LIVES[each.record.kind].word(Group.SUCCEEDED)
        first, *more = [f"{word} {amounts({code: minor})}" for code, minor in each.paid.items()] or ["-"]
        person = f"{each.needs_a_person:,}"
        table.append(
            [each.record.run_id, str(each.record.mode), each.state, f"{each.lines:,}", each.share, person, first]
        )
        table += [["", "", "", "", "", "", money] for money in more]
        if each.withdrawn:
            table.append(["", "", "", "", "", "", f"and {plural(each.withdrawn, 'line')} no longer in the sheet"])
    yield from (visible(line) + "\n" for line in lined_up(table, right=(3, 4, 5)))


def _as_text(ledger: Ledger, standing: Standing, found: Progress, holder: Holder | None) -> Iterator[str]:
    run_id = standing.record.run_id
    lines = [f"Run {run_id}: {standing.state}, {standing.record.mode} mode", ""]
    lines += run_table(ledger, run_id)
    if standing.running and holder is not None:
        left = found.eta_seconds
        when = "" if left is None else f", about {duration(left)} left"
        lines += ["", f"  {plural(found.left, 'line')} to go{when}: {holder}"]
    elif found.oldest_unfinished:
        lines.append(f"  begun first and not finished: {found.oldest_unfinished}")
    lines += what_comes_next(ledger, run_id, running=standing.running)
    yield from (visible(line)[: 2 * WIDTH] + "\n" for line in lines)
