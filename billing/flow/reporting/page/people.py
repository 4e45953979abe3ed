"""What needs a person, grouped by what helps; and why lines are not paid."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from billing.core.life import Group
from billing.core.skips import SKIPS
from billing.core.tones import TONES
from billing.core.wording import counted
from billing.edge.logs import visible
from billing.edge.pages.charts import Segment, segments
from billing.flow.outturn import ROWS
from billing.flow.reporting.kindwords import first_up, row_words
from billing.flow.reporting.overview import Need, Overview, Reason
from billing.flow.reporting.page.listing import person_row

STATUS: Mapping[str, Group] = {
    "declined_for_now": Group.DECLINED,
    "declined_for_good": Group.DECLINED,
    "account_refuses": Group.PENDING,
    "nothing_owed": Group.SKIPPED,
    "left_out": Group.SKIPPED,
    **{row: label for row, (label, _) in ROWS.items() if isinstance(label, Group)},
}
# What `--status` calls the lines of each row of an outturn.
REASONS = 20
# That are named; the others are summed up.


@dataclass(frozen=True, slots=True)
class NeedView:
    """A group of lines that the same deed helps: its words, size, reasons, rows, and where the others are."""

    row: str
    deed: str
    lines: int
    totals: Mapping[str, int]
    why: str
    rows: tuple[Markup, ...]
    others: str
    command: str


@dataclass(frozen=True, slots=True)
class ReasonView:
    """A reason: its words and code, lines, money, a bar against the largest, and where its lines stand."""

    says: str
    code: str
    lines: int
    totals: Mapping[str, int]
    bar: Sequence[Segment]
    told: str


def needs_of(overview: Overview) -> tuple[NeedView, ...]:
    """Return the groups, the most lines first."""
    return tuple(_need(need, overview) for need in overview.needs)


def _need(need: Need, overview: Overview) -> NeedView:
    record, left = overview.record, need.sum.lines - len(need.shown)
    deed = need.what_to_do or row_words(record.kind, need.row)
    return NeedView(
        need.row,
        visible(first_up(deed).rstrip(".")),
        need.sum.lines,
        need.sum.totals,
        _why(need),
        tuple(person_row(line, record) for line in need.shown),
        f"{left:,} more" if left else "",
        f"billing report {shlex.quote(record.run_id)} --status {STATUS[need.row]} -o action.csv" if left else "",
    )


def _why(need: Need) -> str:
    """Say why, where there is more than one reason; where there is one, each line says it."""
    found = [(_said(says, need.row), lines) for says, lines in need.reasons.most_common(5) if says]
    return visible("; ".join(f"{says}: {lines:,}" for says, lines in found)) if len(found) > 1 else ""


def _said(says: str, row: str) -> str:
    """Return a reason without a text of the sheet: that of an invalid line quotes it."""
    known = {each.means for each in SKIPS.values()}
    return says if row != "left_out" or says in known else SKIPS["invalid"].means


def reasons_of(overview: Overview) -> tuple[ReasonView, ...]:
    """Return why lines are not paid, the most lines first."""
    most = max((reason.sum.lines for reason in overview.reasons), default=0)
    return tuple(_reason(reason, most, overview) for reason in overview.reasons[:REASONS])


def more_reasons(overview: Overview) -> str:
    """Say how many reasons are not named, and of how many lines."""
    rest = overview.reasons[REASONS:]
    return f"{len(rest):,} more, of {counted(sum(each.sum.lines for each in rest), 'line')}." if rest else ""


def _reason(reason: Reason, most: int, overview: Overview) -> ReasonView:
    kind = overview.record.kind
    rows = [(row, reason.rows[row]) for row in ROWS if reason.rows[row]]
    says = SKIPS["invalid"].means if reason.code == "invalid" else reason.says
    return ReasonView(
        visible(first_up(says)) or first_up(", ".join(row_words(kind, row) for row, _ in rows)),
        visible(reason.code),
        reason.sum.lines,
        reason.sum.totals,
        segments([(TONES[row], lines) for row, lines in rows], most),
        first_up(", ".join(f"{row_words(kind, row)} {lines:,}" for row, lines in rows)),
    )


def states_of(overview: Overview) -> Iterator[tuple[str, str]]:
    """Return the states that lines have, in the order of the outturn: code and words."""
    for row in ROWS:
        if overview.of(row).lines or row in overview.gone:
            yield row, first_up(row_words(overview.record.kind, row))
