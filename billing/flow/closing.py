"""Close items unpaid: what a file withdraws or corrects, and what the operator cancels. It is looked at first.

A planned item is skipped. An open intent is cancelled at Stripe (the fence), whatever may be in flight is looked up
before, and nothing is confirmed. What turns out paid, or on its way to the bank, is left as it is. Killed at any point,
the same command goes on: every step is decided by what is on record.
"""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from billing.core.entries import ItemRecord, Move
from billing.core.kinds.charge import Event, State
from billing.core.life import Group
from billing.core.plans import SKIPS
from billing.core.policies import Policies, StopOn
from billing.flow.engine.context import ItemContext
from billing.flow.engine.goals import Goal
from billing.flow.engine.progress import Watch, unwatched
from billing.flow.engine.runner import Runner
from billing.flow.kinds.charge import cancel as fence
from billing.flow.kinds.charge import confirm, prepare
from billing.flow.kinds.charge.carry import ItemResult, Step, charge
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
        meaning = SKIPS[self.code][0]
        reason = f"{meaning}: {self.note}" if self.note else meaning
        return {"group": str(Group.SKIPPED), "reason_code": self.code, "reason": reason, "next_try": None}


def steps_for(why: Why) -> Mapping[StrEnum, Step]:
    """Return what closing does with an item in each state; nothing here confirms."""

    async def skip(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
        return await ctx.record(item, Move(Event.ITEM_SKIPPED, facts=why.facts()))

    async def give_up(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
        return await fence.start_cancel(ctx, item, **why.facts(), what_to_do=None)

    return {
        State.PLANNED: skip,
        State.PREPARING: prepare.prepare,  # an open may be in flight: only its answer names the intent to cancel
        State.READY: give_up,
        State.CONFIRMING: confirm.note_lost,
        State.UNKNOWN: confirm.look,
        State.PARKED: confirm.look,
        State.UNPAID: give_up,
        State.CANCELLING: fence.cancel,
    }


class Closer(Runner):
    """One pass over a run that ends chosen items unpaid."""

    def __init__(
        self,
        services: Services,
        run_id: str,
        rows: Mapping[int, Why],
        policies: Policies,
        options: RunOptions,
        watch: Watch,
    ) -> None:
        everything = replace(
            options,
            selection=Selection(rows=frozenset(rows), strict=True),
            limit=None,
            max_failures=None,
            deadline=None,
        )
        super().__init__(services, run_id, Goal.CLOSE, replace(policies, stop_on=UNGUARDED), everything, watch)
        self._rows = rows

    def _trip(self, item: ItemRecord, goal: Goal) -> Awaitable[ItemResult]:
        ctx = ItemContext(self._desk, self._policies.dunning, closes=True)
        return charge(ctx, item, goal, steps_for(self._rows[item.id]))


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
    if not rows:
        return Ending()
    record = services.ledger.run(run_id)
    if record is not None and any(services.ledger.item(row).state is not State.PLANNED for row in rows):
        await services.identify()
        services.require_own(record)
    return await Closer(services, run_id, rows, policies, options, watch).go()
