"""Show where runs stand, from the ledger alone: it may be asked while another process charges."""

from datetime import UTC, datetime
from typing import Any

from billing.cli.books import open_books
from billing.cli.endings import run_table
from billing.cli.face import answer, answer_json
from billing.cli.session import Common, Session, begin, run_async
from billing.cli.tables import duration, lined_up, plural
from billing.core.entries import RunRecord, RunStatus
from billing.core.exits import Exit
from billing.core.groups import TOUCHED
from billing.core.states import FINAL, State
from billing.edge.ledger import Ledger
from billing.flow.report import counts, known_run, summary

WATCH_SECONDS = 1.0
RESTING = FINAL | {State.UNPAID, State.PARKED, State.UNSETTLED}


def status(common: Common, run_id: str | None, *, watch: bool) -> int:
    """Carry out `billing status`."""
    session = begin(common)

    async def verb() -> int:
        import anyio

        while True:
            running = await _once(session, run_id)
            if not (watch and running):
                return Exit.OK
            await anyio.sleep(WATCH_SECONDS)

    return run_async(verb)


async def _once(session: Session, run_id: str | None) -> bool:
    """Print where things stand; tell whether anything is still running."""

    async with open_books(session) as ledger:
        if run_id is None:
            records = ledger.runs()
            _list(session, ledger, records)
            return any(record.status is RunStatus.RUNNING for record in records)
        record = known_run(ledger, run_id)
        found = _progress(ledger, record)
        if session.json:
            answer_json(summary(ledger, run_id) | found)
        else:
            answer("\n".join(_as_text(ledger, record, found)) + "\n")
        return record.status is RunStatus.RUNNING


def _list(session: Session, ledger: Ledger, records: list[RunRecord]) -> None:
    if session.json:
        answer_json([summary(ledger, record.run_id) for record in records])
        return
    if not records:
        answer("no runs yet. Next: billing plan FILE\n")
        return
    rows = [["run", "mode", "status", "items", "of which"]]
    for record in records:
        found = {group: count for group, count in counts(ledger.tally(record.run_id)).items() if count}
        shown = "  ".join(f"{group} {count:,}" for group, count in found.items())
        rows.append([record.run_id, str(record.mode), str(record.status), f"{sum(found.values()):,}", shown])
    answer("".join(line + "\n" for line in lined_up(rows, right=(3,))))


def _progress(ledger: Ledger, record: RunRecord) -> dict[str, Any]:
    """Return how fast a run goes and what is oldest; the rate is the average since it started."""
    tallies = ledger.tally(record.run_id)
    done = sum(tally.items for tally in tallies if tally.state in RESTING)
    left = sum(tally.items for tally in tallies if tally.state not in RESTING)
    seconds = _age(record.started_at) if record.status is RunStatus.RUNNING else None
    rate = done / seconds if seconds else None
    oldest = _oldest(ledger, record.run_id)
    return {
        "done": done,
        "left": left,
        "items_per_second": None if rate is None else round(rate, 2),
        "eta_seconds": round(left / rate) if rate else None,
        "oldest_unfinished": oldest,
    }


def _age(at: str) -> float | None:
    if not at:
        return None
    moment = datetime.fromisoformat(at)
    return max((datetime.now(UTC) - (moment if moment.tzinfo else moment.replace(tzinfo=UTC))).total_seconds(), 0.001)


def _oldest(ledger: Ledger, run_id: str) -> str | None:
    """Return the reference of the first item, in planning order, that was begun and has not come to rest."""
    firsts = [
        known for account in ledger.workload(run_id, TOUCHED) for known in ledger.work(run_id, TOUCHED, account, 0, 1)
    ]
    return min(firsts, key=lambda known: known.id).reference if firsts else None


def _as_text(ledger: Ledger, record: RunRecord, found: dict[str, Any]) -> list[str]:
    lines = [f"Run {record.run_id}: {record.status}, {record.mode} mode"]
    lines += run_table(ledger, record.run_id)
    if record.status is RunStatus.RUNNING and found["eta_seconds"] is not None:
        rate = f"{found['items_per_second']:g} items/s"
        lines.append(f"  {plural(found['left'], 'item')} left at {rate}: about {duration(found['eta_seconds'])}")
    if found["oldest_unfinished"]:
        lines.append(f"  oldest unfinished: {found['oldest_unfinished']}")
    return lines
