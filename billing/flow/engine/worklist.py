"""What there is to do in a run: whether anything is left, and what may be begun."""

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from heapq import nsmallest
from typing import Protocol

from billing.core.entries import ItemRecord
from billing.core.planrows import TO_CHARGE, standing
from billing.edge.ledger import Ledger
from billing.flow.engine.flow import Flow
from billing.flow.engine.goals import Goal, taken_up
from billing.flow.engine.scheduler import PAGE
from billing.flow.options import Selection


class Worklist(Protocol):
    """What a runner works through: all items of a run, or those of a shard of it."""

    def workload(self, states: Iterable[StrEnum]) -> dict[str, int]:
        """Count items in these states per connected account, in the order in which accounts are taken up."""
        ...

    def work(self, states: Iterable[StrEnum], account: str, after: int, limit: int) -> list[ItemRecord]:
        """Return up to ``limit`` items of an account in these states with row numbers above ``after``, ascending."""
        ...

    async def refresh(self) -> None:
        """See where the items stand now; a runner asks for it before it goes through what was left open."""
        ...


@dataclass(frozen=True, slots=True)
class WholeRun:
    """All items of a run, each looked at in the ledger when its turn has come."""

    ledger: Ledger
    run_id: str

    def workload(self, states: Iterable[StrEnum]) -> dict[str, int]:
        """Count items in these states per connected account."""
        return self.ledger.workload(self.run_id, states)

    def work(self, states: Iterable[StrEnum], account: str, after: int, limit: int) -> list[ItemRecord]:
        """Return items of an account in these states, ascending."""
        return self.ledger.work(self.run_id, states, account, after, limit)

    async def refresh(self) -> None:
        """Nothing to do: nothing is remembered."""


def has_work(ledger: Ledger, flow: Flow, run_id: str, goal: Goal) -> bool:
    """Tell whether a run has an item that ``goal`` would take up; resting ones do not count."""
    states = taken_up(flow.life, goal)
    for account in ledger.workload(run_id, states):
        row = 0
        while page := ledger.work(run_id, states, account, row, PAGE):
            if not all(flow.rests(goal, item) for item in page):
                return True
            row = page[-1].id
    return False


def first_movable(
    ledger: Ledger, flow: Flow, run_id: str, selection: Selection, limit: int, elsewhere: Container[str] = ()
) -> frozenset[int]:
    """Return the ledger rows of the first selected items that a run may begin, in the order of the ledger.

    Those ``elsewhere`` (item ids) are not begun: they are taken over, all of them, and no limit counts them.
    """
    states = taken_up(flow.life, Goal.RUN)
    taken_over: list[int] = []

    def movable() -> Iterator[int]:
        for account in ledger.workload(run_id, states):
            row = 0
            while page := ledger.work(run_id, states, account, row, PAGE):
                row = page[-1].id
                wanted = [item for item in page if standing(item) == TO_CHARGE and selection.takes(item)]
                taken_over.extend(item.id for item in wanted if item.item_id in elsewhere)
                yield from (item.id for item in wanted if item.item_id not in elsewhere)

    return frozenset(nsmallest(limit, movable())).union(taken_over)
