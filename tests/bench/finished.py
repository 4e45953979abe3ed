"""Write all but ten items of a run down as paid, or open the ledger of such a run and find the ten.

``python -m tests.bench.finished write|find FOLDER LEDGER``; FOLDER is the home that holds the ledger's key. Items are
written through the ledger's own door, four entries in one commit each, many side by side: what a run leaves, without
the time that a provider takes.
"""

import asyncio
import sys
from datetime import UTC, datetime
from functools import partial

from billing.core.entries import ItemRecord, Move
from billing.core.kinds.charge import CHARGE_LIFE, Event, State
from billing.edge.ledger import Ledger
from billing.edge.ledger.sqlite.opening import open_ledger
from billing.flow.engine.gather import gather
from billing.flow.engine.goals import Goal, taken_up
from billing.flow.engine.worklist import has_work
from billing.flow.kinds.charge.steps import CHARGES
from tests.bench.scale import RUN

LEFT = 10
PAGE = 500


def moves(item: ItemRecord, *, paid: bool) -> tuple[Move, ...]:
    """Return the entries of an item that was charged, or whose confirm was lost."""
    keys = {"open_n": 0, "open_born": 1_790_000_000, "clone_n": 0, "clone_born": 1_790_000_000}
    end = Move(Event.CHARGE_SUCCEEDED, facts={"charge": f"ch_{item.id:024d}", "amount_charged": item.amount})
    return (
        Move(Event.PREPARE_STARTED, attempt=1, facts=keys),
        Move(Event.PREPARED, object_id=f"pi_done{item.id:020d}", instrument_id=f"pm_done{item.id:020d}"),
        Move(Event.CONFIRM_STARTED, facts={"confirm_n": 0, "confirm_born": 1_790_000_000}),
        end if paid else Move(Event.CHARGE_LOST, facts={"lost": "runner"}),
    )


async def write(ledger: Ledger) -> None:
    """Write every planned item down; the last ten as unknown."""
    workload = ledger.workload(RUN, (State.PLANNED,))
    total, done = sum(workload.values()), 0
    for account in workload:
        row = 0
        while page := ledger.work(RUN, (State.PLANNED,), account, row, PAGE):
            row = page[-1].id
            first = done
            done += len(page)
            await gather(
                *(
                    partial(ledger.record, item, *moves(item, paid=first + n < total - LEFT))
                    for n, item in enumerate(page)
                )
            )


async def find(ledger: Ledger) -> None:
    """Find what `billing resolve` would take up."""
    assert has_work(ledger, CHARGES, RUN, Goal.RESOLVE)
    states = taken_up(CHARGE_LIFE, Goal.RESOLVE)
    found = [ledger.work(RUN, states, account, 0, PAGE) for account in ledger.workload(RUN, states)]
    assert sum(map(len, found)) == LEFT


async def main(verb: str, home: str, path: str) -> None:
    """Open the ledger as a run does, and carry out one verb."""
    clock = lambda: datetime.now(UTC)  # noqa: E731  a clock is a function
    ledger = await open_ledger(f"sqlite:///{path}", key_file=None, clock=clock, environ={"HOME": home})
    await {"write": write, "find": find}[verb](ledger)
    await ledger.aclose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
