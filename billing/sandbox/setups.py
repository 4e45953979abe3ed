"""The life of a SetupIntent: opened, confirmed, declined, set up at most once, cancelled for good."""

from billing.sandbox import deposits, events, setup_attempts
from billing.sandbox.intent_body import given_method
from billing.sandbox.intent_rules import OPEN_STATUSES
from billing.sandbox.methods import resolve
from billing.sandbox.refusals import Obj, Refusal, invalid, refusal
from billing.sandbox.setup_body import blank, changed, with_options
from billing.sandbox.setup_rules import (
    check_confirm_options,
    check_draft,
    check_is_free,
    check_method_fits,
    check_only_opened,
    check_update,
    unexpected_state,
)
from billing.sandbox.world import Call


def create(call: Call) -> Obj:
    """Open an intent; with ``confirm=true`` also confirm it. A refused confirm opens nothing; a declined one does.

    Raises:
        Refusal: a parameter is wrong, or the payment method was declined (402, with the intent inside).
    """
    return opened(call)


def opened(call: Call) -> Obj:
    """A new intent, for whoever opens it."""
    intent = changed(call, blank(call))
    check_draft(call, intent)
    with_options(call, intent)
    confirming = call.params.get("confirm")
    if confirming:
        check_confirm_options(call, intent)
    else:
        check_only_opened(call)
    _take_method(call, intent)
    method = _examine(call, intent) if confirming else None
    call.account["seti"].add(intent)
    events.record(call, "setup_intent.created", intent)
    if method is not None:
        _try(call, intent, method)
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
    intent = call.find("seti", call.ids[0], "intent")
    secret = call.params.get("client_secret")
    if (secret is None and call.publishable) or secret not in (None, intent["client_secret"]):
        message = "The client_secret provided does not match the client_secret associated with this SetupIntent."
        raise invalid(message, "client_secret", "setup_intent_invalid_parameter")
    return intent


def retrieve(call: Call) -> Obj:
    """One intent of this account."""
    return _named(call)


def update(call: Call) -> Obj:
    """Change an intent; once it is set up or with the bank, only what sets nothing up; once cancelled, nothing."""
    intent = _named(call)
    check_update(call, intent)
    draft = changed(call, intent)
    if intent["status"] in OPEN_STATUSES:
        check_draft(call, draft)
        with_options(call, draft)
        _take_method(call, draft)
    intent |= draft
    return intent


def confirm(call: Call) -> Obj:
    """Set the payment method up, or learn that it will not be this time.

    Raises:
        Refusal: the intent is in no state for it, the method is used up (400), or it was declined (402).
    """
    check_is_free(call, _named(call))
    return confirmed(call)


def confirmed(call: Call) -> Obj:
    """An intent after its confirm, whoever it belongs to."""
    intent = _named(call)
    if intent["status"] not in OPEN_STATUSES:
        raise unexpected_state(call, intent, "confirmed")
    check_confirm_options(call, intent)
    draft = changed(call, intent)
    check_draft(call, draft)
    with_options(call, draft)
    method = _examine(call, draft)
    intent |= draft
    _try(call, intent, method)
    return intent


def _examine(call: Call, intent: Obj) -> Obj:
    """The payment method of this attempt, checked; nothing has changed yet."""
    method = given_method(call)
    if method is None and intent["payment_method"] is not None:
        method = resolve(call, intent["payment_method"])
    if method is None:
        message = "You cannot confirm this SetupIntent because it's missing a payment method. Update the SetupIntent "
        message += "with a payment method and then confirm it again."
        raise refusal(message, code="setup_intent_unexpected_state", setup_intent=dict(intent))
    check_method_fits(call, intent, method)
    return method


def _try(call: Call, intent: Obj, method: Obj) -> None:
    """One counted attempt. After its last permitted confirm the provider cancels the intent itself."""
    count = call.account.confirms[intent["id"]] = call.account.confirms.get(intent["id"], 0) + 1
    most = call.world.behaviour.max_confirms
    try:
        setup_attempts.attempt(call, intent, method)
    except Refusal:
        if most and count >= most:
            _end(call, intent, None)
        raise


def cancel(call: Call) -> Obj:
    """Give an intent up: it can never be confirmed again.

    Raises:
        Refusal: it is set up, with the bank, or cancelled already; 400 with the intent inside.
    """
    intent = _named(call)
    check_is_free(call, intent)
    if intent["status"] not in OPEN_STATUSES:
        raise unexpected_state(call, intent, "canceled")
    _end(call, intent, call.params.get("cancellation_reason"))
    return intent


def _end(call: Call, intent: Obj, reason: str | None) -> None:
    intent |= {"status": "canceled", "cancellation_reason": reason, "next_action": None}
    events.record(call, "setup_intent.canceled", intent)


def verify_microdeposits(call: Call) -> Obj:
    """Show that a bank account is the payer's own by what was sent to it.

    Raises:
        Refusal: nothing was sent, or what is named is wrong; 400 with the intent inside.
    """
    intent = _named(call)
    if not deposits.waits(intent):
        raise unexpected_state(call, intent, "verified")
    setup_attempts.verify(call, intent)
    return intent


def listed(call: Call) -> Obj:
    """Intents of this account, newest first; ``created``, ``customer`` and ``payment_method`` filter."""
    wanted = {name: call.params[name] for name in ("customer", "payment_method") if name in call.params}
    return call.account["seti"].page(
        call.params, "/v1/setup_intents", call.livemode, lambda row: all(row[name] == wanted[name] for name in wanted)
    )
