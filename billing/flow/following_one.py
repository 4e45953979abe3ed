"""Follow one item that something was told of, by the very steps that `billing settle` and `billing resolve` take."""

from enum import StrEnum

from billing.core.entries import ItemRecord
from billing.core.errors import UsageError
from billing.core.kinds.charge import State
from billing.edge.hooks.envelope import Notice
from billing.edge.settings.load import Settings
from billing.edge.stripe.found import LookupFailed
from billing.flow.engine.context import Halted
from billing.flow.engine.flow import carry
from billing.flow.engine.goals import Goal, taken_up
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


async def follow_one(services: Services, item: ItemRecord, notice: Notice, settings: Settings) -> Came:
    """Take one item as far as a look takes it, and then look at the dispute, if one was told of. Nothing is charged.

    A dispute may be told of before the payment that it takes back is known to have succeeded.

    Raises:
        LedgerError: a commit failed; nothing more may be sent.
        ProviderUnreachable: the provider has been away for longer than the budget.
    """
    record, goal = services.ledger.run(item.run_id), goal_of(item)
    if record is None or services.draining:
        return Came.FOLLOWED
    named = {"run": item.run_id, "reference": item.reference, "account": item.account, "stripe_event": notice.event}
    before = item.state
    try:
        services.require_own(record)
        if goal is not None:
            flow = FLOWS[item.kind]
            found = await carry(flow, flow.context(services, policies_of(record, settings)), item, goal)
            item = found.item
            if found.put_back is not None:
                return Came.TURNED_AWAY
        if notice.dispute:
            await _look_at_dispute(services, item, notice, settings)
            item = services.ledger.item(item.id)
    except (Halted, UsageError) as refused:
        services.log("hook_not_followed", level="error", **named, reason=str(refused))
        return Came.FOLLOWED
    services.log("hook_followed", **named, type=notice.type, was=str(before), state=str(item.state))
    return Came.FOLLOWED


async def _look_at_dispute(services: Services, item: ItemRecord, notice: Notice, settings: Settings) -> None:
    found = await look_at_dispute(services, item.account, notice.dispute, lambda record: policies_of(record, settings))
    if isinstance(found, LookupFailed):
        about = {"reference": item.reference, "account": item.account, "dispute": notice.dispute}
        services.log("hook_not_followed", level="warning", **about, reason=found.code or str(found.trouble))
