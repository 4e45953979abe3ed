"""Who is subscribed with what: a line for each link that a run has made, from the ledger, and as Stripe shows it now.

Account by account: its subscriptions are listed by the page and never read one by one, so that a look at all costs as
many requests as there are accounts, and memory for one of them.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from billing.core.entries import ItemRecord
from billing.core.items import Kind, Mode
from billing.core.kinds import LIVES
from billing.core.objects.renewal import WHAT_TO_DO, RenewalSeen, Trouble, renewal_in, trouble_of
from billing.core.records import RunRecord
from billing.edge.ledger import Ledger
from billing.edge.stripe.found import LookupFailed
from billing.edge.stripe.found import Trouble as Unread
from billing.flow.engine.scheduler import PAGE
from billing.flow.services import Services

Listing = Callable[[str], Awaitable[Mapping[str, RenewalSeen] | LookupFailed]]
# Lists an account's subscriptions of ours by id, or says why it cannot.


@dataclass(frozen=True, slots=True)
class Linked:
    """One link, and the subscription that it carries; empty texts for what is not known.

    Attributes:
        customer: the platform customer (``cus_…``).
        payment_method: of the platform, which the copy was made of.
        account: the connected account.
        connected_customer: who the customer is there.
        connected_payment_method: the copy that is attached there.
        subscription: ``sub_…``.
        reference, run: the line that made it.
        state: what the ledger says of that line.
        status: Stripe's word for the subscription; that of the ledger where Stripe was not asked.
        current_period_end, ends_at: in ISO 8601, UTC.
        failed_attempts: how often its latest invoice was tried in vain.
        trouble: why its renewal needs a person, or may soon.
        what_to_do: about that.
        asked: whether Stripe was asked, and answered.
    """

    customer: str
    payment_method: str
    account: str
    connected_customer: str
    connected_payment_method: str
    subscription: str
    reference: str
    run: str
    state: str
    status: str
    current_period_end: str
    ends_at: str
    failed_attempts: int
    trouble: str
    what_to_do: str
    asked: bool


@dataclass(frozen=True, slots=True)
class Whose:
    """Which links are asked for; nothing named means all of them."""

    accounts: frozenset[str] = frozenset()
    customers: frozenset[str] = frozenset()


def accounts_of(ledger: Ledger, mode: Mode, whose: Whose) -> dict[str, list[str]]:
    """Return the accounts that have links: account -> the runs that made them, the oldest first."""
    found: dict[str, list[str]] = {}
    for run in reversed(_runs(ledger, mode)):
        for account in ledger.workload(run.run_id, _states()):
            if not whose.accounts or account in whose.accounts:
                found.setdefault(account, []).append(run.run_id)
    return dict(sorted(found.items()))


async def links(
    ledger: Ledger, accounts: Mapping[str, Iterable[str]], whose: Whose, listing: Listing | None
) -> AsyncIterator[Linked | LookupFailed]:
    """Yield every link, account by account; why an account could not be listed comes before its links.

    Args:
        ledger: where they are on record.
        accounts: those of `accounts_of`.
        whose: which are asked for.
        listing: asks Stripe; None for what the ledger alone knows.

    Raises:
        CredentialsError: the key may not list subscriptions.
    """
    for account, runs in accounts.items():
        shown = None if listing is None else await listing(account)
        if isinstance(shown, LookupFailed):
            if shown.trouble is Unread.CREDENTIALS:
                raise shown.as_error()
            yield shown
            shown = None
        for item in _items(ledger, runs, account):
            if not whose.customers or item.payer in whose.customers:
                yield _linked(item, shown)


def listing_of(services: Services) -> Listing:
    """Return what lists an account's subscriptions that are ours, a page at a time."""

    async def listed(account: str) -> Mapping[str, RenewalSeen] | LookupFailed:
        found: dict[str, RenewalSeen] = {}
        async for page in services.gateway.renewal_pages(account):
            if isinstance(page, LookupFailed):
                return page
            ours = (row for row in page if (row.get("metadata") or {}).get("billing_item"))
            found |= {seen.id: seen for seen in map(renewal_in, ours)}
        return found

    return listed


def _states() -> tuple[StrEnum, ...]:
    """Return the states in which a line may have a subscription: all but those of one that came to nothing."""
    life = LIVES[Kind.SUBSCRIPTION]
    return tuple(state for state in life.states if state not in life.reopens | {life.planned})


def _runs(ledger: Ledger, mode: Mode) -> Sequence[RunRecord]:
    if Kind.SUBSCRIPTION not in LIVES:
        return []
    return [run for run in ledger.runs() if run.kind is Kind.SUBSCRIPTION and run.mode is mode]


def _items(ledger: Ledger, runs: Iterable[str], account: str) -> Iterator[ItemRecord]:
    for run in runs:
        row = 0
        while page := ledger.work(run, _states(), account, row, PAGE):
            row = page[-1].id
            yield from (item for item in page if item.object_id is not None)


def _linked(item: ItemRecord, shown: Mapping[str, RenewalSeen] | None) -> Linked:
    seen = None if shown is None else shown.get(str(item.object_id))
    trouble = None if shown is None else Trouble.NOT_LISTED if seen is None else trouble_of(seen)
    facts = item.facts
    status = seen.status if seen else str(facts.get("subscription_status") or "")
    return Linked(
        customer=item.payer,
        payment_method=str(facts.get("payment_method") or item.content.get("payment_method") or ""),
        account=item.account,
        connected_customer=str(facts.get("connected_customer") or ""),
        connected_payment_method=str(facts.get("clone") or ""),
        subscription=str(item.object_id),
        reference=item.reference,
        run=item.run_id,
        state=str(item.state),
        status=status,
        current_period_end=_moment(seen.period_end if seen else facts.get("current_period_end")),
        ends_at=_moment(seen.ends_at if seen else None),
        failed_attempts=seen.attempts if seen and trouble else 0,
        trouble=str(trouble or ""),
        what_to_do=WHAT_TO_DO[trouble] if trouble else "",
        asked=shown is not None,
    )


def _moment(second: int | None) -> str:
    return "" if second is None else datetime.fromtimestamp(second, UTC).isoformat(timespec="seconds")
