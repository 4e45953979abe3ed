"""Where a run stands as a whole: its record says what it was told last, the lock whether anybody is still at it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from billing.core.kinds import LIVES
from billing.core.records import RunRecord, RunStatus
from billing.edge.ledger import Ledger
from billing.edge.ledger.custody.attendance import Attendance
from billing.flow.outturn import outturn_of

UNDER_WAY = frozenset({"not_yet", "account_refuses", "no_answer_yet"})
# Rows of lines that have not come to rest.
FOR_A_PERSON = frozenset(
    {
        "customer_must_act",
        "declined_for_now",
        "declined_for_good",
        "look_in_stripe",
        "account_refuses",
        "not_paid",
        "left_out",
    }
)
WORDS: dict[RunStatus, str] = {
    RunStatus.PLANNED: "planned",
    RunStatus.REBUILDING: "being rebuilt",
    RunStatus.RUNNING: "running",
    RunStatus.FINISHED: "finished",
    RunStatus.STOPPED: "stopped",
}
WAITING = "waiting for workers"
# A run that is handed out, and no worker is there.


@dataclass(frozen=True, slots=True)
class Standing:
    """A run at a glance.

    Attributes:
        record: of the run.
        state: a word for a person: one of `WORDS`, `WAITING`, or ``not finished``.
        running: whether a process is at it now.
        lines: of its sheet as it is wanted now.
        done: of these, lines that have come to rest.
        withdrawn: items whose line is no longer in the sheet: taken out, or corrected.
        needs_a_person: lines that somebody has to look at, those taken out included.
        paid: currency -> minor units, most of them first.
    """

    record: RunRecord
    state: str
    running: bool
    lines: int
    done: int
    withdrawn: int
    needs_a_person: int
    paid: Mapping[str, int]

    @property
    def share(self) -> str:
        """How much is done, in per cent: never 100 before all of it is."""
        return f"{100 * self.done // self.lines} %" if self.lines else "-"

    def facts(self) -> dict[str, Any]:
        """Return what a program wants to know of it."""
        return {
            "state": self.state,
            "running": self.running,
            "lines": self.lines,
            "done": self.done,
            "withdrawn": self.withdrawn,
            "needs_a_person": self.needs_a_person,
        }


def standing_of(ledger: Ledger, record: RunRecord, attendance: Attendance) -> Standing:
    """Return where a run stands.

    Args:
        ledger: what is on record.
        record: of the run, read after ``attendance`` was asked for.
        attendance: who is at which run: where nobody is at this one it does not run, whatever its record says.
    """
    found = outturn_of(ledger, record)
    paid: Counter[str] = Counter()
    rows: Counter[str] = Counter()
    for row in (*found.rows.values(), *found.unlisted.values()):
        rows[row.code] += row.lines
        if row.code == "paid":
            paid += row.totals
    lines, open_lines = found.total.lines, sum(row.lines for row in found.rows.values() if row.code in UNDER_WAY)
    running, waiting = is_worked(record, attendance), awaits_workers(record, attendance)
    return Standing(
        record=record,
        state=_word(record, running=running, waiting=waiting, pending=sum(rows[row] for row in UNDER_WAY)),
        running=running,
        lines=lines,
        done=lines - open_lines,
        withdrawn=sum(row.lines for row in found.unlisted.values()),
        needs_a_person=sum(rows[row] for row in FOR_A_PERSON),
        paid=dict(paid.most_common()),
    )


def is_worked(record: RunRecord, attendance: Attendance) -> bool:
    """Tell whether anybody is at a run that goes on: the process that holds the ledger, or workers."""
    return record.status is RunStatus.RUNNING and attendance.at(record.run_id)


def awaits_workers(record: RunRecord, attendance: Attendance) -> bool:
    """Tell whether a run is handed out to workers, and none is there."""
    return record.status is RunStatus.RUNNING and attendance.awaits_workers(record.run_id)


def _word(record: RunRecord, *, running: bool, waiting: bool, pending: int) -> str:
    if waiting:
        return WAITING
    if record.status is RunStatus.RUNNING and not running:
        return WORDS[RunStatus.STOPPED]  # killed: nobody was left to write down that it ended
    if record.status is RunStatus.PLANNED and not pending:
        return WORDS[RunStatus.FINISHED]  # every line was left out
    if record.status is RunStatus.FINISHED and pending:
        return "not finished"  # it went as far as it was to: --limit, --only, an account that refuses
    return WORDS[record.status]


@dataclass(frozen=True, slots=True)
class Progress:
    """How fast a run goes, and what is oldest.

    Attributes:
        done: lines that have come to rest.
        left: lines that have not.
        items_per_second: the average since it started; None when nobody is at it.
        eta_seconds: how long it will take at that rate; None without one.
        oldest_unfinished: the reference of the item begun first that has not come to rest, or None.
    """

    done: int
    left: int
    items_per_second: float | None
    eta_seconds: int | None
    oldest_unfinished: str | None


def progress_of(ledger: Ledger, standing: Standing, now: datetime | None = None) -> Progress:
    """Return how far a run is, from what is on record.

    Args:
        ledger: what is on record.
        standing: of the run.
        now: the time to reckon with; this machine's unless given.
    """
    seconds = _age(standing.record.started_at, now or datetime.now(UTC)) if standing.running else None
    rate = standing.done / seconds if seconds else None
    left = standing.lines - standing.done
    return Progress(
        done=standing.done,
        left=left,
        items_per_second=None if rate is None else round(rate, 2),
        eta_seconds=round(left / rate) if rate else None,
        oldest_unfinished=_oldest(ledger, standing.record),
    )


def _age(at: str, now: datetime) -> float | None:
    if not at:
        return None
    moment = datetime.fromisoformat(at)
    return max((now - (moment if moment.tzinfo else moment.replace(tzinfo=UTC))).total_seconds(), 0.001)


def _oldest(ledger: Ledger, record: RunRecord) -> str | None:
    """Return the reference of the first item, in planning order, that was begun and has not come to rest."""
    touched, run_id = LIVES[record.kind].touched, record.run_id
    firsts = [
        item for account in ledger.workload(run_id, touched) for item in ledger.work(run_id, touched, account, 0, 1)
    ]
    return min(firsts, key=lambda item: item.id).reference if firsts else None
