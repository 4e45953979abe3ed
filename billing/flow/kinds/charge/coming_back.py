"""Which debits came back since the last look: one list of each account that may have such a thing, kept by its date.

A debit may come back for weeks, so a daily look must cost a page of an account and no read of an item. Where a list
ended is kept for each run and account, after what it showed is on record: killed in between, the list is read again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import anyio

from billing.core.entries import ItemRecord
from billing.core.findings import charged_in
from billing.core.kinds import is_final
from billing.core.kinds.charge import Event, State
from billing.core.objects.returned import intent_of, may_be_return
from billing.core.policies import Policies
from billing.core.records import Arrived, RunRecord, Tally
from billing.core.returns import BANK_DEBIT, RETURN_DAYS
from billing.edge.stripe.found import LookupFailed, Trouble
from billing.flow.engine.gather import gather
from billing.flow.kinds.charge.listing import Undisputed
from billing.flow.kinds.charge.returns import look_at_dispute
from billing.flow.options import Ending
from billing.flow.services import Services

SEEN = "returns_seen"
# The look-up that keeps, by run and account, until when an account's disputes are known (`until`, epoch seconds).
OVERLAP_SECONDS = 86_400
# How far a list goes back behind the end of the one before, whatever the clocks of two machines say.
MARGIN_SECONDS = 300
# How far before the first try of a debit its first list begins.
AT_ONCE = 16
# Accounts listed side by side; the throttle paces the pages further.


async def find_returns(services: Services, run_id: str, policies: Policies) -> Ending:
    """List the disputes of each account of a run whose paid debits may still come back, and record those that have.

    A dispute that cannot be read, and an account that cannot be listed, are looked at the next time.

    Raises:
        CredentialsError: the key may not list disputes.
        LedgerError: a commit failed.
        ProviderUnreachable: the provider has been away for longer than the budget.
    """
    record = services.ledger.run(run_id)
    due = {} if record is None else _due(services, record)
    if record is None or not due:
        return Ending()
    await services.identify()
    if record.platform != services.platform:
        return Ending()
    look, limiter = _Look(services, record, policies), anyio.CapacityLimiter(AT_ONCE)

    async def one(account: str, since: float) -> list[ItemRecord]:
        async with limiter:
            return await look.at(account, since)

    found = await gather(*(partial(one, account, since) for account, since in due.items()))
    moved = [item for each in found for item in each]
    return Ending(ended=tuple(map(_tally, moved)), changed=len(moved))


def _due(services: Services, record: RunRecord) -> dict[str, float]:
    """Return the accounts whose disputes are to be listed, each with the epoch second from which on.

    What was paid right at its confirm was a card. What a list of this very look has shown undisputed needs no other.
    """
    prefix = f"{record.run_id}/"
    seen = {name.removeprefix(prefix): float(facts["until"]) for name, facts in services.ledger.kept(SEEN, prefix)}
    undisputed, since = services.shared(Undisputed).take(), services.clock.days_ago(RETURN_DAYS)
    due: dict[str, float] = {}
    for paid in services.ledger.arrived(record.run_id, Event.CHARGE_SUCCEEDED, Event.CONFIRM_STARTED, since):
        if charged_in(BANK_DEBIT, paid.currency) and paid.object_id not in undisputed:
            due[paid.account] = min(due.get(paid.account, float("inf")), _since(paid, seen.get(paid.account)))
    return due


def _since(paid: Arrived, until: float | None) -> float:
    """Return from when on a debit may have come back unseen: it may have been paid long before that was written."""
    if until is not None and paid.at <= until:
        return until - OVERLAP_SECONDS
    tried = datetime.fromisoformat(paid.first_try).timestamp() if paid.first_try else paid.at - RETURN_DAYS * 86_400
    return tried - MARGIN_SECONDS


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at what came back of a run."""

    services: Services
    record: RunRecord
    policies: Policies

    async def at(self, account: str, since: float) -> list[ItemRecord]:
        """Record what the disputes of an account show since a moment, then keep how far they are known."""
        services, moved = self.services, list[ItemRecord]()
        until = services.clock.epoch()
        async for page in services.gateway.disputes_since(account, int(since)):
            if isinstance(page, LookupFailed):
                self._leave(account, page)
                return moved
            for dispute, item in self._ours(page):
                if item is not None and item.state is not State.SUCCEEDED:
                    until = min(until, float(dispute.get("created") or 0))  # its end is not on record here yet
                    continue
                found = await look_at_dispute(services, account, str(dispute["id"]), lambda _: self.policies)
                if isinstance(found, LookupFailed):
                    self._leave(account, found)
                    return moved
                moved += [] if found is None else [found]
        await services.ledger.keep_lookups(SEEN, {f"{self.record.run_id}/{account}": {"until": int(until)}})
        return moved

    def _ours(self, page: list[dict[str, Any]]) -> Iterator[tuple[Mapping[str, Any], ItemRecord | None]]:
        """Yield the disputes that may be returns of this run's debits; without an item where a list does not say."""
        may = [dispute for dispute in page if may_be_return(dispute)]
        items = self.services.ledger.by_object([intent for dispute in may if (intent := intent_of(dispute))])
        for dispute in may:
            item = items.get(intent_of(dispute))
            if item is None and not intent_of(dispute):
                yield dispute, None
            elif item is not None and item.run_id == self.record.run_id and not self._is_over(item):
                yield dispute, item

    def _is_over(self, item: ItemRecord) -> bool:
        return is_final(item.state) and item.state is not State.SUCCEEDED

    def _leave(self, account: str, failed: LookupFailed) -> None:
        """Leave the rest of an account for the next look.

        Raises:
            CredentialsError: the key may not read disputes.
        """
        if failed.trouble is Trouble.CREDENTIALS:
            raise failed.as_error()
        self.services.log("returns_not_listed", run=self.record.run_id, account=account, code=failed.code)


def _tally(item: ItemRecord) -> Tally:
    """Return an item as what the command has brought to an end."""
    group, reason = (str(item.facts.get(name) or "") for name in ("group", "reason_code"))
    return Tally(item.state, group, reason, item.currency, 1, item.amount)
