"""The refund that undoes a charge: all of it, whatever the sheet of its run says by now."""

from billing.core.entries import ItemRecord
from billing.core.items import FeeBack, Refund
from billing.core.money import Money


def refund_of(item: ItemRecord, fee: FeeBack) -> Refund:
    """Return the refund of a paid charge; it keeps the reference, so that asking twice asks for the same.

    Of a charge without a share of the platform's none can go back: Stripe refuses a refund that asks for it.
    """
    return Refund(
        reference=item.reference,
        account=item.account,
        payer=item.payer,
        intent=item.object_id or "",
        charge=str(item.facts.get("charge") or ""),
        amount=Money(item.amount, item.currency),
        fee=fee if item.content.get("application_fee") else FeeBack.KEEP,
        of_run=item.run_id,
    )
