"""The five requests of a charge, from what is on record of it."""

from typing import Any

from billing.core.calls import Call
from billing.core.entries import ItemRecord
from billing.core.findings import CHARGED_IN, charged_in
from billing.core.kinds import charge
from billing.core.kinds.charge_rules import method_used
from billing.core.objects import intent, method

INTENTS, METHODS = "/v1/payment_intents", "/v1/payment_methods"


def open_intent(item: ItemRecord) -> Call:
    """Create the item's intent without moving money: ``Made(intent id)`` when done."""
    params = {
        "amount": item.amount,
        "currency": item.currency,
        "allowed_payment_method_types": [name for name in CHARGED_IN if charged_in(name, item.currency)],
        "application_fee_amount": item.content.get("application_fee"),
        "description": item.content.get("description"),
        "statement_descriptor_suffix": item.content.get("statement_suffix"),
        "metadata": metadata(item),
    }
    return Call(charge.OPEN, INTENTS, _without_none(params), intent.OPENED)


def clone_method(item: ItemRecord) -> Call:
    """Copy the platform's payment method to the connected account: ``Made(clone id)`` when done."""
    params = {
        "customer": item.content["customer"],
        "payment_method": method_used(item),
        "metadata": {"billing_item": item.item_id},  # whose clone an answer shows
    }
    return Call(charge.CLONE, METHODS, params, method.CLONED)


def confirm_intent(item: ItemRecord) -> Call:
    """Move the money: confirm the recorded intent with the recorded clone. Send it once per durable entry."""
    params = {
        "payment_method": item.instrument_id,
        "off_session": True,
        # Whoever may edit the intent on its account could otherwise raise it between the open and this.
        "amount_to_confirm": item.amount,
    }
    return Call(charge.CONFIRM, f"{INTENTS}/{item.object_id}/confirm", params, intent.CONFIRMED)


def cancel_intent(item: ItemRecord) -> Call:
    """Make sure that the recorded intent never takes money."""
    params = {"cancellation_reason": "abandoned"}
    return Call(charge.CANCEL, f"{INTENTS}/{item.object_id}/cancel", params, intent.CANCELLED)


def read_intent(item: ItemRecord) -> Call:
    """Look at the recorded intent."""
    return Call(charge.READ, f"{INTENTS}/{item.object_id}", {}, intent.READ)


def metadata(item: ItemRecord) -> dict[str, str]:
    """Return the item's own metadata and ours: enough to rebuild a lost ledger from Stripe."""
    return {
        **item.content.get("metadata", {}),
        "billing_v": "1",
        "billing_item": item.item_id,
        "billing_run": str(item.content.get("run_id") or item.run_id),
        "billing_reference": item.reference,
        "billing_digest": item.digest[:16],
    }


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values that are there."""
    return {name: value for name, value in values.items() if value is not None}
