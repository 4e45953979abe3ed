"""Close open payments that carry a line's name and that no line holds: asked for by itself, after a read of each.

Which of them may be closed is narrow. A line of this ledger must be paid by another payment, so that this one could
only charge its payer twice. Whatever belongs to a line that is not paid here another ledger may still finish, and an
intent that was tried, or that another application has made, is not ours to cancel.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import anyio

from billing.core.entries import ItemRecord
from billing.core.items import Kind as ItemKind
from billing.core.outcomes import Cancelled, Lost, Outcome, Succeeded, Unconfirmed, Unsent
from billing.core.reconciling.claims import pays_otherwise
from billing.core.reconciling.findings import Finding
from billing.core.reconciling.kinds import Kind
from billing.edge.stripe.calls.charge import cancel_intent, read_intent
from billing.edge.stripe.found import LookupFailed
from billing.flow.reconciling.scope import Scope, items_on
from billing.flow.services import Services

SENDS = 3
PAUSE_SECONDS = 1.0
# A cancel may be repeated under its own key; what is not answered then is looked at the next time.


@dataclass(frozen=True, slots=True)
class Closed:
    """What became of one of them."""

    intent: str
    account: str
    closed: bool
    says: str

    def as_facts(self) -> dict[str, Any]:
        """Return it as a program reads it."""
        return {"object": self.intent, "account": self.account, "closed": self.closed, "says": self.says}


def closable(services: Services, scope: Scope, findings: Iterable[Finding]) -> list[Finding]:
    """Return the open payments without a line that may be closed, by what is on record."""
    orphans = [one for one in findings if one.kind is Kind.ORPHAN and one.item]
    held = services.ledger.on_record([one.object for one in orphans][:500])
    return [one for one in orphans[:500] if one.object not in held and _item(services, scope, one) is not None]


def _item(services: Services, scope: Scope, orphan: Finding) -> ItemRecord | None:
    """Return the line of an orphan if it is paid by its own payment."""
    runs = [run for run in scope.runs if run.run_id == orphan.run and run.kind is ItemKind.CHARGE]
    for item in items_on(services.ledger, runs, orphan.account):
        if item.item_id == orphan.item:
            return item if pays_otherwise(item, orphan.object) else None
    return None


async def close_orphans(services: Services, scope: Scope, orphans: Sequence[Finding]) -> list[Closed]:
    """Read each once more, and cancel those that are still open and were never tried.

    Raises:
        BillingError: the key is refused, or Stripe is away.
    """
    return [await _close(services, scope, one) for one in orphans]


async def _close(services: Services, scope: Scope, orphan: Finding) -> Closed:
    item = _item(services, scope, orphan)
    shown = await services.gateway.charged_intent(orphan.account, orphan.object)
    if item is None or isinstance(shown, LookupFailed):
        return Closed(orphan.object, orphan.account, False, "it could not be read; nothing was sent")
    why = await _not_ours(services, item, shown)
    if why:
        return Closed(orphan.object, orphan.account, False, why)
    asked = _as_shown(item, shown)
    seen = await services.gateway.send(asked, read_intent(asked))
    if not isinstance(seen, Unconfirmed) or seen.earlier is not None or shown.get("latest_charge"):
        return Closed(
            orphan.object, orphan.account, False, "it is not open any more, or it was tried; nothing was sent"
        )
    ended = await _cancel(services, asked)
    if isinstance(ended, Cancelled):
        services.log("orphan_closed", account=orphan.account, intent=orphan.object, reference=orphan.reference)
        return Closed(orphan.object, orphan.account, True, "cancelled")
    paid = "it was paid meanwhile" if isinstance(ended, Succeeded) else "the answer does not say so"
    return Closed(orphan.object, orphan.account, False, f"not cancelled: {paid}; reconcile once more")


async def _not_ours(services: Services, item: ItemRecord, shown: Any) -> str:  # noqa: ANN401  an intent as Stripe shows it
    """Return why an intent is not ours to cancel, or nothing: the application of the line's own must have made it."""
    metadata = shown.get("metadata") or {}
    if metadata.get("billing_item") != item.item_id:
        return "it does not carry the line's name any more; nothing was sent"
    own = await services.gateway.charged_intent(item.account, str(item.object_id))
    if isinstance(own, LookupFailed):
        return "the line's own payment could not be read; nothing was sent"
    if own.get("status") != "succeeded":
        return "the line's own payment does not show that it is paid; nothing was sent"
    if own.get("application") != shown.get("application"):
        return "another application has made it; nothing was sent"
    return ""


def _as_shown(item: ItemRecord, shown: Any) -> ItemRecord:  # noqa: ANN401  as above
    """Return the line as if it held the orphan, so that answers are held against what that one asks for."""
    content = {**item.content, "application_fee": shown.get("application_fee_amount")}
    return replace(
        item, object_id=str(shown["id"]), amount=int(shown["amount"]), currency=str(shown["currency"]), content=content
    )


async def _cancel(services: Services, asked: ItemRecord) -> Outcome | None:
    """Cancel under a key that names the orphan, not the line: the line's own cancel is another request."""
    call = replace(cancel_intent(asked), names=str(asked.object_id))
    ended: Outcome | None = None
    for number in range(SENDS):
        if number:
            await anyio.sleep(PAUSE_SECONDS)
        ended = await services.gateway.send(asked, call)
        if not isinstance(ended, Unsent | Lost):
            break
    return ended
