"""Follow an item that something was told of, by the very steps that `billing settle` and `billing resolve` take."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial

from billing.core.entries import ItemRecord
from billing.core.errors import UsageError
from billing.core.kinds.charge import State
from billing.core.policies import Policies
from billing.edge.hooks.envelope import Notice
from billing.edge.settings.load import Settings
from billing.edge.stripe.found import LookupFailed
from billing.flow.engine.context import Halted
from billing.flow.engine.flow import Flow, carry
from billing.flow.engine.goals import Goal, taken_up
from billing.flow.engine.listed import Reader
from billing.flow.follow import policies_of
from billing.flow.kinds.charge.returns import look_at_dispute
from billing.flow.kinds.registry import FLOWS
from billing.flow.services import Services


class Came(StrEnum):
    """What came of it."""

    FOLLOWED = "followed"
    TURNED_AWAY = "turned_away"  # a limiter said no: another time


def goal_of(item: ItemRecord) -> Goal | None:
    """Return which of the goals that only look takes an item up; None if it is where both would leave it."""
    flow = FLOWS[item.kind]
    for goal in (Goal.SETTLE, Goal.RESOLVE):
        if item.state in taken_up(flow.life, goal) and not flow.rests(goal, item):
            return goal
    return None


def is_open(item: ItemRecord, notice: Notice) -> bool:
    """Tell whether what was told can matter to an item: it is not at its end, or a dispute may take back what it is."""
    return goal_of(item) is not None or (bool(notice.dispute) and item.state is State.SUCCEEDED)


@dataclass(slots=True)
class Turn:
    """A few items that something was told of, while the ledger is held for them; many of a run are listed together.

    Attributes:
        services: what the flow works with.
        settings: of the operator; they hold where a run kept nothing else.
        rows: of the items, in the ledger.
    """

    services: Services
    settings: Settings
    rows: frozenset[int]
    _readers: dict[tuple[str, Goal], Reader | None] = field(default_factory=dict)

    async def follow(self, row: int, notice: Notice) -> Came:
        """Take one item as far as a look takes it, then look at the dispute, if one was told of. Nothing is charged.

        A dispute may be told of before the payment that it takes back is known to have succeeded.

        Raises:
            LedgerError: a commit failed; nothing more may be sent.
            ProviderUnreachable: the provider has been away for longer than the budget.
        """
        before = self.services.ledger.item(row)
        record = self.services.ledger.run(before.run_id)
        if record is None or self.services.draining:
            return Came.FOLLOWED
        named = {"run": before.run_id, "reference": before.reference, "account": before.account}
        try:
            self.services.require_own(record)
            found = await self._looked_at(before, policies_of(record, self.settings))
            if found is None:
                return Came.TURNED_AWAY
            if notice.dispute:
                await self._look_at_dispute(found, notice)
        except (Halted, UsageError) as refused:
            self.services.log("hook_not_followed", level="error", **named, reason=str(refused))
            return Came.FOLLOWED
        states = {"was": str(before.state), "state": str(self.services.ledger.item(row).state)}
        self.services.log("hook_followed", **named, stripe_event=notice.event, type=notice.type, **states)
        return Came.FOLLOWED

    async def _looked_at(self, item: ItemRecord, policies: Policies) -> ItemRecord | None:
        """Return the item after a look, where one is due; None if a limiter said no."""
        goal, flow = goal_of(item), FLOWS[item.kind]
        if goal is None:
            return item
        context = flow.context(self.services, policies, reader=self._reader(flow, item.run_id, goal))
        found = await carry(flow, context, item, goal)
        return None if found.put_back is not None else found.item

    def _reader(self, flow: Flow, run_id: str, goal: Goal) -> Reader | None:
        """Return what reads the objects of a run's items that were told of, and of no others, by the hundred."""
        if (run_id, goal) not in self._readers:
            reader = flow.reader(self.services, run_id, goal)
            self._readers[run_id, goal] = None if reader is None else replace(reader, rests=self._rests(flow))
        return self._readers[run_id, goal]

    def _rests(self, flow: Flow) -> Callable[[Goal, ItemRecord], bool]:
        return lambda goal, item: item.id not in self.rows or flow.rests(goal, item)

    async def _look_at_dispute(self, item: ItemRecord, notice: Notice) -> None:
        policies = partial(policies_of, settings=self.settings)
        found = await look_at_dispute(self.services, item.account, notice.dispute, policies)
        if isinstance(found, LookupFailed):
            about = {"reference": item.reference, "account": item.account, "dispute": notice.dispute}
            self.services.log("hook_not_followed", level="warning", **about, reason=found.code)
