"""What a program does with a run: open it, look ahead, carry it out, follow it up. `billing` gives these names."""

import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from billing.core.errors import BillingError
from billing.core.exits import Exit
from billing.core.items import Mode
from billing.edge.ledger.custody.known_ledgers import Making
from billing.edge.ledger.opening import open_ledger
from billing.edge.logs import Log, open_log
from billing.edge.runfiles import RunFile
from billing.edge.runfiles import open_run as open_run_file
from billing.edge.runfiles.which_platform import platform_of
from billing.edge.settings.agreement import require_own_platform
from billing.edge.settings.load import Settings, load_settings
from billing.edge.stripe.clock import ProviderClock
from billing.edge.stripe.transport import FOLLOWED, ignored_variables
from billing.flow import carry_out
from billing.flow.carry_out import RunResult, agree_to_all
from billing.flow.engine.progress import Watch, telling
from billing.flow.follow import Following, follow
from billing.flow.open_services import ServiceOptions
from billing.flow.open_services import open_services as services_of
from billing.flow.options import RunOptions
from billing.flow.planning.plan import make_plan
from billing.flow.planning.planned import Plan
from billing.flow.planning.preflight import Lookout
from billing.flow.reconciling.reconcile import reconcile
from billing.flow.reconciling.scope import scope_of
from billing.flow.report import known_run
from billing.flow.request import RunRequest, as_planned
from billing.flow.retrying.carry_out import Retrying, retry
from billing.flow.retrying.due import Round
from billing.flow.services import Services
from billing.flow.syncing import as_facts, find
from billing.flow.telling import tell_end, tell_plan, tell_start

