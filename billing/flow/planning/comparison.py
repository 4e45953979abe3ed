"""A plan beside what is on record: the run before, other runs of the period, and what is still open from earlier.

A line is recognised by its reference, and where references differ by who pays whom how much: one invoice under two
numbers is charged twice, whatever they are called. Nothing here stops a run; it says what a person should look at.

Everything is streamed: the file twice, other runs of the period twice; the run before is the business of `months`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from billing.core.changes import Changes
from billing.core.items import Item, Run
from billing.core.kinds import LIVES, ended_empty, is_planned
from billing.core.life import Group, Phase, Scope
from billing.core.money import format_minor
from billing.core.notices import Notice
from billing.core.records import Held, RunRecord
from billing.edge.ledger import Ledger
from billing.flow.planning.months import compare, name_lines, named_lines
from billing.flow.planning.planned import Source
from billing.flow.planning.sheet import Sheet

KEPT = 1_000
# Lines of each kind that a plan names; all of them are counted.
NAMED = 3
# Of which a sentence names so many.
OPEN: tuple[tuple[tuple[Phase, ...], str, str], ...] = (
    ((Phase.SETTLING,), "", "still processing"),
    ((Phase.MONEY, Phase.LOOKING), "", "without an answer"),
    ((Phase.PARKED,), "", "parked for a person"),
    ((Phase.RESTING,), Group.NEEDS_CUSTOMER, "waiting for the customer"),
)
# Where items of earlier periods may stand and be paid yet: phases, report group where that matters, and how it is said.


@dataclass(frozen=True, slots=True)
class Alike:
    """A line of the file (its number) and what it is like: another reference in this file or in a run."""

    line: int
    other: str
    run: str = ""


@dataclass(slots=True)
class Found:
    """Lines of one kind: how many, and the first of them."""

    count: int = 0
    first: list[Alike] = field(default_factory=list)

    def add(self, alike: Alike) -> None:
        """Count one, and keep it if it is one of the first."""
        self.count += 1
        if len(self.first) < KEPT:
            self.first.append(alike)


@dataclass(slots=True)
class Comparison:
    """What was found beside the file.

    Attributes:
        changes: beside the runs before, or None where that is not compared.
        warnings: what a person should look at.
    """

    changes: Changes | None = None
    warnings: list[Notice] = field(default_factory=list)


def compare_file(source: Source, ledger: Ledger | None, platform: str) -> Comparison:
    """Compare a file with itself and with what is on record.

    What is one obligation whenever it is asked for has no month before it, and nothing of it can be asked for twice
    under another reference: that is not compared.
    """
    if LIVES[source.run.kind].scope is Scope.ALWAYS:
        return Comparison()
    sheet = Sheet()
    for line in source.lines():
        if line.item is not None:
            sheet.add(line.line, line.item)
    sheet.settle()
    return _Comparing(source, sheet, ledger, platform).compared()


class _Comparing:
    """One comparison: first places and numbers are collected, then the lines that are named get their names."""

    def __init__(self, source: Source, sheet: Sheet, ledger: Ledger | None, platform: str) -> None:
        self._source, self._sheet, self._ledger, self._run = source, sheet, ledger, source.run
        known = [] if ledger is None else ledger.runs()
        self._runs = [record for record in known if _comparable(record, self._run, platform)]

    def compared(self) -> Comparison:
        """Compare with everything."""
        changes = None
        if self._ledger is not None and LIVES[self._run.kind].recurs:
            changes = compare(self._ledger, self._runs, self._run, self._sheet)
        self._sheet.forget()
        found = [("same_charge", "", self._within())]
        found += self._in_this_period()
        found += self._still_open()
        wanted = {alike.line for _, _, each in found for alike in each.first}
        if changes is not None:
            wanted.update(named_lines(changes))
        names = self._named(wanted)
        warnings = [notice for code, how, each in found if each.count for notice in [_said(code, how, each, names)]]
        if changes is not None:
            name_lines(changes, names)
            warnings += self._same_sheet(changes)
        return Comparison(changes, warnings)

    def _named(self, wanted: set[int]) -> dict[int, Item]:
        if not wanted:
            return {}
        return {line.line: line.item for line in self._source.lines() if line.item is not None and line.line in wanted}

    def _same_sheet(self, changes: Changes) -> Iterator[Notice]:
        count = len(self._sheet.lines)
        if count > 1 and not (changes.new.count or changes.gone.count or changes.renamed) and changes.same == count:
            text = f"every line is in {changes.previous} too, with its reference and amount: is it that month's sheet?"
            yield Notice("same_sheet", text)

    # --- twins

    def _within(self) -> Found:
        """Find lines that charge what an earlier line charges; of those equal in all, the check of the file tells."""
        found, said = Found(), {warning.line for warning in self._source.warnings if warning.code == "same_content"}
        for place, earlier in self._sheet.alike():
            if (line := self._sheet.lines[place]) not in said:
                found.add(Alike(line, f"line {self._sheet.lines[earlier]:,}"))
        return found

    def _in_this_period(self) -> Iterator[tuple[str, str, Found]]:
        """Find lines that another run of the period holds under another reference."""
        self._sheet.forget()
        others = [r for r in self._runs if r.period == self._run.period]
        for record in others:
            for one in _holding(self._ledger, record):
                if (place := self._sheet.named(one.reference)) is not None:
                    elsewhere = record.run_id != self._run.run_id
                    self._sheet.seen[place] |= elsewhere or not is_planned(one.state)
        for record in others:
            if record.run_id != self._run.run_id:
                how = f"like lines of {record.run_id} under other references"
                yield "same_charge_elsewhere", how, self._twins(_holding(self._ledger, record), record)

    def _twins(self, held: Iterable[Held], record: RunRecord) -> Found:
        found = Found()
        for one in held:
            if ended_empty(one.state) or self._sheet.named(one.reference) is not None:
                continue
            place = self._alike(one)
            if place is not None:
                self._sheet.seen[place] = 1
                found.add(Alike(self._sheet.lines[place], one.reference, record.run_id))
        return found

    def _alike(self, one: Held) -> int | None:
        """Return a line by which the payer pays that account that amount, and which nothing accounts for."""
        return self._sheet.unseen(one.payer, one.account, one.currency, one.amount, one.amount)

    def _still_open(self) -> Iterator[tuple[str, str, Found]]:
        """Find lines that an earlier period may still be paid for."""
        self._sheet.forget()
        for record in self._runs:
            if record.period < self._run.period:
                for phases, group, how in OPEN:
                    yield from self._open_in(record, LIVES[record.kind].within(*phases), group, how)

    def _open_in(
        self, record: RunRecord, states: frozenset[StrEnum], group: str, how: str
    ) -> Iterator[tuple[str, str, Found]]:
        same, twins = Found(), Found()
        for one in () if self._ledger is None else self._ledger.held(record.run_id, states):
            if group and one.group != group:
                continue
            place = self._sheet.named(one.reference)
            if place is not None:
                same.add(Alike(self._sheet.lines[place], "", record.run_id))
            elif (place := self._alike(one)) is not None:
                self._sheet.seen[place] = 1
                twins.add(Alike(self._sheet.lines[place], one.reference, record.run_id))
        yield "still_open", f"{how} in {record.run_id}", same
        yield "still_open_elsewhere", f"like lines that are {how} in {record.run_id} under other references", twins


def _comparable(record: RunRecord, run: Run, platform: str) -> bool:
    """Tell whether the items of a run on record could stand in the file: a refund is no twin of its charge."""
    return (record.mode, record.kind) == (run.mode, run.kind) and platform in ("", record.platform)


def _holding(ledger: Ledger | None, record: RunRecord) -> Iterator[Held]:
    return iter(()) if ledger is None else ledger.held(record.run_id)


def _said(code: str, how: str, found: Found, names: dict[int, Item]) -> Notice:
    """Write one sentence about lines of a kind, naming the first of them."""
    named = ", ".join(_pair(alike, names) for alike in found.first[:NAMED])
    more = f" and {found.count - NAMED:,} more" if found.count > NAMED else ""
    one = found.count == 1
    how = how or "like others of this file, with the same customer, account and amount"
    verb = {"still_open": "is" if one else "are"}.get(code, "looks" if one else "look")
    text = f"{found.count:,} {'line' if one else 'lines'} {verb} {how}: {named}{more}"
    if found.count > 1:
        return Notice(code, text)
    line = found.first[0].line
    return Notice(code, text, names[line].reference, line)


def _pair(alike: Alike, names: dict[int, Item]) -> str:
    item = names[alike.line]
    minor, code = item.amount.minor, item.amount.currency
    amount = f" ({code.upper()} {format_minor(minor, code)})" if code else ""
    return f"{item.reference} = {alike.other}{amount}" if alike.other else f"{item.reference}{amount}"
