"""What another ledger has opened of a plan: one list per account, the very one that the run needs before it opens."""

import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import anyio

from billing.core.entries import Known, NewItem
from billing.core.listed import Listed, equals
from billing.core.notices import Notice
from billing.core.plans import Continue, Create, Decision
from billing.core.states import State
from billing.flow.decisions import decisions
from billing.flow.desk import Desk
from billing.flow.planned import Plan, Source
from billing.flow.together import together

NAMED_INSIDE = frozenset({".yaml", ".yml", ".json"})
# Run files that say which run they are.
AT_ONCE = 16
# Accounts listed side by side; the throttle paces the pages further.


async def opened_elsewhere(desk: Desk, source: Source, plan: Plan) -> list[Notice]:
    """Return a notice when some of what a plan would charge was opened by another ledger.

    Only reads are sent. An account that cannot be listed says nothing here: the run lists it again.

    Raises:
        ProviderUnreachable: the provider has been away for longer than the budget.
    """
    since, limiter = desk.finder.window(plan.run.period), anyio.CapacityLimiter(AT_ONCE)

    async def one(account: str) -> None:
        async with limiter:
            await desk.finder.list(account, since)
            desk.finder.forgive(account)

    await together(*(partial(one, account) for account in plan.accounts))
    if not any(desk.finder.shown(account) for account in plan.accounts):
        return []
    found = list(_found(desk, source, plan))
    if not found:
        return []
    days = sorted({datetime.fromtimestamp(intent.created, UTC).date() for intent in found})
    when = f"on {days[0]}" if len(days) == 1 else f"between {days[0]} and {days[-1]}"
    were = "1 of these was" if len(found) == 1 else f"{len(found):,} of these were"
    text = (
        f"{were} opened elsewhere {when}, by another ledger: what it paid is not charged again. "
        f"To have all of it here: {_rebuilding(plan)}"
    )
    return [Notice("opened_elsewhere", text)]


def _rebuilding(plan: Plan) -> str:
    """Return the command that has a run on record here, to be pasted: a sheet has no run id of its own."""
    named = () if Path(plan.file).suffix.lower() in NAMED_INSIDE else ("--run", plan.run.run_id)
    return shlex.join(["billing", "ledger", "rebuild", plan.file, *named])


def _found(desk: Desk, source: Source, plan: Plan) -> Iterator[Listed]:
    """Yield the intent of each item that this ledger would begin and another one has opened."""
    for _, decision in decisions(plan, source, desk.ledger):
        item = _begun_by(decision)
        shown = {} if item is None else desk.finder.shown(item.account).get(item.item, {})
        same = [intent for intent in shown.values() if item is not None and equals(intent, item)]
        if same:
            yield min(same, key=Listed.rank)


def _begun_by(decision: Decision | None) -> Known | NewItem | None:
    match decision:
        case Create(new=new) if new.skip is None:
            return new
        case Continue(known=known, skip=None) if known.state is State.PLANNED:
            return known
        case _:
            return None
