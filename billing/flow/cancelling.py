"""Cancel a run, or chosen lines of it: close what is not paid, on the record, without editing a file."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from billing.core.entries import ItemRecord, Move, Note
from billing.core.exits import Exit
from billing.core.groups import group_of
from billing.core.kinds import ended_empty, is_final, life_of, phase_of
from billing.core.life import Group, Phase
from billing.core.money import add_money
from billing.core.plans import came_back, reason_of
from billing.core.policies import Policies
from billing.core.skips import OPERATORS, SKIPS, TAKEN_UP_AGAIN
from billing.edge.ledger import Ledger
from billing.flow.closing import Why, close
from billing.flow.engine.progress import Watch, unwatched
from billing.flow.options import Ending, RunOptions, Selection
from billing.flow.services import Services

CANCELLED = "cancelled"


@dataclass(slots=True)
class Cancellation:
    """What cancelling would close, or has left.

    Attributes:
        rows: ledger rows of items that are open and unpaid, or may be.
        waiting: rows of items that ended for a cause which may be repaired: they would be taken up again.
        totals: currency -> minor units of both.
        paid: references of selected items that are paid, the first hundred; ``paid_count`` counts all.
        processing: selected items that are on their way to the bank: nothing closes them.
        named: patterns that name no item.
    """

    rows: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    totals: Counter[str] = field(default_factory=Counter)
    paid: list[str] = field(default_factory=list)
    paid_count: int = 0
    processing: int = 0
    named: set[str] = field(default_factory=set)

    @property
    def closes(self) -> int:
        """How many items are closed."""
        return len(self.rows) + len(self.waiting)

    def take(self, item: ItemRecord) -> None:
        """Count one selected item."""
        if group_of(item) is Group.SUCCEEDED:
            self.paid_count += 1
            if len(self.paid) < SHOWN:
                self.paid.append(item.reference)
        elif phase_of(item.state) is Phase.SETTLING:
            self.processing += 1
        elif not is_final(item.state):
            self._close(self.rows, item)
        elif _comes_back(item):
            self._close(self.waiting, item)

    def _close(self, rows: list[int], item: ItemRecord) -> None:
        rows.append(item.id)
        add_money(self.totals, item.amount, item.currency)


SHOWN = 100


def _comes_back(item: ItemRecord) -> bool:
    """Tell whether a later plan would take up an item that ended unpaid, once what it ended for is repaired."""
    reason = reason_of(item)
    if came_back(item):
        return True
    if item.state is not life_of(item.state).skipped:
        return ended_empty(item.state) and reason in TAKEN_UP_AGAIN
    return reason not in OPERATORS and not (reason in SKIPS and SKIPS[reason].good)


def look_through(ledger: Ledger, run_id: str, selection: Selection) -> Cancellation:
    """Return what cancelling the selected items of a run would close."""
    found = Cancellation()
    for item in _items(ledger, run_id):
        found.named |= selection.named_by(item)
        if selection.takes(item):
            found.take(item)
    return found


def _items(ledger: Ledger, run_id: str) -> Iterator[ItemRecord]:
    for row, _state, _listed in ledger.standing(run_id):
        yield ledger.item(row)


async def cancel(
    services: Services,
    run_id: str,
    found: Cancellation,
    note: str,
    policies: Policies,
    options: RunOptions,
    watch: Watch = unwatched,
) -> Ending:
    """Close what was found; killed at any point, the same command goes on.

    Raises:
        LedgerError: a commit failed.
        UsageError: the run belongs to another platform.
    """
    why = Why(CANCELLED, note)
    for row in found.waiting:
        item = services.ledger.item(row)
        if _comes_back(item):
            await services.ledger.record(item, Move(Note.SKIP_CONFIRMED, facts=why.facts() | {"what_to_do": None}))
    return await close(services, run_id, dict.fromkeys(found.rows, why), policies, options, watch)


def worth(ending: Ending, after: Cancellation, *, named: bool) -> Exit:
    """Return the exit code of a cancellation.

    Args:
        ending: whether something stopped it.
        after: a look at the same items afterwards.
        named: whether the items were named one by one: a paid one among them then needs a person.
    """
    if ending.exit:
        return ending.exit
    if after.paid_count and named:
        return Exit.DECLINES
    return Exit.UNFINISHED if after.processing or after.rows else Exit.OK
