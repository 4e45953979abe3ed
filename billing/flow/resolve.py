"""Find out by looking what happened to unfinished items, and follow slow payments to their end; confirm nothing."""

from dataclasses import replace

from billing.core.policies import Policies
from billing.flow.engine.goals import Goal
from billing.flow.engine.progress import Watch, unwatched
from billing.flow.engine.runner import Runner
from billing.flow.engine.signals import obeying_signals
from billing.flow.engine.worklist import has_work
from billing.flow.execute import work_of
from billing.flow.kinds.registry import FLOWS
from billing.flow.options import Ending, RunOptions
from billing.flow.services import Services


async def resolve(
    services: Services, run_id: str, options: RunOptions, policies: Policies, watch: Watch = unwatched
) -> Ending:
    """Read every item that is in doubt, then those that rest after a decline, whoever waits for a customer first.

    What is shown unconfirmed becomes `ready` and waits for the run; a fence that was begun, or is due, is finished.

    Args:
        services: what the flow works with.
        run_id: of the run.
        options: selection and concurrency.
        policies: what follows a decline that a look brings to light.
        watch: told after each item.
    """
    return await _follow(services, run_id, Goal.RESOLVE, options, policies, watch)


async def settle(
    services: Services, run_id: str, options: RunOptions, policies: Policies, watch: Watch = unwatched
) -> Ending:
    """Read every payment that was still processing when last seen, and those that wait for their customers.

    Then what becomes of items that are over, where the kind has such a thing: renewals, debits that came back.
    """
    ending = await _follow(services, run_id, Goal.SETTLE, options, policies, watch)
    record = services.ledger.run(run_id)
    afterwards = None if record is None else FLOWS[record.kind].afterwards
    if ending.exit or afterwards is None:
        return ending
    more = await afterwards(services, run_id, policies)
    return replace(ending, ended=ending.ended + more.ended, changed=ending.changed + more.changed)


async def _follow(
    services: Services, run_id: str, goal: Goal, options: RunOptions, policies: Policies, watch: Watch
) -> Ending:
    record = services.ledger.run(run_id)
    if record is None:
        return Ending()
    flow = FLOWS[record.kind]
    if not has_work(services.ledger, flow, run_id, goal):
        return Ending()
    await services.identify()
    services.require_own(record)
    work = work_of(services, flow, run_id, policies, flow.reader(services, run_id, goal))
    runner = Runner(services, work, goal, policies, options, watch)
    async with obeying_signals(runner):
        return await runner.go()
