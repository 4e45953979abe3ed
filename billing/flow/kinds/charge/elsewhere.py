"""What another ledger has opened of a plan: one list per account, the very one that the run needs before it opens."""

import shlex
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import anyio

from billing.core.entries import ItemRecord
from billing.core.kinds import phase_of
from billing.core.life import Group, Phase
from billing.core.listed import Listed
from billing.core.notices import Notice
from billing.core.planrows import DONE, TO_CHARGE, row_of
from billing.core.plans import Create, Refuse, Replace
from billing.core.records import NewItem
from billing.flow.engine.gather import gather
from billing.flow.kinds.charge.find import Finder
from billing.flow.planning.decisions import decisions
from billing.flow.planning.planned import Plan, Source
from billing.flow.planning.preflight import Elsewhere
from billing.flow.services import Services

NAMED_INSIDE = frozenset({".yaml", ".yml", ".json"})
# Run files that say which run they are.
AT_ONCE = 16
# Accounts listed side by side; the throttle paces the pages further.


async def opened_elsewhere(services: Services, source: Source, plan: Plan) -> Elsewhere:
    """Return what of a plan is done or begun on Stripe although this ledger does not know it.

    Only reads are sent. An account that cannot be listed says nothing here: the run lists it again.

    Raises:
        ProviderUnreachable: the provider has been away for longer than the budget.
    """
    since, limiter = services.shared(Finder).window(plan.run.period), anyio.CapacityLimiter(AT_ONCE)

    async def one(account: str) -> None:
        async with limiter:
            await services.shared(Finder).list(account, since)
            services.shared(Finder).forgive(account)

    await gather(*(partial(one, account) for account in plan.accounts))
    if not any(services.shared(Finder).shows(account) for account in plan.accounts):
        return Elsewhere()
    rows: dict[str, str] = {}
    found = list(_found(services, source, plan, rows))
    services.shared(Finder).counted_out = frozenset(rows)
    return Elsewhere(rows, [_notice(plan, found)] if found else [])


def _notice(plan: Plan, found: Sequence[Listed]) -> Notice:
    """Say how much of a plan another ledger has opened, and how to have all of it here."""
    days = sorted({datetime.fromtimestamp(intent.created, UTC).date() for intent in found})
    when = f"on {days[0]}" if len(days) == 1 else f"between {days[0]} and {days[-1]}"
    were = "1 of these was" if len(found) == 1 else f"{len(found):,} of these were"
    text = (
        f"{were} opened elsewhere {when}, by another ledger: what it paid is not charged again. "
        f"To have all of it here: {_rebuilding(plan)}"
    )
    return Notice("opened_elsewhere", text)


def _rebuilding(plan: Plan) -> str:
    """Return the command that has a run on record here, to be pasted: a sheet has no run id of its own."""
    named = () if Path(plan.file).suffix.lower() in NAMED_INSIDE else ("--run", plan.run.run_id)
    return shlex.join(["billing", "ledger", "rebuild", plan.file, *named])


def _found(services: Services, source: Source, plan: Plan, rows: dict[str, str]) -> Iterator[Listed]:
    """Yield the intent of each item that this ledger would charge and another one has opened; fill ``rows``."""
    for _, decision in decisions(plan, source, services.ledger):
        if decision is None or isinstance(decision, Refuse) or row_of(decision) != TO_CHARGE:
            continue
        item = decision.new if isinstance(decision, Create | Replace) else decision.item
        if isinstance(item, ItemRecord) and item.object_id is not None:
            if (ended := services.shared(Finder).ended(item)) is not None:
                rows[item.item_id] = ENDED[ended.status]
            continue
        verdict = services.shared(Finder).verdict_of(item, plan.run.period)
        if verdict.row is not None:
            rows[item.item_id] = verdict.row
        other = verdict.yields_to or verdict.adopt
        if other is not None and not (verdict.row is None and _opening(item)):
            yield other


def _opening(item: ItemRecord | NewItem) -> bool:
    """Tell whether this ledger has sent an open for an item: an untried intent there is its own, the answer lost."""
    return isinstance(item, ItemRecord) and phase_of(item.state) is Phase.PREPARING


ENDED = {"succeeded": DONE[Phase.FINAL, Group.SUCCEEDED], "canceled": "failed"}
# Where a plan counts an item whose own intent has ended while nobody wrote it down here.
