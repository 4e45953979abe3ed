"""The life of a PaymentIntent: opened, confirmed, declined, paid at most once, cancelled for good."""

from billing.sandbox import methods
from billing.sandbox.attempts import attempt, capture_all, examine
from billing.sandbox.intent_rules import (
    OPEN_STATUSES,
    check_can_charge,
    check_confirm_options,
    check_create,
    check_fee,
    check_method_fits,
    check_statement,
    unexpected_state,
)
from billing.sandbox.metadata import merged
from billing.sandbox.refusals import Obj, Refusal, invalid
from billing.sandbox.tariff import check_amount
from billing.sandbox.world import Call

ECHOED = ("description", "receipt_email", "shipping", "statement_descriptor", "statement_descriptor_suffix",
          "transfer_group", "setup_future_usage", "payment_details", "on_behalf_of", "transfer_data")  # fmt: skip
UPDATABLE = ("description", "receipt_email", "shipping", "statement_descriptor", "statement_descriptor_suffix",
             "transfer_group", "setup_future_usage", "payment_details", "application_fee_amount")  # fmt: skip


def create(call: Call) -> Obj:
    """Open an intent; with ``confirm=true`` also confirm it. A refused confirm opens nothing; a declined one does.

    Raises:
        Refusal: a parameter is wrong, or the charge was declined (402, with the intent inside).
    """
    params = call.params
    kinds = check_create(call)
    intent = _body(call, kinds)
    if "payment_method" in params:
        check_method_fits(call, intent, methods.resolve(call, params["payment_method"]))
    if not params.get("confirm"):
        return call.account["pi"].add(intent)
    method = examine(call, intent)
    call.account["pi"].add(intent)
    _try(call, intent, method)
    return intent


def _body(call: Call, kinds: list[str]) -> Obj:
    params, wanted = call.params, call.new_id("pi")
    automatic = "allowed_payment_method_types" not in params
    method = params.get("payment_method")
    body: Obj = {
        "id": wanted, "object": "payment_intent",
        "allowed_payment_method_types": params.get("allowed_payment_method_types"),
        "amount": params["amount"], "amount_capturable": 0, "amount_details": {"tip": {}}, "amount_received": 0,
        "application": call.world.application if call.connected else None,
        "application_fee_amount": params.get("application_fee_amount"),
        "automatic_payment_methods": {"allow_redirects": "always", "enabled": True} if automatic else None,
        "canceled_at": None, "cancellation_reason": None,
        "capture_method": params.get("capture_method", "automatic_async"),
        "client_secret": f"{wanted}_secret_{call.world.ids.new('')}",
        "confirmation_method": params.get("confirmation_method", "automatic"),
        "created": call.world.seconds, "currency": params["currency"].lower(), "customer": params.get("customer"),
        "last_payment_error": None, "latest_charge": None, "livemode": call.livemode,
        "metadata": merged({}, params.get("metadata")), "next_action": None, "payment_method": method,
        "payment_method_options": params.get("payment_method_options", {}), "payment_method_types": kinds,
        "processing": None, "review": None, "source": None,
        "status": "requires_confirmation" if method else "requires_payment_method",
    }  # fmt: skip
    body.update({name: params.get(name) for name in ECHOED})
    return body


def retrieve(call: Call) -> Obj:
    """One intent of this account."""
    return call.find("pi", call.ids[0], "intent")


def update(call: Call) -> Obj:
    """Change an intent that has not been paid or cancelled."""
    intent, params = call.find("pi", call.ids[0], "intent"), call.params
    if intent["status"] not in OPEN_STATUSES:
        raise unexpected_state(call, intent, "updated")
    amount: int = call.given("amount", intent["amount"])
    currency: str = call.given("currency", intent["currency"])
    check_amount(amount, currency, intent["payment_method_types"])
    check_fee(call, amount)
    check_statement(call)
    metadata = merged(intent["metadata"], params.get("metadata"))
    if params.get("payment_method"):
        method = methods.resolve(call, params["payment_method"])
        check_method_fits(call, intent, method)
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
    intent |= {"amount": amount, "currency": currency, "metadata": metadata}
    intent |= {name: params[name] or None for name in UPDATABLE if name in params}
    return intent


def confirm(call: Call) -> Obj:
    """Move money, or learn that none will move this time.

    Raises:
        Refusal: the intent is in no state for it, the method is used up (400), or the charge was declined (402).
    """
    intent = call.find("pi", call.ids[0], "intent")
    if intent["status"] not in OPEN_STATUSES:
        raise unexpected_state(call, intent, "confirmed")
    check_can_charge(call)
    check_confirm_options(call, intent)
    amount = call.params.get("amount_to_confirm", intent["amount"])
    if amount != intent["amount"]:
        raise invalid(
            f"The amount to confirm ({amount}) is not the intent's ({intent['amount']}).", "amount_to_confirm"
        )
    method = examine(call, intent)
    _try(call, intent, method)
    return intent


def _try(call: Call, intent: Obj, method: Obj) -> None:
    """One counted attempt. After its last permitted confirm the provider cancels an unpaid intent itself."""
    count = call.account.confirms[intent["id"]] = call.account.confirms.get(intent["id"], 0) + 1
    most = call.world.behaviour.max_confirms
    try:
        attempt(call, intent, method)
    except Refusal:
        if most and count >= most:
            _end(call, intent, "automatic")
        raise


def cancel(call: Call) -> Obj:
    """Make sure no money will ever move.

    Raises:
        Refusal: the intent is paid, cancelled already, or with the bank; 400 with the intent inside.
    """
    intent = call.find("pi", call.ids[0], "intent")
    pending_allowed = intent["status"] == "processing" and call.world.behaviour.cancel_processing
    if intent["status"] not in OPEN_STATUSES | {"requires_capture"} and not pending_allowed:
        raise unexpected_state(call, intent, "canceled")
    _end(call, intent, call.params.get("cancellation_reason"))
    return intent


def _end(call: Call, intent: Obj, reason: str | None) -> None:
    held = intent["latest_charge"] if intent["status"] in ("requires_capture", "processing") else None
    if held is not None:
        charge = call.account["ch"].find(held, call.livemode)
        charge |= {"status": "failed", "paid": False, "refunded": intent["status"] == "requires_capture"}
    intent |= {
        "status": "canceled", "canceled_at": call.world.seconds, "cancellation_reason": reason, "next_action": None,
        "amount_capturable": 0, "processing": None,
    }  # fmt: skip


def capture(call: Call) -> Obj:
    """Take an authorised amount."""
    intent = call.find("pi", call.ids[0], "intent")
    if intent["status"] != "requires_capture":
        raise unexpected_state(call, intent, "captured")
    amount: int = call.given("amount_to_capture", intent["amount_capturable"])
    if not 1 <= amount <= intent["amount_capturable"]:
        raise invalid("The amount to capture is greater than the amount authorised, or below 1.", "amount_to_capture")
    capture_all(call, intent, amount)
    return intent


def listed(call: Call) -> Obj:
    """Intents of this account, newest first; only ``created`` and ``customer`` filter."""
    customer = call.params.get("customer")
    return call.account["pi"].page(
        call.params, "/v1/payment_intents", call.livemode, lambda row: customer in (None, row["customer"])
    )
