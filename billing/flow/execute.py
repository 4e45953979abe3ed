"""Carry out a planned run: what is planned begins, what was interrupted goes on, what is finished sends nothing."""

from billing.core.entries import ItemRecord, Note
from billing.core.errors import RunStopped, UsageError
from billing.core.groups import exit_for
from billing.core.policies import Policies
from billing.core.records import RunStatus, unfinished_rebuild
from billing.flow.engine.flow import Flow, ItemResult, carry
from billing.flow.engine.goals import Goal
from billing.flow.engine.listed import Reader
from billing.flow.engine.pace_record import recording_pace
from billing.flow.engine.progress import Watch, unwatched
from billing.flow.engine.runner import Runner, Work
from billing.flow.engine.signals import obeying_signals
from billing.flow.engine.worklist import has_work
from billing.flow.kinds.registry import FLOWS
from billing.flow.options import Ending, RunOptions
from billing.flow.services import Services


def flow_of(services: Services, run_id: str) -> Flow:
    """Return how the items of a run on record are carried out.

    Raises:
        UsageError: the ledger knows no such run.
    """
    record = services.ledger.run(run_id)
    if record is None:
        raise UsageError(f"the ledger knows no run {run_id}; plan it first")
    return FLOWS[record.kind]


def work_of(services: Services, flow: Flow, run_id: str, policies: Policies, reader: Reader | None = None) -> Work:
    """Return the work of a run, each item visited as its kind does it; ``reader`` spares a look its single reads."""

    async def visit(item: ItemRecord, goal: Goal) -> ItemResult:
        return await carry(flow, flow.context(services, policies, reader=reader), item, goal)

    return Work(run_id, flow, visit)


async def execute(
    services: Services, run_id: str, options: RunOptions, policies: Policies, watch: Watch = unwatched
) -> Ending:
    """Charge the items of a planned run; a run that was interrupted goes on, a finished one sends nothing.

    Raises:
        UsageError: the ledger knows no such run, or it belongs to another platform.
        RunStopped: the run is being rebuilt: what looks planned may be paid. Nothing was sent.
        LedgerError: the ledger failed; nothing was sent after that.
    """
    record = services.ledger.run(run_id)
    if record is None:
        raise UsageError(f"the ledger knows no run {run_id}; plan it first")
    if record.status is RunStatus.REBUILDING:
        raise RunStopped(unfinished_rebuild(run_id))
    flow = FLOWS[record.kind].asked_by(services)
    if not has_work(services.ledger, flow, run_id, Goal.RUN):
        return Ending()
    await services.identify()
    services.require_own(record)
    await services.ledger.note_run(run_id, Note.RUN_STARTED, RunStatus.RUNNING, services.operator)
    runner = Runner(services, work_of(services, flow, run_id, policies), Goal.RUN, policies, options, watch)
    if record.status is RunStatus.STOPPED:
        runner.guards.same = tuple(services.ledger.latest_stop(run_id).get("same_error", runner.guards.same))
    async with obeying_signals(runner), recording_pace(services) as pace:
        ending = await runner.go()
    note, status = (Note.RUN_STOPPED, RunStatus.STOPPED) if ending.exit else (Note.RUN_FINISHED, RunStatus.FINISHED)
    code = ending.exit or exit_for(services.ledger.tally(run_id), declines_ok=options.declines_ok)
    same = {"same_error": runner.guards.same} if ending.exit and runner.guards.same[0] else {}
    told = {"reason": ending.reason, "exit_code": int(code), **same, **pace.facts()}
    await services.ledger.note_run(run_id, note, status, told)
    return ending
