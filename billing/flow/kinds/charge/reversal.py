"""The refund that undoes a charge: all of it, whatever the sheet of its run says by now."""

from billing.core.entries import ItemRecord
from billing.core.items import FeeBack, Refund
from billing.core.money import Money


def refund_of(item: ItemRecord, fee: FeeBack) -> Refund:
    """Return the refund of a paid charge; it keeps the reference, so that asking twice asks for the same."""
    return Refund(
        reference=item.reference,
        account=item.account,
        payer=item.payer,
        intent=item.object_id or "",
        charge=str(item.facts.get("charge") or ""),
        amount=Money(item.amount, item.currency),
        fee=fee,
        of_run=item.run_id,
    )
