"""What payments tell the feed of events: an intent and its charge, by the state that each has come to."""

from billing.sandbox import events
from billing.sandbox.refusals import Obj
from billing.sandbox.world import Call

OF_INTENT = {
    "requires_payment_method": "payment_intent.payment_failed", "requires_action": "payment_intent.requires_action",
    "processing": "payment_intent.processing", "requires_capture": "payment_intent.amount_capturable_updated",
    "succeeded": "payment_intent.succeeded", "canceled": "payment_intent.canceled",
}  # fmt: skip
OF_CHARGE = {status: f"charge.{status}" for status in ("succeeded", "pending", "failed")}


def moved(call: Call, intent: Obj, charge: Obj | None = None) -> None:
    """An attempt has changed an intent, and made or changed its charge: tell the feed and who follows it."""
    if charge is not None:
        events.record(call, OF_CHARGE[charge["status"]], charge)
    events.record(call, OF_INTENT[intent["status"]], intent)
    call.account.tell(intent)


def booked(call: Call, charge: Obj, row: str) -> None:
    """The balance transaction of a charge shows at last."""
    before = charge | {"balance_transaction": None}
    charge["balance_transaction"] = row
    events.record(call.unasked(), "charge.updated", charge, before)
