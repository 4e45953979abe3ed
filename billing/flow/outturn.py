"""The outturn of a run: every line of its sheet in exactly one row, with its money, to be held against the sheet.

Lines that another run of the period deals with are among them, with the money that the item has there.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from billing.core.groups import GOOD_SKIPS, group_in
from billing.core.kinds import LIVES, is_unsent, life_of, phase_of
from billing.core.life import Group, Life, Phase
from billing.core.money import add_money
from billing.core.records import ReportLine, RunRecord, SheetTally, Tally
from billing.edge.ledger import Ledger

Totals = dict[str, int]
# Minor units by currency; currencies are never added to each other.


@dataclass(slots=True)
class Row:
    """Lines that share what became of them.

    Attributes:
        code: stable name, a key of `ROWS`.
        lines: how many.
        totals: their money.
        reasons: reason code -> lines, of those that have one.
        states: state -> lines.
        waiting: (connected account, reason code) -> lines, of those that have a reason.
    """

    code: str
    lines: int = 0
    totals: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    states: Counter[StrEnum] = field(default_factory=Counter)
    waiting: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, tally: SheetTally) -> None:
        """Take lines in."""
        self.lines += tally.lines
        add_money(self.totals, tally.amount, tally.currency)
        if tally.reason_code:
            self.reasons[tally.reason_code] += tally.lines
            self.waiting[tally.account, tally.reason_code] += tally.lines
        self.states[tally.state] += tally.lines


def _of(group: Group) -> Callable[[SheetTally | Tally], bool]:
    return lambda tally: group_in(tally) is group


def _may_work_later(tally: SheetTally | Tally) -> bool:
    rests = phase_of(tally.state) is Phase.RESTING or tally.state in life_of(tally.state).taken_back
    return _of(Group.DECLINED)(tally) and rests


def _account_refuses(tally: SheetTally | Tally) -> bool:
    return _of(Group.PENDING)(tally) and is_unsent(tally.state) and tally.reason_code != ""


def _nothing_owed(tally: SheetTally | Tally) -> bool:
    return _of(Group.SKIPPED)(tally) and tally.reason_code in GOOD_SKIPS


ROWS: dict[str, tuple[str | Group, Callable[[SheetTally | Tally], bool]]] = {
    # code: (what a person reads, or the group that each kind has a word for; which lines). The first row that takes a
    # line has it.
    "paid": (Group.SUCCEEDED, _of(Group.SUCCEEDED)),
    "on_its_way": (Group.PROCESSING, _of(Group.PROCESSING)),
    "customer_must_act": (Group.NEEDS_CUSTOMER, _of(Group.NEEDS_CUSTOMER)),
    "declined_for_now": ("declined for now", _may_work_later),
    "declined_for_good": ("declined for good", _of(Group.DECLINED)),
    "no_answer_yet": (Group.UNKNOWN, _of(Group.UNKNOWN)),
    "look_in_stripe": (Group.PARKED, _of(Group.PARKED)),
    "not_paid": (Group.FAILED, _of(Group.FAILED)),
    "account_refuses": ("account refuses", _account_refuses),
    "not_yet": (Group.PENDING, _of(Group.PENDING)),
    "nothing_owed": ("left out: nothing owed", _nothing_owed),
    "left_out": ("left out", _of(Group.SKIPPED)),
}


@dataclass(frozen=True, slots=True)
class Outturn:
    """A run's lines by rows.

    Attributes:
        rows: code -> row, those with lines, in the order of `ROWS`.
        unlisted: the same, for items whose line was taken out of the sheet.
        total: of all listed lines.
        expected: what the plan counted from the file, or None when it was not kept.
        life: of the run's items.
    """

    rows: Mapping[str, Row]
    unlisted: Mapping[str, Row]
    total: Row
    expected: Totals | None
    life: Life

    def label(self, code: str) -> str:
        """Return what a person reads for a row."""
        label = ROWS[code][0]
        return self.life.word(label) if isinstance(label, Group) else label

    @property
    def apart(self) -> Totals:
        """Currency -> how far the rows are from what the file had; empty when they agree."""
        wanted = self.expected or {}
        if self.expected is None:
            return {}
        codes = sorted({*wanted, *self.total.totals})
        found = {code: self.total.totals[code] - wanted.get(code, 0) for code in codes}
        return {code: minor for code, minor in found.items() if minor}


def row_of(tally: SheetTally | Tally) -> str:
    """Return the row that lines stand in."""
    return next(code for code, (_, takes) in ROWS.items() if takes(tally))


def tally_of(line: ReportLine, life: Life) -> SheetTally:
    """Return one line of a report as `Ledger.sheet` counts it."""
    item = line.item
    if item is None:
        return SheetTally("", life.skipped, "", line.reason, "", 1, 0, line.listed)
    if not line.owned:
        return SheetTally(item.account, life.skipped, "", line.reason, item.currency, 1, item.amount, line.listed)
    group, reason = str(item.facts.get("group") or ""), str(item.facts.get("reason_code") or "")
    return SheetTally(item.account, item.state, group, reason, item.currency, 1, item.amount, line.listed)


def outturn_of(ledger: Ledger, record: RunRecord) -> Outturn:
    """Return where every line of a run stands."""
    kept = record.header.get("sheet")
    return gathered(ledger.sheet(record.run_id), LIVES[record.kind], None if kept is None else dict(kept["totals"]))


def gathered(tallies: Iterable[SheetTally], life: Life, expected: Totals | None = None) -> Outturn:
    """Put lines into their rows."""
    rows: dict[str, Row] = {}
    unlisted: dict[str, Row] = {}
    total = Row("sheet")
    for tally in tallies:
        code = row_of(tally)
        (rows if tally.listed else unlisted).setdefault(code, Row(code)).add(tally)
        if tally.listed:
            total.add(tally)
    return Outturn(_in_order(rows), _in_order(unlisted), total, expected, life)


def by_account(tallies: Iterable[SheetTally], life: Life) -> dict[str, Outturn]:
    """Return the same for each connected account, by its id; lines set aside have none and stand under an empty id."""
    found: dict[str, list[SheetTally]] = {}
    for tally in tallies:
        found.setdefault(tally.account, []).append(tally)
    return {account: gathered(found[account], life) for account in sorted(found)}


def _in_order(rows: Mapping[str, Row]) -> dict[str, Row]:
    return {code: rows[code] for code in ROWS if code in rows}
