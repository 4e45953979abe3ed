"""Look at everything a run depends on, without moving money or touching the ledger, and say what to do about it."""

import platform
import sqlite3
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from billing import __version__
from billing.cli.diagnosis_ledger import ledger_findings
from billing.cli.findings import Finding, Verdict, failed
from billing.cli.services import services_for
from billing.cli.session import Session
from billing.cli.tables import lined_up, plural
from billing.core.errors import BillingError, CredentialsError
from billing.core.exits import Exit
from billing.core.items import Mode
from billing.edge.logs import Log, visible
from billing.edge.secrets import load_key
from billing.edge.stripe.found import LookupFailed, Trouble
from billing.edge.stripe.gateway import API_VERSION
from billing.edge.stripe.transport import FOLLOWED, ignored_variables
from billing.flow.endpoints import Told, told_of
from billing.flow.open_services import ServiceOptions
from billing.flow.permissions import Answer, Grant, permissions
from billing.flow.services import Services

SAFE_SQLITE = (3, 51, 3)
# Before it, two writing connections could corrupt a WAL; one lock file and one writing connection keep us clear of it.
# (sqlite.org/wal.html, the WAL-reset bug)
SKEW_SECONDS = 5.0
# Beyond it the times in logs and reports mislead; no decision depends on the machine's clock.


async def diagnose_each(sessions: Sequence[Session], *, live: bool, write_probes: bool) -> list[Finding]:
    """Look at everything of each platform that could be meant, and return a line for each thing.

    Where there are several, ``live`` is for those that have a live key: the others are looked at in test mode.
    """
    found = [*_versions(), *_variables(sessions[0])]
    for session in sessions:
        own = live and (len(sessions) == 1 or _is_live(session))
        looked = [*_key(session), *await _provider(session, own, write_probes), *await ledger_findings(session)]
        found += [replace(each, platform=session.settings.platform_name) for each in looked]
    return found


def _is_live(session: Session) -> bool:
    try:
        return load_key(session.environ, session.settings.key).mode is Mode.LIVE
    except BillingError:
        return False


def as_text(findings: Sequence[Finding]) -> str:
    """Write the findings for a person."""
    named = any(finding.platform for finding in findings)
    rows = [
        [
            str(finding.verdict),
            *([finding.platform] if named else []),
            finding.about,
            finding.found + (f"; {finding.do}" if finding.do else ""),
        ]
        for finding in findings
    ]
    return "".join(visible(line) + "\n" for line in lined_up(rows))


def _versions() -> Iterable[Finding]:
    yield Finding(Verdict.OK, "billing", f"{__version__}, Python {platform.python_version()}")
    yield Finding(Verdict.OK, "API version", f"{API_VERSION}, sent with every request")
    if sqlite3.sqlite_version_info < SAFE_SQLITE:
        safe = ".".join(map(str, SAFE_SQLITE))
        text = f"{sqlite3.sqlite_version}: with two writing connections it could damage a ledger"
        yield Finding(Verdict.WARN, "SQLite", text, f"one runner at a time, as the lock enforces; {safe} is better")
    else:
        yield Finding(Verdict.OK, "SQLite", sqlite3.sqlite_version)


def _variables(session: Session) -> Iterable[Finding]:
    names = ignored_variables(session.environ, session.settings.proxy)
    if names:
        text = f"{', '.join(names)} set, and not obeyed"
        yield Finding(Verdict.WARN, "environment", text, FOLLOWED)


def _key(session: Session) -> Iterable[Finding]:
    try:
        key = load_key(session.environ, session.settings.key)
    except BillingError as error:
        yield failed("key", error)
        return
    kind = "restricted" if key.restricted else "unrestricted"
    if key.restricted or not key.mode.livemode:
        yield Finding(Verdict.OK, "key", f"{key}, {key.mode} mode, {kind}")
    else:
        yield Finding(Verdict.WARN, "key", f"{key}, live and {kind}", "use a restricted key (rk_live_...)")


