"""Debits that came back after they had succeeded: read by their disputes, and put on record where they are returns.

A return is a sighting of what is over at Stripe. Nothing is charged again here: the next generation of an obligation is
opened by whoever retries it, or changes its line.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from billing.core.entries import ItemRecord, Move
from billing.core.items import Kind
from billing.core.kinds.charge import Event, State
from billing.core.objects.returned import ReturnSeen, intent_of, paid_by, return_seen
from billing.core.policies import Policies
from billing.core.records import RunRecord
from billing.core.returns import after_return
from billing.edge.ledger import LostRace
from billing.edge.stripe.found import LookupFailed
from billing.flow.kinds.charge.cards import keeps
from billing.flow.services import Services

PoliciesOf = Callable[[RunRecord], Policies]


async def look_at_dispute(
    services: Services, account: str, dispute: str, policies: PoliciesOf
) -> ItemRecord | LookupFailed | None:
    """Read a dispute with its charge, and record it if it shows that a debit of ours came back.

    Args:
        services: what the flow works with; the platform is known.
        account: the connected account.
        dispute: its id.
        policies: of a run: what follows a return.

    Returns:
        The item that it moved; None where it moves none; why it cannot be read.

    Raises:
        LedgerError: the commit failed.
        ProviderUnreachable: the provider has been away for longer than the budget.
    """
    body = await services.gateway.dispute(account, dispute)
    if isinstance(body, LookupFailed):
        return body
    return await _concluded(services, account, body, policies)


async def _concluded(
    services: Services, account: str, dispute: Mapping[str, Any], policies: PoliciesOf
) -> ItemRecord | None:
    item = services.ledger.by_object([intent_of(dispute)]).get(intent_of(dispute))
    record = None if item is None else services.ledger.run(item.run_id)
    while item is not None and record is not None and _stands(services, account, item, record):
        seen = return_seen(dispute, paid_by(item), services.mode)
        if seen is None:
            services.log("dispute_moves_nothing", account=account, reference=item.reference, dispute=dispute["id"])
            return None
        move = returned(services, item, seen, policies(record))
        try:
            after = await services.ledger.record(item, move, keep=keeps(services, item, [move]))
        except LostRace as race:  # something was noted of it meanwhile, or another look has seen the same
            item = race.item
        else:
            named = {"run": after.run_id, "reference": after.reference, "account": account}
            services.log("payment_returned", **named, dispute=seen.dispute, reason_code=seen.reason)
            return after
    return None


def _stands(services: Services, account: str, item: ItemRecord, record: RunRecord) -> bool:
    """Tell whether an item is a paid charge of this account, mode and platform: nothing else can come back."""
    owner = (item.kind, item.account, record.mode, record.platform)
    return owner == (Kind.CHARGE, account, services.mode, services.platform) and item.state is State.SUCCEEDED


def _earlier_returns(services: Services, item: ItemRecord) -> int:
    """Return how often what was paid for an item's obligation had come back before, in its earlier generations."""
    if not item.generation:
        return 0
    told = services.ledger.entries(item.run_id, item.reference)
    return sum(entry.name == Event.PAYMENT_RETURNED and entry.item_id != item.item_id for entry in told)


def returned(services: Services, item: ItemRecord, seen: ReturnSeen, policies: Policies) -> Move:
    """Return the entry of a debit that came back, with the time of another attempt if time alone may mend it."""
    tries = int(item.facts.get("declines") or item.content.get("earlier_declines") or 0) + 1
    returns = 1 + _earlier_returns(services, item)
    follows = after_return(policies.dunning, seen.reason, tries, returns, refunded=seen.refunded)
    due = None if follows.gap is None else (services.clock.now() + follows.gap).isoformat(timespec="seconds")
    at = datetime.fromtimestamp(seen.created, UTC)
    facts = {
        "declines": tries,
        "group": str(follows.rule.group),
        "reason_code": seen.reason,
        "reason": f"it came back on {at.date()}: {follows.rule.note}",
        "what_to_do": follows.rule.what_to_do,
        "remedy": str(follows.rule.remedy),
        "next_try": due,
        "blocks_card": follows.rule.block_card or None,
        "dispute": seen.dispute,
        "returned_at": at.isoformat(timespec="seconds"),
        "return_fee": seen.fee,
        "amount_charged": None,
        "request_id": None,
    }
    return Move(Event.PAYMENT_RETURNED, facts=facts)
