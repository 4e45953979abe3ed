"""What planning subscriptions takes: the look-ups of charges, and what each named price comes to.

So the plan knows what is due at the start of every line, or that nothing is.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import anyio

from billing.core.estimates import Reads
from billing.core.items import Subscription
from billing.core.kinds.subscription_rules import UNPRICED
from billing.core.notices import Notice
from billing.edge.stripe.found import LookupFailed, Trouble
from billing.flow.engine.gather import gather
from billing.flow.kinds.charge import preflight as of_charges
from billing.flow.planning.planned import Plan, Source
from billing.flow.planning.preflight import QUIETLY, Elsewhere, LookedUp, Lookout, Planning, Preflight
from billing.flow.services import Services

AT_ONCE = 16
# Prices read side by side; the throttle paces them further.

Named = tuple[str, str]
# A connected account, and a price of it.


async def look_up(services: Services, source: Source, preflight: Preflight, lookout: Lookout = QUIETLY) -> LookedUp:
    """Look up what a file needs; prices are read one by one, each once however many lines name it.

    Raises:
        CredentialsError: the key is refused or lacks a permission.
        ProviderUnreachable: the outage outlasted all patience.
    """
    found = await of_charges.look_up(services, source, preflight, lookout)
    if preflight is Preflight.NONE:
        return found
    wanted = {(line.item.account, line.item.price) for line in source.lines() if isinstance(line.item, Subscription)}
    named = sorted((account, price) for account, price in wanted if price)
    prices: dict[Named, tuple[int, str]] = {}
    unpriced: dict[Named, str] = {}
    limiter = anyio.CapacityLimiter(AT_ONCE)

    async def one(account: str, price: str) -> None:
        async with limiter:
            told = await services.gateway.price(account, price)
        if isinstance(told, LookupFailed):
            if told.trouble is Trouble.CREDENTIALS:
                raise told.as_error()
            gone = told.trouble in (Trouble.MISSING, Trouble.BARRED)
            unpriced[account, price] = "price_unknown" if gone else UNPRICED
        elif reason := trouble(told):
            unpriced[account, price] = reason
        else:
            prices[account, price] = (told["unit_amount"], str(told["currency"]))

    await gather(*(partial(one, *each) for each in named))
    findings = replace(found.findings, prices=prices, unpriced=unpriced)
    unread = sum(reason == UNPRICED for reason in unpriced.values())
    warnings = [Notice("look_up_unanswered", f"{unread:,} price look-ups gave no answer")] if unread else []
    reads = found.reads
    cost = Reads(reads.names + len(named), reads.requests + len(named), reads.seconds, reads.at_least)
    return LookedUp(findings, [*found.warnings, *warnings], cost)


def trouble(price: Mapping[str, Any]) -> str:
    """Return why nothing can be subscribed at a price (a skip reason), or an empty text."""
    every = price.get("recurring")
    flat = price.get("billing_scheme") == "per_unit" and type(price.get("unit_amount")) is int
    if not isinstance(every, Mapping) or every.get("usage_type") != "licensed" or not flat:
        return "price_not_recurring"
    return "" if price.get("active") else "price_unknown"


async def elsewhere(_services: Services, _source: Source, _plan: Plan) -> Elsewhere:
    """Find nothing out beforehand: what another ledger has opened, the list before each account's first open shows."""
    return Elsewhere()


SUBSCRIPTION_PLANNING = Planning(
    look_up=look_up,
    unexamined={
        Preflight.NONE: of_charges.UNEXAMINED[Preflight.NONE],
        Preflight.ACCOUNTS: of_charges.UNEXAMINED[Preflight.ACCOUNTS],
        Preflight.ALL: frozenset(),
    },
    elsewhere=elsewhere,
)
