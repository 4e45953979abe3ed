"""What there is to do in a run: whether anything is left, and what may be begun."""

from collections.abc import Container, Iterator
from heapq import nsmallest

from billing.core.planrows import TO_CHARGE, standing
from billing.edge.ledger import Ledger
from billing.flow.engine.flow import Flow
from billing.flow.engine.goals import Goal, taken_up
from billing.flow.engine.scheduler import PAGE
from billing.flow.options import Selection


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
