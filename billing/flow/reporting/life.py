"""The life of one item, gathered from the ledger alone: its entries, its money, and what else is on record of it.

Everything is read by an index, and at one moment: while a run goes on, it takes nothing from it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from billing.core.entries import Entry, ItemRecord, Note
from billing.core.errors import UsageError
from billing.core.groups import group_of
from billing.core.items import Kind
from billing.core.kinds import LIVES
from billing.core.kinds.payer import customer_of
from billing.core.life import Group
from billing.core.records import Naming, ReportLine, RunRecord
from billing.core.skips import SKIPS
from billing.core.stories.answers import answer_of
from billing.core.stories.case import Case, Undoing
from billing.core.stories.folding import in_time, steps_of
from billing.core.stories.found import step_of
from billing.core.stories.moneys import money_of
from billing.core.stories.story import Beside, Command, Head, Money, Step, Story, Todo
from billing.core.stories.todos import todo_of
from billing.edge.ledger import Ledger
from billing.flow.kinds.inverses import INVERSES
from billing.flow.report import known_run
from billing.flow.reporting.life_booked import with_stripe
from billing.flow.reporting.life_found import same_obligation, unknown
from billing.flow.reporting.overview import line_of

OBJECTS: Mapping[Kind, str] = {
    Kind.CHARGE: "Payment",
    Kind.REFUND: "Refund",
    Kind.SUBSCRIPTION: "Subscription",
}


# What a person calls the object that fulfils an item.
HANDS = (Note.RUN_STARTED, Note.RUN_FINISHED, Note.RUN_STOPPED)


# Notes from which on somebody else has a run in hand, or nobody.
def story_of(ledger: Ledger, record: RunRecord, reference: str) -> Story:
    """Return the story of a reference in a run; the ledger should be read at one moment.

    Raises:
        UsageError: the run has no such line.
        LedgerDamaged: what is on record was changed by something else.
    """
    return _Telling(ledger, record, reference).story()


@dataclass(slots=True)
class _Telling:
    """One story while it is gathered.

    Attributes:
        items: everything of that reference.
        lives: the items of the obligation that is told.
        entries: those of `items` and of whatever undoes them, by item id.
    """

    ledger: Ledger
    record: RunRecord
    reference: str
    items: list[ItemRecord] = field(default_factory=list)
    lives: list[ItemRecord] = field(default_factory=list)
    named: list[Naming] = field(default_factory=list)
    entries: dict[str, list[Entry]] = field(default_factory=dict)

    def story(self) -> Story:
        """Gather and tell."""
        self.items = self.ledger.finder.called(self.reference)
        self.named = self.ledger.finder.naming(self.reference, self.items)
        self.lives = [item for item in self.items if same_obligation(self.ledger, self.record, item)]
        if not self.lives:
            return self._set_aside()
        self._take(self.ledger.entries(None, self.reference))
        case = self._case()
        undone = {each.item.item_id for each in case.undoing}
        told = in_time(sorted(self._steps(case), key=lambda step: step.record[0].seq))
        found = [step_of(each, case.zone, case.looked) for each in case.findings]
        return Story(
            self._head(case), (*self._left_out(), *answer_of(case)), money_of(case),
            tuple(sorted([*told, *found], key=lambda step: step.at)), todo_of(case), tuple(self._beside(undone)),
        )  # fmt: skip

    def _take(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if entry.item_id:
                self.entries.setdefault(entry.item_id, []).append(entry)

    def _case(self) -> Case:
        item, ledger = self.lives[-1], self.ledger
        record = self.record if item.run_id == self.record.run_id else known_run(ledger, item.run_id)
        zone = ZoneInfo(record.header.get("timezone") or "UTC")
        line = line_of(_alone(item), record)
        since, done = self._stands(item)
        bare = Case(record, zone, self.lives, line.row, line.told, done, since, list(self._undoing(record)))
        return with_stripe(ledger, bare)

    def _undoing(self, record: RunRecord) -> Iterator[Undoing]:
        """Yield what gives the item back, or ends it, whatever its reference."""
        inverse = INVERSES.get(record.kind)
        if inverse is None:
            return
        for each in self.lives:
            if each.object_id is None:
                continue
            for other in self.ledger.finder.undoing(
                record.platform, record.mode, inverse.kind, inverse.undoes, each.object_id
            ):
                if other.item_id not in self.entries:
                    self._take(self.ledger.entries(other.run_id, other.reference))
                since, done = self._stands(other)
                yield Undoing(other, done or since)

    def _stands(self, item: ItemRecord) -> tuple[str, str]:
        """Return since when an item stands where it stands, and since when it has come to its good end, or empty."""
        life, state, since, done = LIVES[item.kind], LIVES[item.kind].planned, "", ""
        events = {str(event): event for event in life.events}
        for entry in self.entries.get(item.item_id, ()):
            if entry.name not in events:
                continue
            after = life.advance(state, events[entry.name]).to
            if after is not state:
                since = entry.at
            good = life.meanings[after].group is Group.SUCCEEDED
            done = (done or entry.at) if good else ""
            state = after
        return since, done

    def _steps(self, case: Case) -> Iterator[Step]:
        told = [*self.lives, *(each.item for each in case.undoing)]
        by = self._by(dict.fromkeys(item.run_id for item in told))
        for item in told:
            yield from steps_of(item, self.entries.get(item.item_id, ()), case.zone, by)

    def _by(self, runs: Iterable[str]) -> dict[int, str]:
        """Return who carried out each entry: whoever had started its run, and not ended it, when it was written."""
        found: dict[int, str] = {}
        for run_id in runs:
            who, before = "", 0
            for seq in sorted(each.seq for own in self.entries.values() for each in own if each.run_id == run_id):
                note = self.ledger.finder.latest_note(run_id, before, seq, HANDS) if before else None
                if note is not None:
                    who = str(note.facts.get("by") or "") if note.name == Note.RUN_STARTED else ""
                found[seq], before = who, seq
        return found

    def _head(self, case: Case) -> Head:
        item, record = case.item, case.record
        line, listed = self.ledger.finder.line(item) or (0, False)
        saved = item.kind is Kind.PAYER  # what fulfils it is the customer itself
        payment, customer = ("", customer_of(item.object_id)) if saved else (item.object_id or "", item.payer)
        group = group_of(item)
        return Head(
            item.reference, record.run_id, str(record.kind), str(record.mode), record.period, str(case.zone), line,
            listed, item.account, customer, item.amount, item.currency, str(item.state), str(group),
            LIVES[record.kind].word(group), case.row, payment, OBJECTS.get(item.kind, ""),
            str(item.content.get("statement_suffix") or ""),
        )  # fmt: skip

    def _left_out(self) -> Iterator[str]:
        """Say that the run that was asked for has left the line out, and which one holds it."""
        owner = self.lives[-1].run_id
        for each in self.named:
            if each.run_id == self.record.run_id and each.item is not None and owner != each.run_id:
                yield f"Run {each.run_id} left it out: {_why(each)}. This is its life in run {owner}."

    def _beside(self, undone: set[str]) -> Iterator[Beside]:
        """Yield where the same reference stands as well."""
        own = {item.item_id for item in self.lives} | undone
        newest = {
            (item.kind, known_run(self.ledger, item.run_id).period): item
            for item in self.items
            if item.item_id not in own
        }
        for (_, period), item in newest.items():
            record = known_run(self.ledger, item.run_id)
            word, row = LIVES[item.kind].word(group_of(item)), line_of(_alone(item), record).row
            yield Beside(item.run_id, period, str(item.kind), word, row, self._explain(item.run_id))
        for each in self.named:
            if each.run_id != self.record.run_id:
                record = known_run(self.ledger, each.run_id)
                says = f"line {each.line} was left out: {_why(each)}"
                yield Beside(each.run_id, record.period, str(record.kind), says, "left_out", self._explain(each.run_id))

    def _explain(self, run_id: str) -> Command:
        return Command("explain", (self.reference,), {"run": run_id})

    def _set_aside(self) -> Story:
        """Tell of a line without an item: it was set aside, and nothing was ever done about it.

        Raises:
            UsageError: the run has no such line either.
        """
        own = next((each for each in self.named if each.run_id == self.record.run_id), None)
        if own is None:
            raise UsageError(unknown(self.ledger, self.reference, self.record))
        record, life = self.record, LIVES[self.record.kind]
        skip, why = SKIPS.get(own.reason), _why(own)
        head = Head(
            self.reference, record.run_id, str(record.kind), str(record.mode), record.period,
            record.header.get("timezone") or "UTC", own.line, True, "", "", 0, "", str(life.skipped),
            str(Group.SKIPPED), life.word(Group.SKIPPED), "left_out",
        )  # fmt: skip
        answer = (f"Left out: {why}.", "Nothing was sent for it.")
        todo = Todo("Mend the line", "" if skip is None else f"{skip.what_to_do.capitalize()}.")
        return Story(head, answer, Money(), (), todo, tuple(self._beside(set())))


def _why(line: Naming) -> str:
    """Say why a line brings no item."""
    skip = SKIPS.get(line.reason)
    return (line.detail or (skip.means if skip is not None else line.reason.replace("_", " "))).rstrip(". ")


def _alone(item: ItemRecord) -> ReportLine:
    """Return an item as a line of a report, wherever its line stands."""
    return ReportLine(0, (), item, True, "", "")
