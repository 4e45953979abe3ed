"""Plan if needed, ask, charge, and say what became of it."""

import json
import os
import re
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from billing.cli.endings import run_table, said_of, what_comes_next, when_stopped
from billing.cli.lookingup import lookout
from billing.cli.plan_view import plan_table
from billing.cli.progress_bar import watching
from billing.cli.services import services_for
from billing.cli.session import Common, ErrorStyle, Session, begin, run_async
from billing.cli.tables import amounts, duration, plural
from billing.cli.terminal import is_terminal, prompt, write_err, write_json, write_out
from billing.cli.typed import following
from billing.cli.verbs.plan import NOTHING_LEFT, PlanAsked, share_text
from billing.cli.verbs.source import open_source
from billing.core.errors import UsageError
from billing.core.exits import Exit
from billing.core.items import Mode
from billing.edge.logs import visible
from billing.edge.runfiles import RunFile
from billing.edge.secrets import load_key
from billing.flow.carry_out import RunRequest, RunResult, carry_out_run, notify_of
from billing.flow.open_services import ServiceOptions
from billing.flow.options import RunOptions
from billing.flow.planning.plan import estimate_for
from billing.flow.planning.planned import Plan
from billing.flow.planning.saved import SavedPlan, load_plan
from billing.flow.services import Services
from billing.flow.telling import tell_end, tell_plan, tell_start

UNITS = {"s": 1, "m": 60, "h": 3600}

TAKEN_ALONG = frozenset({"--late", "--allow-empty"})
# What may be typed beside a saved plan: it decides whether the file is taken, and changes nothing that was decided.


@dataclass(frozen=True, slots=True)
class RunAsked:
    """What was typed about carrying it out: see the options of `billing run`; ``quiet`` leaves out the plan."""

    yes: bool = False
    max_failures: int | None = None
    deadline: str | None = None
    concurrency: int | None = None
    wait: float | None = None
    declines_ok: bool = False
    quiet: bool = False


def run(common: Common, planning: PlanAsked, asked: RunAsked) -> int:
    """Carry out `billing run`."""
    session = begin(common, run_file=planning.file)
    options = RunOptions(
        selection=planning.selection,
        limit=planning.limit,
        max_failures=asked.max_failures,
        deadline=seconds_of(asked.deadline),
        per_account=session.settings.per_account_concurrency,
    )
    saved = saved_plan(planning)
    if saved is not None:
        planning = of_saved(planning, saved)
    asked_for = planning.options()
    billing = RunRequest(options, planning.amend, saved, asked.declines_ok, asked_for.preflight)
    with open_source(session, planning.file, planning.read) as source:
        return run_async(carry_out, session, planning, asked, billing, source)


