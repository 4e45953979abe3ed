"""The customer of a payer: found again by a list of all customers, or made under a key that names the payer.

Why both: what was made before the list is in it, and what was made after the list is younger than the key, so that the
create is answered with it. So a list is as old as 22 hours at most when something is made on its strength.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import anyio

from billing.core.entries import ItemRecord, Move
from billing.core.exits import Exit
from billing.core.items import Kind
from billing.core.keys import item_id
from billing.core.kinds.payer import CREATE, Event, object_of
from billing.core.objects.customer import CustomerSeen, customer_seen
from billing.core.outcomes import Halt, Lost, Made, Refused
from billing.core.replies import Reply
from billing.edge.stripe.calls.payer import create_customer, payer_id
from billing.edge.stripe.found import LookupFailed, Trouble
from billing.flow.engine.context import Halted, ItemContext, StillUnresolved
from billing.flow.kinds.payer.answers import NO_TROUBLE, failure, first_key, once_more, sent
from billing.flow.services import Services

LIST_SECONDS = 22 * 3600.0
# As for charges: Stripe keeps a key for 24 h at least, and two hours are left for a request that is on its way
# (see docs.stripe.com/api/idempotent_requests).
LINK_DAYS = 30
# How long a link is open when the run file does not say.


@dataclass(slots=True)
class Customers:
    """The platform's customers that were made for payers, as a list of this process shows them.

    Attributes:
        oldest: id of a payer -> the customer that was made for it first.
        listed_at: when the last complete list was begun, by the provider's clock.
        lock: one list at a time.
    """

    services: Services
    oldest: dict[str, CustomerSeen] = field(default_factory=dict)
    listed_at: float = float("-inf")
    lock: anyio.Lock = field(default_factory=anyio.Lock)

    async def of(self, names: Iterable[str], *, anew: bool = False) -> CustomerSeen | LookupFailed | None:
        """Return the customer made for a payer under any of its names, the oldest; None where there is none.

        Args:
            names: ids of all generations of its line.
            anew: only a list that begins now will do.

        Raises:
            ProviderUnreachable: the provider has been away for longer than the budget.
        """
        asked = self.services.clock.epoch()
        async with self.lock:
            old = asked - self.listed_at > LIST_SECONDS
            if old or (anew and self.listed_at < asked):
                failed = await self._list()
                if failed is not None:
                    return failed
        found = [self.oldest[name] for name in names if name in self.oldest]
        return min(found, key=lambda one: (one.created, one.id), default=None)

    def note(self, payer: str, customer: str) -> None:
        """Keep what this process has made."""
        self.oldest.setdefault(payer, CustomerSeen(customer, payer, int(self.services.clock.epoch()), ""))

    async def _list(self) -> LookupFailed | None:
        begun_at = self.services.clock.epoch()
        found: dict[str, CustomerSeen] = {}
        async for page in self.services.gateway.made_customer_pages():
            if isinstance(page, LookupFailed):
                return page
            for seen in map(customer_seen, page):
                if seen is not None and seen.payer:
                    before = found.get(seen.payer, seen)
                    found[seen.payer] = min(before, seen, key=lambda one: (one.created, one.id))
        self.oldest, self.listed_at = found, begun_at
        return None


async def begin(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Write that the customer is looked for, and made if there is none."""
    return await ctx.record(item, Move(Event.CREATE_STARTED, facts=first_key(ctx, CREATE)))


async def create(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Take the oldest customer that was made for this payer; where a young list shows none, make it.

    Raises:
        StillUnresolved: the customers cannot be listed, the run file is not at hand, or the budget is spent.
        Requeue, Halted: as `sent`.
    """
    who = ctx.personal(item)
    if not who.get("email"):
        raise StillUnresolved(item)
    # After a send without an answer only a new list shows what became of it.
    found = await _listed(ctx, item, anew=ctx.rounds[item.state] > 0)
    if found is not None:
        return await known(ctx, item, found.id)
    outcome = await sent(ctx, item, create_customer(item, who, _name(ctx, item)))
    if isinstance(outcome, Made):
        ctx.services.shared(Customers).note(_name(ctx, item), outcome.object_id)
        return await known(ctx, item, outcome.object_id)
    if isinstance(outcome, Refused):
        about = f" ({outcome.param})" if outcome.param else ""
        # Stripe's own sentence may repeat what it does not take: an address, or a name.
        why = failure(outcome.code, f"Stripe does not take this customer{about}", CORRECT, outcome.request_id)
        return await ctx.record(item, Move(Event.CREATE_REFUSED, facts=why))
    if isinstance(outcome, Lost) and outcome.renew:
        raise StillUnresolved(item)  # an error that is stored under the key is waited out: the key does not change
    return once_more(ctx, item)


CORRECT = "Correct the e-mail address, name or telephone number in the sheet, and run again with --amend."


async def known(ctx: ItemContext, item: ItemRecord, customer: str) -> ItemRecord:
    """Put the customer on record; from now on the payer has a link."""
    facts: dict[str, Any] = {**NO_TROUBLE, "link_end": _link_end(ctx.services, item)}
    if ctx.services.public_url:
        facts["link_base"] = ctx.services.public_url
    return await ctx.record(
        item, Move(Event.CUSTOMER_KNOWN, object_id=object_of(customer, item.generation), facts=facts)
    )


def _link_end(services: Services, item: ItemRecord) -> int:
    """Return the last second of the last day of a payer's link, in the run's own time zone."""
    record = services.ledger.run(item.run_id)
    zone = ZoneInfo(str((record.header.get("timezone") if record else None) or "UTC"))
    last = item.content.get("link_until")
    day = (
        date.fromisoformat(last) if last else (services.clock.now() + timedelta(days=LINK_DAYS)).astimezone(zone).date()
    )
    return int(datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC).timestamp()) - 1


async def _listed(ctx: ItemContext, item: ItemRecord, *, anew: bool) -> CustomerSeen | None:
    """Return the customer that a list shows, or None.

    Raises:
        StillUnresolved: there is no list.
        Halted: the key may not list customers.
    """
    services = ctx.services
    every = (
        item_id(services.mode, services.platform, "", item.reference, generation, Kind.PAYER)
        for generation in range(item.generation + 1)
    )
    found = await services.shared(Customers).of(every, anew=anew)
    if not isinstance(found, LookupFailed):
        return found
    message = f"the customers cannot be listed: {found.message or found.code} ({found.code})"
    if found.trouble is Trouble.CREDENTIALS:
        raise Halted(Halt(Exit.CREDENTIALS, message, reply=Reply(None)))
    services.log("customers_not_listed", code=found.code, request_id=found.request_id)
    raise StillUnresolved(item)


def _name(ctx: ItemContext, item: ItemRecord) -> str:
    return payer_id(item, ctx.services.mode, ctx.services.platform)
