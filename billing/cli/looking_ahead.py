"""What a run would do: look, show it, and save it if asked."""

import json
import os
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from billing.cli.lookingup import lookout
from billing.cli.plan_view import plan_table
from billing.cli.progress_bar import watching
from billing.cli.services import services_for
from billing.cli.session import Session
from billing.cli.tables import WIDTH
from billing.cli.terminal import write_json, write_out
from billing.cli.typed import FIXED_BY_PLAN, following
from billing.core.exits import Exit
from billing.edge.outputs import Target
from billing.edge.pacing.pacer import START_RPS
from billing.edge.pacing.throttle import Rates
from billing.edge.runfiles import RunFile
from billing.edge.secrets import load_key
from billing.flow.attention import nothing_left
from billing.flow.carry_out import require_known_lines, require_timely
from billing.flow.open_services import rates_for
from billing.flow.planning.accepting import refused, waiting
from billing.flow.planning.plan import estimate_for, make_plan, over_approval, plan_offline
from billing.flow.planning.planned import Asked, Plan
from billing.flow.planning.saved import plan_to_json
from billing.flow.request import RunRequest


@dataclass(frozen=True, slots=True)
class Pace:
    """What an estimate assumes: what may be sent, and where the key begins (requests a second)."""

    rates: Rates
    start_rps: float


def look_offline(session: Session, request: RunRequest, source: RunFile) -> int:
    """Plan without a key and without look-ups, and print."""
    require_timely(source, datetime.now(UTC))
    found = plan_offline(
        source, None, session.settings.platform or "", Asked(request.amend, request.run.selection, request.run.limit)
    )
    require_known_lines(found)
    rates = rates_for(session.settings, request.services(source.run.mode, "plan"))
    begin_rps = rates.key_rps if request.rate is None else min(START_RPS, rates.key_rps)
    _print(session, request, found, Pace(rates, begin_rps), "")
    return Exit.OK


async def look_ahead(session: Session, request: RunRequest, source: RunFile, target: Target | None = None) -> int:
    """Plan with look-ups, print, and save if asked."""
    if target is not None:
        target.check()
    opening = replace(request.services(source.run.mode, "plan"), plans=True)
    async with services_for(session, opening, source.run.policies.pacing) as services:
        require_timely(source, services.clock.now())
        pace = Pace(
            services.rates, services.gateway.throttle.key.rate
        )  # before the look-ups move it: as a run will begin
        with watching(source.run.run_id) as watch:
            found = await make_plan(services, source, request.plan_options(), lookout(session, watch))
        require_known_lines(found)
        if target is not None:
            target.write([_saved(request, found, pace, target.path)])
        _print(
            session,
            request,
            found,
            pace,
            str(load_key(session.environ, session.settings.key)),
            target.path if target else None,
        )
    return Exit.OK


def _as_json(request: RunRequest, found: Plan, pace: Pace) -> dict[str, Any]:
    return plan_to_json(found, pace.rates, request.read, preflight=request.preflight, start_rps=pace.start_rps)


def _saved(request: RunRequest, found: Plan, pace: Pace, out: Path) -> str:
    """Return the plan as it is saved: it names its run file from its own folder, so that both may move together."""
    saved = _as_json(request, found, pace)
    if not request.file.is_absolute():
        saved["file"] = os.path.relpath(request.file, out.parent)
    return json.dumps(saved, indent=1, ensure_ascii=False) + "\n"


def _print(session: Session, request: RunRequest, found: Plan, pace: Pace, key: str, out: Path | None = None) -> None:
    if session.json:
        write_json(_as_json(request, found, pace))
        return
    cost = estimate_for(found, pace.rates, pace.start_rps)
    lines = plan_table(found, key, cost, share=share_text(session, request.rate, pace.rates))
    write_out("".join(line + "\n" for line in [*lines, *following_plan(request, found, out)]))


def following_plan(request: RunRequest, found: Plan, out: Path | None = None) -> list[str]:
    """Say what to type after a plan; nothing, when nothing is left to do."""
    if nothing_left(found):
        return [NOTHING_LEFT, f"Next: {following('report', found.run.run_id)}"]
    if names := [each.name for each in refused(found)]:
        return textwrap.wrap(f"Nothing was sent. It cannot be run: policy refuses {', '.join(names)}.", WIDTH)
    if over_approval(found):
        return ["Nothing was sent. It cannot be run before a second person has approved it."]
    accepting: dict[str, Any] = _accepting(found, {} if out else request.acks)
    if out is not None:
        return [f"Nothing was sent. Next: {following('run', out, without=FIXED_BY_PLAN, **accepting)}"]
    return [f"Nothing was sent. Next: {following('run', request.file, run=request.read.run_id, **accepting)}"]


def _accepting(found: Plan, typed: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the options of a run with which what waits for somebody is accepted, beside what was typed."""
    acks = {**typed, **{each.name: "..." for each in waiting(found)}}
    reasons = list(acks.values())
    return {"ack": list(acks), "reason": reasons[:1] if len(set(reasons)) == 1 else reasons} if acks else {}


NOTHING_LEFT = "There is nothing left to do."


def share_text(session: Session, rate: float | None, rates: Rates) -> str:
    """Write the rate an estimate assumes, and why it is that one."""
    if rate is not None:
        return f"{rates.key_rps:g}/s (--rate)"
    return f"{rates.key_rps:g}/s ({session.settings.rate_share:.0%} of the limit)"
