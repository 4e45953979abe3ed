"""The cancellation that undoes a subscription: nothing that was paid goes back."""

from billing.core.entries import ItemRecord
from billing.core.items import Cancellation, When


def cancellation_of(item: ItemRecord, when: When, *, clear_fee: bool) -> Cancellation:
    """Return the end of what a line has subscribed; it keeps the reference, so that asking twice asks for the same."""
    return Cancellation(
        reference=item.reference,
        account=item.account,
        payer=item.payer,
        subscription=item.object_id or "",
        when=when,
        of_run=item.run_id,
        clear_fee=clear_fee,
    )
