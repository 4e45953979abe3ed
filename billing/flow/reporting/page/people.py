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
from billing.flow.reporting.groups import SHOWN, Helped, Reason
from billing.flow.reporting.kindwords import first_up, row_words
from billing.flow.reporting.overview import Overview
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
DEEDS = 6
# Of a group that are said in full.
REASONS = 20
# That are named; the others are summed up.


@dataclass(frozen=True, slots=True)
class NeedView:
    """A group of lines that the same deed helps.

    Attributes:
        row: of the outturn, of the first of them.
        title: the deed.
        means: what a person reads below it.
        told: what the lines are told to do, each with how many; empty where the heading says it.
        lines, totals: of all.
        rows: of the first of them.
        others: how many more; ``command`` writes a file in which they are.
    """

    row: str
    title: str
    means: str
    told: tuple[str, ...]
    lines: int
    totals: Mapping[str, int]
    rows: tuple[Markup, ...]
    others: int
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
    return tuple(_need(each, overview) for each in overview.helps)


def _need(found: Helped, overview: Overview) -> NeedView:
    record, size = overview.record, found.sum
    shown = sorted((line for need in found.needs for line in need.shown), key=lambda line: line.number)[:SHOWN]
    left = size.lines - len(shown)
    statuses = " ".join(f"--status {status}" for status in sorted({STATUS[need.row] for need in found.needs}))
    told = [(visible(first_up(need.what_to_do)), need.sum.lines) for need in found.needs if need.what_to_do]
    plain = len(told) == 1 and told[0][0].rstrip(".") == found.title
    return NeedView(
        found.needs[0].row, visible(first_up(found.title)).rstrip("."), found.means,
        () if plain else tuple(f"{says} ({lines:,})" if len(told) > 1 else says for says, lines in told[:DEEDS]),
        size.lines, size.totals, tuple(person_row(line, record) for line in shown), left,
        f"billing report {shlex.quote(record.run_id)} {statuses} -o action.csv" if left else "",
    )  # fmt: skip


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
