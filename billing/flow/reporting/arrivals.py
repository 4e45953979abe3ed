"""What takes days: how many bank debits have left, arrived and come back by each day, and how many are on their way.

A line that was debited twice, because the first debit came back, counts twice: these are debits, not lines.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from billing.core.life import Group, Life, Phase
from billing.core.records import ReportLine, RunRecord, Settling
from billing.core.wording import parsed
from billing.edge.ledger import Ledger
from billing.flow.report import Wanted
from billing.flow.reporting.sums import Sum

MOST_DAYS = 31
# A chart of more has a mark for each week.


@dataclass(slots=True)
class Day:
    """What happened on a day, or in a week.

    Attributes:
        first, last: of its days, on the clocks of the run.
        left: debits that were accepted then.
        arrived: that arrived, those among them that were taken back later.
        came_back: that the bank refused, or took back after they had arrived.
        ended: how many were on their way no longer.
        waiting: how many were on their way at its end.
    """

    first: date
    last: date
    left: Sum = field(default_factory=Sum)
    arrived: Sum = field(default_factory=Sum)
    came_back: Sum = field(default_factory=Sum)
    ended: int = 0
    waiting: int = 0


@dataclass(slots=True)
class Arrivals:
    """Bank debits, or whatever else of a run takes days.

    Attributes:
        debits: all of them.
        arrived: that have arrived and stayed.
        came_back: that the bank refused, or took back after they had arrived.
        taken_back: those among them that had arrived.
        waiting: that are on their way.
        days: every day from the first on which anything happened to the last; weeks, where these are more than 31.
    """

    debits: Sum = field(default_factory=Sum)
    arrived: Sum = field(default_factory=Sum)
    came_back: Sum = field(default_factory=Sum)
    taken_back: Sum = field(default_factory=Sum)
    waiting: Sum = field(default_factory=Sum)
    days: list[Day] = field(default_factory=list)


class Fate(StrEnum):
    """What became of a debit."""

    ARRIVED = "arrived"
    CAME_BACK = "came_back"
    WAITING = "waiting"


def turns_of(life: Life) -> tuple[frozenset[StrEnum], frozenset[StrEnum]]:
    """Return by which events items of a kind go on a way of days, and by which they come to its end."""
    ways = _settling(life)
    begins = {event for (state, event), edge in life.edges.items() if edge.to in ways and state not in ways}
    ends = {event for (state, event), edge in life.edges.items() if state in ways and edge.to not in ways}
    return frozenset(begins), frozenset(ends - begins)


def _settling(life: Life) -> frozenset[StrEnum]:
    return frozenset(state for state in life.within(Phase.SETTLING) if life.meanings[state].group is Group.PROCESSING)


def arrivals_of(ledger: Ledger, record: RunRecord, life: Life, zone: ZoneInfo, wanted: Wanted) -> Arrivals | None:
    """Return what became of a run's debits; None where it has none.

    Lines are those that the latest sheet has and that are asked for.
    """
    begins, ends = turns_of(life)
    if not begins:
        return None
    found, days = Arrivals(), _Days(zone)
    for each in ledger.settling(record.run_id, begins, ends, life.takes_back):
        if wanted.takes(ReportLine(0, (), each.item, owned=True, reason="", detail="")):
            _take(found, days, life, each)
    if not found.debits.lines:
        return None
    found.days = days.all()
    return found


def _take(found: Arrivals, days: "_Days", life: Life, each: Settling) -> None:
    item, fate = each.item, fate_of(life, each)
    money = (item.amount, item.currency)
    found.debits.add(*money)
    days.on(each.left).left.add(*money)
    if each.ended:
        days.on(each.ended).ended += 1
    if fate is Fate.ARRIVED or each.taken_back:
        days.on(each.ended).arrived.add(*money)
    if fate is Fate.CAME_BACK:
        days.on(each.taken_back or each.ended).came_back.add(*money)
    if each.taken_back:
        found.taken_back.add(*money)
    {Fate.ARRIVED: found.arrived, Fate.CAME_BACK: found.came_back, Fate.WAITING: found.waiting}[fate].add(*money)


def fate_of(life: Life, each: Settling) -> Fate:
    """Return what became of one."""
    if not each.ended:
        return Fate.WAITING
    if each.taken_back:
        return Fate.CAME_BACK
    return Fate.ARRIVED if each.end in _good(life) else Fate.CAME_BACK


def _good(life: Life) -> frozenset[str]:
    """Return the events that say that money has arrived."""
    return frozenset(
        str(event) for (_, event), edge in life.edges.items() if life.meanings[edge.to].group is Group.SUCCEEDED
    )


class _Days:
    """Days by their date while they are filled."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._days: dict[date, Day] = {}

    def on(self, iso: str) -> Day:
        """Return the day of a moment, which the ledger wrote."""
        moment = parsed(iso, self._zone)
        day = date.min if moment is None else moment.date()
        return self._days.setdefault(day, Day(day, day))

    def all(self) -> list[Day]:
        """Return each day from the first to the last, or each week of them, with how many were on their way then."""
        first, last = min(self._days), max(self._days)
        long = (last - first).days >= MOST_DAYS
        start = first - timedelta(days=first.weekday()) if long else first
        spans = list(_spans(start, last, 7 if long else 1))
        for span in spans:
            _gather(span, (self._days[at] for at in _dates(span) if at in self._days))
        waiting = 0
        for span in spans:
            waiting += span.left.lines - span.ended
            span.waiting = waiting
        return spans


def _spans(start: date, last: date, days: int) -> Iterator[Day]:
    while start <= last:
        yield Day(start, start + timedelta(days=days - 1))
        start += timedelta(days=days)


def _dates(span: Day) -> Iterator[date]:
    return (span.first + timedelta(days=n) for n in range((span.last - span.first).days + 1))


def _gather(span: Day, days: Iterable[Day]) -> None:
    for day in days:
        span.ended += day.ended
        for into, each in ((span.left, day.left), (span.arrived, day.arrived), (span.came_back, day.came_back)):
            into.lines += each.lines
            into.totals.update(each.totals)
