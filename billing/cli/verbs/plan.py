"""Show what a run would do, and save it if asked."""

import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from billing.cli.lookingup import lookout
from billing.cli.plan_view import plan_table
from billing.cli.progress_bar import watching
from billing.cli.services import services_for
from billing.cli.session import Common, Session, begin, run_async
from billing.cli.terminal import write_json, write_out
from billing.cli.typed import FIXED_BY_PLAN, following
from billing.cli.verbs.source import guarded, open_source
from billing.core.errors import UsageError
from billing.core.exits import Exit
from billing.core.planrows import CLOSING
from billing.edge.ledger.custody.known_ledgers import Making
from billing.edge.logs import visible
from billing.edge.outputs import PLAN, Target
from billing.edge.pacing.pacer import START_RPS
from billing.edge.pacing.throttle import Rates
from billing.edge.runfiles import AS_IT_STANDS, STDIN, ReadOptions, RunFile
from billing.edge.secrets import load_key
from billing.flow.carry_out import require_known_lines, require_timely
from billing.flow.open_services import ServiceOptions, rates_for
from billing.flow.options import Selection
from billing.flow.planning.plan import PlanOptions, estimate_for, make_plan, over_approval, plan_offline
from billing.flow.planning.planned import Asked, Plan
from billing.flow.planning.preflight import Preflight
from billing.flow.planning.saved import plan_to_json

PREFLIGHTS = {"accounts": Preflight.ACCOUNTS, "all": Preflight.ALL}


@dataclass(frozen=True, slots=True)
class PlanAsked:
    """What was typed about the run file: see the options of `billing plan`."""

    file: Path
    read: ReadOptions = AS_IT_STANDS
    amend: bool = False
    preflight: str = "all"
    offline: bool = False
    live: bool = False
    rate: float | None = None
    new_ledger: bool = False
    selection: Selection = field(default_factory=Selection)
    limit: int | None = None

    @property
    def making(self) -> Making:
        """Whether a ledger may be made where there is none."""
        return Making.NEW if self.new_ledger else Making.FIRST

    def options(self) -> PlanOptions:
        """Return what is asked of the plan.

        Raises:
            UsageError: there is no such preflight.
        """
        if self.preflight not in PREFLIGHTS:
            raise UsageError(f"--preflight {visible(self.preflight)} is none of {', '.join(PREFLIGHTS)}")
        return PlanOptions(PREFLIGHTS[self.preflight], self.amend, None, self.selection, self.limit)


@dataclass(frozen=True, slots=True)
class Pace:
    """What an estimate assumes: what may be sent, and where the key begins (requests a second)."""

    rates: Rates
    start_rps: float


def plan(common: Common, asked: PlanAsked, out: Path | None, *, force: bool = False) -> int:
    """Carry out `billing plan`."""
    asked.options()
    if asked.offline and out is not None:
        raise UsageError("a plan to run later needs its look-ups: leave out --offline or --out")
    if out is not None and asked.file == STDIN:
        raise UsageError("a plan to run later needs its file: standard input is gone by then; save the file first")
    session = begin(common, run_file=asked.file)
    with open_source(session, asked.file, asked.read) as source:
        if asked.offline:
            return _offline(session, asked, source)
        target = None if out is None else Target(out, PLAN, guarded(session, source), force=force)
        return run_async(look_ahead, session, asked, source, target)


def _offline(session: Session, asked: PlanAsked, source: RunFile) -> int:
    require_timely(source, datetime.now(UTC))
    found = plan_offline(
        source, None, session.settings.platform or "", Asked(asked.amend, asked.selection, asked.limit)
    )
    require_known_lines(found)
    rates = rates_for(session.settings, ServiceOptions(source.run.mode, "plan", rate=asked.rate))
    begin_rps = rates.key_rps if asked.rate is None else min(START_RPS, rates.key_rps)
    _print(session, asked, found, Pace(rates, begin_rps), "")
    return Exit.OK


async def look_ahead(session: Session, asked: PlanAsked, source: RunFile, target: Target | None = None) -> int:
    """Plan with look-ups, print, and save if asked."""
    if target is not None:
        target.check()
    opening = ServiceOptions(source.run.mode, "plan", live=asked.live, rate=asked.rate, making=asked.making, plans=True)
    async with services_for(session, opening, source.run.policies.pacing) as services:
        require_timely(source, services.clock.now())
        pace = Pace(
            services.rates, services.gateway.throttle.key.rate
        )  # before the look-ups move it: as a run will begin
        with watching(source.run.run_id) as watch:
            found = await make_plan(services, source, asked.options(), lookout(session, watch))
        require_known_lines(found)
        if target is not None:
            target.write([_saved(asked, found, pace, target.path)])
        _print(session, asked, found, pace, str(load_key(session.environ)), target.path if target else None)
    return Exit.OK


def _as_json(asked: PlanAsked, found: Plan, pace: Pace) -> dict[str, Any]:
    preflight = PREFLIGHTS[asked.preflight]
    return plan_to_json(found, pace.rates, asked.read, preflight=preflight, start_rps=pace.start_rps)


def _saved(asked: PlanAsked, found: Plan, pace: Pace, out: Path) -> str:
    """Return the plan as it is saved: it names its run file from its own folder, so that both may move together."""
    saved = _as_json(asked, found, pace)
    if not asked.file.is_absolute():
        saved["file"] = os.path.relpath(asked.file, out.parent)
    return json.dumps(saved, indent=1, ensure_ascii=False) + "\n"


def _print(session: Session, asked: PlanAsked, found: Plan, pace: Pace, key: str, out: Path | None = None) -> None:
    if session.json:
        write_json(_as_json(asked, found, pace))
        return
    cost = estimate_for(found, pace.rates, pace.start_rps)
    lines = plan_table(found, key, cost, share=share_text(session, asked.rate, pace.rates))
    write_out("".join(line + "\n" for line in [*lines, *following_plan(asked, found, out)]))


def following_plan(asked: PlanAsked, found: Plan, out: Path | None = None) -> list[str]:
    """Say what to type after a plan; nothing, when nothing is left to do."""
    if nothing_left(found):
        return [NOTHING_LEFT, f"Next: {following('report', found.run.run_id)}"]
    if over_approval(found):
        return ["Nothing was sent. It cannot be run before a second person has approved it."]
    if out is not None:
        return [f"Nothing was sent. Next: {following('run', out, without=FIXED_BY_PLAN)}"]
    return [f"Nothing was sent. Next: {following('run', asked.file, run=asked.read.run_id)}"]


NOTHING_LEFT = "There is nothing left to do."


def nothing_left(found: Plan) -> bool:
    """Tell whether a run would neither charge nor close anything."""
    idle = not (found.left.lines or found.elsewhere or found.amendment or found.rows.get(CLOSING))
    return found.existing is not None and idle


def share_text(session: Session, rate: float | None, rates: Rates) -> str:
    """Write the rate an estimate assumes, and why it is that one."""
    if rate is not None:
        return f"{rates.key_rps:g}/s (--rate)"
    return f"{rates.key_rps:g}/s ({session.settings.rate_share:.0%} of the limit)"