def saved_plan(planning: PlanAsked) -> SavedPlan | None:
    """Return the plan a JSON file holds, or None for a run file.

    Raises:
        UsageError: options were typed that the plan already fixes.
    """
    if planning.file.suffix.lower() != ".json":
        return None
    try:
        is_plan = "plan_digest" in json.loads(planning.file.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return None
    if not is_plan:
        return None
    chosen = {
        "--amend": planning.amend,
        "--only": planning.selection.only,
        "--exclude": planning.selection.exclude,
        "--limit": planning.limit,
    }
    fixed = [flag for flag in planning.read.given if flag not in TAKEN_ALONG] + [
        flag for flag in chosen if chosen[flag]
    ]
    if fixed:
        raise UsageError(f"{planning.file}: the plan fixes {', '.join(fixed)}; leave out what it fixes")
    return load_plan(planning.file)


def of_saved(planning: PlanAsked, saved: SavedPlan) -> PlanAsked:
    """Return what to read for a saved plan: its own file, named from the plan's folder, in the way it was read then."""
    read = saved.read
    late, empty = read.late or planning.read.late, read.allow_empty or planning.read.allow_empty
    return replace(
        planning,
        file=Path(os.path.relpath(planning.file.parent / saved.file)),
        read=replace(read, late=late, allow_empty=empty),
        amend=saved.amend,
        preflight=str(saved.preflight),
        selection=saved.selection,
        limit=saved.limit,
    )


async def carry_out(
    session: Session,
    planning: PlanAsked,
    asked: RunAsked,
    options: RunRequest,
    source: RunFile,
) -> int:
    """Open the desk, bill, print and tell; return the exit code."""
    run_id = source.run.run_id
    opening = ServiceOptions(
        source.run.mode,
        f"run {run_id}",
        live=planning.live,
        wait=asked.wait,
        making=planning.making,
        rate=planning.rate,
        concurrency=asked.concurrency,
    )
    async with services_for(session, opening, source.run.policies.pacing) as services:
        require_somebody(asked)
        began = time.monotonic()
        start_rps = services.gateway.throttle.key.rate  # before the look-ups move it

        tell_start(services.log, source.run, source.file, session.settings)

        def agree(plan: Plan) -> None:
            nonlocal began
            tell_plan(services.log, plan)
            if not asked.quiet and not ErrorStyle.json_log:
                show(session, planning, plan, services, start_rps)
            confirm(plan, asked)
            began = time.monotonic()

        with watching(run_id) as watch:
            result = await carry_out_run(
                services, source, options, agree=agree, watch=watch, lookout=lookout(session, watch)
            )
        tell_end(services, result)
        if session.json:
            write_json(result.summary)
        else:
            write_out("".join(line + "\n" for line in ending_text(result, services, time.monotonic() - began)))
        await notify_of(result, session.settings, session.environ, session.log)
        return result.exit


def require_somebody(asked: RunAsked) -> None:
    """Refuse to begin what nobody can say yes to; what else is wrong was said before.

    Raises:
        UsageError: there is no terminal, and no ``--yes``.
    """
    if not asked.yes and not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise UsageError("there is no terminal to ask on; nothing was sent (add --yes)")


def show(session: Session, planning: PlanAsked, plan: Plan, services: Services, start_rps: float) -> None:
    """Write the plan on stderr, with what it takes when the key begins at ``start_rps`` requests a second."""
    share = share_text(session, planning.rate, services.rates)
    key = str(load_key(session.environ))
    for line in plan_table(plan, key, estimate_for(plan, services.rates, start_rps), share=share):
        write_err(line)


def confirm(plan: Plan, asked: RunAsked) -> None:
    """Have a person say yes; in live mode by typing the total.

    Raises:
        UsageError: the answer was no.
    """
    left, closes = plan.left, plan.amendment.closes
    if asked.yes or not (left.lines or closes):
        return
    if not left.lines:
        agreed = prompt(f"Close {plural(closes, 'line')} unpaid and charge nothing? Type yes: ", "yes", "--yes")
    elif plan.run.mode is Mode.LIVE:
        agreed = _typed_total(plan)
    else:
        agreed = prompt(f"Charge {plural(left.lines, 'line')} in test mode? Type yes: ", "yes", "--yes")
    if not agreed:
        raise UsageError("not confirmed; nothing was sent")


def _typed_total(plan: Plan) -> bool:
    """Show whom the run charges and how much, and have the total of its first currency typed."""
    left = plan.left
    who = f"{plural(left.customers, 'customer')} of {plural(len(left.accounts), 'account')}"
    code, minor = max(left.totals.items(), key=lambda total: total[1])
    total = amounts({code: minor})
    write_err(f"This charges {who}, for real:")
    write_err(f"  {amounts(left.totals)}")
    question = f"Type the {code.upper()} total to go on, anything else to leave: "
    return prompt(question, (total, total.partition(" ")[2]), "--yes")


def ending_text(result: RunResult, services: Services, seconds: float) -> list[str]:
    """Write the end of a run."""
    run_id = result.plan.run.run_id
    if result.nothing_left:
        head = f"Run {run_id}: {NOTHING_LEFT[0].lower()}{NOTHING_LEFT[1:-1]}"
    elif result.ending.exit:
        head = f"Run {run_id} stopped after {duration(seconds)}: {visible(result.ending.reason)}"
    elif left := result.summary["counts"]["pending"]:
        head = f"Run {run_id} went as far as it could in {duration(seconds)}; {plural(left, 'line')} left"
    else:
        head = f"Run {run_id} finished in {duration(seconds)}"
    requests = result.summary["requests"]
    limited, resent = f"{requests['rate_limited']:,} rate limited", f"{requests['resent']:,} resent"
    return [
        head,
        "",
        *run_table(services.ledger, run_id),
        f"  {plural(requests['sent'], 'request')}, {limited}, {resent}",
        f"  ledger head {result.summary['ledger_head'][:16]}",
        *what_comes_next(services.ledger, run_id, stopped=result.ending.exit),
        *next_step(result, run_id),
        said_of(result.exit),
    ]


def next_step(result: RunResult, run_id: str) -> list[str]:
    """Say what to type next."""
    if result.ending.exit:
        return when_stopped(result.ending.exit)
    return ["", f"Next: {following('report', run_id, out='report.csv')}"] if result.exit is Exit.OK else []


def seconds_of(text: str | None) -> float | None:
    """Read a duration such as 90s, 30m or 2h.

    Raises:
        UsageError: it is none.
    """
    if text is None:
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smh])", text)
    if found is None:
        raise UsageError(f'--deadline "{visible(text)}" is no duration such as 90s, 30m or 2h')
    return float(found[1]) * UNITS[found[2]]