async def _provider(session: Session, live: bool, write_probes: bool) -> list[Finding]:
    """Ask Stripe, with a ledger of its own that is thrown away: the real one stays untouched and unlocked."""
    try:
        key = load_key(session.environ, session.settings.key)
    except BillingError:
        return []
    with tempfile.TemporaryDirectory(prefix="billing-doctor-") as folder:
        apart = {"ledger": f"sqlite:///{folder}/ledger.db", "ledger_key_file": f"{folder}/key"}
        log = partial(_but_the_ledger, session.log)
        aside = Session(session.settings.having("doctor", apart), session.environ, session.json, log)
        try:
            async with services_for(aside, ServiceOptions(key.mode, "doctor", live=live)) as services:
                return [
                    await _platform(services, session),
                    _clock(services),
                    *await _permissions(services, write_probes),
                    *await _webhooks(services),
                ]
        except BillingError as error:
            return [failed("provider", error)]


async def _platform(services: Services, session: Session) -> Finding:
    """Ask whose key this is; a key that may not read that is asked for its permissions all the same."""
    try:
        await services.identify()
    except CredentialsError as error:
        return failed("platform", error)
    return Finding(Verdict.OK, "platform", f"{services.platform} at {session.settings.api_base or 'Stripe'}")


def _but_the_ledger(log: Log, event: str, **facts: object) -> None:
    """Tell of everything but the ledger that is thrown away."""
    if event not in {"ledger_made", "ledger_warning"}:
        log(event, **facts)


def _clock(services: Services) -> Finding:
    skew = (services.clock.now() - datetime.now(UTC)).total_seconds()
    if abs(skew) <= SKEW_SECONDS:
        return Finding(Verdict.OK, "clock", f"{abs(skew):.1f} s from the provider's")
    text = f"{abs(skew):.0f} s {'behind' if skew > 0 else 'ahead of'} the provider's"
    return Finding(Verdict.WARN, "clock", text, "set it (NTP); decisions follow the provider's clock, logs this one")


async def _permissions(services: Services, write_probes: bool) -> list[Finding]:
    answers = await permissions(services.gateway, writes=write_probes or not services.mode.livemode)
    return [_permission(found) for found in answers]


async def _webhooks(services: Services) -> list[Finding]:
    """Tell which webhooks would reach `billing listen`. None has to: `billing settle` asks for the same."""
    found = await told_of(services.gateway)
    if not isinstance(found, LookupFailed):
        return [_webhook(told) for told in found]
    allowed = found.trouble is not Trouble.CREDENTIALS
    do = "try again" if allowed else "give the key Webhook endpoints read, if billing listen is used"
    return [Finding(Verdict.OK, "webhooks", f"not known: {found.message or found.code}", do)]


def _webhook(told: Told) -> Finding:
    about = "webhooks of the platform" if told.own else "webhooks of accounts"
    if not told.endpoints:
        text = "no endpoint" + ("" if told.own else " with connect=true")
        return Finding(Verdict.OK, about, text, "billing settle asks instead")
    if told.lacking:
        text = f"{plural(told.endpoints, 'endpoint')} without {', '.join(told.lacking)}"
        return Finding(Verdict.WARN, about, text, "add these events (Dashboard, Workbench, Webhooks)")
    return Finding(Verdict.OK, about, f"{plural(told.endpoints, 'endpoint')} for everything that is followed")


VERDICTS = {Grant.YES: Verdict.OK, Grant.NO: Verdict.FAIL, Grant.UNTESTED: Verdict.WARN}


def _permission(found: Answer) -> Finding:
    needed = "" if found.why and found.probe.always else f", needed {found.probe.serves}"
    why = needed + (f": {found.why}" if found.why else "")
    barred = found.grant is Grant.NO and found.probe.always
    exit_code = int(Exit.CREDENTIALS) if barred else Exit.OK
    verdict = VERDICTS[found.grant] if barred or found.grant is not Grant.NO else Verdict.WARN
    return Finding(verdict, found.probe.permission, f"{found.grant}{why}", found.do, exit_code, str(found.grant))
