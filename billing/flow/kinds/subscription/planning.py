"""What planning subscriptions takes: the look-ups of charges, and what each named price comes to.

So the plan knows what is due at the start of every line, or that nothing is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import anyio

from billing.core.entries import ItemRecord
from billing.core.estimates import Reads
from billing.core.items import Kind, Subscription
from billing.core.kinds.cancellation import State as Cancelled
from billing.core.kinds.subscription import State
from billing.core.kinds.subscription_rules import UNPRICED
from billing.core.notices import Notice
from billing.core.planrows import TO_CHARGE, row_of
from billing.core.plans import Create, Refuse, Replace
from billing.edge.stripe.found import LookupFailed, Trouble
from billing.flow.engine.gather import gather
from billing.flow.kinds.charge import preflight as of_charges
from billing.flow.kinds.subscription.find import Subscriptions
from billing.flow.planning.decisions import decisions
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
    return LookedUp(findings, [*found.warnings, *warnings, *_subscribed_before(services, source)], cost)


def _subscribed_before(services: Services, source: Source) -> Iterator[Notice]:
    """Yield a notice where last month's sheet comes again: a period is another obligation, and Stripe renews anyway."""
    before = _running(services, source.run.period)
    asked = (line.item for line in source.lines())
    again = [one for one in asked if isinstance(one, Subscription) and _name(one) in before]
    if again:
        first = again[0]
        lines = "1 line is" if len(again) == 1 else f"{len(again):,} lines are"
        what = f"{lines} subscribed already by a run of another period"
        example = f"such as {first.reference} by {before[_name(first)]}"
        why = "what is subscribed renews by itself, and this comes on top"
        yield Notice("subscribed_before", f"{what}, {example}; {why}")


def _running(services: Services, period: str) -> Mapping[tuple[str, str, str], str]:
    """Return what runs of other periods have subscribed and none has ended: line -> run."""
    of_kind = partial(services.ledger.of_kind, services.platform, services.mode)
    ended = {str(end.content["subscription"]) for end in of_kind(Kind.CANCELLATION, (Cancelled.SUCCEEDED,))}
    found: dict[tuple[str, str, str], str] = {}
    here: set[tuple[str, str, str]] = set()
    for item in of_kind(Kind.SUBSCRIPTION, (State.SUCCEEDED,)):
        name = (item.reference, item.account, item.payer)
        if item.run_id.endswith(f"-{period}"):
            here.add(name)
        elif item.object_id not in ended and item.facts.get("subscription_status") != "canceled":
            found[name] = item.run_id
    return {name: run for name, run in found.items() if name not in here}


def _name(line: Subscription) -> tuple[str, str, str]:
    return line.reference, line.account, line.customer


def trouble(price: Mapping[str, Any]) -> str:
    """Return why nothing can be subscribed at a price (a skip reason), or an empty text."""
    every = price.get("recurring")
    flat = price.get("billing_scheme") == "per_unit" and type(price.get("unit_amount")) is int
    if not isinstance(every, Mapping) or every.get("usage_type") != "licensed" or not flat:
        return "price_not_recurring"
    return "" if price.get("active") else "price_unknown"


async def elsewhere(services: Services, source: Source, plan: Plan) -> Elsewhere:
    """Return what of a plan was subscribed already, although this ledger does not know it: by the lists of a run.

    Only reads are sent. An account that cannot be listed says nothing here: the run lists it again.

    Raises:
        ProviderUnreachable: the provider has been away for longer than the budget.
    """
    lists, limiter = services.shared(Subscriptions), anyio.CapacityLimiter(AT_ONCE)
    since = lists.window(plan.run.period)

    async def one(account: str) -> None:
        async with limiter:
            await lists.list(account, since)
            lists.forgive(account)

    await gather(*(partial(one, account) for account in plan.accounts))
    if not any(lists.shows(account) for account in plan.accounts):
        return Elsewhere()
    return Elsewhere(dict(_rows(services, source, plan)))


def _rows(services: Services, source: Source, plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield the item id and the row of each line that another ledger has subscribed, or holds."""
    for _, decision in decisions(plan, source, services.ledger):
        if decision is None or isinstance(decision, Refuse) or row_of(decision) != TO_CHARGE:
            continue
        item = decision.new if isinstance(decision, Create | Replace) else decision.item
        if isinstance(item, ItemRecord) and item.object_id is not None:
            continue
        verdict = services.shared(Subscriptions).verdict_of(item, plan.run.period)
        if verdict.instead is not None and (verdict.adopt is None or verdict.instead.counted):
            yield item.item_id, "paid_elsewhere" if verdict.instead.counted else "opened_elsewhere"
        elif verdict.adopt is not None and verdict.adopt.counted:
            yield item.item_id, "paid_elsewhere"


SUBSCRIPTION_PLANNING = Planning(
    look_up=look_up,
    unexamined={
        Preflight.NONE: of_charges.UNEXAMINED[Preflight.NONE],
        Preflight.ACCOUNTS: of_charges.UNEXAMINED[Preflight.ACCOUNTS],
        Preflight.ALL: frozenset(),
    },
    elsewhere=elsewhere,
)
