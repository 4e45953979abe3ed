"""What took days: lines that were recovered after a decline, and bank debits until their bank has answered."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from billing.core.items import Kind
from billing.core.tones import Tone
from billing.core.wording import counted
from billing.edge.pages.charts import Plot, columns
from billing.flow.reporting.arrivals import MOST_DAYS, Arrivals, Day
from billing.flow.reporting.overview import Overview
from billing.flow.reporting.recovered import Now, Recovered

NTH = {2: "second", 3: "third", 4: "fourth", 5: "fifth", 6: "sixth"}
FIRST = 1
# Of a month, or of a chart: the day whose name says the month, too.
DEBITS = {Kind.CHARGE: ("bank debit", "bank debits"), Kind.SUBSCRIPTION: ("bank debit", "bank debits")}
# What takes days, by kind of run; of any other it is a line.
Cell = str | Mapping[str, int]
# Of a table of figures: a text, or amounts by currency.


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with the figures behind it.

    Attributes:
        heading: what was found.
        told: sentences beside it.
        key: of its colours; empty for one series.
        plot: its columns.
        title, desc: what it is and what it shows, in numbers.
        heads, rows, total: of the table of figures.
    """

    heading: str
    told: str
    key: tuple[tuple[str, str], ...]
    plot: Plot
    title: str
    desc: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[Cell, ...] = ()


def recovered_of(overview: Overview) -> Chart | None:
    """Return how many lines were paid after a decline, cumulative by day; None where none was ever declined."""
    found = overview.recovered
    if found is None or not found.declined.lines:
        return None
    days = _every_day(found)
    sums = _cumulative(found, days)
    tries = tuple((f"{NTH.get(at, f'{at}th').capitalize()} try", f"{each.lines:,}", each.totals)
                  for at, each in found.by_try.items())  # fmt: skip
    return Chart(
        heading=f"{found.paid.lines:,} of {counted(found.declined.lines, 'declined line')} "
        f"{'has' if found.declined.lines == 1 else 'have'} been recovered",
        told=_where_others_stand(found),
        key=(),
        plot=columns([(name, f"{lines:,}" if lines else "", {Tone.PAID: lines})
                      for name, lines in zip(_names(days), sums, strict=True)]),
        title="Lines recovered, cumulative by day of the try that was paid",
        desc=_grown(days, sums, found),
        heads=("Paid by", "Lines", "Amount"),
        rows=tries,
        total=("Together", f"{found.paid.lines:,}", found.paid.totals),
    )  # fmt: skip


def arrivals_chart(overview: Overview) -> Chart | None:
    """Return what became of bank debits, day by day; None where there are none."""
    found = overview.arrivals
    if found is None or not found.debits.lines:
        return None
    one, several = DEBITS.get(overview.record.kind, ("line", "lines"))
    weekly = len(found.days) > 1 and found.days[0].first != found.days[0].last
    spans = list(_standing(found.days))
    names = _names([day.first for day in found.days])
    bars = [(name, f"{waiting:,}" if waiting else "", {Tone.PAID: arrived, Tone.FINAL: back, Tone.WAY: waiting})
            for name, (arrived, back, waiting) in zip(names, spans, strict=True)]  # fmt: skip
    return Chart(
        heading=f"{found.arrived.lines:,} of {counted(found.debits.lines, one, several)} "
        f"{'has' if found.debits.lines == 1 else 'have'} arrived",
        told=_debits_told(found),
        key=((Tone.WAY, "on its way (the number shown)"), (Tone.PAID, "arrived"), (Tone.FINAL, "came back")),
        plot=columns(bars),
        title=f"{several.capitalize()} by {'week' if weekly else 'day'} and state",
        desc=f"{counted(found.debits.lines, one, several)}: {found.arrived.lines:,} arrived, {found.came_back.lines:,} "
        f"came back and {found.waiting.lines:,} on their way at the end of {_named(found.days[-1].last)}.",
        heads=("Week of" if weekly else "Day", "Left", "On its way", "Arrived", "Came back"),
        rows=tuple((_named(day.first), f"{day.left.lines:,}", *(f"{count:,}" for count in (waiting, arrived, back)))
                   for day, (arrived, back, waiting) in zip(found.days, spans, strict=True)),
    )  # fmt: skip


def _standing(days: Sequence[Day]) -> Iterator[tuple[int, int, int]]:
    """Return how many had arrived, had come back and were on their way at the end of each day."""
    left = back = 0
    for day in days:
        left += day.left.lines
        back += day.came_back.lines
        yield max(0, left - back - day.waiting), back, day.waiting


def _debits_told(found: Arrivals) -> str:
    said = []
    if found.waiting.lines:
        said.append(f"{found.waiting.lines:,} {'is' if found.waiting.lines == 1 else 'are'} on the way.")
    if found.came_back.lines:
        after = f", {found.taken_back.lines:,} of them after they had arrived" if found.taken_back.lines else ""
        said.append(f"{found.came_back.lines:,} came back{after}.")
    return " ".join(said)


def _where_others_stand(found: Recovered) -> str:
    words: Mapping[Now, str] = {
        Now.WAITS: "tried again or looked up", Now.CUSTOMER: "wait for the customer", Now.LOST: "not paid any more",
    }  # fmt: skip
    parts = [f"{found.now[now].lines:,} {words[now]}" for now in words if found.now[now].lines]
    return f"Of the others: {', '.join(parts)}." if parts else "None is open."


def _every_day(found: Recovered) -> list[date]:
    """Return the days of the chart: each from the first to the last, or only those with lines where they are many."""
    if not found.by_day:
        return []
    first, last = min(found.by_day), max(found.by_day)
    if (last - first).days >= MOST_DAYS:
        return sorted(found.by_day)[-MOST_DAYS:]
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _cumulative(found: Recovered, days: Sequence[date]) -> list[int]:
    return [sum(each.lines for at, each in found.by_day.items() if at <= day) for day in days]


def _grown(days: Sequence[date], sums: Sequence[int], found: Recovered) -> str:
    whole = counted(found.declined.lines, "line")
    if not days:
        return f"None of {whole} that were declined is paid."
    return f"{sums[0]:,} by {_named(days[0])}, {sums[-1]:,} by {_named(days[-1])}, of {whole} that were declined."


def _names(days: Sequence[date]) -> list[str]:
    """Return short names of days: the month stands with the first, and where it changes."""
    return [_named(day) if not at or day.day == FIRST or day.month != days[at - 1].month else str(day.day)
            for at, day in enumerate(days)]  # fmt: skip


def _named(day: date) -> str:
    return f"{day.day} {day:%b}"
