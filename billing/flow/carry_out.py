"""A run from its file to its summary: plan, ask, keep, charge, sum up. The command line and scheduled jobs share it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from anyio import lowlevel

from billing.core.errors import ApprovalMissing, InvalidInput, LedgerHeld, PlanStale, Problem, UsageError
from billing.core.exits import Exit
from billing.core.findings import Findings
from billing.core.groups import exit_for
from billing.core.items import Personal
from billing.core.kinds.rules import RULES
from billing.core.policies import Pacing, Policies
from billing.core.records import at_workers
from billing.edge.notify import notify
from billing.edge.route import route_of
from billing.edge.runfiles import RunDefaults
from billing.edge.settings.load import Settings
from billing.flow.closing import Why, close
from billing.flow.engine.goals import Goal
from billing.flow.engine.progress import Watch, unwatched
from billing.flow.engine.worklist import first_movable, has_work
from billing.flow.execute import execute, flow_of
from billing.flow.kinds.registry import FLOWS
from billing.flow.options import Ending, RunOptions
from billing.flow.planning.accepting import require_accepted
from billing.flow.planning.decisions import decide_all
from billing.flow.planning.plan import PlanOptions, keep, make_plan, over_approval
from billing.flow.planning.planned import NOTHING_EXAMINED, Plan, Source
from billing.flow.planning.preflight import QUIETLY, Lookout
from billing.flow.report import paid_twice, summary
from billing.flow.request import RunRequest
from billing.flow.services import Services

Execute = Callable[[Services, str, RunOptions, Policies, Watch], Awaitable[Ending]]
# Charges the items of a planned run, as `execute` does: in this process, or by workers.


@dataclass(frozen=True, slots=True)
class RunResult:
    """What became of it.

    Attributes:
        plan: what was decided.
        ending: whether something stopped it.
        exit: the exit code.
        summary: the object that `billing run --output json` prints.
        nothing_left: the run was over before it began.
    """

    plan: Plan
    ending: Ending
    exit: Exit
    summary: Mapping[str, Any]
    nothing_left: bool = False


def run_defaults(settings: Settings) -> RunDefaults:
    """Return what holds for a run file that does not say otherwise."""
    return RunDefaults(
        mode=settings.mode,
        timezone=settings.timezone,
        application_fee_percent=settings.application_fee_percent,
        statement_suffix=settings.statement_suffix,
        description=settings.description,
        policies=settings.policies,
        allow_empty=settings.allow_empty,
    )


def paced(settings: Settings, pacing: Pacing) -> Settings:
    """Return the settings with the pacing of a run file in their place; flags replace both."""
    told = {
        "rate_share": pacing.rate_share,
        "per_account_rps": pacing.per_account_rps,
        "concurrency": pacing.concurrency,
    }
    return settings.having("run file", told)


def agree_to_all(_plan: Plan) -> None:
    """Say yes without looking: for schedulers, whose configuration said it."""


async def carry_out_run(
    services: Services,
    source: Source,
    options: RunRequest,
    *,
    agree: Callable[[Plan], None],
    watch: Watch = unwatched,
    lookout: Lookout = QUIETLY,
    by: Execute = execute,
) -> RunResult:
    """Carry a run out, or go on with it, or find that there is nothing left to do.

    Args:
        services: open for the mode of the run.
        source: the checked run file.
        options: how.
        agree: shown the plan before anything is sent; it raises to say no.
        watch: told after each item.
        lookout: told of look-ups.
        by: charges what was planned.

    Raises:
        InvalidInput: the file contradicts what is on record, its last day is over, or it differs from the runs before
            in a way that policy does not let pass.
        PlanStale: it is not the plan that was saved.
        ApprovalMissing: it needs an approval it does not have.
        LedgerHeld: it is to be worked alone, and goes on at workers.
        LedgerError: the ledger failed; nothing was sent after that.
    """
    require_timely(source, services.clock.now())
    asked = options.plan_options()
    settled = settled_plan(services, source, asked)
    if settled is not None:
        require_known_lines(settled)
        if options.saved is not None:
            options.saved.require_same(settled)
        return _summed_up(services, settled, Ending(), options, nothing_left=True)
    if not await services.ledger.take_over(source.run.run_id):
        raise LedgerHeld(at_workers(source.run.run_id))
    plan = await make_plan(services, source, asked, lookout)
    if options.saved is not None:
        options.saved.require_same(plan)
    require_known_lines(plan)
    require_accepted(plan)
    require_approval(plan)
    agree(plan)
    await lowlevel.checkpoint()  # a Ctrl-C at the question is heard here, before anything is kept
    services.people = people_of(source)
    plan, ending = await _close_first(services, source, plan, options, watch)
    if not ending.exit:
        await keep(plan, source, services.ledger)
        ending = await by(services, plan.run.run_id, _chosen(services, plan, options), plan.run.policies, watch)
    return _summed_up(services, plan, ending, options)


async def _close_first(
    services: Services, source: Source, plan: Plan, options: RunRequest, watch: Watch
) -> tuple[Plan, Ending]:
    """Close what the plan withdraws or replaces, then decide again from what is true now.

    Raises:
        InvalidInput: something of it turned out to be paid, or on its way; every such line, and nothing was charged.
        PlanStale: the decisions are not any more those that were agreed to.
    """
    if not plan.amendment.closes:
        return plan, Ending()
    rows = {row: Why(code) for code, rows in plan.amendment.closing.items() for row in rows}
    run = replace(options.run, concurrency=services.rates.items)
    ending = await close(services, plan.run.run_id, rows, plan.run.policies, run, watch)
    if ending.exit:
        return plan, ending
    try:
        now = decide_all(source, services.ledger, plan.platform, plan.findings, plan.asked, plan.elsewhere)
    except InvalidInput as found:
        after = "what was open and no longer wanted is closed, and nothing was charged"
        raise InvalidInput(found.problems, found.total, after=after) from None
    if now.amendment.closes:
        still = f"{now.amendment.closes:,} items could not be closed yet, so nothing was charged"
        return plan, Ending(Exit.UNFINISHED, f"{still}; the same command again goes on")
    if now.digest != plan.digest:
        raise PlanStale("what is on record changed while items were being closed; plan again. Nothing was charged")
    now.warnings, now.changes, now.variances = plan.warnings, plan.changes, plan.variances
    now.acks, now.new_acks = plan.acks, plan.new_acks
    return now, ending


def _chosen(services: Services, plan: Plan, options: RunRequest) -> RunOptions:
    """Return the options of the run, with exactly those items under a limit that the plan has counted."""
    selection, limit = plan.asked.selection, plan.asked.limit
    if limit is not None:
        rows = first_movable(
            services.ledger, flow_of(services, plan.run.run_id), plan.run.run_id, selection, limit, plan.elsewhere
        )
        selection = replace(selection, rows=rows)
    return replace(
        options.run,
        selection=selection,
        limit=None,
        concurrency=services.rates.items,
        declines_ok=options.declines_ok,
    )


def _summed_up(
    services: Services, plan: Plan, ending: Ending, options: RunRequest, *, nothing_left: bool = False
) -> RunResult:
    code = ending.exit or exit_for(services.ledger.tally(plan.run.run_id), declines_ok=options.declines_ok)
    if code is Exit.OK and paid_twice(services.ledger, plan.run.run_id):
        code = Exit.DECLINES  # a person has to give money back
    found = summary(services.ledger, plan.run.run_id, exit_code=code, requests=requests_sent(services))
    return RunResult(plan, ending, code, found, nothing_left)


async def notify_of(
    result: RunResult, settings: Settings, environ: Mapping[str, str], log: Callable[..., None]
) -> None:
    """Post the summary to whoever the run file names, on the way that the settings name; a failure is a warning."""
    occasion = "stopped" if result.ending.exit else "finished"
    await notify(
        result.plan.run.policies.notify,
        occasion,
        result.summary,
        environ=environ,
        log=log,
        route=route_of(settings, environ),
    )


def requests_sent(services: Services) -> dict[str, int]:
    """Return what this process sent."""
    counters = services.gateway.counters
    return {"sent": counters.sent, "rate_limited": counters.rate_limited, "resent": counters.resent}


def settled_plan(services: Services, source: Source, options: PlanOptions) -> Plan | None:
    """Compare the file with the run on record before anything at all is sent; return the plan if nothing is left to do.

    Raises:
        InvalidInput: the file contradicts what is on record; every contradiction, with its line.
    """
    record = services.ledger.run(source.run.run_id)
    if record is None:
        return None
    asked = replace(options.asked(services, record.kind), unexamined=NOTHING_EXAMINED)
    plan = decide_all(source, services.ledger, record.platform, options.findings or Findings(), asked)
    flow = FLOWS[record.kind].asked_by(services)
    if plan.is_news or plan.reopenable or has_work(services.ledger, flow, record.run_id, Goal.RUN):
        return None
    return plan


def people_of(source: Source) -> dict[str, Personal]:
    """Return who the lines of a file are about, by reference; nothing for a kind that knows nobody."""
    personal = RULES[source.run.kind].personal
    if personal is None:
        return {}
    told = ((line.item.reference, personal(line.item)) for line in source.lines() if line.item is not None)
    return {reference: who for reference, who in told if who}


def require_known_lines(plan: Plan) -> None:
    """Refuse a selection that names no line: a slip of the pen must not look like success.

    Raises:
        UsageError: what ``--only`` names is not in the file.
    """
    if plan.unmatched:
        named = ", ".join(plan.unmatched)
        raise UsageError(f"nothing matches --only {named}; nothing was sent")


def require_timely(source: Source, now: datetime) -> None:
    """Refuse a file whose last day is over: an old one started by mistake sends nothing.

    Raises:
        InvalidInput: today, in the run's own time zone, is after ``not_after``.
    """
    run = source.run
    today = now.astimezone(ZoneInfo(run.timezone)).date().isoformat()
    if run.not_after is not None and today > run.not_after:
        message = f"not_after is {run.not_after} and today is {today}"
        hint = "this file is from the past; change not_after if it is really meant"
        raise InvalidInput([Problem(source.file, 0, 0, "too_late", message, hint)])


def require_approval(plan: Plan) -> None:
    """Refuse amounts that need a second person's yes.

    Raises:
        ApprovalMissing: a total is over ``approval.required_over`` (exit 9).
    """
    over = over_approval(plan)
    if over:
        raise ApprovalMissing(
            f"{', '.join(over)} is over approval.required_over, and plan {plan.digest[:8]} has no approval on record; "
            "nothing was sent"
        )
