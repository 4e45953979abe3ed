"""What a log learns of a run beside its items: start, plan, lines left out, end. Events, not sentences."""

from collections.abc import Callable, Mapping
from typing import Any

from billing import __version__
from billing.core.items import Run
from billing.core.states import Group
from billing.edge.logs import listens
from billing.edge.settings.load import Settings
from billing.flow.carry_out import Bill
from billing.flow.planning.planned import Plan
from billing.flow.report import describe, status_of
from billing.flow.services import Desk

Log = Callable[..., None]


def tell_start(log: Log, run: Run, file: str, settings: Settings) -> None:
    """Tell that a run begins, or goes on: which one, from which file, into which ledger."""
    log("job_started", run=run.run_id, mode=str(run.mode), file=file, ledger=settings.ledger, version=__version__)


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
    )


def _figures(lines: int, totals: Mapping[str, int]) -> dict[str, Any]:
    return {"lines": lines, "totals": dict(sorted(totals.items()))}


def tell_end(desk: Desk, billed: Bill) -> None:
    """Tell of each line that was left out, then how it ended."""
    run_id = billed.plan.run.run_id
    if (billed.plan.skips or billed.plan.set_aside) and listens(desk.log, "line_left_out"):
        _tell_left_out(desk, run_id)
    found = billed.summary
    desk.log(
        "job_finished",
        run=run_id,
        exit_code=int(billed.exit),
        reason=billed.ending.reason,
        counts={name: count for name, count in found["counts"].items() if count},
        totals=found["totals"],
        requests=found["requests"],
        ledger_head=found["ledger_head"],
    )


def _tell_left_out(desk: Desk, run_id: str) -> None:
    for line in desk.ledger.report(run_id):
        if status_of(line) is not Group.SKIPPED:
            continue
        ours, known = describe(line, run_id), line.known
        desk.log(
            "line_left_out",
            run=run_id,
            line=line.line,
            reference="" if known is None else known.reference,
            account="" if known is None else known.account,
            reason_code=ours["reason_code"],
            what_to_do=ours["what_to_do"],
        )
