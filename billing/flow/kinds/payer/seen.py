"""What an invitation was seen to come to, and the entry of it; a table says which (`core.kinds.payer.CONCLUDES`)."""

from typing import Any

from billing.core.entries import ItemRecord, Move
from billing.core.kinds.payer import CONCLUDES, Event
from billing.core.kinds.payer import gone as gone_event
from billing.core.objects.setup import InvitationSeen, Standing, newest_saved, where_it_stands
from billing.edge.stripe.calls.payer import list_payments, list_setups
from billing.flow.engine.context import ItemContext
from billing.flow.kinds.payer.answers import NO_TROUBLE, failure, read


def concluded(seen: InvitationSeen, request_id: str) -> Move | None:
    """Return the entry that a read of the invitation leads to, or None while it is open."""
    match where_it_stands(seen):
        case Standing.SAVED:
            return saved_move(seen, request_id)
        case Standing.PAID_AND_GONE:
            return gone_move(seen, request_id)
        case Standing.GONE:
            return Move(CONCLUDES[Standing.GONE], facts=_gone_again(request_id))
        case Standing.OVER:
            facts = {"request_id": request_id, "declined": seen.error or None}
            return Move(CONCLUDES[Standing.OVER], facts=facts)
        case _:
            return None


def saved_move(seen: InvitationSeen, request_id: str) -> Move:
    """Return the entry of a method that was seen saved."""
    facts: dict[str, Any] = {**NO_TROUBLE, "payment_method": seen.method, "request_id": request_id}
    if seen.pays:
        facts |= {"paid": True, "payment_intent": seen.intent, "first_payment_status": seen.status}
    else:
        facts["setup_intent"] = seen.intent
    return Move(CONCLUDES[Standing.SAVED], facts=facts)


def gone_move(seen: InvitationSeen, request_id: str) -> Move:
    """Return the entry of a first payment whose method is gone: it is never asked for again."""
    paid = {"paid": True, "payment_intent": seen.intent, "first_payment_status": seen.status}
    return Move(CONCLUDES[Standing.PAID_AND_GONE], facts={**_paid_and_gone(request_id), **paid})


def vanished_move(item: ItemRecord, request_id: str) -> Move:
    """Return the entry of an item whose saved method is attached to nobody any more."""
    paid = bool(item.facts.get("paid"))
    event = gone_event(paid=paid)
    return Move(event, facts=_paid_and_gone(request_id) if event is Event.PAID_AND_GONE else _gone_again(request_id))


async def newest(ctx: ItemContext, item: ItemRecord) -> tuple[InvitationSeen | None, str]:
    """Return what the customer has saved last, and the request that showed it.

    Raises:
        StillUnresolved: it cannot be listed.
        Requeue, Halted: as `read`.
    """
    shown = await read(ctx, item, list_setups(item))
    assert isinstance(shown.found, tuple)  # noqa: S101  its call says so
    listed = list(shown.found)
    if item.amount:
        payments = await read(ctx, item, list_payments(item))
        assert isinstance(payments.found, tuple)  # noqa: S101
        listed += payments.found
    return newest_saved(listed, frozenset({item.item_id})), shown.request_id


def _gone_again(request_id: str) -> dict[str, Any]:
    reason = "a method was saved, and is attached to nobody any more: a blocked card, as a rule"
    return failure("method_gone", reason, "Nothing: the payer is asked for another one.", request_id) | {"group": None}


def _paid_and_gone(request_id: str) -> dict[str, Any]:
    return failure(
        "paid_and_gone",
        "the first payment was taken, and its payment method is attached to nobody any more",
        "Ask for another method in a line of its own, without a first payment; or give the payment back in Stripe.",
        request_id,
    ) | {"group": None}
