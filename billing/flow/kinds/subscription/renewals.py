"""Renewals: Stripe makes and retries them; `billing settle` lists them, and notes what has changed of each line."""

from collections.abc import Iterator, Mapping
from typing import Any

from billing.core.entries import ItemRecord, Move, Note
from billing.core.kinds.subscription import State
from billing.core.objects.renewal import WHAT_TO_DO, RenewalSeen, Trouble, trouble_of
from billing.core.policies import Policies
from billing.edge.ledger import LostRace
from billing.edge.stripe.found import LookupFailed
from billing.edge.stripe.found import Trouble as Unread
from billing.flow.engine.scheduler import PAGE
from billing.flow.linked import listing_of
from billing.flow.options import Ending
from billing.flow.services import Services

MEANS: Mapping[Trouble, str] = {
    Trouble.RETRYING: "a renewal was declined",
    Trouble.PAST_DUE: "a renewal was declined, and no further try is planned",
    Trouble.UNPAID: "renewals were declined, and nothing is collected any more",
    Trouble.OVER_AND_OWING: "the subscription is over, and an invoice of it is owed",
    Trouble.NOT_LISTED: "the account does not list the subscription",
}


async def read_renewals(services: Services, run_id: str, _policies: Policies) -> Ending:
    """List the subscriptions of each account of a run, and note of each line what is not known yet.

    One list for each account, however many lines it has. What cannot be listed now is listed the next time.

    Returns:
        How many lines show something new; nothing of them is over.

    Raises:
        CredentialsError: the key may not list subscriptions.
        LedgerError: a commit failed.
    """
    accounts = services.ledger.workload(run_id, (State.SUCCEEDED,))
    record = services.ledger.run(run_id)
    if not accounts or record is None:
        return Ending()
    await services.identify()
    if record.platform != services.platform:
        return Ending()
    return Ending(changed=sum([await _of_account(services, run_id, account) for account in accounts]))


async def _of_account(services: Services, run_id: str, account: str) -> int:
    shown = await listing_of(services)(account)
    if isinstance(shown, LookupFailed):
        if shown.trouble is Unread.CREDENTIALS:
            raise shown.as_error()
        services.log("renewals_not_listed", run=run_id, account=account, reason_code=shown.code)
        return 0
    return sum([await _note(services, item, shown) for item in _begun(services, run_id, account)])


def _begun(services: Services, run_id: str, account: str) -> Iterator[ItemRecord]:
    row = 0
    while page := services.ledger.work(run_id, (State.SUCCEEDED,), account, row, PAGE):
        row = page[-1].id
        yield from page


async def _note(services: Services, item: ItemRecord, shown: Mapping[str, RenewalSeen]) -> int:
    now = _told_of(shown.get(str(item.object_id)))
    news = {name: value for name, value in now.items() if item.facts.get(name) != value}
    if not news:
        return 0
    try:
        await services.ledger.record(item, Move(Note.RENEWAL_SEEN, facts=news))
    except LostRace:  # a sync has moved its method meanwhile; the next look notes what this one saw
        return 0
    return 1


def _told_of(seen: RenewalSeen | None) -> dict[str, Any]:
    """Return what stands beside a line; None takes away what stood there."""
    trouble = Trouble.NOT_LISTED if seen is None else trouble_of(seen)
    told: dict[str, Any] = dict.fromkeys(("reason_code", "reason", "what_to_do"))
    if trouble is not None:
        told = {"reason_code": str(trouble), "reason": MEANS[trouble], "what_to_do": WHAT_TO_DO[trouble]}
    if seen is None:
        return told
    end = {} if seen.period_end is None else {"current_period_end": seen.period_end}
    return told | {"subscription_status": seen.status} | end
