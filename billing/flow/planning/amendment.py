"""What a file changes of a run on record, line by line: added, changed, withdrawn, with what was and what is."""

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from billing.core.entries import ItemRecord
from billing.core.errors import Problem
from billing.core.item_rules import Difference
from billing.core.items import Item
from billing.core.kinds import ended_empty, is_planned
from billing.core.money import format_minor
from billing.core.plans import Continue, Create, Replace, Skip, fixed, reason_of
from billing.core.skips import CLOSED_BY_FILE
from billing.edge.ledger import Ledger

MOVED = "default_moved"
# Why an item is closed that the file says the same of, while what a look-up finds of it is another now.
SHOWN = 100
# Changes kept line by line; all of them are counted.


class Amended(NamedTuple):
    """One line that differs from what is on record.

    Attributes:
        how: ``added``, ``changed``, ``withdrawn``, or ``taken_up`` for a skip whose cause is repaired.
        reference: of the line.
        line: in the file; 0 for a withdrawn one.
        old: amount in minor units and currency as on record; None for an added line.
        new: the same as the file says; None for a withdrawn line.
        changes: field by field, for a changed line.
        was: where the item stands: its state.
    """

    how: str
    reference: str
    line: int
    old: tuple[int, str] | None
    new: tuple[int, str] | None
    changes: tuple[Difference, ...] = ()
    was: str = ""


@dataclass(slots=True)
class Amendment:
    """All changes together.

    Attributes:
        counts: how -> lines.
        shown: the first hundred.
        before: currency -> minor units that the sheet had without these changes, ``after`` with them.
        closing: reason code -> ledger rows of items that must be closed before anything is sent.
    """

    counts: Counter[str] = field(default_factory=Counter)
    shown: list[Amended] = field(default_factory=list)
    before: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)
    closing: dict[str, "array[int]"] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return bool(self.counts) or bool(self.closing)

    @property
    def closes(self) -> int:
        """How many items are closed first."""
        return sum(map(len, self.closing.values()))

    def note(self, change: Amended) -> None:
        """Take a change in."""
        self.counts[change.how] += 1
        if len(self.shown) < SHOWN:
            self.shown.append(change)
        for old, sums, sign in ((change.old, self.before, 1), (change.new, self.before, -1)):
            if old is not None and change.how != "taken_up":
                sums[old[1]] += sign * old[0]

    def close(self, item: ItemRecord, reason: str) -> None:
        """Have an item closed before anything is sent."""
        self.closing.setdefault(reason, array("Q")).append(item.id)

    def finish(self, sheet: Counter[str]) -> None:
        """Say what the sheet came to before, now that all changes and its sum are known."""
        self.after = Counter(dict(sheet))
        for currency, minor in sheet.items():
            self.before[currency] += minor


def note_line(
    found: Amendment, wanted: Item, line: int, decision: Create | Replace | Continue | Skip
) -> Amended | None:
    """Note what a line changes of a run on record.

    A line that is only taken up again is returned instead: whoever knows what this invocation moves notes it, because a
    line that was not selected stays as it is.
    """
    now = (wanted.amount.minor, wanted.amount.currency)
    match decision:
        case Create(before=None):
            found.note(Amended("added", wanted.reference, line, None, now))
        case Create(before=ItemRecord() as before, changes=changes):
            old = (before.amount, before.currency)
            # Closed for a change that was agreed to and not kept: until now the sheet on record has the line as it was.
            changing = reason_of(before) == "corrected" and bool(changes)
            back = reason_of(before) in CLOSED_BY_FILE and not changing
            how = "added" if back else "changed" if changes else "taken_up"
            was = reason_of(before) or str(before.state)
            change = Amended(how, wanted.reference, line, None if back else old, now, changes, was)
            if how == "taken_up":
                return change
            found.note(change)
        case Replace(item=item, changes=changes):
            found.close(item, "corrected" if changes else MOVED)
            if changes:
                old = (item.amount, item.currency)
                found.note(Amended("changed", wanted.reference, line, old, now, changes, str(item.state)))
        case Continue(item=item, skip=str() as skip) if is_planned(item.state):
            found.close(item, skip)
        case _:
            pass
    return None


class Missing(NamedTuple):
    """An item of the run that no line of the file stands for.

    ``listed`` tells whether the latest revision still had a line for it.
    """

    row: int
    state: StrEnum
    listed: bool


def missing(ledger: Ledger, run_id: str, seen: "array[int]") -> Iterator[Missing]:
    """Yield the items of a run, each in its newest generation, that are not among ``seen`` rows."""
    ordered = array("Q", sorted(seen))
    for row, state, listed in ledger.standing(run_id):
        place = bisect_left(ordered, row)
        if place == len(ordered) or ordered[place] != row:
            yield Missing(row, state, listed)


def withdrawn(found: Amendment, each: Missing, item: ItemRecord) -> None:
    """Note that a line is gone: what is still open of it is closed."""
    if not ended_empty(each.state):
        found.close(item, "withdrawn")
    was = reason_of(item) if ended_empty(each.state) else str(each.state)
    found.note(Amended("withdrawn", item.reference, 0, (item.amount, item.currency), None, (), was))


def refused_withdrawal(file: str, item: ItemRecord, *, frozen: bool) -> Problem | None:
    """Return why a line may not be gone from the file, or None when it may."""
    amount = f" ({format_minor(item.amount, item.currency)} {item.currency.upper()})" if item.currency else ""
    what = f'reference "{item.reference}"{amount} of run {item.run_id}'
    if (said := fixed(item.state)) is not None:
        was, hint = said
        message = f"{what} {was} and is no longer in the file"
        return Problem(file, 0, 1, "items_missing", message, hint, item.reference)
    if frozen:
        message = f"{what} is no longer in the file"
        hint = "restore the line, or add --amend to withdraw what is not paid"
        return Problem(file, 0, 1, "items_missing", message, hint, item.reference)
    return None
