"""The life of a PaymentIntent: opened, confirmed, declined, paid at most once, cancelled for good."""

from billing.sandbox import attempts, charges, deposits, events, refunds
from billing.sandbox.attempts import attempt, capture_held, examine
from billing.sandbox.intent_body import blank, changed, given_method, with_options
from billing.sandbox.intent_rules import (
    OPEN_STATUSES,
    check_can_charge,
    check_confirm_options,
    check_draft,
    check_method_fits,
    check_only_opened,
    check_update,
    unexpected_state,
)
from billing.sandbox.refusals import Obj, Refusal, invalid, refusal
from billing.sandbox.world import Call

NEW_TYPES = frozenset({"amount", "currency", "capture_method", "allowed_payment_method_types",
                       "excluded_payment_method_types", "payment_method_options"})  # fmt: skip


def create(call: Call) -> Obj:
    """Open an intent; with ``confirm=true`` also confirm it. A refused confirm opens nothing; a declined one does.

    Raises:
        Refusal: a parameter is wrong, or the charge was declined (402, with the intent inside).
    """
    intent = changed(call, blank(call))
    check_can_charge(call)
    check_draft(call, intent)
    with_options(call, intent)
    if call.params.get("confirm"):
        check_confirm_options(call, intent)
    else:
        check_only_opened(call)
    _take_method(call, intent)
    method = examine(call, intent) if call.params.get("confirm") else None
    call.account["pi"].add(intent)
    events.record(call, "payment_intent.created", intent)
    if method is not None:
        try_once(call, intent, method)
    return intent


def _take_method(call: Call, draft: Obj) -> None:
    """The payment method a request brings waits on the intent for its confirm."""
    method = given_method(call)
    if method is None:
        return
    check_method_fits(call, draft, method)
    draft |= {"payment_method": method["id"], "status": "requires_confirmation", "next_action": None}


def _named(call: Call) -> Obj:
    """The intent of the path. A publishable key must know its secret.

    Raises:
        Refusal: there is none, or the secret is another's.
    """
    intent = call.find("pi", call.ids[0], "intent")
    secret = call.params.get("client_secret")
    if (secret is None and call.publishable) or secret not in (None, intent["client_secret"]):
        message = "The client_secret provided does not match any associated PaymentIntent on this account. Ensure the "
        message += "publishable key used belongs to the same account that created the PaymentIntent."
        raise invalid(message, "client_secret", "payment_intent_invalid_parameter")
    return intent


def retrieve(call: Call) -> Obj:
    """One intent of this account."""
    return _named(call)


def update(call: Call) -> Obj:
    """Change an intent; once it is paid or with the bank, only what moves no money; once cancelled, nothing."""
    intent = _named(call)
    _check_own(call, intent, "update")
    check_update(call, intent)
    draft = changed(call, intent)
    if intent["status"] in OPEN_STATUSES:
        check_draft(call, draft)
        if NEW_TYPES & call.params.keys():
            with_options(call, draft)
        _take_method(call, draft)
    intent |= draft
    return intent


def confirm(call: Call) -> Obj:
    """Move money, or learn that none will move this time.

    Raises:
        Refusal: the intent is in no state for it, the method is used up (400), or the charge was declined (402).
    """
    intent = _named(call)
    if intent["status"] not in OPEN_STATUSES:
        raise unexpected_state(call, intent, "confirmed")
    check_can_charge(call)
    check_confirm_options(call, intent)
    amount = call.params.get("amount_to_confirm", intent["amount"])
    if amount != intent["amount"]:
        raise invalid(
            f"The amount to confirm ({amount}) is not the intent's ({intent['amount']}).", "amount_to_confirm"
        )
    draft = changed(call, intent)
    if NEW_TYPES & call.params.keys():
        check_draft(call, draft)
        with_options(call, draft)
    method = examine(call, draft)
    intent |= draft
    try_once(call, intent, method)
    return intent


def try_once(call: Call, intent: Obj, method: Obj) -> None:
    """One counted attempt. After its last permitted confirm the provider cancels an unpaid intent itself."""
    count = call.account.confirms[intent["id"]] = call.account.confirms.get(intent["id"], 0) + 1
    most = call.world.behaviour.max_confirms
    try:
        attempt(call, intent, method)
    except Refusal:
        if most and count >= most:
            _end(call, intent, "automatic")
        raise


def _check_own(call: Call, intent: Obj, verb: str) -> None:
    """An invoice's intent is neither changed nor cancelled by itself: the invoice is paid or voided.

    Raises:
        Refusal: 400, of an intent that an invoice made.
    """
    if intent["id"] in call.account.followers:
        message = f"You cannot {verb} a PaymentIntent that was created by an invoice; pay or void the invoice instead."
        raise refusal(message, code="payment_intent_unexpected_state")


def cancel(call: Call) -> Obj:
    """Make sure no money will ever move.

    Raises:
        Refusal: the intent is paid, cancelled already, or with the bank; 400 with the intent inside.
    """
    intent = _named(call)
    _check_own(call, intent, "cancel")
    pending_allowed = intent["status"] == "processing" and call.world.behaviour.cancel_processing
    if intent["status"] not in OPEN_STATUSES | {"requires_capture"} and not pending_allowed:
        raise unexpected_state(call, intent, "canceled")
    _end(call, intent, call.params.get("cancellation_reason"))
    return intent


def _end(call: Call, intent: Obj, reason: str | None) -> None:
    if intent["status"] == "requires_capture":
        held = call.account["ch"].find(intent["latest_charge"], call.livemode)
        refunds.release(call, held, held["amount"])
    elif intent["status"] == "processing":
        charges.call_back(call, call.account["ch"].find(intent["latest_charge"], call.livemode))
    intent |= {
        "status": "canceled", "canceled_at": call.world.seconds, "cancellation_reason": reason, "next_action": None,
        "amount_capturable": 0, "processing": None,
    }  # fmt: skip
    events.record(call, "payment_intent.canceled", intent)


def verify_microdeposits(call: Call) -> Obj:
    """Show that a bank account is the payer's own by what was sent to it; then it is debited.

    Raises:
        Refusal: nothing was sent, or what is named is wrong; 400 with the intent inside.
    """
    intent = _named(call)
    if not deposits.waits(intent):
        raise unexpected_state(call, intent, "verified")
    attempts.verify(call, intent)
    return intent


def capture(call: Call) -> Obj:
    """Take an authorised amount, or a part of it; the rest goes back."""
    intent = _named(call)
    if intent["status"] != "requires_capture":
        raise unexpected_state(call, intent, "captured")
    amount: int = call.given("amount_to_capture", intent["amount_capturable"])
    if not 1 <= amount <= intent["amount_capturable"]:
        raise invalid("The amount to capture is greater than the amount authorised, or below 1.", "amount_to_capture")
    if call.params.get("final_capture") is False:
        raise invalid("The sandbox does not serve captures in several parts.", "final_capture")
    draft = changed(call, intent)
    if "application_fee_amount" in call.params:
        check_draft(call, draft | {"amount": amount})
    intent |= draft
    capture_held(call, intent, amount)
    return intent


def listed(call: Call) -> Obj:
    """Intents of this account, newest first; only ``created`` and ``customer`` filter."""
    customer = call.params.get("customer")
    return call.account["pi"].page(
        call.params, "/v1/payment_intents", call.livemode, lambda row: customer in (None, row["customer"])
    )
