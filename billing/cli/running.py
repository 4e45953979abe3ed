"""Plan if needed, ask, charge, and say what became of it."""

import sys
import time
from dataclasses import dataclass, replace

from billing.cli.endings import run_table, said_of, what_comes_next, when_stopped
from billing.cli.looking_ahead import NOTHING_LEFT, share_text
from billing.cli.lookingup import lookout
from billing.cli.over_workers import Crewing, detached_text, handed_out, with_others
from billing.cli.plan_view import plan_table
from billing.cli.progress_bar import watching
from billing.cli.services import services_for
from billing.cli.session import ErrorStyle, Session
from billing.cli.tables import amounts, duration, plural
from billing.cli.terminal import is_terminal, prompt, write_err, write_json, write_out
from billing.cli.typed import following
from billing.core.errors import UsageError
from billing.core.exits import Exit
from billing.core.items import Mode
from billing.core.kinds import LIVES
from billing.edge.logs import visible
from billing.edge.runfiles import RunFile
from billing.edge.secrets import load_key
from billing.flow.carry_out import RunResult, carry_out_run, notify_of
from billing.flow.execute import execute
from billing.flow.kinds.registry import FLOWS
from billing.flow.planning.plan import estimate_for
from billing.flow.planning.planned import Plan
from billing.flow.request import RunRequest
from billing.flow.services import Services
from billing.flow.telling import tell_end, tell_plan, tell_start
from billing.flow.workers.launching import Overseer

ALONE = Crewing()


@dataclass(frozen=True, slots=True)
class Manner:
    """How a run is talked about: ``yes`` asks nothing, ``quiet`` leaves out the plan."""

    yes: bool = False
    quiet: bool = False


async def carry_out(
    session: Session, request: RunRequest, source: RunFile, manner: Manner, crewing: Crewing = ALONE
) -> int:
    """Open the services, charge, print and tell; return the exit code.

    Raises:
        UsageError: an answer is to be made up where nobody is asked.
    """
    run_id = source.run.run_id
    if request.answers_with and FLOWS[source.run.kind].answering is None:
        word = LIVES[source.run.kind].kind
        raise UsageError(f"--confirm-with answers for payers, and {run_id} is a run of {word}s; nothing was sent")
    crewing.require(session, source.run.kind, request)
    request = request.under(session.settings)
    opening = replace(request.services(source.run.mode, f"run {run_id}"), worker=crewing.named("run", run_id))
    async with services_for(session, opening, source.run.policies.pacing) as services:
        require_somebody(manner)
        began = time.monotonic()
        start_rps = services.gateway.throttle.key.rate  # before the look-ups move it

        tell_start(services.log, source.run, source.file, session.settings)

        def agree(plan: Plan) -> None:
            nonlocal began
            tell_plan(services.log, plan)
            if not manner.quiet and not ErrorStyle.json_log:
                show(session, request, plan, services, start_rps)
            confirm(plan, manner)
            began = time.monotonic()

        boss = crewing.overseer(session)
        with watching(run_id) as watch:
            result = await carry_out_run(
                services,
                source,
                request,
                agree=agree,
                watch=watch,
                lookout=lookout(session, watch),
                by=boss.execute if crewing.any else execute,
            )
        result = with_others(result, boss)
        if crewing.detach and boss.began is not None:
            return _handed_out(session, handed_out(result, boss), boss)
        tell_end(services, result)
        if session.json:
            write_json(result.summary)
        else:
            write_out("".join(line + "\n" for line in ending_text(result, services, time.monotonic() - began)))
        await notify_of(result, session.settings, session.environ, session.log)
        return result.exit


def _handed_out(session: Session, result: RunResult, boss: Overseer) -> int:
    if session.json:
        write_json(result.summary)
    else:
        write_out("".join(line + "\n" for line in detached_text(result, boss)))
    return result.exit


def require_somebody(manner: Manner) -> None:
    """Refuse to begin what nobody can say yes to; what else is wrong was said before.

    Raises:
        UsageError: there is no terminal, and no ``--yes``.
    """
    if not manner.yes and not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise UsageError("there is no terminal to ask on; nothing was sent (add --yes)")


def show(session: Session, request: RunRequest, plan: Plan, services: Services, start_rps: float) -> None:
    """Write the plan on stderr, with what it takes when the key begins at ``start_rps`` requests a second."""
    share = share_text(session, request.rate, services.rates)
    key = str(load_key(session.environ, session.settings.key))
    for line in plan_table(plan, key, estimate_for(plan, services.rates, start_rps), share=share):
        write_err(line)


def confirm(plan: Plan, manner: Manner) -> None:
    """Have a person say yes; in live mode by typing the total.

    Raises:
        UsageError: the answer was no.
    """
    left, closes, verb = plan.left, plan.amendment.closes, LIVES[plan.run.kind].verb
    if manner.yes or not (left.lines or closes):
        return
    if not left.lines:
        agreed = prompt(f"Close {plural(closes, 'line')} unpaid and {verb} nothing? Type yes: ", "yes", "--yes")
    elif plan.run.mode is Mode.LIVE:
        agreed = _typed_total(plan)
    else:
        agreed = prompt(f"{verb.capitalize()} {plural(left.lines, 'line')} in test mode? Type yes: ", "yes", "--yes")
    if not agreed:
        raise UsageError("not confirmed; nothing was sent")


def _typed_total(plan: Plan) -> bool:
    """Show whom the run charges and how much, and have the total of its first currency typed."""
    left = plan.left
    if not left.totals:
        return _typed_count(plan)
    who = f"{plural(left.customers, 'customer')} of {plural(len(left.accounts), 'account')}"
    code, minor = max(left.totals.items(), key=lambda total: total[1])
    total = amounts({code: minor})
    write_err(f"This {LIVES[plan.run.kind].verb}s {who}, for real:")
    write_err(f"  {amounts(left.totals)}")
    question = f"Type the {code.upper()} total to go on, anything else to leave: "
    return prompt(question, (total, total.partition(" ")[2]), "--yes")


def _typed_count(plan: Plan) -> bool:
    """Show how many lines a run that moves no money carries out, and have their number typed."""
    count = plan.left.lines
    write_err(f"This {LIVES[plan.run.kind].verb}s {plural(count, 'line')}, for real.")
    return prompt("Type the number of lines to go on, anything else to leave: ", (f"{count}", f"{count:,}"), "--yes")


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
