"""Open what a verb works with, in the order that lets nothing be sent before everything agrees."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from billing.core.errors import ProviderUnreachable, UsageError
from billing.core.items import Mode
from billing.core.wire import Wire
from billing.edge.ledger import Ledger
from billing.edge.ledger.borrowed import open_to_plan
from billing.edge.ledger.custody.known_ledgers import Making
from billing.edge.ledger.database import DatabaseLedger
from billing.edge.ledger.opening import open_ledger
from billing.edge.ledger_url import is_postgres
from billing.edge.logs import enabled_for
from billing.edge.operator import operator
from billing.edge.pacing.pacer import START_RPS
from billing.edge.pacing.shared.opening import shared_budget
from billing.edge.pacing.throttle import DOCUMENTED, Rates, Throttle
from billing.edge.route import route_of
from billing.edge.secrets import ApiKey, load_key
from billing.edge.settings.agreement import require_agreement
from billing.edge.settings.load import Settings
from billing.edge.stripe.clock import ProviderClock
from billing.edge.stripe.found import LookupFailed, Trouble
from billing.edge.stripe.gateway import API_BASE, Gateway
from billing.edge.stripe.transport import MOST_CONNECTIONS, NetworkWire
from billing.flow.engine.learned_rates import remembered
from billing.flow.services import Services

UNREAD_PLATFORM = "platform"
# Stands for the platform account in test mode when the key may not read it and no setting names it: one ledger, one
# platform. In live mode the account must be known.


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """How a verb wants its desk.

    Attributes:
        mode: of the run; key, flag and address must agree with it.
        purpose: who holds the ledger, for another runner's message.
        live: whether `--live` was given.
        wait: seconds to wait for another runner to end; None refuses at once.
        making: whether a ledger may be made where there is none.
        plans: nothing is charged: another runner may go on meanwhile, and what is found is kept when nobody runs.
        rate: requests a second instead of the documented limits (`--rate`).
        concurrency: requests in flight instead of the setting (`--concurrency`).
        answers_with: a test payment method with which a run answers for its payers (`--confirm-with`).
        worker: the id of one of several who share the ledger and its rates; empty for who has both alone.
        standing: a worker that stands ready, and shares the ledger only while it has work in hand.
    """

    mode: Mode
    purpose: str
    live: bool = False
    wait: float | None = None
    making: Making = Making.FIRST
    plans: bool = False
    rate: float | None = None
    concurrency: int | None = None
    answers_with: str = ""
    worker: str = ""
    standing: bool = False


@asynccontextmanager
async def open_services(
    settings: Settings,
    environ: Mapping[str, str],
    opening: ServiceOptions,
    log: Callable[..., None],
    *,
    wire: Wire | None = None,
) -> AsyncIterator[Services]:
    """Check that everything agrees, open the ledger and yield the desk; nothing is sent yet.

    Args:
        settings: effective ones.
        environ: where the key comes from.
        opening: what the verb wants.
        log: ``log(event, **facts)``.
        wire: what carries requests instead of the network: the sandbox in this process.

    Raises:
        UsageError: key, mode, flag and address disagree; nothing was sent.
        LedgerError: the ledger cannot be trusted; nothing was sent.
        LedgerHeld: another runner holds it.
    """
    key = load_key(environ, settings.key)
    require_agreement(settings, mode=opening.mode, live_key=key.mode is Mode.LIVE, live_flag=opening.live)
    route = route_of(settings, environ)
    clock = ProviderClock()
    ledger = await _ledger(settings, opening, clock)
    try:
        _tell(ledger, log)
        rates = rates_for(settings, opening)
        carrier = wire or NetworkWire(rates.concurrency, route=route)
        # What is documented may be trusted at once; what `--rate` names is to be found out.
        start = None if opening.rate is None else START_RPS
        throttle = Throttle(rates, start=start, remember=remembered(ledger, clock, opening.mode, settings.platform))
        try:
            gateway = Gateway(
                carrier,
                key,
                mode=opening.mode,
                platform="",
                throttle=throttle,
                clock=clock,
                api_base=settings.api_base or API_BASE,
                on_request=(lambda event: log(**event)) if enabled_for(log, "request") else None,
            )
            services = Services(ledger, gateway, clock, opening.mode, "", rates, log)
            who = partial(_platform, gateway, ledger, settings, key)
            services.who = partial(_sharing, who, gateway, settings, opening) if is_postgres(settings.ledger) else who
            services.operator = operator()
            services.public_url, services.answers_with = settings.public_url or "", opening.answers_with
            yield services
        finally:
            await throttle.aclose()
            await carrier.aclose()
    finally:
        await ledger.aclose()


async def _ledger(settings: Settings, opening: ServiceOptions, clock: ProviderClock) -> DatabaseLedger:
    opened = partial(
        open_ledger,
        settings.ledger,
        key_file=settings.ledger_key_file,
        clock=clock.now,
        live=opening.mode is Mode.LIVE,
        purpose=opening.purpose,
        making=opening.making,
        platform=settings.platform_name,
        worker=opening.worker,
        standing=opening.standing,
    )
    return await (open_to_plan(opened) if opening.plans else opened(wait=opening.wait))


def _tell(ledger: DatabaseLedger, log: Callable[..., None]) -> None:
    """Say what a person should know of the ledger: one that was made knows nothing of what others have charged."""
    for warning in ledger.warnings:
        log("ledger_warning", warning=warning)
    if ledger.made is not None:
        others = ledger.made.others
        beside = {"others": list(others), "note": "it knows nothing of what these charged"} if others else {}
        log("ledger_made", path=ledger.named, **beside)


def rates_for(settings: Settings, opening: ServiceOptions) -> Rates:
    """Return what may be sent: `--rate` replaces key, endpoint and account limits, else the documented ones, shared."""
    items = opening.concurrency or settings.concurrency
    # One more than there are connections would wait for one, and who waits longest is not who gets it. How many of an
    # account are on their way is the scheduler's business: they lift their cap when nobody else waits.
    at_once = min(items, MOST_CONNECTIONS)
    if opening.rate is not None:
        return Rates(opening.rate, opening.rate, opening.rate, at_once, at_once, items)
    key, endpoint = (limit * settings.rate_share for limit in DOCUMENTED[opening.mode])
    return Rates(key, endpoint, min(settings.per_account_rps, key), at_once, at_once, items)


async def _sharing(
    who: Callable[[], Awaitable[str]], gateway: Gateway, settings: Settings, opening: ServiceOptions
) -> str:
    """Find out the platform and draw on its budget from then on, with everybody else who writes to this ledger.

    Raises:
        UsageError, CredentialsError, ProviderUnreachable: the platform cannot be found out.
    """
    platform = await who()
    budget = shared_budget(settings.ledger, opening.mode, platform, opening.worker, gateway.shut)
    gateway.throttle.share(budget)
    return platform


async def _platform(gateway: Gateway, ledger: Ledger, settings: Settings, key: ApiKey) -> str:
    """Ask Stripe whose key this is. Every item id and key carries the answer, so a new one is asked for twice.

    Raises:
        ProviderUnreachable: no answer.
        CredentialsError: the key is refused.
        UsageError: two answers differ, it is another platform than the settings name, it cannot be found out in live
            mode, or what answers is not Stripe.
    """
    platform = await _asked(gateway, settings, key)
    if platform in {record.platform for record in ledger.runs()}:
        return platform
    again = await _asked(gateway, settings, key)
    if platform == again:
        return platform
    raise UsageError(
        f"{_whose(settings)} named {platform} and then {again}: a key has one account, so what answers there is not "
        f"Stripe (a mock makes up a new one each time); {LOOK_AT_ADDRESS}"
    )


LOOK_AT_ADDRESS = "see api_base in the settings (BILLING_API_BASE); billing config show says where it comes from"
PASSING = frozenset({408, 409, 425, 429})
# Statuses below 500 that another try may change.


def _whose(settings: Settings) -> str:
    """Name the request that asks whose key this is."""
    return f"GET {settings.api_base or API_BASE}/v1/account"


def _is_not_stripe(found: LookupFailed) -> bool:
    """Tell whether no try will ever get an answer there: each key has an account, and Stripe explains each no."""
    if found.status == 404:
        return True
    return found.trouble is Trouble.UNANSWERED and 300 <= found.status < 500 and found.status not in PASSING


async def _asked(gateway: Gateway, settings: Settings, key: ApiKey) -> str:
    """Ask once.

    Raises:
        ProviderUnreachable: no answer.
        CredentialsError: the key is refused.
        UsageError: it is another platform than the settings name, cannot be found out in live mode, or what answers is
            not Stripe.
    """
    found = await gateway.own_account()
    if not isinstance(found, LookupFailed):
        if settings.platform not in (None, found.id):
            raise UsageError(f"the key {key} belongs to {found.id}, the settings name {settings.platform}")
        return found.id
    if _is_not_stripe(found):
        raise UsageError(
            f"{_whose(settings)} answered HTTP {found.status}: this is not Stripe's API; {LOOK_AT_ADDRESS}"
        )
    if found.trouble is Trouble.UNANSWERED:
        raise ProviderUnreachable(f"no usable answer from {settings.api_base or API_BASE} ({found.code})")
    if found.trouble is Trouble.CREDENTIALS:
        raise found.as_error()
    if settings.platform is not None:
        return settings.platform
    if gateway.mode is Mode.LIVE:
        raise UsageError("the key may not read its own account: name the platform in the settings (platform: acct_...)")
    return UNREAD_PLATFORM
