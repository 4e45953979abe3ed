"""Find out by looking what happened to unfinished items, and follow slow payments to their end; confirm nothing."""

from billing.core.policies import Policies
from billing.flow.engine.goals import Goal
from billing.flow.engine.progress import Watch, unwatched
from billing.flow.engine.runner import Runner, has_work
from billing.flow.options import Ending, RunOptions
from billing.flow.services import Services


async def resolve(
    services: Services, run_id: str | None, options: RunOptions, policies: Policies, watch: Watch = unwatched
) -> Ending:
    """Read every item that is in doubt, then those that rest after a decline, whoever waits for a customer first.

    What is shown unconfirmed becomes `ready` and waits for the run; a fence that was begun, or is due, is finished.

    Args:
        services: what the flow works with.
        run_id: one run, or None for all of this ledger.
        options: selection and concurrency.
        policies: what follows a decline that a look brings to light.
        watch: told after each item.
    """
    return await _follow(services, run_id, Goal.RESOLVE, options, policies, watch)


async def settle(
    services: Services, run_id: str | None, options: RunOptions, policies: Policies, watch: Watch = unwatched
) -> Ending:
    """Read every payment that was still processing when last seen, and those that wait for their customers."""
    return await _follow(services, run_id, Goal.SETTLE, options, policies, watch)


async def _follow(
    services: Services, run_id: str | None, goal: Goal, options: RunOptions, policies: Policies, watch: Watch
) -> Ending:
    records = [record for record in services.ledger.runs() if run_id in (None, record.run_id)]
    if not any(has_work(services.ledger, record.run_id, goal) for record in records):
        return Ending()
    await services.identify()
    for record in records:
        services.require_own(record)
    return await Runner(services, run_id, goal, policies, options, watch).go()
