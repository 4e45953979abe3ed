"""A run from its file to its summary: plan, ask, keep, charge, sum up. The command line and scheduled jobs share it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from billing.core.errors import ApprovalMissing, InvalidInput, Problem
from billing.core.exits import Exit
from billing.core.groups import exit_for
from billing.core.money import format_minor
from billing.core.policies import Pacing
from billing.edge.notify import notify
from billing.edge.route import route_of
from billing.edge.runfiles import RunDefaults
from billing.edge.settings import Settings
from billing.flow.charge import Goal
from billing.flow.decisions import Plan, Source
from billing.flow.desk import Desk
from billing.flow.invocation import Ending, RunOptions
from billing.flow.plan import PlanOptions, SavedPlan, keep, make_plan, plan_offline
from billing.flow.progress import Watch, unwatched
from billing.flow.report import paid_twice, summary
from billing.flow.run import execute, has_work
from billing.flow.scout import QUIETLY, Lookout, Preflight


@dataclass(frozen=True, slots=True)
class BillOptions:
    """How a run is carried out.

    Attributes:
        run: which items, how many, until when.
        amend: whether items may be added to a run on record.
        saved: the plan it must come to, or None.
        declines_ok: declines alone give exit code 0.
    """

    run: RunOptions
    amend: bool = False
    saved: SavedPlan | None = None
    declines_ok: bool = False


@dataclass(frozen=True, slots=True)
class Bill:
    """What became of it.

    Attributes:
        plan: what was decided.
        ending: whether something stopped it.
        exit: the exit code.
        summary: the object that `billing run --output json` prints.
    """

    plan: Plan
    ending: Ending
    exit: Exit
    summary: Mapping[str, Any]


def run_defaults(settings: Settings) -> RunDefaults:
    """Return what holds for a run file that does not say otherwise."""
    return RunDefaults(
        mode=settings.mode,
        timezone=settings.timezone,
        application_fee_percent=settings.application_fee_percent,
        statement_suffix=settings.statement_suffix,
        description=settings.description,
        policies=settings.policies,
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


async def bill(
    desk: Desk,
    source: Source,
    options: BillOptions,
    *,
    agree: Callable[[Plan], None],
    watch: Watch = unwatched,
    lookout: Lookout = QUIETLY,
) -> Bill:
    """Carry a run out, or go on with it, or find that there is nothing left to do.

    Args:
        desk: open for the mode of the run.
        source: the checked run file.
        options: how.
        agree: shown the plan before anything is sent; it raises to say no.
        watch: told after each item.
        lookout: told of look-ups.

    Raises:
        InvalidInput: the file contradicts what is on record, or its last day is over.
        PlanStale: it is not the plan that was saved.
        ApprovalMissing: it needs an approval it does not have.
        LedgerError: the ledger failed; nothing was sent after that.
    """
    require_timely(source, desk.clock.now())
    settled = settled_plan(desk, source, options)
    if settled is not None:
        if options.saved is not None:
            options.saved.require_same(settled)
        return _summed_up(desk, settled, Ending(), options)
    findings = None if options.saved is None else options.saved.findings
    plan = await make_plan(desk, source, PlanOptions(Preflight.ACCOUNTS, options.amend, findings), lookout)
    if options.saved is not None:
        options.saved.require_same(plan)
    require_approval(plan)
    agree(plan)
    await keep(plan, source, desk.ledger)
    run = replace(options.run, concurrency=desk.rates.items, declines_ok=options.declines_ok)
    ending = await execute(desk, plan.run.run_id, run, plan.run.policies, watch)
    return _summed_up(desk, plan, ending, options)


def _summed_up(desk: Desk, plan: Plan, ending: Ending, options: BillOptions) -> Bill:
    code = ending.exit or exit_for(desk.ledger.tally(plan.run.run_id), declines_ok=options.declines_ok)
    if code is Exit.OK and paid_twice(desk.ledger, plan.run.run_id):
        code = Exit.DECLINES  # a person has to give money back
    found = summary(desk.ledger, plan.run.run_id, exit_code=code, requests=requests_sent(desk))
    return Bill(plan, ending, code, found)


async def tell(billed: Bill, settings: Settings, environ: Mapping[str, str], log: Callable[..., None]) -> None:
    """Post the summary to whoever the run file names, on the way that the settings name; a failure is a warning."""
    occasion = "stopped" if billed.ending.exit else "finished"
    await notify(
        billed.plan.run.policies.notify,
        occasion,
        billed.summary,
        environ=environ,
        log=log,
        route=route_of(settings, environ),
    )


def requests_sent(desk: Desk) -> dict[str, int]:
    """Return what this process sent."""
    counters = desk.gateway.counters
    return {"sent": counters.sent, "rate_limited": counters.rate_limited, "resent": counters.resent}


def settled_plan(desk: Desk, source: Source, options: BillOptions) -> Plan | None:
    """Compare the file with the run on record before anything at all is sent; return the plan if nothing is left to do.

    Raises:
        InvalidInput: the file contradicts what is on record; every contradiction, with its line.
    """
    record = desk.ledger.run(source.run.run_id)
    if record is None:
        return None
    plan = plan_offline(source, desk.ledger, record.platform, amend=options.amend)
    if plan.is_news or has_work(desk.ledger, record.run_id, Goal.RUN):
        return None
    return plan


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
    approval = plan.run.policies.approval
    limits = {} if approval is None else approval.required_over
    over = [
        f"{code.upper()} {format_minor(total, code)}"
        for code, total in sorted(plan.totals.items())
        if code in limits and total > limits[code]
    ]
    if over:
        raise ApprovalMissing(
            f"{', '.join(over)} is over approval.required_over, and plan {plan.digest[:8]} has no approval on record; "
            "nothing was sent"
        )