__all__ = [
    "BillingError",
    "Exit",
    "RunRequest",
    "RunResult",
    "carry_out_run",
    "follow_run",
    "open_run",
    "open_services",
    "plan_run",
    "retry_run",
    "sync_check",
]


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run file that was read and is sound, with what holds for it.

    Attributes:
        request: what is asked for.
        settings: effective ones.
        environ: where they, the key and the addresses of webhooks come from.
        source: the run and its lines.
        log: ``log(event, **facts)``; no key, name or e-mail is ever in it.
    """

    request: RunRequest
    settings: Settings
    environ: Mapping[str, str]
    source: RunFile
    log: Log


@contextmanager
def open_run(
    request: RunRequest,
    *,
    config: Path | None = None,
    environ: Mapping[str, str] | None = None,
    log: Log | None = None,
) -> Iterator[OpenRun]:
    """Read settings and run file; nothing is sent, and no key is needed.

    Args:
        request: which run, and how.
        config: settings instead of `billing.yaml` here or above.
        environ: instead of the environment of the process.
        log: where events go; JSON lines on stderr unless given.

    Raises:
        InvalidInput: the run file or the settings have problems; all of them, with their places.
        UsageError: the file cannot be opened or is for another platform, or the request contradicts a saved plan.
    """
    environ = os.environ if environ is None else environ
    named = partial(platform_of, request.file)
    settings = load_settings(environ, {"log_format": "json"}, config, request.file, run_platform=named)
    log = log or _job_log(settings, environ)
    request = as_planned(request).under(settings)
    defaults = carry_out.run_defaults(settings)
    now = datetime.now(UTC)
    with open_run_file(request.file, **request.read.as_arguments, defaults=defaults, now=now) as source:
        require_own_platform(settings, source.run.platform)
        yield OpenRun(request, settings, environ, source, log)


def _job_log(settings: Settings, environ: Mapping[str, str]) -> Log:
    """Return a log of JSON lines, and say which variables will not be obeyed."""
    log = open_log(settings.log_level, "json")
    ignored = ignored_variables(environ, settings.proxy)
    if ignored:
        log("variable_ignored", names=list(ignored), reason=FOLLOWED)
    return log


@asynccontextmanager
async def open_services(run: OpenRun, *, plans: bool = False) -> AsyncIterator[Services]:
    """Open ledger and connection for a run, once everything agrees; nothing is sent yet.

    Args:
        run: the open run.
        plans: nothing will be charged: another process may be charging meanwhile.

    Raises:
        UsageError: key, mode, ``live`` and address disagree.
        LedgerError: the ledger cannot be trusted.
        LedgerHeld: another process has it.
    """
    found = run.source.run
    opening = replace(run.request.services(found.mode, f"job {found.run_id}"), plans=plans)
    settings = carry_out.paced(run.settings, found.policies.pacing)
    async with services_of(settings, run.environ, opening, run.log) as services:
        yield services


async def plan_run(services: Services, run: OpenRun) -> Plan:
    """Return what carrying the run out would do; only reads are sent.

    Raises:
        InvalidInput: the file contradicts what is on record, or its last day is over.
        UsageError: what the request selects is not in the file.
    """
    carry_out.require_timely(run.source, services.clock.now())
    plan = await make_plan(services, run.source, run.request.plan_options(), Lookout(watch=_watch(run)))
    carry_out.require_known_lines(plan)
    return plan


async def carry_out_run(services: Services, run: OpenRun, *, agree: Callable[[Plan], None] = agree_to_all) -> RunResult:
    """Charge every item once: begin the run, go on with it, or find that nothing is left to do.

    Args:
        services: open for this run.
        run: the open run.
        agree: shown the plan before anything is charged; a `BillingError` that it raises says no.

    Raises:
        InvalidInput: the file contradicts what is on record.
        PlanStale: it is not the plan that was saved.
        ApprovalMissing: it needs an approval it does not have.
        LedgerError: the ledger failed; nothing was sent after that.
    """

    def agreed(plan: Plan) -> None:
        tell_plan(run.log, plan)
        agree(plan)

    tell_start(run.log, run.source.run, run.source.file, run.settings)
    watch = _watch(run)
    result = await carry_out.carry_out_run(
        services, run.source, run.request, agree=agreed, watch=watch, lookout=Lookout(watch=watch)
    )
    tell_end(services, result)
    await carry_out.notify_of(result, run.settings, run.environ, run.log)
    return result


def _watch(run: OpenRun) -> Watch:
    return telling(run.log, run.source.run.run_id)


@dataclass(frozen=True, slots=True)
class FollowResult:
    """What a look through runs brought: which were looked at, the exit code, and the object that a program reads."""

    runs: tuple[str, ...]
    exit: Exit
    summary: Mapping[str, Any]


async def follow_run(
    verb: str,
    run_id: str | None = None,
    *,
    live: bool = False,
    declines_ok: bool = False,
    wait: float | None = None,
    config: Path | None = None,
    environ: Mapping[str, str] | None = None,
    log: Log | None = None,
) -> FollowResult:
    """Ask Stripe what became of what is open in one run, or in all of this mode; nobody is charged.

    Args:
        verb: ``resolve`` looks at what is in doubt, ``settle`` at what takes days.
        run_id: one run, or None for all.
        live: needed for live runs; without a run id it means those.
        declines_ok: declines alone give exit code 0.
        wait: seconds to wait for another process to let go of the ledger.
        config: settings instead of `billing.yaml` here or above.
        environ: instead of the environment of the process.
        log: where events go; JSON lines on stderr unless given.

    Raises:
        LedgerMissing: there is no ledger.
        UsageError: it has no such run, or key, mode and ``live`` disagree.
    """
    environ = os.environ if environ is None else environ
    settings = load_settings(environ, {"log_format": "json"}, config)
    told = log or _job_log(settings, environ)
    mode = await _mode_of(run_id, settings, environ, live=live)
    opening = ServiceOptions(mode, f"job {verb}", live=live, wait=wait, making=Making.NEVER)
    async with services_of(settings, environ, opening, told) as services:
        asked = Following(verb, run_id, settings, environ, declines_ok, lambda title: _watching(told, title))
        told("job_started", verb=verb, run=run_id or "", mode=str(mode), ledger=settings.ledger_shown)
        followed = await follow(services, asked)
        told("job_finished", verb=verb, runs=list(followed.runs), exit_code=int(followed.exit))
        return FollowResult(followed.runs, followed.exit, followed.summary(services))


async def retry_run(
    run_id: str | None = None,
    *,
    live: bool = False,
    limit: int | None = None,
    no_new_defaults: bool = False,
    closed: bool = False,
    declines_ok: bool = False,
    wait: float | None = None,
    config: Path | None = None,
    environ: Mapping[str, str] | None = None,
    log: Log | None = None,
) -> FollowResult:
    """Try again what was declined and is due, of one run or of all of this mode. It charges, and asks nobody.

    Args:
        run_id: one run, or None for all.
        live: needed for live runs; without a run id it means those.
        limit: at most so many lines of a run.
        no_new_defaults: look up no customers who must act for another default.
        closed: take up lines, too, that were closed unpaid and whose customers have saved another default since.
        declines_ok: declines alone give exit code 0.
        wait: seconds to wait for another process to let go of the ledger.
        config: settings instead of `billing.yaml` here or above.
        environ: instead of the environment of the process.
        log: where events go; JSON lines on stderr unless given.

    Raises:
        LedgerMissing: there is no ledger.
        UsageError: it has no such run of charges, or key, mode and ``live`` disagree.
    """
    environ = os.environ if environ is None else environ
    settings = load_settings(environ, {"log_format": "json"}, config)
    told = log or _job_log(settings, environ)
    mode = await _mode_of(run_id, settings, environ, live=live)
    opening = ServiceOptions(mode, "job retry", live=live, wait=wait, making=Making.NEVER)
    options = RunOptions(limit=limit, declines_ok=declines_ok)
    async with services_of(settings, environ, opening, told) as services:
        asked = Retrying(run_id, settings, environ, options, (), not no_new_defaults, closed, declines_ok)
        told("job_started", verb="retry", run=run_id or "", mode=str(mode), ledger=settings.ledger_shown)
        done = await retry(services, asked, agree=_agree, watching=lambda title: _watching(told, title))
        told("job_finished", verb="retry", runs=list(done.runs), exit_code=int(done.exit))
        return FollowResult(done.runs, done.exit, done.summary(services))


def _agree(_rounds: Sequence[Round]) -> None:
    """Say yes: for schedulers, whose configuration said it."""


async def sync_check(
    *,
    live: bool = False,
    everybody: bool = False,
    wait: float | None = None,
    config: Path | None = None,
    environ: Mapping[str, str] | None = None,
    log: Log | None = None,
) -> FollowResult:
    """Tell which subscribed customers are not in step with the platform; only reads are sent, nothing is recorded.

    Args:
        live: look at live links.
        everybody: look at every link, whatever Stripe's events say.
        wait: seconds to wait for the ledger.
        config: settings instead of `billing.yaml` here or above.
        environ: instead of the environment of the process.
        log: where events go; JSON lines on stderr unless given.

    Raises:
        LedgerMissing: there is no ledger.
        UsageError: key, mode and ``live`` disagree.
    """
    environ = os.environ if environ is None else environ
    settings = load_settings(environ, {"log_format": "json"}, config)
    told = log or _job_log(settings, environ)
    mode = Mode.LIVE if live else settings.mode
    opening = ServiceOptions(mode, "job sync check", live=live, wait=wait, making=Making.NEVER, plans=True)
    async with services_of(settings, environ, opening, told) as services:
        found = await find(services, settings, everybody=everybody)
    code = Exit.DECLINES if found.drifted else Exit.OK
    return FollowResult((), code, {"exit_code": int(code), **as_facts(found)})


async def reconcile_run(
    run_id: str | None = None,
    *,
    period: str | None = None,
    full: bool = False,
    live: bool = False,
    wait: float | None = None,
    config: Path | None = None,
    environ: Mapping[str, str] | None = None,
    log: Log | None = None,
) -> FollowResult:
    """Hold a run, or the runs of a period, against Stripe; only reads are sent, and what is found is kept.

    Args:
        run_id: one run; without it and without ``period`` those of the latest period that the ledger knows.
        period: all runs of it.
        full: read everything once more, not only what is new.
        live: needed for live runs; without a run id it means those.
        wait: seconds to wait for another process to let go of the ledger.
        config: settings instead of `billing.yaml` here or above.
        environ: instead of the environment of the process.
        log: where events go; JSON lines on stderr unless given.

    Raises:
        LedgerMissing: there is no ledger.
        UsageError: it has no such run or period, or key, mode and ``live`` disagree.
    """
    environ = os.environ if environ is None else environ
    settings = load_settings(environ, {"log_format": "json"}, config)
    told = log or _job_log(settings, environ)
    mode = await _mode_of(run_id, settings, environ, live=live)
    opening = ServiceOptions(mode, "job reconcile", live=live, wait=wait, making=Making.NEVER)
    async with services_of(settings, environ, opening, told) as services:
        if run_id is None and period is None:
            period = next((run.period for run in services.ledger.runs() if run.mode is mode), None)
        scope = scope_of(services.ledger, mode, run_id, period)
        told("job_started", verb="reconcile", scope=scope.name, mode=str(mode), ledger=settings.ledger_shown)
        done = await reconcile(services, scope, rate=settings.reconcile_rate, full=full)
        told("job_finished", verb="reconcile", runs=sorted(scope.names), exit_code=int(done.exit))
        return FollowResult(tuple(sorted(scope.names)), done.exit, done.summary())


@contextmanager
def _watching(log: Log, title: str) -> Iterator[Watch]:
    yield telling(log, title)


async def _mode_of(run_id: str | None, settings: Settings, environ: Mapping[str, str], *, live: bool) -> Mode:
    """Return the mode of the run that is named; without one, whoever says live means live runs."""
    if run_id is None:
        return Mode.LIVE if live else settings.mode
    clock, key_file = ProviderClock().now, settings.ledger_key_file
    ledger = await open_ledger(settings.ledger, key_file=key_file, clock=clock, write=False, environ=environ)
    try:
        return known_run(ledger, run_id).mode
    finally:
        await ledger.aclose()
