"""Close items unpaid: what a file withdraws or corrects, and what the operator cancels. It is looked at first.

A planned item is skipped. An open intent is cancelled at Stripe (the fence), whatever may be in flight is looked up
before, and nothing is confirmed. What turns out paid, or on its way to the bank, is left as it is. Killed at any point,
the same command goes on: every step is decided by what is on record.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from billing.core.entries import ItemRecord
from billing.core.life import Group
from billing.core.policies import Policies, StopOn
from billing.core.skips import SKIPS
from billing.flow.engine.flow import ItemResult, carry
from billing.flow.engine.goals import Goal
from billing.flow.engine.progress import Watch, unwatched
from billing.flow.engine.runner import Runner, Work
from billing.flow.engine.signals import obeying_signals
from billing.flow.kinds.registry import FLOWS
from billing.flow.options import Ending, RunOptions, Selection
from billing.flow.services import Services

UNGUARDED = StopOn(decline_rate=1.0, same_error=10**9)
# Closing takes no money: no wave of it is a reason to stop.


@dataclass(frozen=True, slots=True)
class Why:
    """Why an item is closed: its reason code, and what the operator said of it."""

    code: str
    note: str = ""

    def facts(self) -> dict[str, Any]:
        """Return what the report says of an item that was closed for this."""
        meaning = SKIPS[self.code].means
        reason = f"{meaning}: {self.note}" if self.note else meaning
        return {"group": str(Group.SKIPPED), "reason_code": self.code, "reason": reason, "next_try": None}


async def close(
    services: Services,
    run_id: str,
    rows: Mapping[int, Why],
    policies: Policies,
    options: RunOptions,
    watch: Watch = unwatched,
) -> Ending:
    """Close items of a run, by ledger row; see the module. Returns early, with an exit code, when something stops it.

    Raises:
        LedgerError: a commit failed; nothing more may be sent.
        UsageError: the run belongs to another platform.
    """
    record = services.ledger.run(run_id)
    if not rows or record is None:
        return Ending()
    flow = FLOWS[record.kind]
    if any(services.ledger.item(row).state is not flow.life.planned for row in rows):
        await services.identify()
        services.require_own(record)

    async def visit(item: ItemRecord, goal: Goal) -> ItemResult:
        ctx = flow.context(services, policies, closes=True)
        return await carry(flow, ctx, item, goal, flow.closing(rows[item.id].facts()))

    everything = replace(
        options, selection=Selection(rows=frozenset(rows), strict=True), limit=None, max_failures=None, deadline=None
    )
    unguarded = replace(policies, stop_on=UNGUARDED)
    runner = Runner(services, Work(run_id, flow, visit), Goal.CLOSE, unguarded, everything, watch)
    async with obeying_signals(runner):
        return await runner.go()
