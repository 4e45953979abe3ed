"""What a log learns of a run beside its items: start, plan, lines left out, end. Events, not sentences."""

from collections.abc import Callable, Mapping
from typing import Any

from billing import __version__
from billing.core.items import Run
from billing.core.life import Group
from billing.edge.logs import enabled_for
from billing.edge.settings.load import Settings
from billing.flow.carry_out import RunResult
from billing.flow.planning.planned import Plan
from billing.flow.report import describe, known_run, status_of
from billing.flow.services import Services

Log = Callable[..., None]


def tell_start(log: Log, run: Run, file: str, settings: Settings) -> None:
    """Tell that a run begins, or goes on: which one, from which file, into which ledger."""
    log("job_started", run=run.run_id, mode=str(run.mode), file=file, ledger=settings.ledger_shown, version=__version__)


def tell_plan(log: Log, plan: Plan) -> None:
    """Tell what was decided, before anybody is asked."""
    log(
        "plan",
        run=plan.run.run_id,
        digest=plan.digest,
        lines=plan.items + plan.set_aside,
        to_charge=plan.to_charge,
        continued=plan.continued,
        totals=dict(sorted(plan.totals.items())),
        rows={code: _figures(row.lines, row.totals) for code, row in plan.rows.items()},
        now=_figures(plan.left.lines, plan.left.totals),
        skips=dict(sorted(plan.skips.items())),
        set_aside=plan.set_aside,
        warnings=[str(warning) for warning in plan.warnings],
        variances={each.name: each.says for each in plan.variances},
        accepted=[ack.variance for ack in plan.acks],
    )


def _figures(lines: int, totals: Mapping[str, int]) -> dict[str, Any]:
    return {"lines": lines, "totals": dict(sorted(totals.items()))}


def tell_end(services: Services, result: RunResult) -> None:
    """Tell of each line that was left out, then how it ended."""
    run_id = result.plan.run.run_id
    if (result.plan.skips or result.plan.set_aside) and enabled_for(services.log, "line_left_out"):
        _tell_left_out(services, run_id)
    found = result.summary
    services.log(
        "job_finished",
        run=run_id,
        exit_code=int(result.exit),
        reason=result.ending.reason,
        counts={name: count for name, count in found["counts"].items() if count},
        totals=found["totals"],
        requests=found["requests"],
        ledger_head=found["ledger_head"],
    )


def _tell_left_out(services: Services, run_id: str) -> None:
    record = known_run(services.ledger, run_id)
    for line in services.ledger.report(run_id):
        if status_of(line) is not Group.SKIPPED:
            continue
        ours, item = describe(line, record), line.item
        services.log(
            "line_left_out",
            run=run_id,
            line=line.line,
            reference="" if item is None else item.reference,
            account="" if item is None else item.account,
            reason_code=ours["reason_code"],
            what_to_do=ours["what_to_do"],
        )
